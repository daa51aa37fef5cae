/*
 * netflow.c - the codec `netflow`: flow records of NetFlow version 5 and 9 (RFC 3954) and of IPFIX (RFC 7011). It only reads.
 *
 *	v5     | 5 | count | uptime | seconds | nanoseconds | sequence | engine, sampling | count * 48 bytes
 *	v9     | 9 | count | uptime | seconds | sequence | source |  sets: | 0: templates, 1: options, 256..: data | length | ...
 *	IPFIX  | 10 | length | seconds | sequence | domain |         sets: | 2: templates, 3: options, 256..: data | length | ...
 *
 * A datagram is checked as a whole first: one that is malformed gives nothing. Each record is an event. Data whose template has not
 * come, or names a field that the tables do not have, give none, as in Logstash; both are logged, and counted as lines that became
 * no event.
 *
 * Templates belong to the sender (address and port) and its source id. Of those the state of a socket keeps TEMPLATES_MAX, the one
 * that came longest ago goes first, with a warning, and none is kept longer than cache_ttl. Work thread.
 */
#include "base/ip.h"
#include "base/log.h"
#include "base/utf8.h"
#include "codec/netflow_fields.h"
#include "event/from_map.h"
#include "event/ruby_number.h"
#include "pipeline/plugin.h"

#include <netinet/in.h>
#include <stdlib.h>

enum {
	TEMPLATES_MAX = 1024,
	FIELDS_MAX = 1000, /* of a template */
	V5_HEADER = 24,
	V5_RECORD = 48,
	V9_HEADER = 20,
	IPFIX_HEADER = 16,
};

static const int64_t ntp_1900 = 2208988800; /* seconds from 1900 to 1970 */

struct netflow {
	int64_t cache_ttl;
	struct str target, cache_save_path, netflow_definitions, ipfix_definitions;
	bool include_flowset_id;
	const struct list *versions;
};

struct slot {
	struct str name; /* .p NULL: read and left out */
	char *owned;	 /* the name, where it was made */
	uint8_t kind;
	uint16_t size;	 /* NETFLOW_VARIABLE: the record says */
};

struct template_key {
	struct ip ip;
	uint32_t source;
	uint16_t port, id;
	uint32_t version;
};

struct template {
	struct template_key key;
	int64_t until_ns;
	size_t bytes; /* of a record, at least */
	unsigned n;
	struct slot slot[];
};

struct netflow_state {
	struct template **template; /* oldest first */
	unsigned ntemplates;
	/* The datagram under way. */
	struct str rest;  /* sets, or records of version 5 */
	struct str set;	  /* records of one set */
	const struct template *now;
	unsigned version, set_id;
	struct str head;
	struct template_key from;
};

/* ---- bytes ---- */

static unsigned u16(struct str s, size_t at)
{
	const unsigned char *p = (const unsigned char *)s.p + at;

	return (unsigned)p[0] << 8 | p[1];
}

static uint64_t number(struct str s)
{
	uint64_t v = 0;

	for (size_t i = 0; i < s.len; i++)
		v = v << 8 | (unsigned char)s.p[i];
	return v;
}

static uint32_t u32(struct str s, size_t at)
{
	return (uint32_t)number(str_sub(s, at, 4));
}

/* ---- templates ---- */

static void template_free(struct template *t)
{
	for (unsigned i = 0; t && i < t->n; i++)
		free(t->slot[i].owned);
	free(t);
}

static void forget(struct netflow_state *s, unsigned at)
{
	template_free(s->template[at]);
	memmove(&s->template[at], &s->template[at + 1], (--s->ntemplates - at) * sizeof(struct template *));
}

static bool key_eq_template(const struct template_key *a, const struct template_key *b)
{
	return ip_eq(&a->ip, &b->ip) && a->source == b->source && a->port == b->port && a->id == b->id && a->version == b->version;
}

static const struct template *find_template(struct netflow_state *s, unsigned id, int64_t now_ns)
{
	struct template_key key = s->from;

	key.id = (uint16_t)id;
	for (unsigned i = 0; i < s->ntemplates; i++) {
		if (!key_eq_template(&s->template[i]->key, &key))
			continue;
		if (s->template[i]->until_ns >= now_ns)
			return s->template[i];
		forget(s, i);
		break;
	}
	return NULL;
}

