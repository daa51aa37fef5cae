/*
 * cef.c - the codec `cef`: ArcSight's Common Event Format, in and out. Work thread.
 *
 *	<13>host CEF:0|Vendor|Product|1.0|100|Name \| more|5|src=10.0.0.1 msg=a \= b cs1Label=x
 *	`syslog`  `version, six header fields, each ended by a bar` ` extension: keys and values `
 *
 * A value goes on to the next white space that a key and an equals sign follow. Without a delimiter what the input reads is one
 * message; with one, messages are cut there. What is no CEF becomes a message with the tag _cefparsefailure.
 */
#include "base/log.h"
#include "base/number.h"
#include "base/utf8.h"
#include "codec/cef_fields.h"
#include "codec/cef_time.h"
#include "codec/decode.h"
#include "event/json.h"
#include "event/ruby_number.h"
#include "event/ruby_text.h"

enum { HEADERS = 7 };

struct written {
	struct str key;
	const struct ref *ref;
};

struct cef {
	/* options */
	const struct tmpl *vendor, *product, *version, *signature, *name, *severity;
	const struct list *fields;
	bool reverse_mapping;
	struct str delimiter, default_timezone, locale;
	const struct ref *raw_data_field;
	int device;
	/* made of them */
	bool ecs;
	struct cef_fields names;
	const struct ref *header[HEADERS], *syslog;
	const struct zone *zone;
	const struct locale_names *months;
	struct written *written;
	uint32_t nwritten;
};

struct cef_state {
	struct str rest;
	bool more;
};

static const char *const devices[] = {"observer", "host", NULL};

/* ---- opening ---- */

/* Backslash, letter: as Logstash reads this option. */
static struct str unescape_delimiter(struct arena *a, struct str s)
{
	char *out = arena_bytes(a, s.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		bool escape = s.p[i] == '\\' && i + 1 < s.len && (s.p[i + 1] == 'n' || s.p[i + 1] == 'r');

		out[n++] = !escape ? s.p[i] : s.p[++i] == 'n' ? '\n' : '\r';
	}
	return str_n(out, n);
}

static int open_written(struct cef *c, struct arena *a, struct err *err)
{
	c->written = arena_zalloc(a, (c->fields ? c->fields->n : 0) * sizeof(*c->written) + 1);
	for (uint32_t i = 0; c->fields && i < c->fields->n; i++) {
		struct str field = option_text(a, &c->fields->v[i]);
		const struct value *key = map_find_str(c->names.encode, field);
		struct str text = key ? value_str(key) : field;
		char *out = arena_bytes(a, text.len + 1);
		size_t n = 0;

		for (size_t k = 0; k < text.len; k++)
			if (ch_alnum(text.p[k]))
				out[n++] = text.p[k];
		c->written[c->nwritten] = (struct written){str_n(out, n), ref_compile(a, field, err)};
		if (!c->written[c->nwritten++].ref)
			return -1;
	}
	return 0;
}

static int cef_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	static const char *const plain[HEADERS] = {"cefVersion", "deviceVendor", "deviceProduct", "deviceVersion", "deviceEventClassId", "name", "severity"};
	static const char *const ecs[HEADERS] = {"[cef][version]", "[observer][vendor]", "[observer][product]", "[observer][version]",
						 "[event][code]", "[cef][name]", "[event][severity]"};
	struct cef *c = self;

	c->ecs = ctx->ecs != ECS_DISABLED;
	if (c->delimiter.p) {
		c->delimiter = unescape_delimiter(ctx->arena, c->delimiter);
		if (!c->delimiter.len)
			return err_set(err, "an empty delimiter ends no message");
	}
	for (int i = 0; i < HEADERS; i++) {
		c->header[i] = ref_compile(ctx->arena, str_z(c->ecs ? ecs[i] : plain[i]), err);
		if (!c->header[i])
			return -1;
	}
	c->syslog = ref_compile(ctx->arena, c->ecs ? STR("[log][syslog][header]") : STR("syslog"), err);
	if (!c->syslog || cef_fields_init(&c->names, ctx->arena, c->ecs, str_z(devices[c->device]), c->reverse_mapping, err))
		return -1;
	c->zone = c->default_timezone.len ? zone_find(c->default_timezone) : zone_local();
	if (!c->zone)
		return err_set(err, "unknown time zone '%.*s'", STR_ARG(c->default_timezone));
	c->months = c->locale.len ? locale_find(c->locale) : &locale_english;
	if (!c->months)
		return err_set(err, "unknown locale '%.*s'", STR_ARG(c->locale));
	return open_written(c, ctx->arena, err);
}

