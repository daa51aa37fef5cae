#include "parse/dnstap_int.h"

#include "base/utf8.h"
#include "event/names.h"
#include "parse/dnstap.h"

#include <stdlib.h>

enum { TRUSTED_AHEAD_S = 24 * 3600, NAME_MAX_BYTES = 255 };
static const uint64_t last_second = UINT64_C(3093527980799); /* +99999-12-31T23:59:59Z, the last that can be printed */

struct kind {
	struct str action, words;
	bool response;
	bool served; /* the reporting server was the one asked */
};

static const struct kind kinds[DNSTAP_TYPES] = {
	[DNSTAP_AUTH_QUERY] = {STR_INIT("dns-auth-query"), STR_INIT("auth query"), false, true},
	[DNSTAP_AUTH_RESPONSE] = {STR_INIT("dns-auth-response"), STR_INIT("auth response"), true, true},
	[DNSTAP_RESOLVER_QUERY] = {STR_INIT("dns-resolver-query"), STR_INIT("resolver query"), false, false},
	[DNSTAP_RESOLVER_RESPONSE] = {STR_INIT("dns-resolver-response"), STR_INIT("resolver response"), true, false},
	[DNSTAP_CLIENT_QUERY] = {STR_INIT("dns-client-query"), STR_INIT("client query"), false, true},
	[DNSTAP_CLIENT_RESPONSE] = {STR_INIT("dns-client-response"), STR_INIT("client response"), true, true},
	[DNSTAP_FORWARDER_QUERY] = {STR_INIT("dns-forwarder-query"), STR_INIT("forwarder query"), false, false},
	[DNSTAP_FORWARDER_RESPONSE] = {STR_INIT("dns-forwarder-response"), STR_INIT("forwarder response"), true, false},
	[DNSTAP_STUB_QUERY] = {STR_INIT("dns-stub-query"), STR_INIT("stub query"), false, false},
	[DNSTAP_STUB_RESPONSE] = {STR_INIT("dns-stub-response"), STR_INIT("stub response"), true, false},
	[DNSTAP_TOOL_QUERY] = {STR_INIT("dns-tool-query"), STR_INIT("tool query"), false, false},
	[DNSTAP_TOOL_RESPONSE] = {STR_INIT("dns-tool-response"), STR_INIT("tool response"), true, false},
	[DNSTAP_UPDATE_QUERY] = {STR_INIT("dns-update-query"), STR_INIT("update query"), false, true},
	[DNSTAP_UPDATE_RESPONSE] = {STR_INIT("dns-update-response"), STR_INIT("update response"), true, true},
};

/* One event being filled; it is fresh, so nothing needs to be looked for. */
struct fill {
	struct dnstap_decoder *d;
	struct event *ev;
	struct arena *a;
	const struct dnstap_from *from;
	struct dnstap tap;
	const struct kind *kind; /* NULL: unknown */
	struct dns_said said;
	bool answered; /* what it holds is of a response: its code means something */
	struct str error; /* the first one */
	struct str query_ip, response_ip; /* .p NULL: none */
	bool query_any; /* 0.0.0.0 or :: */
	struct ts query_time, response_time, claimed;
	bool has_query_time, has_response_time, has_claimed, distrusted;
};

struct dnstap_decoder *dnstap_decoder_new(void)
{
	static const char *const names[DK_KEYS] = {
#define KEY(id, name) [DK_##id] = name,
		DNSTAP_KEYS(KEY)
#undef KEY
	};
	struct dnstap_decoder *d = xzalloc(sizeof(*d));

	for (int i = 0; i < DK_KEYS; i++)
		d->key[i] = key_named(str_z(names[i]));
	buf_init(&d->text, DNSTAP_DATA);
	return d;
}

void dnstap_decoder_free(struct dnstap_decoder *d)
{
	if (!d)
		return;
	buf_release(&d->text);
	free(d);
}

static inline void put(const struct fill *f, struct map *m, enum dnstap_key k, struct value v)
{
	map_add(f->a, m, f->d->key[k], v);
}

static inline void put_str(const struct fill *f, struct map *m, enum dnstap_key k, struct str s)
{
	if (s.len)
		put(f, m, k, v_str(s));
}

static inline struct map *below(const struct fill *f, struct map *m, enum dnstap_key k, uint32_t cap)
{
	struct map *child = map_new_block(f->a, cap);

	put(f, m, k, v_map(child));
	return child;
}

