/*
 * dnsmasq.c - dnsmasq's DNS half, also as it is part of Pi-hole's FTL.
 *
 *	query[A] mail.corp.example from 198.51.100.53
 *	3 198.51.100.53/55771 forwarded mail.corp.example to 198.51.100.54		log-queries=extra: serial, asker
 *	UDP 3 198.51.100.53/55771 reply mail.corp.example is 198.51.100.25		log-queries=proto
 *
 * Of what is asked in reverse the answer's line gives the address, not the name; it is turned back into the name that was asked. Names are printed as they
 * came, so a blank in one is possible: a query's asker is therefore what stands behind the last " from ", and an answer to a name with a blank is no match.
 */
#include "parse/dns_line.h"
#include "parse/message.h"
#include "base/ip.h"

static enum format_result done(struct record *r, const char *action, const char *type)
{
	rec_action(r, action, "network", type);
	return FORMAT_MATCH;
}

/* ---- the frame of log-queries=extra ---- */

/* "3 198.51.100.53/55771 "; a line of no query has the serial alone ("3 "), or "0 ". */
static void take_serial(struct record *r, struct str *s)
{
	struct str t = *s, serial, ip, port;
	struct str proto = STR("");

	if (scan_lit(&t, "UDP "))
		proto = STR("udp");
	else if (scan_lit(&t, "TCP "))
		proto = STR("tcp");
	if (!scan_digits(&t, 10, &serial) || !scan_ch(&t, ' '))
		return;
	rec_raw(r, "serial", serial);
	rec_str(r, F_NETWORK_TRANSPORT, proto);
	*s = t;
	if (!scan_word(&t, &ip))
		return;
	port = ip;
	if (!str_cut(&port, '/', &ip) || port.len == 0 || port.len > 5 || !ch_digit(port.p[0]) || !scan_ch(&t, ' ') || !dns_asker(r, ip, port))
		return;
	*s = t;
}

/* ---- names ---- */

/* "TYPE65" of "type=65"; the type within "query[AAAA]". */
static struct str type_text(struct record *r, struct str s)
{
	uint64_t n;

	if (scan_lit(&s, "type=") && str_u64(s, 65535, &n))
		return n == 65 ? STR("HTTPS") : n == 64 ? STR("SVCB") : arena_printf(r->arena, "TYPE%u", (unsigned)n);
	return dns_is_type(s) ? s : STR("");
}

/* The name under which an address is looked up. */
static struct str reverse_name(struct record *r, const struct ip *ip)
{
	static const char hex[] = "0123456789abcdef";
	char *text;

	if (ip_is_v4(ip))
		return arena_printf(r->arena, "%u.%u.%u.%u.in-addr.arpa", ip->b[15], ip->b[14], ip->b[13], ip->b[12]);
	text = arena_bytes(r->arena, 72);
	for (int i = 0; i < 16; i++) {
		text[4 * i] = hex[ip->b[15 - i] & 15];
		text[4 * i + 1] = '.';
		text[4 * i + 2] = hex[ip->b[15 - i] >> 4];
		text[4 * i + 3] = '.';
	}
	memcpy(text + 64, "ip6.arpa", 8);
	return str_n(text, 72);
}

static bool to_ip(struct str s, struct ip *ip)
{
	return s.len > 1 && (ch_xdigit(s.p[0]) || s.p[0] == ':') && ip_parse(s, ip);
}

/* "<name unprintable>" stands for what dnsmasq would not print. */
static bool take_name(struct str *s, struct str *name)
{
	if (scan_lit(s, "<name unprintable>")) {
		*name = STR("");
		return true;
	}
	return scan_word(s, name);
}

/* ---- answers ---- */

/* " (EDE: network error)", " (DNSSEC signed)" at the end. */
static void cut_extra(struct record *r, struct str *s)
{
	struct str head = *s, rest = *s;

	if (!str_ends(*s, STR(")")))
		return;
	if (scan_until_last(&rest, STR(" (EDE: "), &head)) {
		rest.len--;
		rec_str(r, F_WEIR_DNS_RCODE_CAUSE, rest);
		rec_str(r, F_EVENT_REASON, rest);
		*s = head;
	} else if (str_ends(*s, STR(" (DNSSEC signed)"))) {
		rec_str(r, F_WEIR_DNS_DNSSEC, STR("secure"));
		s->len -= 16;
	}
}