static struct str cef_delimiter(const void *self)
{
	return ((const struct cef *)self)->delimiter;
}

/* ---- reading: the header ---- */

/* One escape: the character behind the backslash where it is one of these, else 0. */
static char escaped(struct str s, size_t at, const char *which)
{
	return s.p[at] == '\\' && at + 1 < s.len && strchr(which, s.p[at + 1]) && s.p[at + 1] ? s.p[at + 1] : 0;
}

/*
 * Up to the first bar without a backslash. Where there is none, the last escaped one has to do, as in Logstash's expression: "a\|b"
 * is the field "a\" then.
 */
static bool take_header(struct str *s, struct str *field)
{
	ptrdiff_t last = -1;

	for (size_t i = 0; i < s->len; i++) {
		if (s->p[i] == '|') {
			*field = str_sub(*s, 0, i);
			*s = str_from(*s, i + 1);
			return true;
		}
		if (escaped(*s, i, "|\\")) {
			last = s->p[i + 1] == '|' ? (ptrdiff_t)i : last;
			i++;
		}
	}
	if (last < 0)
		return false;
	*field = str_sub(*s, 0, (size_t)last + 1);
	*s = str_from(*s, (size_t)last + 2);
	return true;
}

static struct str unescape(struct arena *a, struct str s, const char *which)
{
	char *out;
	size_t n = 0;

	if (str_chr(s, '\\') < 0)
		return arena_dup(a, s);
	out = arena_bytes(a, s.len);
	for (size_t i = 0; i < s.len; i++) {
		char e = escaped(s, i, which);

		if (e)
			i++;
		out[n++] = !e ? s.p[i] : e == 'n' ? '\n' : e == 'r' ? '\r' : e;
	}
	return str_n(out, n);
}

static bool set(struct event *ev, const struct ref *ref, struct value v)
{
	int rc = ref ? event_set(ev, ref, v) : -1;

	return rc == EVENT_OK || rc == EVENT_LIST_KEY;
}

static bool read_header(const struct cef *c, struct event *ev, struct str *s, const char **why)
{
	struct str version, field;
	ptrdiff_t blank;

	for (int i = 0; i < HEADERS; i++) {
		*why = "a header field is missing";
		if (!take_header(s, &field))
			return false;
		field = unescape(ev->arena, field, "|\\");
		if (i == 0)
			version = field;
		*why = "a header field cannot be set";
		if (!set(ev, c->header[i], v_str(field)))
			return false;
	}
	blank = str_rchr(version, ' ');
	if (blank >= 0) {
		if (!set(ev, c->syslog, v_str(str_sub(version, 0, (size_t)blank))))
			return false;
		version = str_from(version, (size_t)blank + 1);
	}
	if (str_starts(version, STR("CEF:")))
		version = str_from(version, 4);
	return set(ev, c->header[0], v_str(version));
}

/* ---- reading: the extension ---- */

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_word(char c)
{
	return ch_alnum(c) || c == '_';
}

static size_t spaces(struct str s)
{
	size_t n = 0;

	while (n < s.len && is_space(s.p[n]))
		n++;
	return n;
}

/* "[0]" at s.p[n]: where it ends, else n. */
static size_t skip_index(struct str s, size_t n)
{
	size_t end = n + 1;

	if (n >= s.len || s.p[n] != '[')
		return n;
	while (end < s.len && ch_digit(s.p[end]))
		end++;
	return end > n + 1 && end < s.len && s.p[end] == ']' ? end + 1 : n;
}

