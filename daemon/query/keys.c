#include "query/keys.h"

#include "base/casemap.h"
#include "base/ip.h"
#include "event/fields.h"

enum { REFS_MAX = 24, PATH_DEPTH_MAX = 32 };

/* The fields of one kind. */
static struct kind_refs {
	enum key_kind kind;
	unsigned n;
	const struct ref *ref[REFS_MAX];
	struct str path[REFS_MAX];
} kinds[] = {{KEY_IP}, {KEY_USER}, {KEY_HOST}, {KEY_CHAIN}, {KEY_NAME}, {KEY_ID}, {KEY_WORD}};

enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

static struct key host_key;
static bool ready;

static struct kind_refs *refs_of(enum key_kind kind)
{
	for (int i = 0; i < KINDS; i++)
		if (kinds[i].kind == kind)
			return &kinds[i];
	return NULL;
}

static void add_field(enum key_kind kind, int field)
{
	struct kind_refs *k = refs_of(kind);

	bug_on(k->n == REFS_MAX);
	k->path[k->n] = str_z(fields[field].path);
	k->ref[k->n++] = field_ref((enum field_id)field);
}

void keys_init(void)
{
	static const enum field_id ip[] = {F_RELATED_IP, F_SOURCE_IP, F_CLIENT_IP, F_DESTINATION_IP, F_SERVER_IP, F_HOST_IP};

	if (ready)
		return;
	ready = true;
	fields_init();
	for (size_t i = 0; i < sizeof(ip) / sizeof(*ip); i++)
		add_field(KEY_IP, ip[i]);
	add_field(KEY_USER, F_RELATED_USER);
	/* user.name, source.user.name ... user.target.name: whoever they are. */
	for (int i = 0; i < FIELDS; i++) {
		struct str path = str_z(fields[i].path);

		if (str_ends(path, STR(".user.name")) || str_eq(path, STR("user.name")) ||
		    (str_starts(path, STR("user.")) && str_ends(path, STR(".name")) && !str_eq(path, STR("user.group.name"))))
			add_field(KEY_USER, i);
	}
	add_field(KEY_HOST, F_HOST_NAME);
	add_field(KEY_HOST, F_HOST_HOSTNAME);
	add_field(KEY_HOST, F_RELATED_HOSTS);
	add_field(KEY_CHAIN, F_WEIR_CHAIN_ID);
	add_field(KEY_CHAIN, F_WEIR_CAUSE_CHAIN_ID);
	add_field(KEY_NAME, F_DNS_QUESTION_NAME);
	add_field(KEY_ID, F_EVENT_ID);
	add_field(KEY_ID, F_WEIR_LINK_EVENT_ID);
	add_field(KEY_WORD, F_MESSAGE);
	add_field(KEY_WORD, F_DNS_QUESTION_NAME);
	host_key = key_make(STR("host"));
}

enum key_kind key_kind_of_field(struct str path)
{
	if (str_eq(path, STR("host")))
		return KEY_HOST;
	for (int i = 0; i < KINDS; i++)
		for (unsigned k = 0; kinds[i].kind != KEY_WORD && k < kinds[i].n; k++)
			if (str_eq(path, kinds[i].path[k]))
				return kinds[i].kind;
	return KEY_NONE;
}

/* ---- forms ---- */

/* Lower case, cut at max; in place where it is ASCII. */
static size_t lower_into(struct str s, char *out, size_t max, struct arena *scratch)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len && i < max; i++) {
		if (s.p[i] & 0x80) {
			s = str_lower(scratch, s);
			n = s.len < max ? s.len : max;
			memcpy(out, s.p, n);
			return n;
		}
		out[n++] = ch_lower(s.p[i]);
	}
	return n;
}

size_t key_form(enum key_kind kind, struct str text, char out[KEY_MAX], struct arena *scratch)
{
	struct ip ip;
	size_t n;

	switch (kind) {
	case KEY_IP:
		if (!ip_parse(text, &ip))
			return 0;
		memcpy(out, ip.b, sizeof(ip.b));
		return sizeof(ip.b);
	case KEY_CHAIN:
	case KEY_ID:
		text = str_sub(text, 0, KEY_MAX);
		memcpy(out, text.p, text.len);
		return text.len;
	case KEY_NAME:
		if (str_ends(text, STR(".")))
			text.len--;
		/* Turned round, its end stands in front: that is what must not be cut. */
		if (text.len > KEY_MAX)
			text = str_from(text, text.len - KEY_MAX);
		n = lower_into(text, out, KEY_MAX, scratch);
		for (size_t i = 0; i < n / 2; i++) {
			char c = out[i];

			out[i] = out[n - 1 - i];
			out[n - 1 - i] = c;
		}
		return n;
	case KEY_USER:
	case KEY_HOST:
		return lower_into(text, out, KEY_MAX, scratch);
	case KEY_WORD:
	case KEY_NONE:
		break;
	}
	return 0;
}

static inline bool word_byte(char c, bool wild)
{
	return ch_alnum(c) || c == '_' || (unsigned char)c >= 0x80 || (wild && (c == '*' || c == '?'));
}