/* Takes t. */
static void keep_template(struct netflow_state *s, struct template *t)
{
	if (!s->template)
		s->template = xmalloc(TEMPLATES_MAX * sizeof(struct template *));
	for (unsigned i = 0; i < s->ntemplates; i++) {
		if (key_eq_template(&s->template[i]->key, &t->key)) {
			forget(s, i);
			break;
		}
	}
	if (s->ntemplates == TEMPLATES_MAX) {
		log_warn("codec", "netflow: more than %d templates: the oldest is forgotten", TEMPLATES_MAX);
		forget(s, 0);
	}
	s->template[s->ntemplates++] = t;
}

/* "octetDeltaCount" -> "reverseOctetDeltaCount" */
static void reverse_name(struct slot *slot, const char *name)
{
	size_t n = strlen(name);

	slot->owned = xmalloc(n + 8);
	memcpy(slot->owned, "reverse", 7);
	memcpy(slot->owned + 7, name, n + 1);
	if (n && name[0] >= 'a' && name[0] <= 'z')
		slot->owned[7] = (char)(name[0] - 32);
	slot->name = str_n(slot->owned, n + 7);
}

static bool slot_fill(struct slot *slot, bool ipfix, unsigned enterprise, unsigned id, unsigned length)
{
	const struct netflow_field *f = ipfix ? netflow_field_ipfix(id) : netflow_field_v9(id);
	int size;

	*slot = (struct slot){0};
	if (!f || (enterprise && enterprise != NETFLOW_REVERSE)) {
		log_warn("codec", "netflow: field %u of enterprise %u is unknown: its template is not used", id, enterprise);
		return false;
	}
	slot->kind = f->kind;
	if (ipfix && length == NETFLOW_VARIABLE && (f->kind == NF_TEXT || f->kind == NF_SKIP))
		size = NETFLOW_VARIABLE;
	else
		size = netflow_size(f->kind, length, ipfix);
	if (size < 0) {
		log_warn("codec", "netflow: field %u has a length of %u: its template is not used", id, length);
		return false;
	}
	slot->size = (uint16_t)size;
	if (f->kind == NF_SKIP)
		return true;
	slot->name = str_z(f->name);
	if (enterprise)
		reverse_name(slot, f->name);
	return true;
}

static struct template *template_new(const struct netflow *nf, const struct netflow_state *s, unsigned id, unsigned n, const struct decode_ctx *ctx)
{
	struct template *t = xzalloc(sizeof(*t) + n * sizeof(t->slot[0]));

	t->key = s->from;
	t->key.id = (uint16_t)id;
	t->until_ns = ctx->now_ns + (nf->cache_ttl < 1000000000 ? nf->cache_ttl : 1000000000) * 1000000000;
	return t;
}

static void slot_done(struct template *t)
{
	const struct slot *slot = &t->slot[t->n++];

	t->bytes += slot->size == NETFLOW_VARIABLE ? 1 : slot->size;
}

/* One field of a template at the front of *s. Scope fields of version 9 have names of their own. */
static bool take_field(struct template *t, struct str *s, bool ipfix, bool scope)
{
	static const char *const scopes[] = {"scope_system", "scope_interface", "scope_line_card", "scope_netflow_cache", "scope_template"};
	unsigned id = u16(*s, 0), length = u16(*s, 2), enterprise = 0;

	*s = str_from(*s, 4);
	if (ipfix && id & 0x8000) {
		enterprise = u32(*s, 0);
		*s = str_from(*s, 4);
		id &= 0x7fff;
	}
	if (!ipfix && length == 0)
		return true;
	if (ipfix || !scope) {
		if (!slot_fill(&t->slot[t->n], ipfix, enterprise, id, length))
			return false;
	} else {
		if (length > 8)
			return false;
		t->slot[t->n] = (struct slot){.kind = NF_UINT, .size = (uint16_t)length};
		if (id >= 1 && id <= 5)
			t->slot[t->n].name = str_z(scopes[id - 1]);
	}
	slot_done(t);
	return true;
}

/* The length of one template at the front of s, or 0 where it is cut off or malformed. fields: how many; scope: of these. */
static size_t template_length(struct str s, unsigned version, bool options, unsigned *fields, unsigned *scope)
{
	size_t at = options ? 6 : 4;

	if (s.len < at)
		return 0;
	*scope = 0;
	*fields = u16(s, 2);
	if (options && version == 9) {
		*scope = u16(s, 2) / 4;
		*fields = *scope + u16(s, 4) / 4;
		if (!u16(s, 2) || !u16(s, 4))
			return 0;
	} else if (options) {
		*scope = u16(s, 4);
		if (*scope == 0 || *scope > *fields)
			return 0;
	}
	for (unsigned i = 0; i < *fields; i++) {
		if (s.len - at < 4)
			return 0;
		at += version == 10 && u16(s, at) & 0x8000 ? 8 : 4;
		if (at > s.len)
			return 0;
	}
	return at;
}