static void wrong(struct fill *f, const char *why)
{
	if (!f->error.p)
		f->error = str_z(why);
}

/* ---- the envelope ---- */

static struct str address(struct fill *f, struct str bytes)
{
	char text[IP_TEXT];
	size_t n;

	if (!bytes.p)
		return bytes;
	n = dns_ip_text(bytes, text);
	if (n == 0) {
		wrong(f, "an address that has neither 4 nor 16 bytes");
		return (struct str){0};
	}
	return arena_dup(f->a, str_n(text, n));
}

/* What servers write that do not know which of their addresses was used. */
static bool unspecified(struct str bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		if (bytes.p[i])
			return false;
	return true;
}

static bool read_time(struct fill *f, bool there, uint64_t s, uint32_t ns, struct ts *out)
{
	if (!there)
		return false;
	if (s > last_second || ns > 999999999) {
		wrong(f, "a time that does not exist");
		f->distrusted = true;
		return false;
	}
	*out = (struct ts){(int64_t)s, ns};
	return true;
}

static void read_envelope(struct fill *f)
{
	struct dnstap *t = &f->tap;
	const char *why = NULL;

	if (t->has & DNSTAP_HAS_MESSAGE && t->type < DNSTAP_TYPES)
		f->kind = kinds[t->type].action.p ? &kinds[t->type] : NULL;
	if (!(t->has & DNSTAP_HAS_MESSAGE))
		why = "a dnstap frame without a message";
	else if (t->kind != 1)
		why = "a dnstap frame of unknown kind";
	else if (!f->kind)
		why = "a dnstap message of unknown type";
	else if (t->query_port > 65535 || t->response_port > 65535)
		why = "a port above 65535";
	if (why)
		wrong(f, why);
	f->query_ip = address(f, t->query_address);
	f->response_ip = address(f, t->response_address);
	f->query_any = unspecified(t->query_address);
	f->has_query_time = read_time(f, t->has & DNSTAP_HAS_QUERY_TIME, t->query_s, t->query_ns, &f->query_time);
	f->has_response_time = read_time(f, t->has & DNSTAP_HAS_RESPONSE_TIME, t->response_s, t->response_ns, &f->response_time);
}

/* The message of the event's own direction, or the only one there is. */
static void read_message(struct fill *f)
{
	unsigned has = f->tap.has & (DNSTAP_HAS_QUERY | DNSTAP_HAS_RESPONSE);
	bool response = f->kind && f->kind->response;

	if (has == 0)
		return;
	f->answered = has == DNSTAP_HAS_RESPONSE || (response && has & DNSTAP_HAS_RESPONSE);
	dnstap_read_dns(f->d, f->a, f->answered ? f->tap.response : f->tap.query, &f->said);
	if (f->said.error)
		wrong(f, f->said.error);
}

/* ---- fields ---- */

static struct ts event_time(struct fill *f)
{
	struct ts now = ts_from_ns(f->from->received_ns), t;
	bool response = f->kind && f->kind->response;

	if (f->has_response_time && (response || !f->has_query_time))
		t = f->response_time;
	else if (f->has_query_time)
		t = f->query_time;
	else
		return now;
	if (t.s - now.s <= TRUSTED_AHEAD_S)
		return t;
	f->has_claimed = f->distrusted = true;
	f->claimed = t;
	return now;
}

/* Nanoseconds from the query to its response; -1: not known, or the wrong way round. */
static int64_t duration(const struct fill *f)
{
	int64_t ns;

	if (!f->has_query_time || !f->has_response_time || ts_cmp(f->response_time, f->query_time) < 0)
		return -1;
	if (__builtin_mul_overflow(f->response_time.s - f->query_time.s, INT64_C(1000000000), &ns) ||
	    __builtin_add_overflow(ns, (int64_t)f->response_time.ns - f->query_time.ns, &ns))
		return -1;
	return ns;
}

static struct value list_of(const struct fill *f, struct str a, struct str b)
{
	struct list *l = list_new(f->a, 2);

	list_push(f->a, l, v_str(a));
	if (b.len)
		list_push(f->a, l, v_str(b));
	return v_list(l);
}

/* A text that the server was configured with: any bytes. */
static struct str plain_text(const struct fill *f, struct str s)
{
	if (s.len > NAME_MAX_BYTES)
		s.len = NAME_MAX_BYTES;
	return arena_dup(f->a, utf8_valid(s) ? s : utf8_scrub(f->a, s));
}

