/*
 * record.c - what a format puts, until it is known to be right; and then into the event. Work thread.
 */
#include "base/ip.h"
#include "base/number.h"
#include "parse/format.h"

#include <stdlib.h>

void record_init(struct record *r, struct arena *arena)
{
	/* Not the tables: only what is counted is read. */
	r->arena = arena;
	r->text = r->program = r->pid = r->line = r->stamp_text = STR("");
	r->headed = r->over = false;
	r->n = 0;
	r->seen = 0;
	r->nip = r->nhost = r->nuser = 0;
	r->raw = NULL;
}

struct record_mark rec_mark(const struct record *r)
{
	return (struct record_mark){r->n, r->nip, r->nhost, r->nuser};
}

void rec_reset(struct record *r, struct record_mark m)
{
	r->n = m.n;
	r->nip = m.nip;
	r->nhost = m.nhost;
	r->nuser = m.nuser;
	r->over = false;
}

void rec_value(struct record *r, enum field_id f, struct value v)
{
	uint64_t bit = UINT64_C(1) << (f % 64);

	/* A line puts its fields once, nearly always. */
	if (r->seen & bit)
		for (uint16_t i = 0; i < r->n; i++)
			if (r->field[i].id == f) {
				r->field[i].v = v;
				return;
			}
	r->seen |= bit;
	if (r->n == RECORD_FIELDS) {
		r->over = true;
		return;
	}
	r->field[r->n++] = (struct record_field){(uint16_t)f, v};
}

struct value rec_get(const struct record *r, enum field_id f)
{
	for (uint16_t i = 0; (r->seen & UINT64_C(1) << (f % 64)) && i < r->n; i++)
		if (r->field[i].id == f)
			return r->field[i].v;
	return (struct value){.type = V_NONE};
}

void rec_str(struct record *r, enum field_id f, struct str s)
{
	if (s.len)
		rec_value(r, f, v_str(s));
}

void rec_int(struct record *r, enum field_id f, int64_t i)
{
	rec_value(r, f, v_int(i));
}

void rec_float(struct record *r, enum field_id f, double d)
{
	rec_value(r, f, v_float(d));
}

void rec_bool(struct record *r, enum field_id f, bool b)
{
	rec_value(r, f, v_bool(b));
}

void rec_time(struct record *r, enum field_id f, struct ts t)
{
	rec_value(r, f, v_time(t));
}

bool rec_num(struct record *r, enum field_id f, struct str s)
{
	int64_t i;

	if (!str_i64(s, &i))
		return false;
	rec_int(r, f, i);
	return true;
}

void rec_repeat(struct record *r, struct str *s)
{
	struct str t = *s, n;

	if (!scan_lit(&t, "message repeated ") || !scan_digits(&t, 9, &n) || !scan_lit(&t, " times: [ ") || t.len == 0 || t.p[t.len - 1] != ']')
		return;
	(void)rec_num(r, F_WEIR_REPEAT_COUNT, n);
	*s = str_sub(t, 0, t.len - 1);
}

bool rec_num_float(struct record *r, enum field_id f, struct str s)
{
	struct str rest = s, digits;
	char text[40];

	if (!scan_decimal(&rest, &digits) || rest.len || s.len >= sizeof(text))
		return false;
	memcpy(text, s.p, s.len);
	text[s.len] = 0;
	/* Digits and one full stop only, so the locale (never set here) is all that could matter. */
	rec_float(r, f, strtod(text, NULL));
	return true;
}

void rec_push(struct record *r, enum field_id f, struct value v)
{
	struct value have = rec_get(r, f);

	if (have.type != V_LIST) {
		have = v_list(list_new(r->arena, 4));
		rec_value(r, f, have);
	}
	list_push(r->arena, have.list, v);
}

/* Once each, while there is room. */
static void related(struct str *list, uint8_t *n, struct str s)
{
	if (s.len == 0 || *n == RECORD_RELATED)
		return;
	for (uint8_t i = 0; i < *n; i++)
		if (str_eq(list[i], s))
			return;
	list[(*n)++] = s;
}

void rec_related_ip(struct record *r, struct str ip)
{
	related(r->ip, &r->nip, ip);
}

void rec_related_host(struct record *r, struct str name)
{
	related(r->host, &r->nhost, name);
}

bool rec_ip(struct record *r, enum field_id f, struct str s)
{
	char text[IP_TEXT];
	struct ip ip;
	size_t n;

	if (s.len > 2 && s.p[0] == '[' && s.p[s.len - 1] == ']')
		s = str_sub(s, 1, s.len - 2);
	if (!ip_parse(s, &ip)) {
		struct str zoned = s, head;

		/* A zone means something on its own host only. */
		if (!str_cut(&zoned, '%', &head) || !ip_parse(head, &ip))
			return false;
		s = head;
	}
	/* IPv4 has one way to be written: what begins with up to three digits and a dot. */
	if (s.len < 7 || !(s.p[1] == '.' || s.p[2] == '.' || s.p[3] == '.')) {
		n = ip_format(&ip, text);
		if (n != s.len || memcmp(text, s.p, n) != 0)
			s = arena_dup(r->arena, str_n(text, n));
	}
	rec_value(r, f, v_str(s));
	rec_related_ip(r, s);
	return true;
}

static int hex_value(char c)
{
	return ch_digit(c) ? c - '0' : (c | 32) - 'a' + 10;
}

