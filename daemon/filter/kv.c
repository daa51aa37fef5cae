/*
 * kv.c - the filter `kv`: "a=1 b='x y'" becomes fields. Work thread.
 *
 * Users write their own splitters as regular expressions or as contents of a bracket expression, and what these
 * mean together is decided by the one pattern that is built of them, just as in Logstash: a key, the splitter, a value
 * (in quotes or brackets, or up to the next field), the end of the field.
 */
#include "base/casemap.h"
#include "base/regex.h"
#include "event/from_map.h"
#include "filter/support.h"

enum { NESTED_MAX = 64 /* recursive => true */ };

enum transform { TRANSFORM_NONE, TRANSFORM_LOWER, TRANSFORM_UPPER, TRANSFORM_CAPITAL };
enum { LENIENT, STRICT };

struct kv {
	const struct ref *source, *target;
	struct str field_split, value_split, field_split_pattern, value_split_pattern;
	struct str trim_key, trim_value, remove_char_key, remove_char_value;
	const struct tmpl *prefix;
	const struct list *include_keys, *exclude_keys, *tag_on_failure;
	const struct map *default_keys;
	struct str tag_on_timeout;
	int transform_key, transform_value, whitespace;
	bool include_brackets, recursive, allow_duplicate_values, allow_empty_values;

	struct regex *scan, *splitter, *trim_key_re, *trim_value_re, *remove_key_re, *remove_value_re;
	struct regex_match *match, *edit; /* of the scan; of what a found key or value goes through */
	const struct tmpl **include, **exclude;
};

/* One event on its way through. */
struct parse {
	struct kv *kv;
	struct event *ev;
	const struct clock *clock;
	struct str *include, *exclude, prefix;
	bool timeout;
};

/* ---- set-up ---- */

/* A pattern of the form with % replaced by the option's characters; none where the option was not given. */
static int compile_class(struct regex **out, struct plugin_ctx *ctx, const char *form, struct str chars, const char *option,
			 struct err *err)
{
	struct buf b;

	if (!chars.p)
		return 0;
	if (chars.len == 0)
		return err_set(err, "'%s' needs at least one character", option);
	buf_init(&b, 0);
	for (; *form; form++) {
		if (*form == '%')
			buf_str(&b, chars);
		else
			buf_ch(&b, *form);
	}
	*out = regex_compile(buf_slice(&b), 0, err);
	buf_release(&b);
	return *out ? 0 : err_prefix(err, "'%s': ", option);
}

/* Stands for itself wherever it appears between brackets. */
static bool plain_class(struct str chars)
{
	for (size_t i = 0; i < chars.len; i++)
		if (strchr("[]^-\\&", chars.p[i]))
			return false;
	return true;
}

/*
 * Logstash captures `((?:\\.|[^CHARS])+)`: characters that are escaped or not of the class. Only at a backslash can going
 * back change the outcome, so runs without one are taken as a whole: no state is kept for each character. `how` is
 * "++" where what follows always matches at the end.
 */
static void put_until_class(struct buf *b, struct str a, struct str more, const char *how)
{
	buf_lit(b, "((?:");
	if (plain_class(a) && plain_class(more))
		buf_printf(b, "[^\\\\%.*s%.*s]++|", STR_ARG(a), STR_ARG(more));
	buf_printf(b, "\\\\.|[^%.*s%.*s])%s)", STR_ARG(a), STR_ARG(more), how);
}

/* The same for patterns: `((?:\\.|(?!PATTERN).)+)`. */
static void put_until_pattern(struct buf *b, struct str pattern, const char *how)
{
	buf_printf(b, "((?:(?:(?!%.*s)[^\\\\\\n])++|\\\\.|(?!%.*s).)%s)", STR_ARG(pattern), STR_ARG(pattern), how);
}

/* In brackets of its own: alternatives in it end there. */
static struct str class_or_pattern(struct arena *a, struct str chars, struct str pattern)
{
	return arena_printf(a, pattern.p ? "(?:%.*s)" : "[%.*s]", STR_ARG(pattern.p ? pattern : chars));
}