/*
 * What stands for no data at all. The question's type is known where it says IPv4 or IPv6, unless it was asked in reverse: then that is the family of the
 * address whose name was wanted.
 */
static bool negative(struct record *r, struct str data, bool reverse)
{
	struct str code;

	if (str_eq(data, STR("NXDOMAIN")) || str_starts(data, STR("NXDOMAIN-IPv"))) {
		rec_str(r, F_DNS_RESPONSE_CODE, STR("NXDOMAIN"));
	} else if (scan_lit(&data, "NODATA")) {
		rec_str(r, F_DNS_RESPONSE_CODE, STR("NOERROR"));
		if (reverse)
			return true;
		if (str_eq(data, STR("-IPv4")))
			rec_str(r, F_DNS_QUESTION_TYPE, STR("A"));
		else if (str_eq(data, STR("-IPv6")))
			rec_str(r, F_DNS_QUESTION_TYPE, STR("AAAA"));
	} else {
		code = str_eq(data, STR("not implemented")) ? STR("NOTIMP") : dns_rcode(data);
		if (!code.len)
			return false;
		rec_str(r, F_DNS_RESPONSE_CODE, code);
		if (!str_eq(code, STR("NOERROR")))
			rec_outcome(r, "failure");
	}
	return true;
}

/* "BOGUS DNSKEY", "BOGUS DS": what an answer to its own question was found to be. */
static bool bogus(struct record *r, struct str data)
{
	struct str type;

	if (!scan_lit(&data, "BOGUS ") || !scan_word(&data, &type) || !(str_eq(type, STR("DNSKEY")) || str_eq(type, STR("DS"))))
		return false;
	rec_str(r, F_DNS_QUESTION_TYPE, type);
	rec_str(r, F_WEIR_DNS_DNSSEC, STR("bogus"));
	rec_outcome(r, "failure");
	return true;
}

/* "DS keytag 30909, algo 8, digest 2", "DNSKEY keytag 20326, algo 8" */
static struct str key_type(struct str data)
{
	if (str_starts(data, STR("DS keytag ")) || str_starts(data, STR("DS for keytag ")))
		return STR("DS");
	return str_starts(data, STR("DNSKEY keytag ")) ? STR("DNSKEY") : STR("");
}

/*
 * NAME is DATA. What is asked in reverse is printed the other way round: the address, then its name. An address whose data is an address is a name that
 * looks like one.
 */
static void answer(struct record *r, struct str name, struct str data)
{
	struct ip ip, target;
	bool reverse = to_ip(name, &ip) && !to_ip(data, &target);
	struct str type = STR("");

	cut_extra(r, &data);
	if (reverse) {
		rec_related_ip(r, name);
		name = reverse_name(r, &ip);
		rec_str(r, F_DNS_QUESTION_TYPE, STR("PTR"));
	}
	if (!str_eq(name, STR("error")) || !dns_rcode(data).len)
		dns_question(r, name, STR(""), STR(""));
	if (negative(r, data, reverse) || bogus(r, data))
		return;
	if (str_eq(data, STR("truncated"))) {
		rec_push(r, F_DNS_HEADER_FLAGS, v_str(STR("TC")));
		return;
	}
	rec_str(r, F_DNS_RESPONSE_CODE, STR("NOERROR"));
	if (str_eq(data, STR("no DS"))) {
		rec_str(r, F_DNS_QUESTION_TYPE, STR("DS"));
		return;
	}
	if (data.len > 2 && data.p[0] == '<' && data.p[data.len - 1] == '>') {
		/* "<CNAME>", "<MX>", "<type=65>": of that type, its data not said. */
		type = type_text(r, str_sub(data, 1, data.len - 2));
		if (!str_eq(type, STR("CNAME")))
			rec_str(r, F_DNS_QUESTION_TYPE, type);
		data = STR("");
	} else if (to_ip(data, &target)) {
		type = ip_is_v4(&target) && str_chr(data, ':') < 0 ? STR("A") : STR("AAAA");
	} else if (reverse) {
		type = STR("PTR");
		rec_related_host(r, data);
	} else if (key_type(data).len) {
		type = key_type(data);
		rec_str(r, F_DNS_QUESTION_TYPE, type);
	}
	dns_answer(r, name, type, data);
}

