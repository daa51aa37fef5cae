/*
 * values.c - values of events to Ruby objects and back, and references by their text.
 *
 * To Ruby: text is a String in UTF-8, a time a LogStash::Timestamp; lists and maps are copies, as in Logstash. Back: what Logstash takes,
 * nothing else. References that code names are compiled once and kept, up to KEPT_REFS of them; names made of data beyond that
 * live as long as the event.
 */
#include <ruby.h>
#include <ruby/encoding.h>

#include "filter/ruby/ruby_int.h"

enum { KEPT_REFS = 4096, REF_SLOTS = 2 * KEPT_REFS, KEPT_LENGTH = 256, MAX_DEPTH = JSON_MAX_DEPTH };

struct kept_ref {
	uint64_t hash;
	const struct ref *ref;
};

static struct kept_ref kept[REF_SLOTS];
static unsigned nkept;
static struct arena kept_arena;
static VALUE timestamp_class;
static ID iv_time, id_big_decimal;

/* What inline functions of weird's headers call. */
void *arena_alloc_slow(struct arena *a, size_t n, size_t align)
{
	return host->arena_alloc_slow(a, n, align);
}

void bug_at(const char *file, int line, const char *expr)
{
	host->bug_at(file, line, expr);
	__builtin_unreachable();
}

uint64_t hash_bytes(const void *p, size_t n)
{
	return host->hash_bytes(p, n);
}

/* ---- to Ruby ---- */

static VALUE time_to_ruby(struct ts t)
{
	struct timespec spec = {.tv_sec = t.s, .tv_nsec = t.ns};
	VALUE obj = rb_obj_alloc(timestamp_class);

	/* INT_MAX - 1: in UTC. */
	rb_ivar_set(obj, iv_time, rb_time_timespec_new(&spec, INT_MAX - 1));
	return obj;
}

static VALUE bigint_to_ruby(struct str digits)
{
	VALUE text = rb_str_new(digits.p, (long)digits.len);

	return rb_str_to_inum(text, 10, 0);
}

struct watch {
	values_text_fn *text; /* NULL: nobody wants to know */
	void *arg;
};

static VALUE to_ruby(const struct value *v, struct values_place in, const struct watch *w);

static VALUE map_to_ruby(const struct map *m, const struct watch *w)
{
	VALUE h = rb_hash_new();

	for (uint32_t i = 0; i < m->n; i++) {
		struct str k = key_str(&m->e[i].key);

		rb_hash_aset(h, rb_enc_interned_str(k.p, (long)k.len, rb_utf8_encoding()),
			     to_ruby(&m->e[i].val, (struct values_place){.map = m, .at = i}, w));
	}
	return h;
}

static VALUE list_to_ruby(const struct list *from, const struct watch *w)
{
	VALUE l = rb_ary_new_capa(from->n);

	for (uint32_t i = 0; i < from->n; i++)
		rb_ary_push(l, to_ruby(&from->v[i], (struct values_place){.list = from, .at = i}, w));
	return l;
}

static VALUE text_to_ruby(const struct value *v, struct values_place in, const struct watch *w)
{
	VALUE text = rb_utf8_str_new(v->s, v->len);

	if (w->text && (in.map || in.list))
		w->text(w->arg, text, in, v);
	return text;
}

static VALUE to_ruby(const struct value *v, struct values_place in, const struct watch *w)
{
	switch ((enum vtype)v->type) {
	case V_NONE:
	case V_NULL:
		return Qnil;
	case V_BOOL:
		return v->b ? Qtrue : Qfalse;
	case V_INT:
		return LL2NUM(v->i);
	case V_BIGINT:
		return bigint_to_ruby(value_str(v));
	case V_FLOAT:
		return rb_float_new(v->f);
	case V_TIME:
		return time_to_ruby(value_ts(v));
	case V_STRING:
		return text_to_ruby(v, in, w);
	case V_LIST:
		return list_to_ruby(v->list, w);
	case V_MAP:
		return map_to_ruby(v->map, w);
	}
	return Qnil;
}

