/*
 * options.c - binds what is written of a plug-in to its instance, by its table of options.
 *
 * One thread, at start and reload; what it makes lives in the plan's arena. Goes on after each problem, so
 * that all of a plug-in's are reported at once.
 */
#include "pipeline/options.h"

#include "config/parse.h"
#include "pipeline/bundled.h"
#include "pipeline/former.h"
#include "pipeline/hash_order.h"
#include "pipeline/optvalue.h"

#include <stdio.h>

enum { OPTIONS_MAX = 128 }; /* of a table: as many as there are bits in plugin_ctx.given */

static const char *const ecs_modes[] = {"disabled", "v1", "v8", NULL};

/* What every plug-in of a kind takes; stored in struct common_options. */
enum common_kinds { IN = 1 << PLUGIN_INPUT, FI = 1 << PLUGIN_FILTER, OUT = 1 << PLUGIN_OUTPUT, CO = 1 << PLUGIN_CODEC };

struct common_row {
	struct option option;
	unsigned kinds;
};

#define AT(member) offsetof(struct common_options, member)
static const struct common_row common_rows[] = {
	{{"id", OPT_STRING, AT(id), .doc = "name of this instance: in metrics, and for its state over a reload"}, IN | FI | OUT | CO},
	{{"enable_metric", OPT_BOOL, AT(disable_metric), .doc = "accepted; weir counts always"}, IN | FI | OUT | CO},
	{{"ecs_compatibility", OPT_ENUM, AT(ecs), .choices = ecs_modes, .doc = "which field names: disabled, v1 or v8"},
	 IN | FI | OUT | CO},
	{{"add_field", OPT_HASH, AT(add_field), .flags = OPT_TEXTS_IN_TURN, .doc = "fields to add, after success"}, IN | FI},
	{{"remove_field", OPT_LIST, AT(remove_field), .doc = "fields to remove, after success"}, FI},
	{{"add_tag", OPT_LIST, AT(add_tag), .doc = "tags to add, after success"}, FI},
	{{"remove_tag", OPT_LIST, AT(remove_tag), .doc = "tags to remove, after success"}, FI},
	{{"periodic_flush", OPT_BOOL, AT(periodic_flush), .doc = "flush what the filter holds at intervals"}, FI},
	{{"tags", OPT_LIST, AT(tags), .doc = "tags of every event of this input"}, IN},
	{{"type", OPT_STRING, AT(type), .doc = "[type] of every event of this input that has none"}, IN},
	{{"codec", OPT_CODEC, AT(codec), .doc = "how events are read or written"}, IN | OUT},
	{{"workers", OPT_IGNORED, .doc = "accepted; weir has its own threads"}, OUT},
	/* former.c reads these. */
	{{"format", OPT_IGNORED, .flags = OPT_DEPRECATED, .instead = "codec", .doc = "json: the codec json"}, IN},
	{{"debug", OPT_IGNORED, .flags = OPT_DEPRECATED, .instead = "log.level as a setting", .doc = "accepted"}, IN | FI},
	{{"type", OPT_IGNORED, .flags = OPT_DEPRECATED, .instead = "set 'if [type] == ...' around it", .doc = "only events of this type"}, FI | OUT},
	{{"tags", OPT_IGNORED, .flags = OPT_DEPRECATED, .instead = "set 'if ... in [tags]' around it", .doc = "only events with all these tags"},
	 FI | OUT},
	{{"exclude_tags", OPT_IGNORED, .flags = OPT_DEPRECATED, .instead = "set 'if ... not in [tags]' around it",
	  .doc = "only events with none of these tags"},
	 FI | OUT},
};
#undef AT
enum { COMMON_ROWS = sizeof(common_rows) / sizeof(*common_rows) };

static const char *kind_name(enum plugin_kind k)
{
	static const char *const names[] = {"input", "filter", "output", "codec"};

	return names[k];
}