/* Templates of one set: checks only (nf NULL), or keeps them. */
static bool read_templates(const struct netflow *nf, struct netflow_state *s, struct str set, bool options, const struct decode_ctx *ctx)
{
	bool ipfix = s->version == 10;

	/* What is left of fewer bytes than a template's head is padding. */
	while (set.len > (ipfix ? 2 : options ? 3 : 0)) {
		unsigned fields, scope;
		size_t length = template_length(set, s->version, options, &fields, &scope);
		struct str one = str_sub(set, 0, length);
		struct template *t;
		bool ok = true;

		if (!length)
			return false;
		set = options && !ipfix ? STR("") : str_from(set, length);
		if (!nf)
			continue;
		if (fields > FIELDS_MAX) {
			log_warn("codec", "netflow: a template of more than %d fields is not used", FIELDS_MAX);
			continue;
		}
		t = template_new(nf, s, u16(one, 0), fields, ctx);
		one = str_from(one, options ? 6 : 4);
		for (unsigned i = 0; ok && i < fields; i++)
			ok = take_field(t, &one, ipfix, i < scope);
		if (ok)
			keep_template(s, t);
		else
			template_free(t);
	}
	return true;
}

/* ---- a datagram ---- */

static bool is_templates(unsigned version, unsigned id)
{
	return version == 9 ? id <= 1 : id == 2 || id == 3;
}

/* The next set of *rest: its number and content. false: malformed. */
static bool take_set(unsigned version, struct str *rest, unsigned *id, struct str *set)
{
	unsigned length;

	if (rest->len < 4)
		return false;
	*id = u16(*rest, 0);
	length = u16(*rest, 2);
	if (length <= 4 || length > rest->len || (*id < 256 && !is_templates(version, *id)))
		return false;
	*set = str_sub(*rest, 4, length - 4);
	*rest = str_from(*rest, length);
	return true;
}

static bool sets_valid(struct netflow_state *s)
{
	struct str rest = s->rest, set;
	unsigned id;

	while (rest.len) {
		if (!take_set(s->version, &rest, &id, &set))
			return false;
		if (is_templates(s->version, id) && !read_templates(NULL, s, set, id & 1, NULL))
			return false;
	}
	return true;
}

/* false: malformed. */
static bool begin(struct netflow_state *s, struct str d)
{
	unsigned n;

	s->head = d;
	switch (s->version) {
	case 5:
		if (d.len < V5_HEADER)
			return false;
		n = u16(d, 2);
		s->rest = str_sub(d, V5_HEADER, n * V5_RECORD);
		return n >= 1 && n <= 30 && s->rest.len == n * V5_RECORD;
	case 9:
		if (d.len < V9_HEADER)
			return false;
		s->rest = str_from(d, V9_HEADER);
		s->from.source = u32(d, 16);
		break;
	default:
		if (d.len < IPFIX_HEADER || u16(d, 2) < IPFIX_HEADER || u16(d, 2) > d.len)
			return false;
		s->rest = str_sub(d, IPFIX_HEADER, u16(d, 2) - IPFIX_HEADER);
		s->from.source = u32(d, 12);
		break;
	}
	return sets_valid(s);
}

static bool accepts(const struct netflow *nf, unsigned version)
{
	for (uint32_t i = 0; nf->versions && i < nf->versions->n; i++)
		if (nf->versions->v[i].type == V_INT && nf->versions->v[i].i == version)
			return version == 5 || version == 9 || version == 10;
	return false;
}

static void sender(struct template_key *key, const struct sockaddr_storage *peer)
{
	*key = (struct template_key){0};
	if (!peer)
		return;
	if (peer->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)peer;

		key->ip = ip_v4(&in->sin_addr);
		key->port = in->sin_port;
	} else if (peer->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)peer;

		memcpy(key->ip.b, &in6->sin6_addr, 16);
		key->port = in6->sin6_port;
	}
}

static void netflow_feed(void *self, void *state, struct str frame, const struct decode_ctx *ctx)
{
	struct netflow_state *s = state;

	s->rest = s->set = (struct str){0};
	s->now = NULL;
	s->version = frame.len < 2 ? 0 : u16(frame, 0);
	sender(&s->from, ctx->peer);
	s->from.version = s->version;
	if (!accepts(self, s->version)) {
		log_warn("codec", "netflow: a datagram of version %u is left out", s->version);
	} else if (!begin(s, frame)) {
		log_warn("codec", "netflow: a malformed datagram of version %u is left out", s->version);
		s->rest = (struct str){0};
	}
}