VALUE values_to_ruby(const struct value *v)
{
	return to_ruby(v, (struct values_place){0}, &(struct watch){0});
}

VALUE values_map_to_ruby(const struct map *m)
{
	return map_to_ruby(m, &(struct watch){0});
}

VALUE values_to_ruby_watched(const struct value *v, values_text_fn *text, void *arg)
{
	return to_ruby(v, (struct values_place){0}, &(struct watch){text, arg});
}

/* ---- from Ruby ---- */

struct str values_text(VALUE v, VALUE *keep)
{
	*keep = v;
	if (RB_SYMBOL_P(v))
		*keep = rb_sym2str(v);
	else if (!RB_TYPE_P(v, T_STRING))
		rb_raise(rb_eTypeError, "wrong argument type %" PRIsVALUE " (expected String)", rb_obj_class(v));
	/* UTF-16 and the like; bytes without a known meaning stay as they are. */
	if (!rb_enc_asciicompat(rb_enc_get(*keep)) || (rb_enc_str_coderange(*keep) == ENC_CODERANGE_VALID && rb_enc_get(*keep) != rb_utf8_encoding()))
		*keep = rb_str_conv_enc(*keep, rb_enc_get(*keep), rb_utf8_encoding());
	return str_n(RSTRING_PTR(*keep), (size_t)RSTRING_LEN(*keep));
}

static struct value text_from_ruby(struct arena *a, VALUE v)
{
	VALUE keep;
	struct str s = values_text(v, &keep);
	struct value out;

	if (s.len > UINT32_MAX)
		rb_raise(rb_eArgError, "a text of more than 4 GiB does not fit into an event");
	out = v_str(host->arena_dup(a, s));
	RB_GC_GUARD(keep);
	return out;
}

static struct value time_from_ruby(VALUE v)
{
	struct timespec spec = rb_time_timespec(v);

	return v_time((struct ts){spec.tv_sec, (uint32_t)spec.tv_nsec});
}

static struct value bigint_from_ruby(struct arena *a, VALUE v)
{
	VALUE text = rb_big2str(v, 10);
	struct str s = host->arena_dup(a, str_n(RSTRING_PTR(text), (size_t)RSTRING_LEN(text)));
	struct value out = v_str(s);

	RB_GC_GUARD(text);
	out.type = V_BIGINT;
	return out;
}

static struct value integer_from_ruby(struct arena *a, VALUE v)
{
	if (FIXNUM_P(v))
		return v_int(FIX2LONG(v));
	if (NUM2LONG(rb_funcall(v, rb_intern("bit_length"), 0)) < 64)
		return v_int(NUM2LL(v));
	return bigint_from_ruby(a, v);
}

static struct value from_ruby(struct arena *a, VALUE v, unsigned depth);

struct into_map {
	struct arena *arena;
	struct map *map;
	unsigned depth;
};

static int pair_from_ruby(VALUE k, VALUE v, VALUE arg)
{
	struct into_map *in = (struct into_map *)arg;
	VALUE name = RB_SYMBOL_P(k) || RB_TYPE_P(k, T_STRING) ? k : rb_obj_as_string(k);
	struct value key = text_from_ruby(in->arena, name);
	struct value val = from_ruby(in->arena, v, in->depth);

	host->map_set(in->arena, in->map, key_make(value_str(&key)), val);
	return ST_CONTINUE;
}

static struct value object_from_ruby(struct arena *a, VALUE v)
{
	if (rb_obj_is_kind_of(v, rb_cTime))
		return time_from_ruby(v);
	if (rb_obj_is_kind_of(v, timestamp_class))
		return time_from_ruby(rb_ivar_get(v, iv_time));
	if (rb_const_defined(rb_cObject, id_big_decimal) && rb_obj_is_kind_of(v, rb_const_get(rb_cObject, id_big_decimal)))
		return v_float(NUM2DBL(rb_Float(v)));
	rb_raise(rb_eTypeError, "an event cannot hold a %" PRIsVALUE, rb_obj_class(v));
}

static struct value from_ruby(struct arena *a, VALUE v, unsigned depth)
{
	struct into_map in = {.arena = a, .depth = depth + 1};
	struct list *l;