/* An option as written, repeated ones together. */
struct written {
	struct str name;
	struct pos pos;
	struct ast_value *value; /* NULL: refused already */
};

struct binding {
	const struct plugin *plugin;
	const struct ast_plugin *ast;
	struct plugin_ctx *ctx;
	char *self;
	struct common_options *common;
};

static void option_error(struct binding *b, struct pos pos, const char *name, const char *text)
{
	diag_error(b->ctx->diag, pos, "option '%s' of the %s '%s' %s", name, kind_name(b->plugin->kind), b->plugin->name, text);
}

/* ---- storing one value ---- */

static bool has_plugin(const struct ast_value *v)
{
	if (v->kind == AST_PLUGIN)
		return true;
	for (size_t i = 0; i < (v->kind == AST_HASH ? 2 * v->n : v->kind == AST_ARRAY ? v->n : 0); i++)
		if (has_plugin(v->item[i]))
			return true;
	return false;
}

static int store_enum(struct arena *a, const struct option *o, const struct ast_value *v, int *out, struct err *err)
{
	const char *near;
	struct buf list;
	struct str s;
	size_t n = 0;

	if (optvalue_string(a, v, &s, err) == -1)
		return -1;
	for (; o->choices[n]; n++)
		if (str_eqz(s, o->choices[n])) {
			*out = (int)n;
			return 0;
		}
	near = nearest_word(s, o->choices, n);
	buf_init(&list, 300);
	for (size_t i = 0; i < n; i++)
		buf_printf(&list, "%s%s", i == 0 ? "" : i + 1 == n ? " or " : ", ", o->choices[i]);
	err_set(err, "takes %.*s, not %.*s%s%s%s", STR_ARG(buf_slice(&list)), STR_ARG(optvalue_show(a, v)),
		near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
	buf_release(&list);
	return -1;
}

static int store_int(struct arena *a, const struct option *o, const struct ast_value *v, int64_t *out, struct err *err)
{
	int64_t i;

	if (optvalue_int(a, v, &i, err) == -1)
		return -1;
	if ((o->min || o->max) && (i < o->min || i > o->max))
		return err_set(err, "takes a number from %lld to %lld, not %lld", (long long)o->min, (long long)o->max,
			       (long long)i);
	*out = i;
	return 0;
}

static int store_ref(struct plugin_ctx *ctx, const struct option *o, const struct ast_value *v, const struct ref **out, struct err *err)
{
	struct arena *a = ctx->arena;
	struct ref *r;
	struct str s;

	if (optvalue_string(a, v, &s, err) == -1)
		return -1;
	r = ref_compile(a, s, err);
	if (!r && !(o->flags & OPT_LATE))
		return err_prefix(err, "takes a field: ");
	if (!r)
		diag_warn(ctx->diag, v->pos, "'%s' takes a field: %s; no event has it, and all are tagged", o->name, err->text);
	*out = r;
	return 0;
}

static int store_text(struct arena *a, const struct option *o, const struct ast_value *v, void *out, struct err *err)
{
	struct str s;

	/* What was written may be secret: it is not shown. */
	if (o->type == OPT_PASSWORD && (v->kind == AST_HASH || (v->kind == AST_ARRAY && (v->n != 1 || v->item[0]->item))))
		return err_set(err, "takes one string");
	if (optvalue_string(a, v, &s, err) == -1)
		return -1;
	if (o->type == OPT_TMPL)
		*(const struct tmpl **)out = tmpl_compile(a, s);
	else
		*(struct str *)out = s;
	return 0;
}

/* Into the place of the option's type. -1 and err; an err without text was reported by its cause. */
static int store(struct plugin_ctx *ctx, const struct option *o, const struct ast_value *v, void *out, struct err *err)
{
	struct arena *a = ctx->arena;
	struct map *m;

	if (o->type != OPT_CODEC && has_plugin(v))
		return err_set(err, "takes no plug-in");
	switch (o->type) {
	case OPT_STRING:
	case OPT_PASSWORD:
	case OPT_PATH:
	case OPT_TMPL:
		return store_text(a, o, v, out, err);
	case OPT_REF:
		return store_ref(ctx, o, v, out, err);
	case OPT_INT:
		return store_int(a, o, v, out, err);
	case OPT_FLOAT:
		return optvalue_float(a, v, out, err);
	case OPT_BOOL:
		return optvalue_bool(a, v, out, err);
	case OPT_ENUM:
		return store_enum(a, o, v, out, err);
	case OPT_BYTES:
		return optvalue_bytes(a, v, out, err);
	case OPT_DURATION:
		return optvalue_duration(a, v, out, err);
	case OPT_LIST:
		*(const struct list **)out = optvalue_list(a, v);
		return 0;
	case OPT_HASH:
		if (optvalue_hash(a, v, &m, err) == -1)
			return -1;
		*(const struct map **)out = m;
		return 0;
	case OPT_CODEC:
		err->text[0] = '\0';
		*(struct codec **)out = codec_bind(v, ctx);
		return *(struct codec **)out ? 0 : -1;
	case OPT_ANY:
		*(struct value *)out = optvalue_any(a, v);
		return 0;
	case OPT_OBSOLETE:
	case OPT_IGNORED:
		return 0;
	}
	return 0;
}

/* A default: a hash, list or string in the configuration's syntax, anything else as it stands. Defaults are ours: they must fit. */
static void store_default(struct plugin_ctx *ctx, const struct option *o, char *base)
{
	struct ast_value plain = {.kind = AST_BAREWORD, .text = str_z(o->def)}, *v = &plain;
	struct str digits = str_from(plain.text, plain.text.len && o->def[0] == '-');
	struct err err;

	if (o->def[0] && strchr("\"'[{", o->def[0]))
		v = config_parse_value(ctx->arena, plain.text, ctx->diag);
	else if (digits.len && ch_digit(digits.p[0]) && (o->type == OPT_INT || o->type == OPT_FLOAT || o->type == OPT_ANY))
		plain.kind = AST_NUMBER;
	bug_on(!v);
	bug_on(store(ctx, o, v, base + o->offset, &err) == -1);
}

/* ---- common options ---- */

static const struct option *common_find(const struct plugin *p, struct str name)
{
	if (p->no_common)
		return NULL;
	for (size_t i = 0; i < COMMON_ROWS; i++)
		if ((common_rows[i].kinds & 1u << p->kind) && str_eqz(name, common_rows[i].option.name))
			return &common_rows[i].option;
	return NULL;
}

/* Tags and fields are texts by the time they get here; a hash has become pairs. */
static const struct list *texts_of(struct arena *a, const struct list *l)
{
	struct list *out = list_new(a, l->n);

	for (uint32_t i = 0; i < l->n; i++) {
		const struct value *v = &l->v[i];

		/* One list within: `add_tag => "a" add_tag => ["b"]`. */
		if (v->type == V_LIST && v->list->n == 1)
			v = &v->list->v[0];
		list_push(a, out, v_str(optvalue_text(a, v)));
	}
	return out;
}

/* Values of add_field: text, or a list of texts. */
static void texts_of_fields(struct arena *a, const struct map *m)
{
	for (uint32_t i = 0; i < m->n; i++) {
		struct value *v = &m->e[i].val;

		if (v->type == V_MAP) {
			struct list *pairs = list_new(a, v->map->n);

			for (uint32_t k = 0; k < v->map->n; k++) {
				struct list *pair = list_new(a, 2);

				list_push(a, pair, v_str(key_str(&v->map->e[k].key)));
				list_push(a, pair, v->map->e[k].val);
				list_push(a, pairs, v_list(pair));
			}
			*v = v_list(pairs);
		}
		if (v->type != V_LIST) {
			*v = v_str(optvalue_text(a, v));
			continue;
		}
		for (uint32_t k = 0; k < v->list->n; k++)
			v->list->v[k] = v_str(optvalue_text(a, &v->list->v[k]));
	}
}

static void common_finish(struct binding *b, const struct option *o)
{
	struct common_options *c = b->common;
	struct arena *a = b->ctx->arena;

	if (o->offset == offsetof(struct common_options, ecs) && o->type == OPT_ENUM)
		c->has_ecs = true;
	else if (o->type == OPT_HASH)
		texts_of_fields(a, c->add_field);
	else if (o->type == OPT_LIST)
		*(const struct list **)((char *)c + o->offset) = texts_of(a, *(const struct list **)((char *)c + o->offset));
	else if (strcmp(o->name, "enable_metric") == 0)
		c->disable_metric = !c->disable_metric;
}

const struct option *options_common(enum plugin_kind kind, size_t i)
{
	for (size_t k = 0; k < COMMON_ROWS; k++)
		if ((common_rows[k].kinds & 1u << kind) && i-- == 0)
			return &common_rows[k].option;
	return NULL;
}

/* ---- for open() ---- */

bool option_given(const struct plugin_ctx *ctx, const char *name)
{
	for (unsigned i = 0; ctx->options && ctx->options[i].name; i++)
		if (strcmp(ctx->options[i].name, name) == 0)
			return plugin_given(ctx, i);
	return false;
}

void option_blame(struct plugin_ctx *ctx, const char *name)
{
	for (size_t i = 0; ctx->written && i < ctx->written->n; i++)
		if (str_eqz(ctx->written->attr[i].name, name))
			ctx->pos = ctx->written->attr[i].pos;
}

/* ---- one plug-in ---- */

static size_t table_find(const struct plugin *p, struct str name)
{
	for (size_t i = 0; p->options && p->options[i].name; i++)
		if (str_eqz(name, p->options[i].name))
			return i;
	return SIZE_MAX;
}

static void unknown_option(struct binding *b, const struct written *w)
{
	const char *words[OPTIONS_MAX + COMMON_ROWS], *near;
	const struct plugin *p = b->plugin;
	size_t n = 0;

	for (size_t i = 0; p->options && p->options[i].name; i++)
		words[n++] = p->options[i].name;
	for (size_t i = 0; !p->no_common && i < COMMON_ROWS; i++)
		if (common_rows[i].kinds & 1u << p->kind)
			words[n++] = common_rows[i].option.name;
	near = nearest_word(w->name, words, n);
	diag_error(b->ctx->diag, w->pos, "unknown option '%.*s' of the %s '%s'%s%s%s", STR_ARG(w->name), kind_name(p->kind),
		   p->name, near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* `instead` is the name of an option, or says what to do in words. */
static const char *advice_before(const struct option *o)
{
	return !o->instead ? "" : strchr(o->instead, ' ') ? ": " : ", use '";
}

static void bind_one(struct binding *b, const struct written *w)
{
	size_t at = table_find(b->plugin, w->name);
	const struct option *o = at == SIZE_MAX ? common_find(b->plugin, w->name) : &b->plugin->options[at];
	const char *now = o ? NULL : former_option(b->plugin, w->name);
	char *base;
	struct err err;

	if (now) {
		diag_warn(b->ctx->diag, w->pos, "option '%.*s' of the %s '%s' is %s%s%s", STR_ARG(w->name), kind_name(b->plugin->kind), b->plugin->name,
			  *now ? "now called '" : "no longer used", now, *now ? "'" : "");
		if (!*now)
			return;
		at = table_find(b->plugin, str_z(now));
		o = at == SIZE_MAX ? common_find(b->plugin, str_z(now)) : &b->plugin->options[at];
	}
	if (!o) {
		unknown_option(b, w);
		return;
	}
	base = at == SIZE_MAX ? (char *)b->common : b->self;
	if (at != SIZE_MAX)
		b->ctx->given[at / 32] |= 1u << at % 32;
	if (o->type == OPT_OBSOLETE || o->flags & OPT_DEPRECATED)
		diag_warn(b->ctx->diag, w->pos, "option '%s' of the %s '%s' is %s%s%s%s", o->name, kind_name(b->plugin->kind),
			  b->plugin->name, o->type == OPT_OBSOLETE ? "no longer used" : "deprecated", advice_before(o),
			  o->instead ? o->instead : "", *advice_before(o) == ',' ? "'" : "");
	if (!w->value)
		return;
	if (store(b->ctx, o, w->value, base + o->offset, &err) == -1) {
		if (err.text[0])
			option_error(b, w->value->pos, o->name, err.text);
		return;
	}
	if (at == SIZE_MAX)
		common_finish(b, o);
	if (o->flags & (OPT_FIELDS_IN_TURN | OPT_TEXTS_IN_TURN))
		hash_order_check(b->ctx, o, w->value);
}

/* The options as written, one a name. Returns how many. */
static size_t gather(struct binding *b, struct written *w)
{
	const struct ast_plugin *ap = b->ast;
	struct err err;
	size_t n = 0;

	for (size_t i = 0; i < ap->n; i++) {
		const struct ast_attr *attr = &ap->attr[i];
		char text[sizeof(err.text) + 64];
		size_t k = 0;

		while (k < n && !str_eq(w[k].name, attr->name))
			k++;
		if (k == n) {
			w[n++] = (struct written){attr->name, attr->pos, attr->value};
			continue;
		}
		if (!w[k].value)
			continue;
		w[k].value = optvalue_merge(b->ctx->arena, w[k].value, attr->value, &err);
		if (!w[k].value) {
			snprintf(text, sizeof(text), "is %s (first in line %u)", err.text, w[k].pos.line);
			option_error(b, attr->pos, arena_dupz(b->ctx->arena, attr->name), text);
		}
	}
	return n;
}

int options_bind(const struct plugin *p, const struct ast_plugin *ap, void *self, struct common_options *common,
		 struct plugin_ctx *ctx)
{
	struct binding b = {p, ap, ctx, self, common};
	struct written *w = arena_alloc(ctx->arena, (ap->n + 1) * sizeof(*w));
	unsigned errors = ctx->diag->errors;
	size_t n;

	memset(common, 0, sizeof(*common));
	ctx->pos = ap->pos;
	memset(ctx->given, 0, sizeof(ctx->given));
	ctx->options = p->options;
	ctx->ecs = ctx->settings->ecs;
	for (n = 0; p->options && p->options[n].name; n++) {
		const struct option *o = &p->options[n];

		bug_on(n >= OPTIONS_MAX);
		if (o->def)
			store_default(ctx, o, self);
	}
	n = gather(&b, w);
	for (size_t i = 0; i < n; i++)
		bind_one(&b, &w[i]);
	for (size_t i = 0; p->options && p->options[i].name; i++)
		if ((p->options[i].flags & OPT_REQUIRED) && !plugin_given(ctx, (unsigned)i))
			diag_error(ctx->diag, ap->pos, "the %s '%s' needs the option '%s'", kind_name(p->kind), p->name,
				   p->options[i].name);
	if (common->has_ecs)
		ctx->ecs = common->ecs;
	if (common->id.p)
		ctx->id = common->id;
	else if (!ctx->id.p)
		ctx->id = arena_printf(ctx->arena, "%s/%s", kind_name(p->kind), p->name);
	return ctx->diag->errors == errors ? 0 : -1;
}

/* ---- codecs ---- */

static struct codec *codec_make(const struct ast_plugin *ap, const struct plugin_ctx *outer)
{
	struct str now = former_name(PLUGIN_CODEC, ap->name);
	const struct plugin *p = plugin_find(PLUGIN_CODEC, now.p ? now : ap->name);
	struct plugin_ctx ctx = *outer;
	struct common_options common;
	struct codec *c;
	struct err err;

	if (!p && ctx.settings->text_only && bundled_has(PLUGIN_CODEC, ap->name)) {
		diag_warn(ctx.diag, ap->pos, "weir does not have Logstash's codec '%.*s': passed over", STR_ARG(ap->name));
		return codec_make(&(struct ast_plugin){.name = STR("plain"), .pos = ap->pos}, outer);
	}
	if (!p) {
		const struct plugin *const *all = plugin_all(PLUGIN_CODEC);
		const char *words[256], *near;
		size_t n = 0;

		while (n < 256 && all[n]) {
			words[n] = all[n]->name;
			n++;
		}
		near = nearest_word(ap->name, words, n);
		diag_error(ctx.diag, ap->pos, "unknown codec '%.*s'%s%s%s", STR_ARG(ap->name), near ? ", did you mean '" : "",
			   near ? near : "", near ? "'?" : "");
		return NULL;
	}
	ctx.id = arena_printf(ctx.arena, "%.*s/%s", STR_ARG(outer->id.p ? outer->id : STR("codec")), p->name);
	c = arena_zalloc(ctx.arena, sizeof(*c));
	c->plugin = p;
	c->self = arena_zalloc(ctx.arena, p->size ? p->size : 1);
	if (options_bind(p, ap, c->self, &common, &ctx) == -1)
		return NULL;
	if (p->open && p->open(c->self, &ctx, &err) == -1) {
		diag_error(ctx.diag, ap->pos, "the codec '%s': %s", p->name, err.text);
		return NULL;
	}
	c->framing = p->codec.framing;
	c->delimiter = p->codec.delimiter ? p->codec.delimiter(c->self) : STR("\n");
	if (!c->delimiter.len)
		c->framing = FRAME_CHUNK;
	return c;
}

struct codec *codec_bind(const struct ast_value *v, struct plugin_ctx *ctx)
{
	struct ast_plugin named = {.pos = v->pos};

	if (v->kind == AST_ARRAY && v->n == 1)
		v = v->item[0];
	if (v->kind == AST_PLUGIN)
		return codec_make(v->plugin, ctx);
	if (v->kind == AST_STRING || v->kind == AST_BAREWORD) {
		named.name = v->text;
		return codec_make(&named, ctx);
	}
	diag_error(ctx->diag, v->pos, "expected a codec such as json or line { ... }, not %.*s",
		   STR_ARG(optvalue_show(ctx->arena, v)));
	return NULL;
}

struct codec *codec_default(const char *name, struct plugin_ctx *ctx)
{
	struct ast_plugin named = {.name = str_z(name), .pos = ctx->pos};

	return codec_make(&named, ctx);
}

bool codec_fits(const struct codec *c, enum plugin_kind user, struct pos pos, struct diag *d)
{
	const struct codec_ops *ops = &c->plugin->codec;

	if (user == PLUGIN_OUTPUT && !ops->encode)
		diag_error(d, pos, "the codec '%s' only reads: an output needs one that writes", c->plugin->name);
	else if (user == PLUGIN_INPUT && !ops->next)
		diag_error(d, pos, "the codec '%s' only writes: an input needs one that reads", c->plugin->name);
	else
		return true;
	return false;
}

struct codec *codec_streaming(struct codec *c, struct plugin_ctx *ctx)
{
	struct ast_value charset = {.kind = AST_STRING, .pos = ctx->pos};
	struct ast_attr attr = {.name = STR("charset"), .pos = ctx->pos, .value = &charset};
	struct ast_plugin named = {.pos = ctx->pos, .n = 1, .attr = &attr};

	if (!c || !c->plugin->codec.on_stream)
		return c;
	named.name = str_z(c->plugin->codec.on_stream);
	for (const struct option *o = c->plugin->options; o->name; o++)
		if (strcmp(o->name, "charset") == 0)
			charset.text = *(struct str *)((char *)c->self + o->offset);
	if (!charset.text.p)
		named.n = 0;
	if (c->plugin->close)
		c->plugin->close(c->self);
	return codec_make(&named, ctx);
}