/* Where an answer came from, in front of its name. Those of Pi-hole with `policy` are its refusals. */
static const struct source {
	struct str lead;
	bool policy;
} sources[] = {
	{STR_INIT("reply"), false},
	{STR_INIT("cached"), false},
	{STR_INIT("cached-stale"), false},
	{STR_INIT("config"), false},
	{STR_INIT("DHCP"), false},
	{STR_INIT("auth"), false},
	{STR_INIT("Pi-hole hostname"), false},
	{STR_INIT("local"), false},
	{STR_INIT("gravity blocked"), true},
	{STR_INIT("gravity blocked (CNAME)"), true},
	{STR_INIT("exactly denied"), true},
	{STR_INIT("exactly denied (CNAME)"), true},
	{STR_INIT("exactly blacklisted"), true},
	{STR_INIT("exactly blacklisted (CNAME)"), true},
	{STR_INIT("regex denied"), true},
	{STR_INIT("regex denied (CNAME)"), true},
	{STR_INIT("regex blacklisted"), true},
	{STR_INIT("regex blacklisted (CNAME)"), true},
	{STR_INIT("blacklisted"), true},
	{STR_INIT("denied"), true},
	{STR_INIT("special domain"), true},
	{STR_INIT("Mozilla canary domain"), true},
	{STR_INIT("Apple iCloud Private Relay domain"), true},
	{STR_INIT("Designated Resolver domain"), true},
	{STR_INIT("blocked upstream with known address"), true},
	{STR_INIT("blocked upstream with NULL address"), true},
	{STR_INIT("blocked upstream with NXRA address"), true},
	{STR_INIT("blocked upstream with EDE 15"), true},
	{STR_INIT("blocked upstream"), true},
	{STR_INIT("database busy"), true},
	{STR_INIT("database is busy"), true},
	{STR_INIT("Rate-limiting"), true},
};

/* The longest that stands at the front, with the blank behind it. */
static const struct source *take_source(struct str *s)
{
	const struct source *found = NULL;

	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
		const struct source *c = &sources[i];

		if (s->len > c->lead.len && s->p[0] == c->lead.p[0] && s->p[c->lead.len] == ' ' && memcmp(s->p, c->lead.p, c->lead.len) == 0 &&
		    (!found || c->lead.len > found->lead.len))
			found = c;
	}
	if (found)
		*s = str_from(*s, found->lead.len + 1);
	return found;
}

/* reply mail.corp.example is 198.51.100.25; /etc/hosts nas is 198.51.100.7; gravity blocked ads.example is 0.0.0.0 */
static enum format_result answer_line(struct record *r, struct str s)
{
	struct str name, file;
	const struct source *source = NULL;

	if (s.p[0] == '/') {
		/* A file of hosts. */
		if (!scan_word(&s, &file) || !scan_ch(&s, ' '))
			return FORMAT_NO_MATCH;
		rec_raw(r, "source", file);
	} else {
		source = take_source(&s);
		if (!source)
			return FORMAT_NO_MATCH;
	}
	/* Of no name: "reply is truncated". */
	if (scan_lit(&s, "is "))
		name = STR("");
	else if (!take_name(&s, &name) || !scan_lit(&s, " is "))
		return FORMAT_NO_MATCH;
	if (s.len == 0)
		return FORMAT_NO_MATCH;
	rec_str(r, F_DNS_TYPE, STR("answer"));
	if (source && str_eq(s, STR("blocked during CNAME inspection"))) {
		dns_question(r, name, STR(""), STR(""));
		rec_str(r, F_WEIR_DNS_POLICY, s);
		return done(r, "dns-policy", "denied");
	}
	answer(r, name, s);
	if (source && source->policy) {
		rec_str(r, F_WEIR_DNS_POLICY, source->lead);
		return done(r, "dns-policy", "denied");
	}
	if (source) {
		rec_raw(r, "source", source->lead);
		/* As Unbound has it. */
		if (str_starts(source->lead, STR("cached")))
			rec_raw(r, "cached", STR("1"));
		else if (str_eq(source->lead, STR("reply")))
			rec_raw(r, "cached", STR("0"));
	}
	return done(r, "dns-client-response", "protocol");
}

