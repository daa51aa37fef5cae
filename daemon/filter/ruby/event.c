/*
 * event.c - LogStash::Event: an object of Ruby's over an event of weird's.
 *
 * An object either borrows an event of the batch under way, and is cut off from it when the block has ended, or owns one that Ruby made. A
 * text is not copied on its way to Ruby or from there, as in Logstash: `event.get('a') << 'x'` changes the field, and so does what is done to a text
 * after `set`, or to one within a list or hash that was handed out. The object remembers these texts and writes back what was changed. Lists and
 * hashes themselves are copies.
 */
#include <ruby.h>

#include "filter/ruby/ruby_int.h"

/* A text that Ruby has, too. */
struct shown {
	VALUE text;
	const struct ref *ref; /* the field that it is; NULL: it is in what `in` says */
	struct values_place in;
	const char *p; /* what it was, in the event's arena */
	uint32_t len;
};

struct object {
	struct event *ev;	 /* NULL: it has gone on */
	struct ruby_child *own;	 /* holds ev; NULL: borrowed */
	struct ruby_child *took; /* own, as event_object_take gave it away; for a second take only */
	bool cancelled;
	struct shown *shown;
	uint32_t nshown, cap;
	bool within; /* some of them are in lists or hashes */
};

static VALUE event_class;

static void object_mark(void *p)
{
	struct object *o = p;

	for (uint32_t i = 0; i < o->nshown; i++)
		rb_gc_mark(o->shown[i].text);
}

static void child_free(struct ruby_child *c)
{
	if (!c)
		return;
	host->arena_release(&c->arena);
	free(c);
}

static void object_free(void *p)
{
	struct object *o = p;

	child_free(o->own);
	free(o->shown);
	free(o);
}

static size_t object_size(const void *p)
{
	const struct object *o = p;

	return sizeof(*o) + o->cap * sizeof(*o->shown) + (o->own ? o->own->arena.bytes : 0);
}