	if (depth > MAX_DEPTH)
		rb_raise(rb_eArgError, "nested deeper than %d", MAX_DEPTH);
	switch (TYPE(v)) {
	case T_NIL:
		return v_null();
	case T_TRUE:
	case T_FALSE:
		return v_bool(v == Qtrue);
	case T_FIXNUM:
	case T_BIGNUM:
		return integer_from_ruby(a, v);
	case T_FLOAT:
		return v_float(RFLOAT_VALUE(v));
	case T_STRING:
	case T_SYMBOL:
		return text_from_ruby(a, v);
	case T_ARRAY:
		l = host->list_new(a, (uint32_t)RARRAY_LEN(v));
		for (long i = 0; i < RARRAY_LEN(v); i++)
			host->list_push(a, l, from_ruby(a, RARRAY_AREF(v, i), depth + 1));
		return v_list(l);
	case T_HASH:
		in.map = host->map_new(a, (uint32_t)RHASH_SIZE(v));
		rb_hash_foreach(v, pair_from_ruby, (VALUE)&in);
		return v_map(in.map);
	default:
		return object_from_ruby(a, v);
	}
}

struct value values_from_ruby(struct arena *a, VALUE v)
{
	return from_ruby(a, v, 0);
}

/* ---- references ---- */

static const struct ref *compile(struct arena *a, struct str text)
{
	struct err err;
	const struct ref *r = host->ref_compile(a, text, &err);

	if (!r)
		rb_raise(rb_eArgError, "%s", err.text);
	return r;
}

const struct ref *values_ref(struct arena *a, VALUE name)
{
	struct str text;
	uint64_t hash;
	unsigned at;

	if (!RB_TYPE_P(name, T_STRING))
		rb_raise(rb_eTypeError, "wrong argument type %" PRIsVALUE " (expected String)", rb_obj_class(name));
	text = str_n(RSTRING_PTR(name), (size_t)RSTRING_LEN(name));
	hash = hash_bytes(text.p, text.len);
	for (at = hash % REF_SLOTS; kept[at].ref; at = (at + 1) % REF_SLOTS)
		if (kept[at].hash == hash && str_eq(kept[at].ref->text, text))
			return kept[at].ref;
	if (nkept == KEPT_REFS || text.len > KEPT_LENGTH)
		return compile(a, text);
	kept[at].ref = compile(&kept_arena, text);
	kept[at].hash = hash;
	nkept++;
	return kept[at].ref;
}

/* ---- LogStash::Timestamp's two bridges to weird's own forms ---- */

static VALUE timestamp_text(VALUE self)
{
	struct timespec spec = rb_time_timespec(rb_ivar_get(self, iv_time));
	char text[TS_TEXT_MAX];
	size_t n = host->ts_format((struct ts){spec.tv_sec, (uint32_t)spec.tv_nsec}, text);

	return rb_utf8_str_new(text, (long)n);
}

/* Time of an ISO 8601 text, or nil. */
static VALUE timestamp_read(VALUE self, VALUE text)
{
	VALUE keep;
	struct str s = values_text(text, &keep);
	struct timespec spec;
	struct ts t;

	if (!host->ts_parse_iso(s, &t))
		return Qnil;
	spec = (struct timespec){.tv_sec = t.s, .tv_nsec = t.ns};
	RB_GC_GUARD(keep);
	return rb_time_timespec_new(&spec, INT_MAX - 1);
}

void values_init(void)
{
	VALUE logstash = rb_define_module("LogStash");

	host->arena_init(&kept_arena, NULL);
	iv_time = rb_intern("@time");
	id_big_decimal = rb_intern("BigDecimal");
	timestamp_class = rb_define_class_under(logstash, "Timestamp", rb_cObject);
	rb_gc_register_mark_object(timestamp_class);
	rb_define_method(timestamp_class, "to_iso8601", timestamp_text, 0);
	rb_define_private_method(rb_singleton_class(timestamp_class), "read_iso8601", timestamp_read, 1);
}