static void put_values(struct buf *b, const struct kv *kv, struct str field)
{
	static const char *const quoted[] = {
		"\"((?:[^\"\\\\]++|\\\\.|[^\"])+)?\"",	   "'((?:[^'\\\\]++|\\\\.|[^'])+)?'",
		"\\(((?:[^)\\\\]++|\\\\.|[^)])+)?\\)",	   "\\[((?:[^\\]\\\\]++|\\\\.|[^\\]])+)?\\]",
		"<((?:[^>\\\\]++|\\\\.|[^>])+)?>",
	};
	size_t n = kv->include_brackets ? 5 : 2;

	buf_lit(b, "(?:");
	for (size_t i = 0; i < n; i++) {
		buf_str(b, str_z(quoted[i]));
		buf_ch(b, '|');
	}
	if (kv->field_split_pattern.p)
		put_until_pattern(b, field, "++");
	else
		put_until_class(b, kv->field_split, STR(""), "++");
	buf_lit(b, ")?");
}

static int compile_scan(struct kv *kv, struct plugin_ctx *ctx, struct err *err)
{
	struct str field = class_or_pattern(ctx->arena, kv->field_split, kv->field_split_pattern);
	struct str value = class_or_pattern(ctx->arena, kv->value_split, kv->value_split_pattern);
	struct regex *alone;
	struct buf b;

	/* A splitter must be a pattern by itself, too: brackets may not pair up across the seams. */
	alone = plugin_regex(ctx, field, 0, err);
	if (!alone)
		return err_prefix(err, "'field_split%s': ", kv->field_split_pattern.p ? "_pattern" : "");
	regex_free(alone);
	alone = plugin_regex(ctx, value, 0, err);
	if (!alone)
		return err_prefix(err, "'value_split%s': ", kv->value_split_pattern.p ? "_pattern" : "");
	regex_free(alone);
	if (kv->whitespace == LENIENT)
		value = arena_printf(ctx->arena, "(?: *%.*s *)", STR_ARG(value));
	kv->splitter = regex_compile(value, 0, err);
	if (!kv->splitter)
		return -1;
	buf_init(&b, 0);
	if (kv->field_split_pattern.p || kv->value_split_pattern.p)
		put_until_pattern(&b, arena_printf(ctx->arena, "(?:%.*s|%.*s)", STR_ARG(value), STR_ARG(field)), "+");
	else
		put_until_class(&b, kv->value_split, kv->field_split, "+");
	buf_str(&b, value);
	put_values(&b, kv, field);
	buf_printf(&b, "(?:%.*s|$)", STR_ARG(field));
	kv->scan = regex_compile(buf_slice(&b), 0, err);
	buf_release(&b);
	return kv->scan ? 0 : -1;
}

static const struct tmpl **compile_names(struct arena *a, const struct list *l)
{
	const struct tmpl **t = l ? arena_alloc(a, l->n * sizeof(struct tmpl *)) : NULL;

	for (uint32_t i = 0; l && i < l->n; i++)
		t[i] = tmpl_compile(a, value_text(a, &l->v[i]));
	return t;
}

static void kv_close(void *self)
{
	struct kv *kv = self;

	regex_free(kv->scan);
	regex_free(kv->splitter);
	regex_free(kv->trim_key_re);
	regex_free(kv->trim_value_re);
	regex_free(kv->remove_key_re);
	regex_free(kv->remove_value_re);
	regex_match_free(kv->match);
	regex_match_free(kv->edit);
}