/* Length of "key", "ad.sub.key" or "key[0]" before an equals sign, or 0. */
static size_t key_length(struct str s)
{
	size_t n = 0, end;

	while (n < s.len && is_word(s.p[n]))
		n++;
	if (!n)
		return 0;
	while (n < s.len && s.p[n] == '.') {
		for (end = n + 1; end < s.len && !is_space(s.p[end]) && !strchr(".=|\\[]", s.p[end]);)
			end++;
		if (end == n + 1)
			return 0;
		n = end;
	}
	n = skip_index(s, n);
	return n < s.len && s.p[n] == '=' ? n : 0;
}

static size_t value_length(struct str s)
{
	size_t n = 0;

	while (n < s.len) {
		size_t blank = spaces(str_from(s, n));

		if (blank && key_length(str_from(s, n + blank)))
			break;
		n += blank ? blank : 1;
	}
	return n;
}

/* "a[0]" means [a][0]; anything else is a name as it stands. */
static struct str reference_text(struct arena *a, struct str key)
{
	ptrdiff_t at = str_chr(key, '[');

	if (at <= 0)
		return key;
	return arena_printf(a, "[%.*s]%.*s", (int)at, key.p, STR_ARG(str_from(key, (size_t)at)));
}

/* The pairs in order, a repeated field at its first place with its last value. false: text without a key. */
static bool read_pairs(const struct cef *c, struct arena *a, struct str s, struct map *pairs)
{
	while (s.len) {
		size_t n = key_length(s), len;
		const struct cef_target *t;
		struct str key;

		if (!n)
			return false;
		key = str_sub(s, 0, n);
		s = str_from(s, n + 1);
		len = value_length(s);
		t = cef_fields_find(c->names.decode, &c->names, key);
		key = t ? t->name : reference_text(a, key);
		map_set(a, pairs, key_make(arena_dup(a, key)), v_str(unescape(a, str_sub(s, 0, len), "\\=nr")));
		s = str_from(s, len);
		s = str_from(s, spaces(s));
	}
	return true;
}

/* ECS: times become times, in the zone that the message names. */
static bool read_times(const struct cef *c, struct map *pairs, const struct decode_ctx *ctx)
{
	const struct value *name = map_find_str(pairs, STR("[event][timezone]"));
	const struct zone *zone = name ? zone_find(value_str(name)) : c->zone;

	for (uint32_t i = 0; i < pairs->n; i++) {
		const struct cef_target *t = cef_fields_find(c->names.by_name, &c->names, key_str(&pairs->e[i].key));
		struct value *v = &pairs->e[i].val;
		struct ts at;

		if (!t || !t->time)
			continue;
		if (!str_trim(value_str(v)).len) {
			*v = v_null();
			continue;
		}
		/* A zone that does not exist matters only where a time needs it, digits do not. */
		if (!cef_time(value_str(v), c->months, zone ? zone : zone_utc, ctx->now_ns / 1000000000, &at) || (!zone && !ch_digit(v->s[0])))
			return false;
		*v = v_time(at);
	}
	return true;
}

static bool read_extension(const struct cef *c, struct event *ev, struct str s, const struct decode_ctx *ctx, const char **why)
{
	struct map *pairs = map_new(ev->arena, 32);

	s = str_from(s, spaces(s));
	while (s.len && (is_space(s.p[s.len - 1]) || !s.p[s.len - 1]))
		s.len--;
	*why = "the extension has a value without a key";
	if (!read_pairs(c, ev->arena, s, pairs))
		return false;
	*why = "a time cannot be read";
	if (c->ecs && !read_times(c, pairs, ctx))
		return false;
	*why = "a field cannot be set";
	for (uint32_t i = 0; i < pairs->n; i++) {
		struct str name = key_str(&pairs->e[i].key);
		const struct cef_target *t = cef_fields_find(c->names.by_name, &c->names, name);

		if (!set(ev, t ? t->ref : ref_compile(ev->arena, name, NULL), pairs->e[i].val))
			return false;
	}
	return true;
}