/* "PowerDNS Recursor"'s "pdns-recursor 4.8.8", BIND's "BIND 9.18.49": the program stands before the blank. */
static void fill_event(const struct fill *f, int64_t ns)
{
	struct map *root = &f->ev->root, *m = below(f, root, DK_EVENT, 12);
	struct str version = plain_text(f, f->tap.version), program = version, head;

	put(f, m, DK_KIND, v_lit("event"));
	put(f, m, DK_CATEGORY, list_of(f, STR("network"), (struct str){0}));
	put(f, m, DK_TYPE, list_of(f, STR("protocol"), STR("info")));
	if (f->kind)
		put(f, m, DK_ACTION, v_str(f->kind->action));
	put(f, m, DK_MODULE, v_lit("dnstap"));
	put(f, m, DK_DATASET, v_lit("weir.dns"));
	if (str_cut(&program, ' ', &head))
		program = head;
	put_str(f, m, DK_PROVIDER, program);
	if (ns >= 0) {
		put(f, m, DK_START, v_time(f->query_time));
		put(f, m, DK_END, v_time(f->response_time));
		put(f, m, DK_DURATION, v_int(ns));
	}
	if (version.len)
		put_str(f, below(f, root, DK_SERVICE, 4), DK_VERSION, version);
}

static void fill_host(const struct fill *f)
{
	struct map *root = &f->ev->root;
	struct str name = plain_text(f, f->tap.identity);

	put(f, below(f, root, DK_HOST, 4), DK_NAME, v_str(name.len ? name : f->from->host));
	if (f->from->sender.len)
		put_str(f, below(f, below(f, root, DK_LOG, 4), DK_SOURCE, 4), DK_ADDRESS, f->from->sender);
}

static void fill_network(const struct fill *f)
{
	static const struct {
		struct str transport, application;
	} protocols[DNSTAP_PROTOCOLS] = {
		[DNSTAP_UDP] = {STR_INIT("udp"), {0}},
		[DNSTAP_TCP] = {STR_INIT("tcp"), {0}},
		[DNSTAP_DOT] = {STR_INIT("tcp"), STR_INIT("dot")},
		[DNSTAP_DOH] = {STR_INIT("tcp"), STR_INIT("doh")},
		[DNSTAP_CRYPT_UDP] = {STR_INIT("udp"), STR_INIT("dnscrypt")},
		[DNSTAP_CRYPT_TCP] = {STR_INIT("tcp"), STR_INIT("dnscrypt")},
		[DNSTAP_DOQ] = {STR_INIT("udp"), STR_INIT("doq")},
	};
	const struct dnstap *t = &f->tap;
	struct map *m = below(f, &f->ev->root, DK_NETWORK, 4);
	size_t n = f->response_ip.p ? t->response_address.len : f->query_ip.p ? t->query_address.len : 0;

	put(f, m, DK_PROTOCOL, v_lit("dns"));
	if (t->protocol < DNSTAP_PROTOCOLS) {
		bool http3 = t->protocol == DNSTAP_DOH && t->http == 3;

		put_str(f, m, DK_TRANSPORT, http3 ? STR("udp") : protocols[t->protocol].transport);
		put_str(f, m, DK_APPLICATION, protocols[t->protocol].application);
	}
	/* A socket of both families calls IPv4 clients by mapped addresses: what the address shows counts. */
	if (t->family == 1 || n == 4 || (n == 16 && str_chr(f->response_ip.p ? f->response_ip : f->query_ip, ':') < 0))
		put(f, m, DK_TYPE, v_lit("ipv4"));
	else if (t->family == 2 || n == 16)
		put(f, m, DK_TYPE, v_lit("ipv6"));
}

static struct list *header_flags(const struct fill *f)
{
	static const struct {
		uint16_t bit;
		struct str name;
	} flags[] = {{DNS_AA, STR_INIT("AA")}, {DNS_TC, STR_INIT("TC")}, {DNS_RD, STR_INIT("RD")},
		     {DNS_RA, STR_INIT("RA")}, {DNS_AD, STR_INIT("AD")}, {DNS_CD, STR_INIT("CD")}};
	struct list *l = list_new(f->a, 4);

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (f->said.flags & flags[i].bit)
			list_push(f->a, l, v_str(flags[i].name));
	if (f->said.dnssec_ok)
		list_push(f->a, l, v_lit("DO"));
	return l;
}

static struct str number_text(const struct fill *f, unsigned v)
{
	struct buf *b = &f->d->text;