static int kv_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct kv *kv = self;

	if (kv->field_split.len == 0 || kv->value_split.len == 0)
		return err_set(err, "'field_split' and 'value_split' need at least one character");
	if (kv->field_split_pattern.p && kv->field_split_pattern.len == 0)
		return err_set(err, "'field_split_pattern' is empty");
	if (kv->value_split_pattern.p && kv->value_split_pattern.len == 0)
		return err_set(err, "'value_split_pattern' is empty");
	if (kv->target && kv->target->text.len == 0)
		kv->target = NULL;
	kv->match = regex_match_new();
	kv->edit = regex_match_new();
	if (compile_class(&kv->trim_key_re, ctx, "^[%]+|[%]+$", kv->trim_key, "trim_key", err) < 0 ||
	    compile_class(&kv->trim_value_re, ctx, "^[%]+|[%]+$", kv->trim_value, "trim_value", err) < 0 ||
	    compile_class(&kv->remove_key_re, ctx, "[%]", kv->remove_char_key, "remove_char_key", err) < 0 ||
	    compile_class(&kv->remove_value_re, ctx, "[%]", kv->remove_char_value, "remove_char_value", err) < 0 ||
	    compile_scan(kv, ctx, err) < 0) {
		kv_close(kv);
		return -1;
	}
	kv->include = compile_names(ctx->arena, kv->include_keys);
	kv->exclude = compile_names(ctx->arena, kv->exclude_keys);
	return 0;
}

/* ---- an event ---- */

static bool has(const struct str *names, const struct list *l, struct str s)
{
	for (uint32_t i = 0; l && i < l->n; i++)
		if (str_eq(names[i], s))
			return true;
	return false;
}

static struct str edited(struct parse *p, struct str s, const struct regex *trim, const struct regex *remove, int transform)
{
	struct arena *a = p->ev->arena;

	if (trim && regex_gsub(trim, p->kv->edit, a, s, STR(""), &s) < 0)
		p->timeout = true;
	if (remove && regex_gsub(remove, p->kv->edit, a, s, STR(""), &s) < 0)
		p->timeout = true;
	switch ((enum transform)transform) {
	case TRANSFORM_LOWER:
		return str_lower(a, s);
	case TRANSFORM_UPPER:
		return str_upper(a, s);
	case TRANSFORM_CAPITAL:
		return str_capitalize(a, s);
	case TRANSFORM_NONE:
		break;
	}
	return s;
}

static struct str prefixed(struct parse *p, struct str key)
{
	char *q;

	if (p->prefix.len == 0)
		return key;
	q = arena_bytes(p->ev->arena, p->prefix.len + key.len);
	memcpy(q, p->prefix.p, p->prefix.len);
	if (key.len)
		memcpy(q + p->prefix.len, key.p, key.len);
	return str_n(q, p->prefix.len + key.len);
}

static bool already(const struct value *have, struct str s)
{
	if (have->type == V_STRING)
		return str_eq(value_str(have), s);
	for (uint32_t i = 0; have->type == V_LIST && i < have->list->n; i++)
		if (have->list->v[i].type == V_STRING && str_eq(value_str(&have->list->v[i]), s))
			return true;
	return false;
}

static int parse_pairs(struct parse *p, struct str text, struct map *out, unsigned depth);

static int add_pair(struct parse *p, struct str key, struct str value, struct map *out, unsigned depth)
{
	struct kv *kv = p->kv;
	struct arena *a = p->ev->arena;
	struct value v, *have;
	struct list *l;

	if (value.len == 0 && !kv->allow_empty_values)
		return 0;
	key = edited(p, key, kv->trim_key_re, kv->remove_key_re, kv->transform_key);
	if (kv->include_keys && kv->include_keys->n && !has(p->include, kv->include_keys, key))
		return 0;
	if (has(p->exclude, kv->exclude_keys, key))
		return 0;
	key = prefixed(p, key);
	value = edited(p, value, kv->trim_value_re, kv->remove_value_re, kv->transform_value);
	have = map_find_str(out, key);
	if (have && !kv->allow_duplicate_values && already(have, value))
		return 0;
	v = v_str(value);
	/* What is nested deeper than anybody writes stays text. */
	if (kv->recursive && depth < NESTED_MAX) {
		struct map *inner = map_new(a, 0);

		if (parse_pairs(p, value, inner, depth + 1) < 0)
			return -1;
		if (inner->n)
			v = v_map(inner);
		have = map_find_str(out, key);
	}
	if (!have) {
		map_push(a, out, key_make(key), v);
	} else if (have->type == V_LIST) {
		list_push(a, have->list, v);
	} else {
		l = list_new(a, 2);
		list_push(a, l, *have);
		list_push(a, l, v);
		*have = v_list(l);
	}
	return 0;
}