/* validation mail.corp.example is SECURE; validation result is BOGUS (EDE: DNSSEC bogus) */
static enum format_result validation(struct record *r, struct str s)
{
	struct str name, state;
	char *low;

	if (!scan_word(&s, &name) || !scan_lit(&s, " is "))
		return FORMAT_NO_MATCH;
	cut_extra(r, &s);
	if (!scan_word(&s, &state) || s.len)
		return FORMAT_NO_MATCH;
	if (!str_eq(name, STR("result")))
		dns_question(r, name, STR(""), STR(""));
	low = arena_bytes(r->arena, state.len);
	for (size_t i = 0; i < state.len; i++)
		low[i] = ch_lower(state.p[i]);
	rec_str(r, F_WEIR_DNS_DNSSEC, str_n(low, state.len));
	rec_str(r, F_DNS_TYPE, STR("answer"));
	rec_outcome(r, str_eq(state, STR("BOGUS")) || str_eq(state, STR("ABANDONED")) ? "failure" : "success");
	return done(r, "dns-client-response", "protocol");
}

/* ---- questions ---- */

/* A] mail.corp.example from 198.51.100.53 */
static enum format_result query(struct record *r, struct str s)
{
	struct str type, name, ip = s, head;

	if (!scan_until_str(&s, STR("] "), &type))
		return FORMAT_NO_MATCH;
	ip = s;
	if (!scan_until_last(&ip, STR(" from "), &head) || !dns_asker(r, ip, STR("")))
		return FORMAT_NO_MATCH;
	/* All of it, blanks and all: the asker is an address, so nothing else can stand behind the last " from ". */
	name = str_eq(head, STR("<name unprintable>")) ? STR("") : head;
	dns_question(r, name, type_text(r, type), STR(""));
	rec_str(r, F_DNS_TYPE, STR("query"));
	return done(r, "dns-client-query", "protocol");
}

/* "198.51.100.54", "127.0.0.1#5335" */
static bool upstream(struct record *r, struct str s)
{
	struct str ip, port = s;

	if (!str_cut(&port, '#', &ip)) {
		ip = s;
		port = STR("");
	}
	if (!dns_server(r, ip, port))
		return false;
	rec_value(r, F_WEIR_DNS_FORWARDER, rec_get(r, F_DESTINATION_IP));
	return true;
}

/* forwarded mail.corp.example to 198.51.100.54; dnssec-query[DS] example to 198.51.100.54 */
static enum format_result forwarded(struct record *r, struct str s, struct str type)
{
	struct str name, to = s, head;

	if (!scan_until_last(&to, STR(" to "), &head) || !upstream(r, to))
		return FORMAT_NO_MATCH;
	name = str_eq(head, STR("<name unprintable>")) ? STR("") : head;
	dns_question(r, name, type, STR(""));
	rec_str(r, F_DNS_TYPE, STR("query"));
	return done(r, "dns-forwarder-query", "protocol");
}

/* ipset add vpn 203.0.113.7 www.example.com; nftset add 4 inet fw vpn 203.0.113.7 www.example.com: a set's name may have blanks. Also the name first. */
static enum format_result set_add(struct record *r, struct str s)
{
	ptrdiff_t last = str_rchr(s, ' '), before = last > 0 ? str_rchr(str_sub(s, 0, (size_t)last), ' ') : -1;
	struct str set, name, first;
	struct ip ip;