/* ---- reading: a message ---- */

static struct str chomp(struct str s)
{
	if (s.len && s.p[s.len - 1] == '\n')
		s.len -= s.len > 1 && s.p[s.len - 2] == '\r' ? 2 : 1;
	else if (s.len && s.p[s.len - 1] == '\r')
		s.len--;
	return s;
}

/* Some senders put quotes around: the first and the last character go. */
static struct str unquote(struct str s)
{
	if (!s.len || s.p[0] != '"')
		return s;
	s = str_from(s, 1);
	while (s.len && ((unsigned char)s.p[s.len - 1] & 0xc0) == 0x80)
		s.len--;
	if (s.len)
		s.len--;
	return s;
}

static bool read_message(const struct cef *c, struct event *ev, struct str data, const struct decode_ctx *ctx, const char **why)
{
	struct str s = chomp(data);

	*why = "it is no UTF-8";
	if (!utf8_valid(data))
		return false;
	*why = "a line feed stands in it";
	if (str_chr(s, '\n') >= 0)
		return false;
	return read_header(c, ev, &s, why) && (!s.len || read_extension(c, ev, s, ctx, why));
}

static int decode_one(const struct cef *c, struct event *ev, struct str raw, const struct decode_ctx *ctx)
{
	struct str data = utf8_valid(raw) ? unquote(raw) : raw;
	const char *why = "[raw_data_field] cannot be set";

	event_stamp(ev, ts_from_ns(ctx->now_ns));
	if ((!c->raw_data_field || set(ev, c->raw_data_field, v_str(utf8_scrub(ev->arena, raw)))) && read_message(c, ev, data, ctx, &why))
		return 1;
	log_debug("codec", "cef: not the format: %s", why);
	event_init(ev, ev->arena);
	decode_message(ev, utf8_scrub(ev->arena, data), ctx);
	event_tag(ev, STR("_cefparsefailure"));
	return 1;
}

static void cef_feed(void *self, void *state, struct str frame, const struct decode_ctx *ctx)
{
	const struct cef *c = self;

	if (c->delimiter.len && str_ends(frame, c->delimiter))
		frame.len -= c->delimiter.len;
	*(struct cef_state *)state = (struct cef_state){frame, true};
}

static int cef_next(void *self, void *state, struct event *ev, const struct decode_ctx *ctx)
{
	const struct cef *c = self;
	struct cef_state *s = state;
	ptrdiff_t at = c->delimiter.len ? str_find(s->rest, c->delimiter) : -1;
	struct str one = at < 0 ? s->rest : str_sub(s->rest, 0, (size_t)at);

	if (!s->more)
		return 0;
	s->more = at >= 0;
	s->rest = at < 0 ? STR("") : str_from(s->rest, (size_t)at + c->delimiter.len);
	return decode_one(c, ev, one, ctx);
}

/* ---- writing ---- */

/* CR LF counts as one; each of the characters in `which` becomes what stands at its place in `with`. */
static void put_sanitized(struct buf *out, struct str s, const char *which, const char *const *with)
{
	for (size_t i = 0; i < s.len; i++) {
		const char *at = s.p[i] ? strchr(which, s.p[i]) : NULL;

		if (s.p[i] == '\r' && i + 1 < s.len && s.p[i + 1] == '\n')
			continue;
		if (at)
			buf_str(out, str_z(with[at - which]));
		else
			buf_ch(out, s.p[i]);
	}
}

static void put_header(struct buf *out, struct str s, const char *otherwise)
{
	static const char *const with[] = {"\\\\", "\\|", " ", " "};

	put_sanitized(out, s.len ? s : str_z(otherwise), "\\|\n\r", with);
	buf_ch(out, '|');
}

static void put_severity(struct buf *out, struct str s)
{
	double f;

	if (!ruby_float(str_trim(s), &f) || !(f >= 0 && f <= 10) || f != (double)(int)f)
		f = 6;
	buf_i64(out, (int64_t)f);
	buf_ch(out, '|');
}

