#include "parse/dns_line.h"
#include "base/ip.h"

bool dns_is_type(struct str s)
{
	if (s.len == 0 || s.len > 12 || s.p[0] < 'A' || s.p[0] > 'Z')
		return false;
	for (size_t i = 1; i < s.len; i++)
		if (!(s.p[i] >= 'A' && s.p[i] <= 'Z') && !ch_digit(s.p[i]) && s.p[i] != '-')
			return false;
	return true;
}

bool dns_is_class(struct str s)
{
	uint64_t n;

	switch (s.len) {
	case 2:
		return str_eq(s, STR("IN")) || str_eq(s, STR("CH")) || str_eq(s, STR("HS"));
	case 3:
		return str_eq(s, STR("ANY"));
	case 4:
		return str_eq(s, STR("NONE"));
	default:
		return str_starts(s, STR("CLASS")) && str_u64(str_from(s, 5), 65535, &n);
	}
}

struct str dns_rcode(struct str s)
{
	static const struct str names[] = {
		STR_INIT("NOERROR"), STR_INIT("NXDOMAIN"), STR_INIT("SERVFAIL"), STR_INIT("REFUSED"),	STR_INIT("FORMERR"),  STR_INIT("NOTIMP"),
		STR_INIT("NOTAUTH"), STR_INIT("YXDOMAIN"), STR_INIT("YXRRSET"),	 STR_INIT("NXRRSET"),	STR_INIT("NOTZONE"),  STR_INIT("BADVERS"),
		STR_INIT("BADSIG"),  STR_INIT("BADKEY"),   STR_INIT("BADTIME"),	 STR_INIT("BADCOOKIE"), STR_INIT("DSOTYPENI"),
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_eq(s, names[i]))
			return names[i];
	return str_eq(s, STR("NOTIMPL")) ? STR("NOTIMP") : STR("");
}

void dns_question(struct record *r, struct str name, struct str type, struct str class)
{
	if (name.len)
		rec_name(r, F_DNS_QUESTION_NAME, name);
	rec_str(r, F_DNS_QUESTION_TYPE, type);
	rec_str(r, F_DNS_QUESTION_CLASS, class);
}

bool dns_asker(struct record *r, struct str ip, struct str port)
{
	if (!rec_ip(r, F_SOURCE_IP, ip))
		return false;
	rec_str(r, F_SOURCE_ADDRESS, ip);
	rec_value(r, F_CLIENT_IP, rec_get(r, F_SOURCE_IP));
	if (port.len && rec_num(r, F_SOURCE_PORT, port))
		rec_value(r, F_CLIENT_PORT, rec_get(r, F_SOURCE_PORT));
	return true;
}

bool dns_server(struct record *r, struct str ip, struct str port)
{
	if (!rec_ip(r, F_DESTINATION_IP, ip))
		return false;
	if (port.len)
		rec_num(r, F_DESTINATION_PORT, port);
	return true;
}

bool dns_scan_peer(struct str *s, struct str *ip, struct str *port)
{
	struct str t = *s;
	size_t n = 0;

	/* An address is short: its end is looked for in the first bytes only. */
	while (n < t.len && n < 64 && t.p[n] != '#' && t.p[n] != ' ')
		n++;
	if (n < 2 || n == t.len || t.p[n] != '#' || !(ch_xdigit(t.p[0]) || t.p[0] == ':'))
		return false;
	*ip = str_sub(t, 0, n);
	t = str_from(t, n + 1);
	if (!scan_digits(&t, 5, port))
		return false;
	*s = t;
	return true;
}

/* The part behind the last '/', which goes away. */
static bool cut_last(struct str *s, struct str *part)
{
	ptrdiff_t at = str_rchr(*s, '/');

	if (at < 0)
		return false;
	*part = str_from(*s, (size_t)at + 1);
	s->len = (size_t)at;
	return true;
}

bool dns_split(struct str s, struct str *name, struct str *type, struct str *class)
{
	struct str last, before, rest = s;

	*class = STR("");
	if (!cut_last(&rest, &last))
		return false;
	if (dns_is_class(last)) {
		struct str head = rest;

		if (cut_last(&head, &before) && dns_is_type(before) && head.len) {
			*name = head;
			*type = before;
			*class = last;
			return true;
		}
	}
	if (!dns_is_type(last) || rest.len == 0)
		return false;
	*name = rest;
	*type = last;
	return true;
}

bool dns_split_zone(struct str s, struct str *zone, struct str *class, struct str *view)
{
	struct str last, before, rest = s, head;

	*view = STR("");
	if (!cut_last(&rest, &last) || rest.len == 0)
		return false;
	head = rest;
	if (!dns_is_class(last) && cut_last(&head, &before) && dns_is_class(before) && head.len) {
		*view = last;
		last = before;
		rest = head;
	}
	if (!dns_is_class(last))
		return false;
	*zone = rest;
	*class = last;
	return true;
}

/* Canonical, into the lists. */
static void resolved(struct record *r, const struct ip *ip)
{
	char text[IP_TEXT];
	struct str s = arena_dup(r->arena, str_n(text, ip_format(ip, text)));

	rec_push(r, F_DNS_RESOLVED_IP, v_str(s));
	rec_related_ip(r, s);
}

void dns_record(struct record *r, struct str name, struct str class, struct str type, struct str ttl, struct str data)
{
	struct map *m = map_new(r->arena, 8);
	uint64_t seconds;
	struct ip ip;

	if (name.len)
		map_set(r->arena, m, key_make(STR("name")), v_str(name));
	if (type.len)
		map_set(r->arena, m, key_make(STR("type")), v_str(type));
	if (class.len)
		map_set(r->arena, m, key_make(STR("class")), v_str(class));
	if (str_u64(ttl, UINT32_MAX, &seconds))
		map_set(r->arena, m, key_make(STR("ttl")), v_int((int64_t)seconds));
	if (data.len)
		map_set(r->arena, m, key_make(STR("data")), v_str(data));
	rec_push(r, F_DNS_ANSWERS, v_map(m));
	if (data.len && (ch_xdigit(data.p[0]) || data.p[0] == ':') && ip_parse(data, &ip))
		resolved(r, &ip);
}

void dns_answer(struct record *r, struct str name, struct str type, struct str data)
{
	dns_record(r, name, STR(""), type, STR(""), data);
}

void dns_daemon_message(struct record *r)
{
	rec_action(r, "daemon-message", "process", "info");
}