static const rb_data_type_t object_type = {
	.wrap_struct_name = "LogStash::Event",
	.function = {.dmark = object_mark, .dfree = object_free, .dsize = object_size},
	.flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

static struct ruby_child *child_new(void)
{
	struct ruby_child *c = host->xzalloc(sizeof(*c));

	host->arena_init(&c->arena, NULL);
	host->event_init(&c->ev, &c->arena);
	return c;
}

static struct ruby_child *child_copy(const struct event *ev)
{
	struct ruby_child *c = host->xzalloc(sizeof(*c));

	host->arena_init(&c->arena, NULL);
	host->event_copy(&c->ev, ev, &c->arena);
	c->ev.ack = NULL;
	c->ev.id_len = 0;
	c->ev.children = 0;
	c->ev.routed = false;
	return c;
}

static VALUE object_alloc(VALUE klass)
{
	struct object *o;

	return TypedData_Make_Struct(klass, struct object, &object_type, o);
}

static struct object *object_of(VALUE v)
{
	struct object *o = rb_check_typeddata(v, &object_type);

	if (!o->ev)
		rb_raise(rb_eRuntimeError, "this event has gone on to the next filter: keep event.clone instead");
	return o;
}

static struct object *other_event(VALUE v)
{
	if (!event_object_is(v))
		rb_raise(rb_eTypeError, "wrong argument type %" PRIsVALUE " (expected LogStash::Event)", rb_obj_class(v));
	return object_of(v);
}

static struct ts now(void)
{
	return ts_from_ns(clock_wall(host_clock));
}

/* ---- texts that Ruby has, too ---- */

enum { MAX_SHOWN = 1024 };

static void write_back(struct object *o);

static void show(struct object *o, struct shown s)
{
	if (o->nshown == MAX_SHOWN) {
		/* Of the oldest only what was done so far counts. */
		write_back(o);
		o->nshown = 0;
	}
	if (o->nshown == o->cap) {
		o->cap = o->cap ? o->cap * 2 : 4;
		o->shown = host->xrealloc(o->shown, o->cap * sizeof(*o->shown));
	}
	o->within |= !s.ref;
	o->shown[o->nshown++] = s;
}

static VALUE show_field(struct object *o, const struct ref *ref, const struct value *v)
{
	VALUE text;

	for (uint32_t i = 0; i < o->nshown; i++)
		if (o->shown[i].ref == ref && o->shown[i].p == v->s && o->shown[i].len == v->len)
			return o->shown[i].text;
	text = rb_utf8_str_new(v->s, v->len);
	show(o, (struct shown){.text = text, .ref = ref, .p = v->s, .len = v->len});
	return text;
}

static void show_within(void *arg, VALUE text, struct values_place in, const struct value *v)
{
	show(arg, (struct shown){.text = text, .in = in, .p = v->s, .len = v->len});
}

/* A list or hash for Ruby, whose texts are the event's. */
static VALUE show_copy(struct object *o, const struct value *v)
{
	return values_to_ruby_watched(v, show_within, o);
}

/* A text that Ruby gave: where it is held as it is, what is done to it later is done to the field. */
static void show_given(struct object *o, const struct ref *ref, VALUE text)
{
	const struct value *v = host->event_get(o->ev, ref);

	if (v && v->type == V_STRING && str_eq(value_str(v), str_n(RSTRING_PTR(text), (size_t)RSTRING_LEN(text))))
		show(o, (struct shown){.text = text, .ref = ref, .p = v->s, .len = v->len});
}

static bool is_shown(const struct value *v, const struct shown *s)
{
	return v->type == V_STRING && v->s == s->p && v->len == s->len;
}

/* Where it is by now; NULL: no longer there. */
static struct value *shown_value(const struct object *o, const struct shown *s)
{
	uint32_t n = s->in.map ? s->in.map->n : s->in.list ? s->in.list->n : 0;
	struct value *v;

	if (s->ref) {
		v = host->event_get(o->ev, s->ref);
		return v && is_shown(v, s) ? v : NULL;
	}
	/* At its place as a rule, before it where something was removed. */
	for (uint32_t i = s->in.at < n ? s->in.at + 1 : n; i-- > 0;) {
		v = s->in.map ? &s->in.map->e[i].val : &s->in.list->v[i];
		if (is_shown(v, s))
			return v;
	}
	return NULL;
}

/* What was done to them becomes part of the event. Does not raise. */
static void write_back(struct object *o)
{
	for (uint32_t i = 0; i < o->nshown; i++) {
		struct shown *s = &o->shown[i];
		struct str have = str_n(RSTRING_PTR(s->text), (size_t)RSTRING_LEN(s->text));
		struct value *v;
		VALUE keep;

		if (str_eq(have, str_n(s->p, s->len)) || have.len > UINT32_MAX)
			continue;
		v = shown_value(o, s);
		if (!v)
			continue;
		*v = v_str(host->arena_dup(o->ev->arena, values_text(s->text, &keep)));
		s->p = v->s;
		s->len = v->len;
		RB_GC_GUARD(keep);
	}
}

/* ---- methods ---- */

static VALUE event_initialize(int argc, VALUE *argv, VALUE self)
{
	struct object *o = rb_check_typeddata(self, &object_type);
	struct ruby_child *c = child_new();
	VALUE data = argc ? argv[0] : Qnil;
	struct value v = {0};

	rb_check_arity(argc, 0, 1);
	child_free(o->own);
	o->own = c;
	o->ev = &c->ev;
	c->ev.received_ns = clock_wall(host_clock);
	if (NIL_P(data)) {
		host->event_stamp(&c->ev, now());
		return Qnil;
	}
	if (!RB_TYPE_P(data, T_HASH))
		rb_raise(rb_eTypeError, "wrong argument type %" PRIsVALUE " (expected Hash)", rb_obj_class(data));
	v = values_from_ruby(&c->arena, data);
	if (host->event_from_map(&c->ev, v.map, now()))
		rb_raise(rb_eTypeError, "@metadata must be a Hash");
	return Qnil;
}

static VALUE event_get_field(VALUE self, VALUE name)
{
	struct object *o = object_of(self);
	const struct ref *r = values_ref(o->ev->arena, name);
	const struct value *v = host->event_get(o->ev, r);

	if (!v)
		return Qnil;
	if (o->within || v->type == V_LIST || v->type == V_MAP)
		write_back(o);
	if (v->type == V_STRING)
		return show_field(o, r, v);
	return show_copy(o, v);
}

static void raise_set(int rc, VALUE name, VALUE value)
{
	switch ((enum event_err)rc) {
	case EVENT_OK:
	case EVENT_LIST_KEY: /* ignored, as in Logstash */
		return;
	case EVENT_BAD_TIMESTAMP:
		rb_raise(rb_eTypeError, "wrong argument type %" PRIsVALUE " (expected LogStash::Timestamp)", rb_obj_class(value));
	case EVENT_BAD_TAGS:
		rb_raise(rb_eTypeError, "'tags' takes a String or an Array of Strings only");
	case EVENT_BELOW_SCALAR:
		rb_raise(rb_eArgError, "cannot set '%" PRIsVALUE "': a part of it holds a value that is no Hash and no Array", name);
	case EVENT_TOO_BIG:
		rb_raise(rb_eIndexError, "cannot set '%" PRIsVALUE "': the index is out of range", name);
	}
}

static VALUE event_set_field(VALUE self, VALUE name, VALUE value)
{
	struct object *o = object_of(self);
	const struct ref *r = values_ref(o->ev->arena, name);
	struct value v = values_from_ruby(o->ev->arena, value);
	bool time = rb_obj_is_kind_of(value, rb_cTime);

	raise_set(r->timestamp && time ? EVENT_BAD_TIMESTAMP : host->event_set(o->ev, r, v), name, value);
	if (RB_TYPE_P(value, T_STRING) && !OBJ_FROZEN(value))
		show_given(o, r, value);
	return value;
}

static VALUE event_remove_field(VALUE self, VALUE name)
{
	struct object *o = object_of(self);
	const struct ref *r = values_ref(o->ev->arena, name);
	struct value old;

	write_back(o);
	return host->event_remove(o->ev, r, &old) ? values_to_ruby(&old) : Qnil;
}

static VALUE event_includes(VALUE self, VALUE name)
{
	struct object *o = object_of(self);

	return host->event_get(o->ev, values_ref(o->ev->arena, name)) ? Qtrue : Qfalse;
}

void event_object_tag(VALUE obj, struct str tag)
{
	struct object *o = object_of(obj);

	write_back(o);
	host->event_tag(o->ev, host->arena_dup(o->ev->arena, tag));
}

static VALUE event_tag_with(VALUE self, VALUE tag)
{
	VALUE keep;
	struct str s = values_text(tag, &keep);

	event_object_tag(self, s);
	RB_GC_GUARD(keep);
	return Qnil;
}

static VALUE event_cancel(VALUE self)
{
	object_of(self)->cancelled = true;
	return Qtrue;
}

static VALUE event_uncancel(VALUE self)
{
	object_of(self)->cancelled = false;
	return Qfalse;
}

static VALUE event_cancelled(VALUE self)
{
	return object_of(self)->cancelled ? Qtrue : Qfalse;
}

static VALUE event_to_hash(VALUE self)
{
	struct object *o = object_of(self);
	struct value root = v_map(&o->ev->root);

	write_back(o);
	return show_copy(o, &root);
}

/* Texts as well. */
static VALUE event_data_copied(VALUE self)
{
	struct object *o = object_of(self);

	write_back(o);
	return values_map_to_ruby(&o->ev->root);
}

static VALUE event_metadata(VALUE self)
{
	struct object *o = object_of(self);
	struct value meta = v_map(&o->ev->meta);

	write_back(o);
	return show_copy(o, &meta);
}

static VALUE event_to_json(int argc, VALUE *argv, VALUE self)
{
	struct object *o = object_of(self);
	struct buf b;
	VALUE out;

	write_back(o);
	host->buf_init(&b, 0);
	host->json_write_event(&b, o->ev);
	/* No memory for a String of this size: Ruby raises and the buffer is lost with it; the process is at its end then anyway. */
	out = rb_utf8_str_new(b.p, (long)b.len);
	host->buf_release(&b);
	return out;
}

static VALUE event_sprintf(VALUE self, VALUE format)
{
	struct object *o = object_of(self);
	VALUE text = rb_obj_as_string(format), keep;
	struct str s = values_text(text, &keep), out;
	struct tmpl *t;
	struct err err;

	write_back(o);
	t = host->tmpl_compile(o->ev->arena, s);
	RB_GC_GUARD(keep);
	if (host->tmpl_render(t, o->ev, o->ev->arena, host_clock, &out, &err))
		rb_raise(rb_eArgError, "%s", err.text);
	return rb_utf8_str_new(out.p, (long)out.len);
}

static VALUE event_clone(int argc, VALUE *argv, VALUE self)
{
	struct object *o = object_of(self), *copy;
	VALUE obj = object_alloc(event_class);

	write_back(o);
	copy = RTYPEDDATA_DATA(obj);
	copy->own = child_copy(o->ev);
	copy->ev = &copy->own->ev;
	copy->cancelled = o->cancelled;
	return obj;
}

/* All of the other's fields instead of its own. */
static VALUE event_overwrite(VALUE self, VALUE with)
{
	struct object *o = object_of(self), *other = other_event(with);
	struct value root, copy;
	struct ts t;

	write_back(other);
	root = v_map(&other->ev->root);
	copy = host->value_copy(o->ev->arena, &root, true);
	o->ev->root = *copy.map;
	o->cancelled = other->cancelled;
	if (!host->event_timestamp(o->ev, &t))
		host->event_stamp(o->ev, now());
	return self;
}

/* The whole of the fields from a Hash, whose keys are taken literally: what prelude.rb's append computed. */
static VALUE event_replace(VALUE self, VALUE hash)
{
	struct object *o = object_of(self);
	struct value v = values_from_ruby(o->ev->arena, hash);

	if (v.type != V_MAP)
		rb_raise(rb_eTypeError, "expected a Hash");
	o->ev->root = *v.map;
	return self;
}

static VALUE event_time(VALUE self)
{
	struct object *o = object_of(self);
	struct value v;
	struct ts t;

	if (!host->event_timestamp(o->ev, &t))
		return Qnil;
	v = v_time(t);
	return values_to_ruby(&v);
}

bool event_object_is(VALUE obj)
{
	return rb_typeddata_is_kind_of(obj, &object_type);
}

/* ---- around a block ---- */

VALUE event_object(struct event *ev)
{
	VALUE obj = object_alloc(event_class);
	struct object *o = RTYPEDDATA_DATA(obj);

	o->ev = ev;
	return obj;
}

void event_object_leave(VALUE obj, bool *cancelled)
{
	struct object *o = RTYPEDDATA_DATA(obj);

	write_back(o);
	*cancelled = o->cancelled;
	o->nshown = 0;
	o->within = false;
	o->took = NULL;
	if (o->own)
		return;
	/* A cancelled event ends here for weird, but code may have kept it to send it later. */
	o->own = o->cancelled && o->ev ? child_copy(o->ev) : NULL;
	o->ev = o->own ? &o->own->ev : NULL;
}

struct ruby_child *event_object_take(VALUE obj)
{
	struct object *o = RTYPEDDATA_DATA(obj);

	if (o->took)
		return child_copy(&o->took->ev);
	if (!o->ev || o->cancelled)
		return NULL;
	write_back(o);
	if (!o->own)
		return child_copy(o->ev);
	o->took = o->own;
	o->own = NULL;
	o->ev = NULL;
	o->nshown = 0;
	return o->took;
}

void event_class_init(void)
{
	VALUE logstash = rb_define_module("LogStash");

	event_class = rb_define_class_under(logstash, "Event", rb_cObject);
	rb_gc_register_mark_object(event_class);
	rb_define_alloc_func(event_class, object_alloc);
	rb_define_method(event_class, "initialize", event_initialize, -1);
	rb_define_method(event_class, "get", event_get_field, 1);
	rb_define_method(event_class, "set", event_set_field, 2);
	rb_define_method(event_class, "remove", event_remove_field, 1);
	rb_define_method(event_class, "include?", event_includes, 1);
	rb_define_method(event_class, "tag", event_tag_with, 1);
	rb_define_method(event_class, "cancel", event_cancel, 0);
	rb_define_method(event_class, "uncancel", event_uncancel, 0);
	rb_define_method(event_class, "cancelled?", event_cancelled, 0);
	rb_define_method(event_class, "to_hash", event_to_hash, 0);
	rb_define_method(event_class, "to_json", event_to_json, -1);
	rb_define_method(event_class, "sprintf", event_sprintf, 1);
	rb_define_method(event_class, "clone", event_clone, -1);
	rb_define_method(event_class, "dup", event_clone, -1);
	rb_define_method(event_class, "overwrite", event_overwrite, 1);
	rb_define_method(event_class, "timestamp", event_time, 0);
	rb_define_private_method(event_class, "replace_fields", event_replace, 1);
	rb_define_private_method(event_class, "data_copied", event_data_copied, 0);
	rb_define_private_method(event_class, "metadata_hash", event_metadata, 0);
}