	buf_clear(b);
	buf_u64(b, v);
	return arena_dup(f->a, buf_slice(b));
}

static void fill_dns(const struct fill *f, struct str rcode)
{
	const struct dns_said *s = &f->said;
	struct list *flags;
	struct map *m, *q;

	if (!f->kind && !s->there)
		return;
	m = below(f, &f->ev->root, DK_DNS, 8);
	if (f->kind)
		put(f, m, DK_TYPE, f->kind->response ? v_lit("answer") : v_lit("query"));
	if (!s->there)
		return;
	put(f, m, DK_ID, v_str(number_text(f, s->id)));
	put(f, m, DK_OP_CODE, v_str(dns_opcode_name(f->a, s->flags >> 11 & 15)));
	flags = header_flags(f);
	if (flags->n)
		put(f, m, DK_HEADER_FLAGS, v_list(flags));
	if (s->qname.p) {
		q = below(f, m, DK_QUESTION, 4);
		put(f, q, DK_NAME, v_str(s->qname));
		put(f, q, DK_TYPE, v_str(s->qtype));
		put(f, q, DK_CLASS, v_str(s->qclass));
	}
	put_str(f, m, DK_RESPONSE_CODE, rcode);
	if (s->answers)
		put(f, m, DK_ANSWERS, v_list(s->answers));
	if (s->resolved)
		put(f, m, DK_RESOLVED_IP, v_list(s->resolved));
}

static void endpoint(const struct fill *f, enum dnstap_key k, struct str ip, bool has_port, uint64_t port)
{
	struct map *m;

	has_port &= port <= 65535;
	if (!ip.p && !has_port)
		return;
	m = below(f, &f->ev->root, k, 4);
	put_str(f, m, DK_IP, ip);
	if (has_port)
		put(f, m, DK_PORT, v_int((int64_t)port));
}

static void fill_ends(const struct fill *f)
{
	const struct dnstap *t = &f->tap;
	struct str asker = f->query_any ? (struct str){0} : f->query_ip;
	struct map *related;
	struct list *ips = NULL;

	endpoint(f, DK_SOURCE, asker, t->has & DNSTAP_HAS_QUERY_PORT, t->query_port);
	endpoint(f, DK_DESTINATION, f->response_ip, t->has & DNSTAP_HAS_RESPONSE_PORT, t->response_port);
	if (f->kind && f->kind->served && asker.p)
		endpoint(f, DK_CLIENT, asker, t->has & DNSTAP_HAS_QUERY_PORT, t->query_port);
	if (asker.p)
		dnstap_add_once(f->a, &ips, asker);
	if (f->response_ip.p)
		dnstap_add_once(f->a, &ips, f->response_ip);
	for (uint32_t i = 0; f->said.resolved && i < f->said.resolved->n; i++)
		dnstap_add_once(f->a, &ips, value_str(&f->said.resolved->v[i]));
	if (!ips && !f->said.qname.p)
		return;
	related = below(f, &f->ev->root, DK_RELATED, 4);
	if (ips)
		put(f, related, DK_IP, v_list(ips));
	if (f->said.qname.p && !str_eq(f->said.qname, STR(".")))
		put(f, related, DK_HOSTS, list_of(f, f->said.qname, (struct str){0}));
}

/* A rule is the owner name of a record in a policy zone, on the wire. */
static struct str policy(struct fill *f)
{
	struct str name = {0};

	if (f->tap.policy_rule.len)
		name = dnstap_wire_name(f->d, f->a, f->tap.policy_rule);
	return name.len ? name : plain_text(f, f->tap.policy_type);
}

static void fill_weir_dns(struct fill *f, struct map *weir, int64_t ns)
{
	const struct dns_said *s = &f->said;
	struct map *m = map_new_block(f->a, 12);
	struct str zone = {0};

	if (f->tap.has & DNSTAP_HAS_ZONE) {
		zone = dnstap_wire_name(f->d, f->a, f->tap.zone);
		if (!zone.p)
			wrong(f, "a zone that is no DNS name");
	}
	if (s->authority)
		put(f, m, DK_AUTHORITY, v_list(s->authority));
	if (s->authorities)
		put(f, m, DK_AUTHORITIES, v_list(s->authorities));
	if (s->additionals)
		put(f, m, DK_ADDITIONALS, v_list(s->additionals));
	put_str(f, m, DK_ZONE, zone);
	if (ns >= 0)
		put(f, m, DK_LATENCY_MS, v_float((double)ns / 1e6));
	put_str(f, m, DK_SUBNET, s->subnet);
	put_str(f, m, DK_POLICY, policy(f));
	put_str(f, m, DK_RCODE_CAUSE, s->cause);
	if ((f->tap.type == DNSTAP_FORWARDER_QUERY || f->tap.type == DNSTAP_FORWARDER_RESPONSE) && f->response_ip.p)
		put_str(f, m, DK_FORWARDER, f->response_ip);
	if (m->n)
		put(f, weir, DK_DNS, v_map(m));
}