/* -1: a match limit was reached. */
static int parse_pairs(struct parse *p, struct str text, struct map *out, unsigned depth)
{
	struct kv *kv = p->kv;
	enum regex_result found = regex_exec(kv->splitter, text, 0, kv->match);
	size_t at = 0, from, to;

	if (found == REGEX_NO)
		return 0;
	while (found == REGEX_YES && at <= text.len) {
		struct str key = STR(""), value = STR("");

		found = regex_exec(kv->scan, text, at, kv->match);
		if (found != REGEX_YES)
			break;
		if (regex_group(kv->match, 1, &from, &to))
			key = str_sub(text, from, to - from);
		/* Captures of user-written splitters count as values, too. */
		for (unsigned i = 2; i <= regex_groups(kv->scan); i++) {
			if (regex_group(kv->match, i, &from, &to)) {
				value = str_sub(text, from, to - from);
				break;
			}
		}
		regex_group(kv->match, 0, &from, &to);
		at = to > at ? to : at + 1;
		if (add_pair(p, key, value, out, depth) < 0)
			return -1;
	}
	return found == REGEX_LIMIT || p->timeout ? -1 : 0;
}

static struct str *render_names(struct parse *p, const struct tmpl **t, const struct list *l, int *rc)
{
	struct arena *a = p->ev->arena;
	struct str *names = l && l->n ? arena_alloc(a, l->n * sizeof(*names)) : NULL;

	for (uint32_t i = 0; l && i < l->n; i++)
		if (tmpl_render(t[i], p->ev, a, p->clock, &names[i], NULL) < 0)
			*rc = -1;
	return names;
}

static enum step fail(const struct kv *kv, struct event *ev, bool timeout)
{
	if (timeout) {
		event_tag(ev, kv->tag_on_timeout);
		return STEP_PASS;
	}
	return filter_failed(ev, kv->tag_on_failure);
}

static void kv_raised(void *self, struct event *ev)
{
	fail(self, ev, false);
}

/* 0, or -1 with p->timeout telling a limit from what is no text. */
static int parse_source(struct parse *p, const struct value *v, struct map *out)
{
	if (value_is(v, V_STRING)) {
		if (parse_pairs(p, value_str(v), out, 0) < 0)
			p->timeout = true;
		return p->timeout ? -1 : 0;
	}
	for (uint32_t i = 0; value_is(v, V_LIST) && i < v->list->n; i++) {
		if (v->list->v[i].type != V_STRING)
			return -1;
		if (parse_source(p, &v->list->v[i], out) < 0)
			return -1;
	}
	return 0;
}

static enum step kv_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	struct kv *kv = self;
	struct parse p = {.kv = kv, .ev = ev, .clock = ctx->clock};
	const struct value *source = kv->source ? event_get(ev, kv->source) : NULL;
	struct map *out = map_new(ev->arena, 8);
	int rc = 0;

	if (!kv->source)
		return fail(kv, ev, false);
	if (source) {
		p.include = render_names(&p, kv->include, kv->include_keys, &rc);
		p.exclude = render_names(&p, kv->exclude, kv->exclude_keys, &rc);
		if (kv->prefix && tmpl_render(kv->prefix, ev, ev->arena, ctx->clock, &p.prefix, NULL) < 0)
			rc = -1;
		if (rc < 0 || parse_source(&p, source, out) < 0)
			return fail(kv, ev, p.timeout);
	}
	for (uint32_t i = 0; kv->default_keys && i < kv->default_keys->n; i++) {
		const struct entry *e = &kv->default_keys->e[i];

		if (!map_find(out, &e->key))
			map_push(ev->arena, out, e->key, value_copy(ev->arena, &e->val, false));
	}
	if (out->n == 0)
		return STEP_PASS;
	if (kv->target ? event_set(ev, kv->target, v_map(out)) != EVENT_OK : event_set_all(ev, out) < 0)
		return fail(kv, ev, false);
	return STEP_OK;
}