/* ---- values ---- */

static struct value uint_value(struct arena *a, struct str s)
{
	uint64_t v = number(s);

	return v <= INT64_MAX ? v_int((int64_t)v) : ruby_int_value(a, arena_printf(a, "%llu", (unsigned long long)v), false);
}

static struct value iso(struct arena *a, struct ts t)
{
	char text[TS_TEXT_MAX];

	return v_str(arena_dup(a, str_n(text, ts_format(t, text))));
}

static struct value hex(struct arena *a, struct str s, size_t part, char between)
{
	static const char digit[] = "0123456789abcdef";
	char *out = arena_bytes(a, s.len * 3 + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (i && i % part == 0)
			out[n++] = between;
		out[n++] = digit[(unsigned char)s.p[i] >> 4];
		out[n++] = digit[s.p[i] & 15];
	}
	return v_str(str_n(out, n));
}

static struct value address(struct arena *a, struct str s)
{
	char text[IP_TEXT];
	struct ip ip;

	if (s.len == 4)
		ip = ip_v4(s.p);
	else
		memcpy(ip.b, s.p, 16);
	return v_str(arena_dup(a, str_n(text, ip_format(&ip, text))));
}

static struct value pair(struct arena *a, const char *const names[], const unsigned v[], unsigned n)
{
	struct map *m = map_new(a, n);

	for (unsigned i = 0; i < n; i++)
		map_set(a, m, key_make(str_z(names[i])), v_int(v[i]));
	return v_map(m);
}

static struct value double_value(struct str s)
{
	uint64_t bits = number(s);
	double d;

	memcpy(&d, &bits, sizeof(d));
	return v_float(d);
}

static struct value slot_value(struct arena *a, enum netflow_kind kind, struct str s)
{
	static const char *const forwarding[] = {"status", "reason"};
	static const char *const label[] = {"label", "experimental", "bottom_of_stack", "ttl"};
	unsigned v[4];

	switch (kind) {
	case NF_IP4:
	case NF_IP6:
		return address(a, s);
	case NF_MAC:
		return hex(a, s, 1, ':');
	case NF_ACL:
		return hex(a, s, 4, '-');
	case NF_TEXT:
		while (s.len && !s.p[s.len - 1])
			s.len--;
		return v_str(utf8_scrub(a, arena_dup(a, s)));
	case NF_DOUBLE:
		return double_value(s);
	case NF_FORWARDING:
		v[0] = (unsigned char)s.p[0] >> 6;
		v[1] = s.p[0] & 63;
		return pair(a, forwarding, v, 2);
	case NF_LABELS:
		v[0] = u32(s, 0) >> 12;
		v[1] = u32(s, 0) >> 9 & 7;
		v[2] = u32(s, 0) >> 8 & 1;
		v[3] = u32(s, 0) & 255;
		return pair(a, label, v, 4);
	case NF_APPLICATION:
		return v_str(arena_printf(a, "%u:%llu", (unsigned char)s.p[0], (unsigned long long)number(str_from(s, 1))));
	default:
		return uint_value(a, s);
	}
}

/* ---- times ---- */

/* The device's uptime in milliseconds at some time, as wall clock; base: when the device was at `uptime`. */
static struct value switched(struct arena *a, int64_t base_ns, uint32_t uptime, uint64_t at)
{
	return iso(a, ts_from_ns(base_ns - ((int64_t)uptime - (int64_t)at) * 1000000));
}

/* IPFIX's times that are text in the event: flowStartSeconds, flowEndNanoseconds ... */
static bool flow_time(struct arena *a, struct str name, uint64_t v, struct value *out)
{
	struct ts t = {0};

	if (str_starts(name, STR("flowStart")))
		name = str_from(name, 9);
	else if (str_starts(name, STR("flowEnd")))
		name = str_from(name, 7);
	else
		return false;
	if (str_eq(name, STR("Seconds"))) {
		t.s = (int64_t)(v & UINT32_MAX);
	} else if (str_eq(name, STR("Milliseconds"))) {
		t = (struct ts){(int64_t)(v / 1000), (uint32_t)(v % 1000) * 1000000};
		/* Beyond what a time can show it is a number. */
		if (t.s > 253402300799)
			return false;
	} else if (str_eq(name, STR("Microseconds")) || str_eq(name, STR("Nanoseconds"))) {
		/* NTP's form: seconds since 1900 and a fraction of 2^32. */
		t.s = (int64_t)(v >> 32) - ntp_1900;
		t.ns = (uint32_t)((v & UINT32_MAX) * 1000000 >> 32) * 1000;
	} else {
		return false;
	}
	*out = iso(a, t);
	return true;
}