	if (before <= 0 || (size_t)last + 1 == s.len)
		return FORMAT_NO_MATCH;
	set = str_sub(s, 0, (size_t)before);
	first = str_sub(s, (size_t)before + 1, (size_t)(last - before) - 1);
	name = s = str_from(s, (size_t)last + 1);
	if (to_ip(first, &ip)) {
		s = first;
	} else if (to_ip(s, &ip)) {
		name = first;
	} else {
		return FORMAT_NO_MATCH;
	}
	rec_raw(r, "set", set);
	dns_question(r, name, STR(""), STR(""));
	dns_answer(r, name, ip_is_v4(&ip) ? STR("A") : STR("AAAA"), s);
	return done(r, "daemon-message", "info");
}

/* ---- what dnsmasq says of itself ---- */

/* Of a server: "nameserver 198.51.100.54 refused to do a recursive query", "using nameserver 198.51.100.54#53 for domain corp.example". */
static void server_fields(struct record *r, struct str s)
{
	struct str head, word, ip;

	if (!scan_until_str(&s, STR("nameserver "), &head) && !scan_lit(&s, "server "))
		return;
	if (!scan_word(&s, &word))
		return;
	if (word.len && (word.p[word.len - 1] == ':' || word.p[word.len - 1] == ','))
		word.len--;
	head = word;
	if (str_cut(&word, '#', &ip)) {
		struct str port;

		if (scan_digits(&word, 5, &port))
			dns_server(r, ip, port);
	} else if (scan_ip(&head, &ip)) {
		dns_server(r, ip, STR(""));
	}
	if (scan_lit(&s, " for domain ") && scan_word(&s, &word))
		rec_host(r, F_WEIR_DNS_ZONE, word);
}

static const struct {
	struct str lead;
	const char *action; /* NULL: daemon-message */
} starts[] = {
	{STR_INIT("started, version "), NULL},
	{STR_INIT("compile time options: "), NULL},
	{STR_INIT("asynchronous logging enabled"), NULL},
	{STR_INIT("using nameserver "), NULL},
	{STR_INIT("NOT using nameserver "), NULL},
	{STR_INIT("ignoring nameserver "), NULL},
	{STR_INIT("nameserver "), "dns-lame-server"},
	{STR_INIT("reducing DNS packet size for nameserver "), NULL},
	{STR_INIT("using local addresses only for "), NULL},
	{STR_INIT("using only locally-known addresses for "), NULL},
	{STR_INIT("using standard nameservers for "), NULL},
	{STR_INIT("using "), NULL},
	{STR_INIT("more servers are defined but not logged"), NULL},
	{STR_INIT("cleared cache"), NULL},
	{STR_INIT("exiting on receipt of SIGTERM"), NULL},
	{STR_INIT("reading "), NULL},
	{STR_INIT("read "), NULL},
	{STR_INIT("failed to "), NULL},
	{STR_INIT("cannot "), NULL},
	{STR_INIT("bad "), NULL},
	{STR_INIT("warning: "), NULL},
	{STR_INIT("LOUD WARNING: "), NULL},
	{STR_INIT("time "), NULL},
	{STR_INIT("cache size "), NULL},
	{STR_INIT("pool memory "), NULL},
	{STR_INIT("queries forwarded "), NULL},
	{STR_INIT("queries for authoritative zones "), NULL},
	{STR_INIT("queries answered "), NULL},
	{STR_INIT("child processes for TCP requests"), NULL},
	{STR_INIT("DNSSEC "), NULL},
	{STR_INIT("server "), NULL},
	{STR_INIT("Host "), NULL},
	{STR_INIT("no servers found in "), NULL},
	{STR_INIT("no upstream servers configured"), NULL},
	{STR_INIT("listening on "), NULL},
	{STR_INIT("stopped listening on "), NULL},
	{STR_INIT("DNS service limited to "), NULL},
	{STR_INIT("DBus support enabled"), NULL},
	{STR_INIT("UBus support enabled"), NULL},
	{STR_INIT("connected to system "), NULL},
	{STR_INIT("setting upstream servers from DBus"), NULL},
	{STR_INIT("inotify"), NULL},
	{STR_INIT("overflow: "), NULL},
	{STR_INIT("FAILED to start up"), NULL},
	{STR_INIT("interface "), NULL},
	{STR_INIT("unknown interface "), NULL},
	{STR_INIT("Insecure DS reply received for "), NULL},
	{STR_INIT("configured with trust anchor for "), NULL},
	{STR_INIT("now checking DNSSEC signature timestamps"), NULL},
	{STR_INIT("system time considered valid"), NULL},
	{STR_INIT("Maximum number of concurrent DNS queries "), NULL},
	{STR_INIT("limit exceeded: "), NULL},
	{STR_INIT("validation of "), NULL},
	{STR_INIT("discarding DNS reply: "), NULL},
	{STR_INIT("ignoring zone transfer request from "), "dns-transfer"},
	{STR_INIT("ignoring query from non-local network "), "dns-query-denied"},
	{STR_INIT("not giving name "), NULL},
	{STR_INIT("Ignoring domain "), NULL},
	{STR_INIT("chown of PID file "), NULL},
	{STR_INIT("script process "), NULL},
	{STR_INIT("process is missing required capability "), NULL},
	{STR_INIT("TFTP "), NULL},
	{STR_INIT("sent "), NULL},
	{STR_INIT("unsupported request from "), NULL},
	{STR_INIT("file "), NULL},
	{STR_INIT("error "), NULL},
	{STR_INIT("Error "), NULL},
	{STR_INIT("dnsmasq: "), NULL},
	{STR_INIT("secure mode"), NULL},
	{STR_INIT("IPv6 router advertisement enabled"), NULL},
	{STR_INIT("nftset "), NULL},
	{STR_INIT("possible DNS-rebind attack detected: "), "dns-policy"},
};