static const char *const transforms[] = {"none", "lowercase", "uppercase", "capitalize", NULL};
static const char *const whitespaces[] = {"lenient", "strict", NULL};

#define AT(member) offsetof(struct kv, member)
static const struct option options[] = {
	{"source", OPT_REF, AT(source), .def = "message", .flags = OPT_LATE, .doc = "field that holds the text, or a list of texts"},
	{"target", OPT_REF, AT(target), .doc = "field that gets the pairs (and is replaced); without it the event itself"},
	{"field_split", OPT_STRING, AT(field_split), .def = "\" \"", .doc = "characters between pairs, as in a bracket expression"},
	{"field_split_pattern", OPT_STRING, AT(field_split_pattern), .doc = "regular expression between pairs"},
	{"value_split", OPT_STRING, AT(value_split), .def = "\"=\"", .doc = "characters between key and value"},
	{"value_split_pattern", OPT_STRING, AT(value_split_pattern), .doc = "regular expression between key and value"},
	{"whitespace", OPT_ENUM, AT(whitespace), .def = "lenient", .choices = whitespaces,
	 .doc = "lenient: blanks around the value splitter are left out"},
	{"include_brackets", OPT_BOOL, AT(include_brackets), .def = "true", .doc = "( ), [ ] and < > enclose values as quotes do"},
	{"prefix", OPT_TMPL, AT(prefix), .def = "\"\"", .doc = "put before each key"},
	{"include_keys", OPT_LIST, AT(include_keys), .doc = "only these keys"},
	{"exclude_keys", OPT_LIST, AT(exclude_keys), .doc = "not these keys"},
	{"default_keys", OPT_HASH, AT(default_keys), .doc = "pairs for keys that were not found"},
	{"trim_key", OPT_STRING, AT(trim_key), .doc = "characters taken off both ends of a key"},
	{"trim_value", OPT_STRING, AT(trim_value), .doc = "characters taken off both ends of a value"},
	{"remove_char_key", OPT_STRING, AT(remove_char_key), .doc = "characters taken out of a key"},
	{"remove_char_value", OPT_STRING, AT(remove_char_value), .doc = "characters taken out of a value"},
	{"transform_key", OPT_ENUM, AT(transform_key), .def = "none", .choices = transforms, .doc = "case of keys"},
	{"transform_value", OPT_ENUM, AT(transform_value), .def = "none", .choices = transforms, .doc = "case of values"},
	{"recursive", OPT_BOOL, AT(recursive), .def = "false", .doc = "values may hold pairs again"},
	{"allow_duplicate_values", OPT_BOOL, AT(allow_duplicate_values), .def = "true",
	 .doc = "a pair that comes twice is kept twice"},
	{"allow_empty_values", OPT_BOOL, AT(allow_empty_values), .def = "false", .doc = "keep keys without a value"},
	{"tag_on_failure", OPT_LIST, AT(tag_on_failure), .def = "[\"_kv_filter_error\"]", .doc = "tags where a field cannot be set"},
	{"tag_on_timeout", OPT_STRING, AT(tag_on_timeout), .def = "\"_kv_filter_timeout\"",
	 .doc = "tag where the match limit was reached"},
	{"timeout_millis", OPT_IGNORED, .doc = "the match limit ends a search long before"},
	{"trim", OPT_STRING, AT(trim_value), .flags = OPT_DEPRECATED, .instead = "trim_value", .doc = "older name of trim_value"},
	{"trimkey", OPT_STRING, AT(trim_key), .flags = OPT_DEPRECATED, .instead = "trim_key", .doc = "older name of trim_key"},
	{0},
};
#undef AT

FILTER(kv, .size = sizeof(struct kv), .options = options, .doc = "pairs of keys and values in a text become fields",
       .open = kv_open, .close = kv_close, .filter = {.run = kv_run, .raised = kv_raised})