/* ---- records ---- */

static void put(struct arena *a, struct map *m, const char *name, struct value v)
{
	map_set(a, m, key_make(str_z(name)), v);
}

static int finish(const struct netflow *nf, struct event *ev, struct map *m, struct ts at)
{
	struct map *root = map_new(ev->arena, 4);

	map_set(ev->arena, root, key_make(nf->target), v_map(m));
	return event_from_map(ev, root, at) == 0;
}

static int next_v5(const struct netflow *nf, struct netflow_state *s, struct event *ev)
{
	static const struct {
		const char *name;
		uint8_t at, size, kind;
	} columns[] = {
		{"ipv4_src_addr", 0, 4, NF_IP4},   {"ipv4_dst_addr", 4, 4, NF_IP4}, {"ipv4_next_hop", 8, 4, NF_IP4}, {"input_snmp", 12, 2, NF_UINT},
		{"output_snmp", 14, 2, NF_UINT},   {"in_pkts", 16, 4, NF_UINT},	    {"in_bytes", 20, 4, NF_UINT},    {"first_switched", 24, 4, NF_U32},
		{"last_switched", 28, 4, NF_U32},  {"l4_src_port", 32, 2, NF_UINT}, {"l4_dst_port", 34, 2, NF_UINT}, {"tcp_flags", 37, 1, NF_UINT},
		{"protocol", 38, 1, NF_UINT},	   {"src_tos", 39, 1, NF_UINT},	    {"src_as", 40, 2, NF_UINT},	     {"dst_as", 42, 2, NF_UINT},
		{"src_mask", 44, 1, NF_UINT},	   {"dst_mask", 45, 1, NF_UINT},
	};
	struct str h = s->head, r = str_sub(s->rest, 0, V5_RECORD);
	struct arena *a = ev->arena;
	struct map *m = map_new(a, 28);
	int64_t at_ns = (int64_t)u32(h, 8) * 1000000000 + u32(h, 12);

	s->rest = str_from(s->rest, V5_RECORD);
	put(a, m, "version", v_int(5));
	put(a, m, "flow_seq_num", v_int(u32(h, 16)));
	put(a, m, "engine_type", v_int((unsigned char)h.p[20]));
	put(a, m, "engine_id", v_int((unsigned char)h.p[21]));
	put(a, m, "sampling_algorithm", v_int(u16(h, 22) >> 14));
	put(a, m, "sampling_interval", v_int(u16(h, 22) & 0x3fff));
	put(a, m, "flow_records", v_int(u16(h, 2)));
	for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++) {
		struct str cell = str_sub(r, columns[i].at, columns[i].size);

		put(a, m, columns[i].name, columns[i].kind == NF_U32 ? switched(a, at_ns / 1000 * 1000, u32(h, 4), number(cell))
								    : slot_value(a, columns[i].kind, cell));
	}
	return finish(nf, ev, m, ts_from_ns(at_ns / 1000 * 1000));
}

/* The bytes of a field at the front of *s. false: the record is cut off: what is left is padding. */
static bool take_slot(const struct slot *slot, struct str *s, struct str *out)
{
	size_t size = slot->size, head = 0;

	if (slot->size == NETFLOW_VARIABLE) {
		if (!s->len)
			return false;
		size = (unsigned char)s->p[0];
		head = 1;
		if (size == 255) {
			if (s->len < 3)
				return false;
			size = u16(*s, 1);
			head = 3;
		}
	}
	if (s->len < head + size)
		return false;
	*out = str_sub(*s, head, size);
	*s = str_from(*s, head + size);
	return true;
}