bool word_next(struct str *text, bool wild, struct str *word, struct arena *scratch)
{
	const char *p = text->p, *end = p + text->len, *from;
	char *out;
	size_t n;

	while (p < end && !word_byte(*p, wild))
		p++;
	from = p;
	while (p < end && word_byte(*p, wild))
		p++;
	*text = str_n(p, (size_t)(end - p));
	if (p == from)
		return false;
	n = (size_t)(p - from);
	out = arena_bytes(scratch, n < WORD_MAX ? n : WORD_MAX);
	*word = str_n(out, lower_into(str_n(from, n), out, WORD_MAX, scratch));
	return true;
}

/* ---- values ---- */

static bool scalar_text(const struct value *v, key_value_fn *fn, void *arg)
{
	char text[24];
	int n;

	if (v->type == V_STRING)
		return v->len && fn(arg, value_str(v));
	if (v->type != V_INT)
		return false;
	n = snprintf(text, sizeof(text), "%" PRId64, v->i);
	return fn(arg, str_n(text, (size_t)n));
}

static bool text_value(const struct value *v, key_value_fn *fn, void *arg)
{
	if (v->type != V_LIST)
		return scalar_text(v, fn, arg);
	for (uint32_t i = 0; i < v->list->n; i++)
		if (scalar_text(&v->list->v[i], fn, arg))
			return true;
	return false;
}

bool key_values(const struct event *ev, enum key_kind kind, key_value_fn *fn, void *arg)
{
	const struct kind_refs *k = refs_of(kind);
	const struct value *v;

	if (kind == KEY_ID && ev->id_len && fn(arg, str_n(ev->id, ev->id_len)))
		return true;
	if (kind == KEY_HOST) {
		v = map_find(&ev->root, &host_key);
		/* A bare one, as pipelines without ECS have it. */
		if (v && v->type != V_MAP && text_value(v, fn, arg))
			return true;
	}
	for (unsigned i = 0; k && i < k->n; i++) {
		v = event_get(ev, k->ref[i]);
		if (v && text_value(v, fn, arg))
			return true;
	}
	return false;
}

bool key_field_values(const struct event *ev, struct str path, key_value_fn *fn, void *arg)
{
	for (int i = 0; i < KINDS; i++)
		for (unsigned k = 0; k < kinds[i].n; k++)
			if (str_eq(path, kinds[i].path[k])) {
				const struct value *v = event_get(ev, kinds[i].ref[k]);

				return v && text_value(v, fn, arg);
			}
	return false;
}

/* ---- keys of an event ---- */

struct emit {
	struct arena *scratch;
	enum key_kind kind;
	key_fn *fn;
	void *arg;
	unsigned words;
};

static bool emit_value(void *arg, struct str text)
{
	struct emit *e = arg;
	char form[KEY_MAX];
	size_t n = key_form(e->kind, text, form, e->scratch);

	if (n)
		e->fn(e->arg, e->kind, str_n(form, n));
	return false;
}

static bool emit_words(void *arg, struct str text)
{
	struct emit *e = arg;
	struct str word;

	for (;;) {
		struct arena_mark m = arena_mark(e->scratch);

		if (!word_next(&text, false, &word, e->scratch))
			return false;
		if (e->words++ == WORDS_MAX) {
			/* The empty word: every search for words looks at such events, too. */
			e->fn(e->arg, KEY_WORD, STR(""));
			return true;
		}
		e->fn(e->arg, KEY_WORD, word);
		arena_reset(e->scratch, m);
	}
}

void keys_of_event(const struct event *ev, struct arena *scratch, key_fn *fn, void *arg)
{
	struct emit e = {.scratch = scratch, .fn = fn, .arg = arg};

	for (int i = 0; i < KINDS; i++) {
		e.kind = kinds[i].kind;
		(void)key_values(ev, e.kind, e.kind == KEY_WORD ? emit_words : emit_value, &e);
	}
}

/* ---- by dotted names ---- */

static bool walk(const struct value *v, struct str path, unsigned depth, value_fn *fn, void *arg);

static bool walk_map(const struct map *m, struct str path, unsigned depth, value_fn *fn, void *arg)
{
	const struct value *v = map_find_str(m, path);

	if (v && walk(v, STR(""), depth, fn, arg))
		return true;
	for (size_t i = 0; i < path.len; i++) {
		if (path.p[i] != '.')
			continue;
		v = map_find_str(m, str_sub(path, 0, i));
		if (v && walk(v, str_from(path, i + 1), depth, fn, arg))
			return true;
	}
	return false;
}

static bool walk(const struct value *v, struct str path, unsigned depth, value_fn *fn, void *arg)
{
	if (depth == PATH_DEPTH_MAX)
		return false;
	if (v->type == V_LIST) {
		for (uint32_t i = 0; i < v->list->n; i++)
			if (walk(&v->list->v[i], path, depth + 1, fn, arg))
				return true;
		return false;
	}
	if (path.len == 0)
		return fn(arg, v);
	return v->type == V_MAP && walk_map(v->map, path, depth + 1, fn, arg);
}

bool path_values(const struct event *ev, struct str path, value_fn *fn, void *arg)
{
	if (path.len && path.p[0] == '@' && str_starts(path, STR("@metadata.")))
		return walk_map(&ev->meta, str_from(path, 10), 0, fn, arg);
	return walk_map(&ev->root, path, 0, fn, arg);
}