/* TFTP: "sent /srv/tftp/pxelinux.0 to 192.0.2.7", "failed sending ..", "file /srv/tftp/start4.elf not found for 192.0.2.7" */
static bool tftp_fields(struct record *r, struct str s)
{
	bool sent = scan_lit(&s, "sent "), missing = !sent && scan_lit(&s, "file ");
	struct str ip = s, path;

	if (!sent && !missing && !scan_lit(&s, "failed sending "))
		return false;
	ip = s;
	if (!scan_until_last(&ip, missing ? STR(" not found for ") : STR(" to "), &path) || !dns_asker(r, ip, STR("")))
		return false;
	rec_str(r, F_NETWORK_PROTOCOL, STR("tftp"));
	rec_str(r, F_FILE_PATH, path);
	rec_outcome(r, sent ? "success" : "failure");
	if (missing)
		rec_str(r, F_EVENT_REASON, STR("not found"));
	return true;
}

/* What SIGUSR1 has it count, what it read and how it is set up. */
static const struct message_place counted_places[] = {
	AS_RAW('a', "queries_sent"),
	AS_RAW('b', "queries_retried"),
	AS_RAW('c', "queries_failed"),
	AS_RAW('d', "nxdomain_replies"),
	AS_RAW('e', "latency_ms"),
	AS_RAW('f', "queries_forwarded"),
	AS_RAW('l', "queries_local"),
	AS_RAW('i', "cache_insertions"),
	AS_RAW('k', "keytag"),
	AS_RAW('n', "count"),
	AS_STR('p', F_FILE_PATH),
	AS_RAW('r', "cache_reused"),
	AS_RAW('s', "cache_size"),
	AS_RAW('x', "packet_size"),
	AS_HOST('z', F_WEIR_DNS_ZONE),
	{0}};

