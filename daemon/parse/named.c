/*
 * named.c - BIND: its query and response logs, and the frame around all its messages.
 *
 *	[date] [category: ] [severity: ] message
 *
 * Through syslog there is as a rule neither date nor category (default_syslog), in files of its own there are all three, in one of four forms of the
 * date. Names stand in presentation form: a blank is \032, ')' is \), so a blank always ends a name; only '\'', '/' and '#' may
 * be part of one, which is why names between quotes or slashes are taken from their end.
 */
#include "parse/named.h"

/* ---- the frame ---- */

static const char *const categories[] = {
	"queries",   "query-errors",  "resolver",      "lame-servers",	  "client",	"security",	 "general",	  "default",
	"network",   "notify",	      "xfer-in",       "xfer-out",	  "update",	"update-security", "dnssec",	  "config",
	"database",  "zoneload",      "rate-limit",    "rpz",		  "rpz-passthru", "responses",	 "edns-disabled", "spill",
	"dispatch",  "unmatched",     "delegation-only", "cname",	  "dnstap",	"trust-anchor-telemetry", "serve-stale", "nsid",
	"sslkeylog", "drop",	      "invalid",       "lame",		  "infoblox-responses", "rrl",
};

static bool is_category(struct str s)
{
	for (size_t i = 0; i < sizeof(categories) / sizeof(*categories); i++)
		if (str_eqz(s, categories[i]))
			return true;
	return false;
}

/* "debug 3" is debug. */
static bool severity(struct str s, struct str *level, struct str *depth)
{
	static const struct str words[] = {STR_INIT("info"), STR_INIT("notice"), STR_INIT("warning"), STR_INIT("error"), STR_INIT("critical")};
	struct str t = s;
	uint64_t n;

	*depth = STR("");
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (str_eq(s, words[i])) {
			*level = words[i];
			return true;
		}
	if (!scan_lit(&t, "debug "))
		return false;
	*level = STR("debug");
	*depth = t;
	return str_u64(t, 99, &n);
}

/* Up to ": ", in the first bytes: nothing that stands before a message is longer. */
static bool head_word(struct str *s, struct str *word)
{
	for (size_t i = 0; i + 1 < s->len && i < 32; i++) {
		if (s->p[i] != ':')
			continue;
		if (s->p[i + 1] != ' ')
			return false;
		*word = str_sub(*s, 0, i);
		*s = str_from(*s, i + 2);
		return true;
	}
	return false;
}

struct frame {
	struct str category, level, depth;
};

/* "queries: info: ", "info: ", "queries: ", nothing. false: there is nothing of the kind. */
static bool take_frame(struct str *s, struct frame *f)
{
	struct str t = *s, word;

	*f = (struct frame){STR(""), STR(""), STR("")};
	if (!head_word(&t, &word))
		return false;
	if (severity(word, &f->level, &f->depth)) {
		*s = t;
		return true;
	}
	if (!is_category(word))
		return false;
	f->category = word;
	*s = t;
	if (head_word(&t, &word) && severity(word, &f->level, &f->depth))
		*s = t;
	else
		f->level = f->depth = STR("");
	return true;
}

/* "23-Nov-2026 07:55:21.370 " */
static bool bind_date(struct str *s, struct syslog_stamp *st, struct str *text)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	struct str t = *s, fraction = STR("");
	uint64_t day, year, h, m, sec, ms = 0;
	int month = 0;

	if (!str_take_u64(&t, 2, 31, &day) || !scan_ch(&t, '-') || t.len < 4)
		return false;
	while (month < 12 && memcmp(months + 3 * month, t.p, 3) != 0)
		month++;
	t = str_from(t, 3);
	if (month == 12 || !scan_ch(&t, '-') || !str_take_u64(&t, 4, 9999, &year) || !scan_ch(&t, ' ') || !str_take_u64(&t, 2, 23, &h) ||
	    !scan_ch(&t, ':') || !str_take_u64(&t, 2, 59, &m) || !scan_ch(&t, ':') || !str_take_u64(&t, 2, 60, &sec))
		return false;
	if (scan_ch(&t, '.') && (!scan_digits(&t, 3, &fraction) || fraction.len != 3 || !str_u64(fraction, 999, &ms)))
		return false;
	*text = str_sub(*s, 0, s->len - t.len);
	if (!scan_ch(&t, ' ') || day == 0 || day > (uint64_t)days[month] + (month == 1 && year % 4 == 0 && (year % 100 || year % 400 == 0)))
		return false;
	*st = (struct syslog_stamp){
		.civil = {.year = (int64_t)year, .month = month + 1, .day = (int)day, .hour = (int)h, .min = (int)m, .sec = (int)sec},
		.ns = (uint32_t)ms * 1000000,
		.has_year = true,
	};
	*s = t;
	return true;
}