static void put_field(struct buf *out, struct arena *a, struct str key, const struct value *v)
{
	static const char *const with[] = {"\\\\", "\\=", "\\n", "\\n"};
	char time[TS_TEXT_MAX];
	struct buf json;

	buf_str(out, key);
	buf_ch(out, '=');
	if (v->type == V_TIME) {
		buf_add(out, time, ts_format(value_ts(v), time));
	} else if (v->type == V_LIST || v->type == V_MAP) {
		buf_init(&json, 0);
		json_write_value(&json, v);
		put_sanitized(out, buf_slice(&json), "\\=\n\r", with);
		buf_release(&json);
	} else {
		put_sanitized(out, ruby_to_s(a, v), "\\=\n\r", with);
	}
}

static int cef_encode(void *self, const struct event *ev, struct buf *out, const struct clock *clock, struct err *err)
{
	static const char *const defaults[] = {"Elasticsearch", "Logstash", "1.0", "Logstash", "Logstash"};
	const struct cef *c = self;
	const struct tmpl *const headers[] = {c->vendor, c->product, c->version, c->signature, c->name};
	size_t before = out->len;
	bool first = true;
	struct str text;

	buf_lit(out, "CEF:0|");
	for (int i = 0; i < 5; i++) {
		if (tmpl_render(headers[i], ev, ev->arena, clock, &text, err) < 0) {
			out->len = before;
			return -1;
		}
		put_header(out, text, defaults[i]);
	}
	if (tmpl_render(c->severity, ev, ev->arena, clock, &text, err) < 0) {
		out->len = before;
		return -1;
	}
	put_severity(out, text);
	for (uint32_t i = 0; i < c->nwritten; i++) {
		const struct value *v = event_get(ev, c->written[i].ref);

		if (!v || v->type == V_NULL)
			continue;
		if (!first)
			buf_ch(out, ' ');
		first = false;
		put_field(out, ev->arena, c->written[i].key, v);
	}
	buf_str(out, c->delimiter);
	return 0;
}

#define AT(member) offsetof(struct cef, member)
static const struct option options[] = {
	{"delimiter", OPT_STRING, AT(delimiter), .doc = "what stands between messages; \\n and \\r mean line feed and carriage return"},
	{"default_timezone", OPT_STRING, AT(default_timezone), .doc = "ECS: zone of times that name none; else the system's"},
	{"locale", OPT_STRING, AT(locale), .doc = "ECS: language of the months' names; else English"},
	{"device", OPT_ENUM, AT(device), .def = "\"observer\"", .choices = devices, .doc = "ECS: what the device's fields describe"},
	{"raw_data_field", OPT_REF, AT(raw_data_field), .doc = "field that gets the message as it came"},
	{"vendor", OPT_TMPL, AT(vendor), .def = "\"Elasticsearch\"", .doc = "header of what is written"},
	{"product", OPT_TMPL, AT(product), .def = "\"Logstash\"", .doc = "header of what is written"},
	{"version", OPT_TMPL, AT(version), .def = "\"1.0\"", .doc = "header of what is written"},
	{"signature", OPT_TMPL, AT(signature), .def = "\"Logstash\"", .doc = "header of what is written"},
	{"name", OPT_TMPL, AT(name), .def = "\"Logstash\"", .doc = "header of what is written"},
	{"severity", OPT_TMPL, AT(severity), .def = "\"6\"", .doc = "header of what is written: 0 to 10, anything else is 6"},
	{"fields", OPT_LIST, AT(fields), .doc = "fields to write into the extension"},
	{"reverse_mapping", OPT_BOOL, AT(reverse_mapping), .def = "false", .doc = "write the short keys, not the long names"},
	{0},
};
#undef AT

CODEC(cef, .size = sizeof(struct cef), .options = options, .doc = "ArcSight's Common Event Format",
      .open = cef_open,
      .codec = {.framing = FRAME_LINE,
		.delimiter = cef_delimiter,
		.state_size = sizeof(struct cef_state),
		.feed = cef_feed,
		.next = cef_next,
		.encode = cef_encode})