static const char *const counted[] = {
	"cache size %s, %r/%i cache insertions re-used unexpired cache entries%*",
	"queries forwarded %f, queries answered locally %l",
	"queries answered from stale cache %n",
	"queries for authoritative zones %n",
	"server %*: queries sent %a, retried %b, failed %c, nxdomain replies %d, avg. latency %ems",
	"server %*: queries sent %a, retried or failed %c",
	"configured with trust anchor for %* keytag %k",
	"reducing DNS packet size for nameserver %* to %x",
	"using local addresses only for domain %z",
	"using only locally-known addresses for domain %z",
	"using only locally-known addresses for %z",
	"using standard nameservers for domain %z",
	"inotify, new or changed file %p",
	"read %p - %n addresses",
	"read %p - %n names",
	"reading %p",
	NULL,
};

static void counted_fields(struct record *r, struct str s)
{
	for (size_t i = 0; counted[i]; i++)
		if (counted[i][0] == s.p[0] && message_match(r, counted[i], s, counted_places))
			return;
}

/* "nftset inet fw vpn Error: No such file or directory" */
static void set_error(struct record *r, struct str s)
{
	struct str set;

	if (!scan_until_str(&s, STR(" Error: "), &set))
		return;
	rec_raw(r, "set", set);
	rec_str(r, F_ERROR_MESSAGE, s);
	rec_outcome(r, "failure");
}

/* "failed to load names from /etc/hosts: No such file or directory", "bad address at /etc/hosts line 5" */
static void failed_fields(struct record *r, struct str s)
{
	struct str head, path = s;

	rec_str(r, F_ERROR_MESSAGE, s);
	if (!scan_until_str(&path, STR(" /"), &head))
		return;
	path = str_n(path.p - 1, path.len + 1);
	if (scan_until_str(&path, STR(": "), &head) || scan_until_str(&path, STR(" line "), &head))
		rec_str(r, F_FILE_PATH, head);
}

/* "(max: 150)", a version, a name: what single lines hold. */
static void self_fields(struct record *r, struct str s)
{
	struct str t = s, word, head;

	if (tftp_fields(r, s))
		return;
	if (scan_lit(&t, "not giving name ")) {
		if (scan_word(&t, &word) && scan_lit(&t, " to the DHCP lease of ") && scan_word(&t, &head) && rec_ip(r, F_CLIENT_IP, head))
			rec_str(r, F_DHCP_HOSTNAME, word);
		rec_str(r, F_EVENT_REASON, s);
		return;
	}
	if (scan_lit(&t, "started, version ") && scan_word(&t, &word)) {
		rec_str(r, F_SERVICE_VERSION, word);
		if (scan_lit(&t, " cachesize "))
			rec_raw(r, "cache_size", t);
	} else if (scan_lit(&t, "Maximum number of concurrent DNS queries ")) {
		rec_str(r, F_EVENT_REASON, s);
		if (scan_lit(&t, "to ") && scan_word(&t, &word))
			upstream(r, word);
		if (scan_until_str(&t, STR("(max: "), &head) && scan_digits(&t, 9, &word))
			rec_raw(r, "limit", word);
	} else if (scan_lit(&t, "possible DNS-rebind attack detected: ")) {
		dns_question(r, t, STR(""), STR(""));
		rec_str(r, F_WEIR_DNS_POLICY, STR("stop-dns-rebind"));
		rec_str(r, F_EVENT_REASON, STR("possible DNS-rebind attack detected"));
	} else if (scan_lit(&t, "ignoring query from non-local network ") || scan_lit(&t, "ignoring zone transfer request from ")) {
		if (scan_word(&t, &word))
			dns_asker(r, word, STR(""));
		rec_outcome(r, "failure");
		rec_str(r, F_EVENT_REASON, str_starts(s, STR("ignoring q")) ? STR("non-local network") : STR("not allowed"));
	} else if (scan_lit(&t, "Insecure DS reply received for ") || scan_lit(&t, "validation of ")) {
		if (scan_word(&t, &word)) {
			if (word.len && word.p[word.len - 1] == ',')
				word.len--;
			dns_question(r, word, STR(""), STR(""));
		}
		rec_str(r, F_EVENT_REASON, s);
	} else if (scan_lit(&t, "nameserver ")) {
		rec_outcome(r, "failure");
		if (scan_word(&t, &word) && scan_ch(&t, ' ')) {
			rec_str(r, F_EVENT_REASON, t);
			rec_str(r, F_WEIR_DNS_RCODE_CAUSE, t);
		}
	} else if (str_starts(s, STR("failed to ")) || str_starts(s, STR("cannot ")) || str_starts(s, STR("bad "))) {
		failed_fields(r, s);
	} else if (scan_lit(&t, "nftset ")) {
		set_error(r, t);
	} else {
		counted_fields(r, s);
	}
	server_fields(r, s);
}