/* A date of its own at the front; any of the forms of print-time, and those of BIND before 9.5. */
static bool take_stamp(struct str *s, struct syslog_stamp *st, struct str *text)
{
	struct str t = *s;
	bool iso;

	/* A date, or at least what may begin one. */
	if (t.len < 20 || !(ch_digit(t.p[0]) || (t.p[0] >= 'A' && t.p[0] <= 'Z')))
		return false;
	if (ch_digit(t.p[0]) && (t.p[2] == '-' || t.p[1] == '-'))
		return bind_date(s, st, text);
	if (syslog_take_date(&t, st, text, &iso) != SYSLOG_DATE_OK || !scan_ch(&t, ' '))
		return false;
	*s = t;
	return true;
}

/* ---- query log, response log ---- */

void named_flags(struct record *r, struct str flags)
{
	struct list *list = list_new(r->arena, 4);
	bool dnssec = false, unchecked = false;

	for (size_t i = 0; i < flags.len; i++) {
		switch (flags.p[i]) {
		case '+':
			list_push(r->arena, list, v_lit("RD"));
			break;
		case 'A':
			/* Infoblox, of its answers. */
			list_push(r->arena, list, v_lit("AA"));
			break;
		case 'T':
			rec_str(r, F_NETWORK_TRANSPORT, STR("tcp"));
			break;
		case 'D':
			dnssec = true;
			break;
		case 'C':
			unchecked = true;
			break;
		case '(':
			while (i + 1 < flags.len && flags.p[i] != ')')
				i++;
			break;
		default:
			break;
		}
	}
	if (unchecked)
		list_push(r->arena, list, v_lit("CD"));
	if (dnssec)
		list_push(r->arena, list, v_lit("DO"));
	if (list->n)
		rec_value(r, F_DNS_HEADER_FLAGS, v_list(list));
	rec_raw(r, "flags", flags);
}

void named_where(struct record *r, struct str *s)
{
	struct str t = *s, word, net;

	if (scan_lit(&t, " (") && scan_until(&t, ')', &word)) {
		dns_server(r, word, STR(""));
		*s = t;
	}
	/* ADDRESS/SOURCE PREFIX/SCOPE PREFIX */
	if (scan_lit(&t, " [ECS ") && scan_until(&t, ']', &word)) {
		ptrdiff_t at = str_rchr(word, '/');

		net = at > 0 ? str_sub(word, 0, (size_t)at) : word;
		if (str_chr(net, '/') < 0)
			net = word;
		else
			rec_raw(r, "ecs_scope", str_from(word, (size_t)at + 1));
		rec_str(r, F_WEIR_DNS_SUBNET, net);
		*s = t;
	}
}

static bool is_flags(struct str s)
{
	return s.len && (s.p[0] == '+' || s.p[0] == '-');
}

/* Up to the next ';' that stands in no quotes. */
static bool take_answer(struct str *s, struct str *one)
{
	bool quotes = false;

	for (size_t i = 0; i < s->len; i++) {
		if (s->p[i] == '\\') {
			i++;
		} else if (s->p[i] == '"') {
			quotes = !quotes;
		} else if (s->p[i] == ';' && !quotes) {
			*one = str_sub(*s, 0, i);
			*s = str_from(*s, i + 1);
			return true;
		}
	}
	return false;
}