static bool read_record(const struct netflow_state *s, struct arena *a, struct str *data, struct map *m)
{
	const struct template *t = s->now;
	bool ipfix = s->version == 10;

	for (unsigned i = 0; i < t->n; i++) {
		const struct slot *slot = &t->slot[i];
		struct str cell;
		struct value v;

		if (!take_slot(slot, data, &cell))
			return false;
		if (!slot->name.p || (slot->kind == NF_UINT && !cell.len))
			continue;
		if (ipfix ? flow_time(a, slot->name, number(str_sub(cell, 0, 8)), &v) : str_ends(slot->name, STR("_switched"))) {
			/* Seconds of the header and milliseconds of a second later: as Logstash reckons. */
			if (!ipfix)
				v = switched(a, ((int64_t)u32(s->head, 8) + 1) * 1000000000, u32(s->head, 4), number(cell));
		} else {
			v = slot_value(a, slot->kind, cell);
		}
		/* The name outlives the event's arena only while the template does. */
		map_set(a, m, key_make(slot->owned ? arena_dup(a, slot->name) : slot->name), v);
	}
	return true;
}

static int next_record(const struct netflow *nf, struct netflow_state *s, struct event *ev)
{
	struct arena *a = ev->arena;
	struct map *m = map_new(a, 32);

	put(a, m, "version", v_int(s->version));
	if (s->version == 9)
		put(a, m, "flow_seq_num", v_int(u32(s->head, 12)));
	if (s->version == 9 || nf->include_flowset_id)
		put(a, m, "flowset_id", v_int(s->set_id));
	if (s->set.len < s->now->bytes || !read_record(s, a, &s->set, m)) {
		s->set = (struct str){0};
		return 0;
	}
	return finish(nf, ev, m, (struct ts){u32(s->head, s->version == 9 ? 8 : 4), 0});
}

static int netflow_next(void *self, void *state, struct event *ev, const struct decode_ctx *ctx)
{
	const struct netflow *nf = self;
	struct netflow_state *s = state;

	if (s->version == 5)
		return s->rest.len ? next_v5(nf, s, ev) : 0;
	for (;;) {
		if (s->set.len && next_record(nf, s, ev))
			return 1;
		if (s->set.len)
			continue;
		if (!s->rest.len || !take_set(s->version, &s->rest, &s->set_id, &s->set))
			return 0;
		if (is_templates(s->version, s->set_id)) {
			(void)read_templates(nf, s, s->set, s->set_id & 1, ctx);
			s->set = (struct str){0};
			continue;
		}
		s->now = find_template(s, s->set_id, ctx->now_ns);
		if (!s->now)
			log_warn("codec", "netflow: data of set %u of source %u are left out: their template has not come yet", s->set_id, s->from.source);
		/* A template without a byte has no records. */
		if (!s->now || !s->now->bytes)
			s->set = (struct str){0};
	}
}

static void netflow_release(void *state)
{
	struct netflow_state *s = state;

	while (s->ntemplates)
		forget(s, s->ntemplates - 1);
	free(s->template);
	s->template = NULL;
}

static int netflow_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct netflow *nf = self;

	if (nf->netflow_definitions.p || nf->ipfix_definitions.p)
		plugin_warn(ctx, "netflow: definitions of one's own are not read: their fields are left out of the events");
	if (nf->cache_save_path.p)
		plugin_warn(ctx, "netflow: templates are not saved: after a restart the senders' next ones are awaited");
	if (nf->cache_ttl < 0)
		nf->cache_ttl = 0;
	return 0;
}

#define AT(member) offsetof(struct netflow, member)
static const struct option options[] = {
	{"versions", OPT_LIST, AT(versions), .def = "[5, 9, 10]", .doc = "which versions are read; 10 is IPFIX"},
	{"target", OPT_STRING, AT(target), .def = "\"netflow\"", .doc = "field that gets the record"},
	{"include_flowset_id", OPT_BOOL, AT(include_flowset_id), .def = "false", .doc = "IPFIX: the set's number, too"},
	{"cache_ttl", OPT_INT, AT(cache_ttl), .def = "4000", .doc = "seconds for which a template counts"},
	{"cache_save_path", OPT_PATH, AT(cache_save_path), .doc = "accepted with a warning: templates are not saved"},
	{"netflow_definitions", OPT_PATH, AT(netflow_definitions), .doc = "not read, with a warning"},
	{"ipfix_definitions", OPT_PATH, AT(ipfix_definitions), .doc = "not read, with a warning"},
	{"definitions", OPT_OBSOLETE, .instead = "netflow_definitions"},
	{0},
};
#undef AT

CODEC(netflow, .size = sizeof(struct netflow), .options = options, .doc = "flow records of NetFlow 5 and 9 and of IPFIX",
      .open = netflow_open,
      .codec = {.framing = FRAME_CHUNK,
		.state_size = sizeof(struct netflow_state),
		.feed = netflow_feed,
		.next = netflow_next,
		.release = netflow_release})