/* client query 198.51.100.25#45822 145.111.137.185.in-addr.arpa IN PTR id 54815 */
static struct str message(const struct fill *f, struct str rcode)
{
	const struct dns_said *s = &f->said;
	const struct dnstap *t = &f->tap;
	struct buf *b = &f->d->text;
	/* Who is at the other end. */
	bool served = !f->kind || f->kind->served;
	struct str ip = served ? f->query_ip : f->response_ip;

	buf_clear(b);
	buf_str(b, f->kind ? f->kind->words : STR("dnstap"));
	if (ip.p) {
		buf_ch(b, ' ');
		buf_str(b, ip);
		if (t->has & (served ? DNSTAP_HAS_QUERY_PORT : DNSTAP_HAS_RESPONSE_PORT)) {
			buf_ch(b, '#');
			buf_u64(b, served ? t->query_port : t->response_port);
		}
	}
	if (s->qname.p) {
		buf_ch(b, ' ');
		buf_str(b, s->qname);
		buf_ch(b, ' ');
		buf_str(b, s->qclass);
		buf_ch(b, ' ');
		buf_str(b, s->qtype);
	}
	if (s->there) {
		buf_lit(b, " id ");
		buf_u64(b, s->id);
	}
	if (rcode.len) {
		buf_ch(b, ' ');
		buf_str(b, rcode);
		buf_lit(b, ", ");
		buf_u64(b, s->count[DNS_ANSWER]);
		buf_str(b, s->count[DNS_ANSWER] == 1 ? STR(" answer") : STR(" answers"));
	}
	if (f->error.p) {
		buf_lit(b, ", malformed: ");
		buf_str(b, f->error);
	}
	return arena_dup(f->a, buf_slice(b));
}

static void fill_parse(struct fill *f, struct map *weir)
{
	struct map *m = below(f, weir, DK_PARSE, 4);

	put(f, m, DK_FORMAT, v_lit("dnstap"));
	put(f, m, DK_OK, v_bool(!f->error.p));
	put_str(f, m, DK_ERROR, f->error);
	if (f->has_claimed)
		put(f, m, DK_CLAIMED_TIME, v_time(f->claimed));
}

unsigned dnstap_decode(struct dnstap_decoder *d, struct event *ev, struct str frame, const struct dnstap_from *from)
{
	struct fill f = {.d = d, .ev = ev, .a = ev->arena, .from = from};
	const char *why = dnstap_read(frame, &f.tap);
	struct map *weir, *root = &ev->root;
	struct str rcode = {0};
	int64_t ns;

	if (why)
		wrong(&f, why);
	read_envelope(&f);
	read_message(&f);
	ns = duration(&f);
	if (f.said.there && f.answered)
		rcode = dns_rcode_name(f.a, f.said.rcode);

	map_init(f.a, root, 16);
	put(&f, root, DK_TIMESTAMP, v_time(event_time(&f)));
	put(&f, root, DK_AT_VERSION, v_lit("1"));
	put(&f, root, DK_MESSAGE, v_lit(""));
	fill_event(&f, ns);
	fill_host(&f);
	fill_network(&f);
	fill_dns(&f, rcode);
	fill_ends(&f);
	weir = below(&f, root, DK_WEIR, 4);
	fill_weir_dns(&f, weir, ns);
	fill_parse(&f, weir);
	/* Last: all that is wrong is known by now. */
	map_set(f.a, root, d->key[DK_MESSAGE], v_str(message(&f, rcode)));
	if (f.error.p)
		event_tag(ev, STR("_dnstapparsefailure"));
	if (f.said.cut)
		event_tag(ev, STR("_dns_records_cut"));
	if (f.distrusted)
		event_tag(ev, STR("_time_not_trusted"));
	return (f.error.p ? DNSTAP_MALFORMED : 0) | (f.said.cut ? DNSTAP_CUT : 0);
}