static struct str no_stop(struct str s)
{
	return s.len > 1 && s.p[s.len - 1] == '.' ? str_sub(s, 0, s.len - 1) : s;
}

/* Infoblox: "response: NOERROR +ED a1.foo.com 28800 IN A 192.168.0.2; ..", behind the question. */
static enum format_result infoblox_answers(struct record *r, struct str s)
{
	struct str word, one;

	rec_action(r, "dns-client-response", "network", "protocol");
	rec_str(r, F_DNS_TYPE, STR("answer"));
	if (!scan_word(&s, &word) || !dns_rcode(word).len)
		return FORMAT_NO_MATCH;
	rec_str(r, F_DNS_RESPONSE_CODE, dns_rcode(word));
	scan_blanks(&s);
	if (is_flags(s) && scan_word(&s, &word))
		named_flags(r, word);
	while (scan_space(&s) && take_answer(&s, &one)) {
		struct str name, ttl, class, type;

		if (scan_word(&one, &name) && scan_space(&one) && scan_digits(&one, 10, &ttl) && scan_space(&one) && scan_word(&one, &class) &&
		    dns_is_class(class) && scan_space(&one) && scan_word(&one, &type) && scan_space(&one))
			dns_record(r, no_stop(name), class, type, ttl, no_stop(one));
	}
	return FORMAT_MATCH;
}

/*
 * query: 145.111.137.185.in-addr.arpa IN PTR +E(0)K (198.51.100.53) [ECS 192.0.2.0/24/0]
 * BIND before 9.6 has no flags, before 9.8 no server. A line may have been cut short on its way: behind a word, no word is missed.
 */
static enum format_result query_line(struct record *r, struct str s)
{
	struct str name, class = STR(""), type = STR(""), flags;

	if (!scan_word(&s, &name))
		return FORMAT_NO_MATCH;
	if (scan_ch(&s, ' ') && (!scan_word(&s, &class) || !dns_is_class(class)))
		return FORMAT_NO_MATCH;
	if (scan_ch(&s, ' ') && (!scan_word(&s, &type) || !dns_is_type(type)))
		return FORMAT_NO_MATCH;
	dns_question(r, name, type, class);
	if (scan_lit(&s, " response: "))
		return infoblox_answers(r, s);
	rec_action(r, "dns-client-query", "network", "protocol");
	rec_str(r, F_DNS_TYPE, STR("query"));
	if (scan_ch(&s, ' ')) {
		if (!is_flags(s) || !scan_word(&s, &flags))
			return FORMAT_NO_MATCH;
		named_flags(r, flags);
	}
	named_where(r, &s);
	return FORMAT_MATCH;
}

/* response: example.com IN A NOERROR 1 0 1 +E(0)K (198.51.100.53): 9.20's responselog; the numbers count records of the three sections. */
static enum format_result response_line(struct record *r, struct str s)
{
	static const char *const sections[] = {"answers", "authorities", "additionals"};
	struct str name, class, type, word;

	if (!scan_word(&s, &name) || !scan_ch(&s, ' ') || !scan_word(&s, &class) || !dns_is_class(class) || !scan_ch(&s, ' ') ||
	    !scan_word(&s, &type) || !dns_is_type(type) || !scan_ch(&s, ' ') || !scan_word(&s, &word))
		return FORMAT_NO_MATCH;
	rec_action(r, "dns-client-response", "network", "protocol");
	dns_question(r, name, type, class);
	rec_str(r, F_DNS_TYPE, STR("answer"));
	rec_str(r, F_DNS_RESPONSE_CODE, dns_rcode(word).len ? dns_rcode(word) : word);
	for (unsigned n = 0; s.len > 1 && s.p[0] == ' ' && s.p[1] != '(' && s.p[1] != '['; ) {
		s = str_from(s, 1);
		if (!scan_word(&s, &word))
			return FORMAT_NO_MATCH;
		if (is_flags(word))
			named_flags(r, word);
		else if (n < 3 && ch_digit(word.p[0]))
			rec_raw(r, sections[n++], word);
		else
			return FORMAT_NO_MATCH;
	}
	named_where(r, &s);
	return FORMAT_MATCH;
}