static enum format_result self_line(struct record *r, struct str s)
{
	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++) {
		if (s.p[0] != starts[i].lead.p[0] || !str_starts(s, starts[i].lead))
			continue;
		self_fields(r, s);
		if (starts[i].action)
			return done(r, starts[i].action, strcmp(starts[i].action, "dns-lame-server") == 0 ? "error" : "denied");
		dns_daemon_message(r);
		return FORMAT_MATCH;
	}
	return FORMAT_NO_MATCH;
}

static enum format_result dnsmasq_parse(struct record *r)
{
	struct record_mark mark;
	struct str s = r->text, t, type;
	enum format_result result = FORMAT_NO_MATCH;

	/* Of a container. */
	if (r->program.len == 0 && scan_tag(&s, STR("dnsmasq"), &t)) {
		rec_str(r, F_EVENT_PROVIDER, STR("dnsmasq"));
		rec_str(r, F_PROCESS_NAME, STR("dnsmasq"));
		if (t.len)
			rec_num(r, F_PROCESS_PID, t);
	}
	if (s.len == 0)
		return FORMAT_NO_MATCH;
	/* The other half's lines, which come under this name from old versions. */
	if (str_starts(s, STR("DHCP")) && s.len > 4 && s.p[4] != ' ')
		return FORMAT_NO_MATCH;
	rec_str(r, F_NETWORK_PROTOCOL, STR("dns"));
	if (ch_digit(s.p[0]) || str_starts(s, STR("UDP ")) || str_starts(s, STR("TCP ")))
		take_serial(r, &s);
	if (s.len == 0)
		return FORMAT_NO_MATCH;
	mark = rec_mark(r);
	t = s;
	switch (s.p[0]) {
	case 'q':
		if (scan_lit(&t, "query["))
			result = query(r, t);
		break;
	case 'a':
		/* For a zone of ours. */
		if (scan_lit(&t, "auth["))
			result = query(r, t);
		break;
	case 'f':
		if (scan_lit(&t, "forwarded "))
			result = forwarded(r, t, STR(""));
		break;
	case 'd':
		if ((scan_lit(&t, "dnssec-query[") || scan_lit(&t, "dnssec-retry[")) && scan_until_str(&t, STR("] "), &type))
			result = forwarded(r, t, type_text(r, type));
		break;
	case 'v':
		if (scan_lit(&t, "validation "))
			result = validation(r, t);
		break;
	case 'i':
		if (scan_lit(&t, "ipset add "))
			result = set_add(r, t);
		break;
	case 'n':
		if (scan_lit(&t, "nftset add "))
			result = set_add(r, t);
		break;
	default:
		break;
	}
	if (result == FORMAT_MATCH)
		return result;
	rec_reset(r, mark);
	if (answer_line(r, s) == FORMAT_MATCH)
		return FORMAT_MATCH;
	rec_reset(r, mark);
	return self_line(r, s);
}

static bool dnsmasq_shape(const struct record *r)
{
	struct str s = r->text, pid;

	return str_starts(s, STR("query[")) || (r->program.len == 0 && scan_tag(&s, STR("dnsmasq"), &pid));
}

static const char *const programs[] = {"dnsmasq", "dnsmasq-tftp", "dnsmasq-script", "pihole-FTL", NULL};

FORMAT(dnsmasq, .programs = programs, .service = STR_INIT("dnsmasq"), .dataset = STR_INIT("weir.dns"), .doc = "dnsmasq's DNS half, Pi-hole's FTL", .versions = "dnsmasq 2.80 to 2.91",
       .shape = dnsmasq_shape, .parse = dnsmasq_parse)