/* Octets between ':' or '-' of one or two digits; or 12 digits, '.' and other separators left out. */
static bool mac_octets(struct str s, uint8_t out[6])
{
	unsigned octets = 0, digits = 0, all = 0;
	bool split = str_chr(s, ':') >= 0 || str_chr(s, '-') >= 0;
	unsigned v = 0;

	for (size_t i = 0; i <= s.len; i++) {
		char c = i < s.len ? s.p[i] : ':';

		if (i < s.len && ch_xdigit(c)) {
			v = v << 4 | (unsigned)hex_value(c);
			all++;
			if (++digits > 2 || (!split && digits == 2)) {
				if (split || octets == 6)
					return false;
				out[octets++] = (uint8_t)v;
				v = digits = 0;
			}
		} else if (split && (c == ':' || c == '-')) {
			if (digits == 0 || octets == 6)
				return false;
			out[octets++] = (uint8_t)v;
			v = digits = 0;
		} else if (i < s.len && (split || c != '.')) {
			return false;
		}
	}
	return octets == 6 && (split || all == 12);
}

bool rec_mac(struct record *r, enum field_id f, struct str s)
{
	static const char hex[] = "0123456789ABCDEF";
	uint8_t o[6];
	char *text;

	if (s.len > 17 || !mac_octets(s, o))
		return false;
	text = arena_bytes(r->arena, 17);
	for (int i = 0; i < 6; i++) {
		text[3 * i] = hex[o[i] >> 4];
		text[3 * i + 1] = hex[o[i] & 15];
		if (i < 5)
			text[3 * i + 2] = '-';
	}
	rec_value(r, f, v_str(str_n(text, 17)));
	return true;
}

void rec_host(struct record *r, enum field_id f, struct str s)
{
	size_t i = 0;

	if (s.len > 1 && s.p[s.len - 1] == '.')
		s = str_sub(s, 0, s.len - 1);
	while (i < s.len && ch_lower(s.p[i]) == s.p[i])
		i++;
	if (i < s.len) {
		char *low = arena_bytes(r->arena, s.len);

		for (i = 0; i < s.len; i++)
			low[i] = ch_lower(s.p[i]);
		s = str_n(low, s.len);
	}
	rec_str(r, f, s);
	related(r->host, &r->nhost, s);
}

void rec_user(struct record *r, enum field_id f, struct str s)
{
	rec_str(r, f, s);
	related(r->user, &r->nuser, s);
}

void rec_raw(struct record *r, const char *key, struct str s)
{
	rec_raw_pair(r, str_z(key), s);
}

void rec_raw_pair(struct record *r, struct str key, struct str s)
{
	if (s.len == 0)
		return;
	if (!r->raw || rec_get(r, F_WEIR_RAW).type == V_NONE) {
		r->raw = map_new(r->arena, 8);
		rec_value(r, F_WEIR_RAW, v_map(r->raw));
	}
	map_set(r->arena, r->raw, key_make(key), v_str(s));
}

/* ECS: both are lists. */
static void one_of(struct record *r, enum field_id f, const char *word)
{
	struct list *l;

	if (!word)
		return;
	l = list_new(r->arena, 1);
	list_push(r->arena, l, v_str(str_z(word)));
	rec_value(r, f, v_list(l));
}

void rec_action(struct record *r, const char *action, const char *category, const char *type)
{
	rec_value(r, F_EVENT_ACTION, v_str(str_z(action)));
	one_of(r, F_EVENT_CATEGORY, category);
	one_of(r, F_EVENT_TYPE, type);
}

void rec_outcome(struct record *r, const char *outcome)
{
	rec_value(r, F_EVENT_OUTCOME, v_str(str_z(outcome)));
}

void rec_stamp(struct record *r, const struct syslog_stamp *stamp, struct str text)
{
	if (r->headed)
		return;
	r->stamp = *stamp;
	r->stamp_text = text;
}

/* ---- into the event ---- */

static bool listed(const struct list *l, struct str s)
{
	for (uint32_t i = 0; i < l->n; i++)
		if (l->v[i].type == V_STRING && str_eq(value_str(&l->v[i]), s))
			return true;
	return false;
}

static void add_related(struct field_writer *w, enum field_id f, const struct str *list, uint8_t n)
{
	struct arena *a = w->ev->arena;
	struct value *have;
	struct list *l;

	if (n == 0)
		return;
	have = field_have(w, f);
	l = value_is(have, V_LIST) ? have->list : NULL;
	if (!l) {
		l = list_new(a, n + 2u);
		if (value_is(have, V_STRING))
			list_push(a, l, *have);
		field_put(w, f, v_list(l));
	}
	for (uint8_t i = 0; i < n; i++)
		if (!listed(l, list[i]))
			list_push(a, l, v_str(list[i]));
}

void record_apply(const struct record *r, const struct format *f, struct field_writer *w)
{
	for (uint16_t i = 0; i < r->n; i++)
		field_put(w, (enum field_id)r->field[i].id, r->field[i].v);
	/* The syslog input says "system" of everything. */
	if (f->service.len && rec_get(r, F_SERVICE_TYPE).type == V_NONE)
		field_put(w, F_SERVICE_TYPE, v_str(f->service));
	add_related(w, F_RELATED_IP, r->ip, r->nip);
	add_related(w, F_RELATED_HOSTS, r->host, r->nhost);
	add_related(w, F_RELATED_USER, r->user, r->nuser);
	if (r->over)
		event_tag(w->ev, STR("_fields_cut"));
}