/* ---- the client in front ---- */

/* The name between parentheses, in which "\)" is no end. */
static bool take_parenthesis(struct str *s, struct str *out)
{
	for (size_t i = 0; i < s->len; i++) {
		if (s->p[i] == '\\') {
			i++;
		} else if (s->p[i] == ')') {
			*out = str_sub(*s, 0, i);
			*s = str_from(*s, i + 1);
			return true;
		} else if (s->p[i] == ' ') {
			return false;
		}
	}
	return false;
}

/* Behind "client ". */
static bool take_client(struct str *s, struct named_client *c)
{
	struct str t = *s, pointer;

	*c = (struct named_client){.key = STR(""), .qname = STR(""), .view = STR("")};
	if (scan_lit(&t, "@0x") && (!scan_hex(&t, &pointer) || !scan_ch(&t, ' ')))
		return false;
	if (!dns_scan_peer(&t, &c->ip, &c->port))
		return false;
	if (scan_lit(&t, "/key ")) {
		size_t n = 0;

		while (n < t.len && t.p[n] != ' ' && !(t.p[n] == ':' && n + 1 < t.len && t.p[n + 1] == ' '))
			n += t.p[n] == '\\' && n + 1 < t.len ? 2 : 1;
		c->key = str_sub(t, 0, n);
		t = str_from(t, n);
	}
	if (scan_lit(&t, " (") && !take_parenthesis(&t, &c->qname))
		return false;
	if (scan_lit(&t, " UDP"))
		c->udp = true;
	else if (scan_lit(&t, " TCP"))
		c->tcp = true;
	if (!scan_lit(&t, ": "))
		return false;
	if (scan_lit(&t, "view ") && !scan_until_str(&t, STR(": "), &c->view))
		return false;
	c->udp |= scan_lit(&t, "UDP: ");
	c->tcp |= scan_lit(&t, "TCP: ");
	*s = t;
	return true;
}

static enum format_result client_line(struct record *r, struct str s)
{
	struct named_client c;
	enum format_result result;

	if (!take_client(&s, &c) || !dns_asker(r, c.ip, c.port))
		return FORMAT_NO_MATCH;
	rec_str(r, F_WEIR_DNS_VIEW, c.view);
	rec_raw(r, "key", c.key);
	if (c.tcp || c.udp)
		rec_str(r, F_NETWORK_TRANSPORT, c.tcp ? STR("tcp") : STR("udp"));
	if (scan_lit(&s, "query: "))
		return query_line(r, s);
	if (scan_lit(&s, "response: "))
		return response_line(r, s);
	result = named_client_line(r, s);
	if (c.qname.len && rec_get(r, F_DNS_QUESTION_NAME).type == V_NONE)
		dns_question(r, c.qname, STR(""), STR(""));
	return result;
}

/*
 * CEF:0|Infoblox|NIOS|8.6.2|RPZ-QNAME|NXDOMAIN|7|app=DNS dst=192.168.0.1 src=192.168.0.2 spt=51424 view=_default qtype=A
 * msg="rpz QNAME NXDOMAIN rewrite nxd1.com [A] via nxd1.com.rpz1.com" CAT=RPZ
 */
static enum format_result infoblox_rpz(struct record *r, struct str s)
{
	struct str trigger, policy, head, key, value, src = STR(""), port = STR(""), name, via;

	for (int i = 0; i < 2; i++)
		if (!scan_until(&s, '|', &head))
			return FORMAT_NO_MATCH;
	if (!scan_lit(&s, "RPZ-") || !scan_until(&s, '|', &trigger) || !scan_until(&s, '|', &policy) || !scan_until(&s, '|', &head))
		return FORMAT_NO_MATCH;
	rec_raw(r, "trigger", trigger);
	rec_str(r, F_WEIR_DNS_POLICY, policy);
	while (scan_pair(&s, &key, &value)) {
		if (str_eq(key, STR("dst")))
			dns_server(r, value, STR(""));
		else if (str_eq(key, STR("src")))
			src = value;
		else if (str_eq(key, STR("spt")))
			port = value;
		else if (str_eq(key, STR("view")))
			rec_str(r, F_WEIR_DNS_VIEW, value);
		else if (str_eq(key, STR("qtype")))
			rec_str(r, F_DNS_QUESTION_TYPE, value);
		else if (str_eq(key, STR("msg")) && scan_until_str(&value, STR(" rewrite "), &head) && scan_word(&value, &name)) {
			dns_question(r, name, STR(""), STR(""));
			if (scan_until_str(&value, STR(" via "), &head) && scan_word(&value, &via))
				rec_str(r, F_RULE_NAME, via);
		}
		scan_blanks(&s);
	}
	dns_asker(r, src, port);
	if (str_eq(policy, STR("NXDOMAIN")))
		rec_str(r, F_DNS_RESPONSE_CODE, policy);
	rec_action(r, "dns-policy", "network", str_eq(policy, STR("PASSTHRU")) ? "allowed" : "denied");
	return FORMAT_MATCH;
}

static enum format_result named_parse(struct record *r)
{
	struct str s = r->text, text;
	struct syslog_stamp st;
	struct frame f = {STR(""), STR(""), STR("")};
	bool framed = false;

	if (s.len == 0)
		return FORMAT_NO_MATCH;
	if ((ch_digit(s.p[0]) || ch_alpha(s.p[0])) && !str_starts(s, STR("client ")) && take_stamp(&s, &st, &text)) {
		rec_stamp(r, &st, text);
		scan_blanks(&s);
	}
	if (!str_starts(s, STR("client ")) && take_frame(&s, &f)) {
		framed = true;
		rec_str(r, F_LOG_LOGGER, f.category);
		rec_str(r, F_LOG_LEVEL, f.level);
		rec_raw(r, "debug_level", f.depth);
		/* Infoblox: "infoblox-responses: 07-Apr-2022 08:08:10.043 client .." */
		if (s.len && ch_digit(s.p[0]) && bind_date(&s, &st, &text))
			rec_stamp(r, &st, text);
	}
	rec_str(r, F_NETWORK_PROTOCOL, STR("dns"));
	if (scan_lit(&s, "client "))
		return client_line(r, s);
	if (scan_lit(&s, "CEF:0|Infoblox|"))
		return infoblox_rpz(r, s);
	return named_server_line(r, s, framed && f.category.len);
}

/* A line of a file of its own. Its date or category are named's alone, or the message is: nobody else writes so. */
static bool named_shape(const struct record *r)
{
	static const struct str messages[] = {STR_INIT("fetch: "), STR_INIT("transfer of '"), STR_INIT("DNS format error from ")};
	struct str s = r->text, text, word;
	struct syslog_stamp st;
	struct named_client c;
	struct frame f;
	bool dated;

	if (s.len < 8)
		return false;
	if (ch_digit(s.p[0]) && bind_date(&s, &st, &text))
		return true;
	dated = take_stamp(&s, &st, &text);
	if (take_frame(&s, &f))
		return f.category.len && f.level.len;
	if (scan_lit(&s, "client "))
		return take_client(&s, &c);
	if (scan_lit(&s, "zone "))
		return scan_word(&s, &word) && (str_ends(word, STR("/IN:")) || str_find(word, STR("/IN/")) > 0);
	if (!dated)
		return false;
	for (size_t i = 0; i < sizeof(messages) / sizeof(*messages); i++)
		if (str_starts(s, messages[i]))
			return true;
	return str_find(s, STR(" resolving '")) > 0;
}

static const char *const programs[] = {"named", "named-pkcs11", "named-sdb", "bind9", NULL};

FORMAT(named, .programs = programs, .service = STR_INIT("named"), .dataset = STR_INIT("weir.dns"), .doc = "BIND's DNS server", .versions = "BIND 9.11 to 9.20", .shape = named_shape,
       .parse = named_parse)
