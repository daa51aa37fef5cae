/*
 * test_link.c - the parts of the filter link that no recording shows: its tables, names, ids and clocks, what a flood does to it,
 * hosts that it learns, a reload.
 */
#include "plugin.h"

#include "base/hash.h"
#include "enrichers/link_int.h"

/* ---- tables ---- */

struct thing {
	struct lrow row;
	unsigned n;
};

static unsigned dropped;

static void count_drop(void *arg, void *row)
{
	dropped++;
}

static void check_table_keys(void)
{
	struct ltable t;
	struct thing *x;
	unsigned n = 0;
	struct lref ref;

	ltable_init(&t, sizeof(struct thing), 64, 0, false);
	for (unsigned i = 0; i < 30; i++)
		((struct thing *)ltable_add(&t, i % 3, 0, 1))->n = i;
	for (x = ltable_first(&t, 1); x; x = ltable_next(&t, x))
		CHECK_INT(x->n, 28 - 3 * n++);
	CHECK_INT(n, 10);
	/* From the middle, the head and the end of the rows of one key. */
	for (unsigned gone = 0; gone < 3; gone++) {
		x = ltable_first(&t, 1);
		for (unsigned i = 0; i < (gone == 0 ? 4 : gone == 1 ? 0 : 7); i++)
			x = ltable_next(&t, x);
		ref = ltable_ref(x);
		ltable_drop(&t, x);
		CHECK(!ltable_get(&t, ref));
	}
	n = 0;
	for (x = ltable_first(&t, 1); x; x = ltable_next(&t, x))
		n++;
	CHECK_INT(n, 7);
	CHECK_INT(t.n, 27);
	CHECK(!ltable_first(&t, 77));
	ltable_release(&t);
}

static void check_table_evicts(void)
{
	struct ltable t;
	struct lref first;

	dropped = 0;
	ltable_init(&t, sizeof(struct thing), 32, 100, false);
	t.drop = count_drop;
	first = ltable_ref(ltable_add(&t, 1, 0, 1));
	for (unsigned i = 2; i <= 32; i++)
		ltable_add(&t, i, 0, 1);
	CHECK(ltable_get(&t, first) && !ltable_evicted(&t, 2));
	ltable_use(&t, ltable_get(&t, first), 2);
	ltable_add(&t, 100, 0, 3);
	/* The one that was used longest ago, which is not the oldest. */
	CHECK(ltable_get(&t, first) && !ltable_first(&t, 2) && ltable_evicted(&t, 2) && !ltable_evicted(&t, 1));
	CHECK_INT(t.evicted, 1);
	CHECK_INT(dropped, 1);
	/* What nobody used for the table's life is forgotten: no eviction. */
	for (unsigned i = 0; i < 40; i++)
		ltable_add(&t, 200 + i, 0, 200);
	CHECK(t.expired >= 30);
	CHECK(t.n <= 32);
	ltable_release(&t);
}

static void check_table_nets(void)
{
	struct ltable t;
	unsigned mine = 0;

	ltable_init(&t, sizeof(struct thing), 320, 0, true);
	for (unsigned i = 0; i < 200; i++)
		ltable_add(&t, 1000 + i, i + 1, 1);
	for (unsigned i = 0; i < 10000; i++)
		ltable_add(&t, 5000 + i, 77777, 1);
	for (unsigned i = 0; i < 200; i++)
		mine += ltable_first(&t, 1000 + i) != NULL;
	/* The flood displaced itself. */
	CHECK_INT(mine, 200);
	CHECK(t.n <= 200 + 320 / 16 && t.n > 200 + 320 / 16 - 5);
	CHECK(t.capped > 9000);
	ltable_release(&t);
}

/* ---- names, ids, clocks ---- */

static bool reversed(const char *name, const char *want)
{
	char text[IP_TEXT];
	struct ip ip;

	if (!name_reverse(str_z(name), &ip))
		return want == NULL;
	ip_format(&ip, text);
	return want && strcmp(text, want) == 0;
}

static void check_names(void)
{
	struct name_hashes h;
	struct kept_name k;
	char longest[300];

	CHECK(reversed("145.111.137.185.in-addr.arpa", "185.137.111.145"));
	CHECK(reversed("0.0.0.0.in-addr.arpa", "0.0.0.0"));
	CHECK(reversed("5.4.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.a.b.0.8.b.d.0.1.0.0.2.ip6.arpa", "2001:db8:bad::145"));
	/* RFC 2317, minimised, too much, not numbers. */
	CHECK(reversed("7.0-63.117.137.185.in-addr.arpa", NULL));
	CHECK(reversed("0-63.117.137.185.in-addr.arpa", NULL));
	CHECK(reversed("111.137.185.in-addr.arpa", NULL));
	CHECK(reversed("1.145.111.137.185.in-addr.arpa", NULL));
	CHECK(reversed("256.111.137.185.in-addr.arpa", NULL));
	CHECK(reversed("01.111.137.185.in-addr.arpa", NULL));
	CHECK(reversed(".111.137.185.in-addr.arpa", NULL));
	CHECK(reversed("in-addr.arpa", NULL));
	CHECK(reversed("x.4.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.a.b.0.8.b.d.0.1.0.0.2.ip6.arpa", NULL));
	name_hashes(STR("a.b.example.com"), &h);
	CHECK_INT(h.n, 4);
	CHECK(h.hash[0] == name_hash(STR("a.b.example.com")) && h.hash[2] == name_hash(STR("example.com")) && h.hash[3] == name_hash(STR("com")));
	CHECK_INT(h.at[2], 4);
	CHECK(name_hash(STR("ab.c")) != name_hash(STR("a.bc")) && name_hash(STR("")) != name_hash(STR("a")));
	memset(longest, '.', sizeof(longest));
	for (unsigned i = 0; i < sizeof(longest); i += 2)
		longest[i] = 'a';
	name_hashes(str_n(longest, 299), &h);
	CHECK(h.n == NAME_LABELS && h.hash[0] == name_hash(str_n(longest, 299)));
	name_keep(&k, str_n(longest, 299));
	CHECK(k.cut && k.len <= NAME_BYTES && k.text[0] == 'a');
	CHECK(name_is_infra(STR("com")) && name_is_infra(STR("in-addr.arpa")) && name_is_infra(STR("a.root-servers.net")) && !name_is_infra(STR("185.in-addr.arpa")));
	CHECK(name_under(STR("ns1.faraisp.ir"), STR("faraisp.ir")) && !name_under(STR("ns1.xfaraisp.ir"), STR("faraisp.ir")) && name_under(STR("a.b"), STR("a.b")));
}

static void check_ids(void)
{
	struct identity a = {0}, b = {0};
	struct chain_id x, y;

	identity_str(&a, STR("resolver"));
	identity_int(&a, 7);
	identity_str(&b, STR("resolver"));
	identity_int(&b, 7);
	x = chain_id_make('C', &a);
	y = chain_id_make('C', &b);
	CHECK(chain_id_eq(&x, &y) && x.text[0] == 'C' && strlen(x.text) == CHAIN_ID);
	/* Written into documents: it may never come out otherwise. */
	CHECK_STR(chain_id_str(&x), "C60egqprwgqxwz");
	b = (struct identity){0};
	identity_str(&b, STR("resolve"));
	identity_str(&b, STR("r"));
	identity_int(&b, 7);
	y = chain_id_make('C', &b);
	CHECK(!chain_id_eq(&x, &y));
	for (unsigned i = 0; i < 1000; i++)
		identity_str(&a, STR("more than fits"));
	CHECK(a.n <= sizeof(a.byte));
}

static void check_clocks(void)
{
	struct skew s = {0};
	bool moved = false;

	for (unsigned i = 0; i < 7; i++)
		CHECK(!skew_add(&s, 3.0 + i * 0.001, SKEW_UNIQUE | SKEW_ANSWERED));
	CHECK(skew_add(&s, 3.0, SKEW_UNIQUE | SKEW_ANSWERED));
	CHECK(s.known && s.offset_s > 2.99f && s.offset_s < 3.01f && s.error_s < 0.1f && !s.doubt);
	/* Wrong pairs lie anywhere and change nothing. */
	for (int i = 0; i < 12; i++)
		moved |= skew_add(&s, -60 + i * 9, SKEW_ANSWERED);
	CHECK(!moved && s.offset_s > 2.99f && s.offset_s < 3.01f);
	/* The clock is set: told once it is the rule. */
	for (int i = 0; i < 250; i++)
		moved |= skew_add(&s, -1.5, SKEW_UNIQUE | SKEW_ANSWERED);
	CHECK(moved && s.offset_s < -1.49f && s.offset_s > -1.51f);
	/* Queries without answers: the begin of what spreads. sshd's spread the other way. */
	s = (struct skew){0};
	for (int i = 0; i < 12; i++)
		(void)skew_add(&s, 20 + 0.05 * i, SKEW_UNIQUE);
	CHECK(s.known && s.offset_s > 19.99f && s.offset_s < 20.01f);
	s = (struct skew){.before = true};
	for (int i = 0; i < 12; i++)
		(void)skew_add(&s, 20 - 0.05 * i, SKEW_UNIQUE);
	CHECK(s.known && s.offset_s > 19.99f && s.offset_s < 20.01f);
	/* As many here as there. */
	s = (struct skew){0};
	for (int i = 0; i < 20; i++)
		(void)skew_add(&s, i % 2 ? 5 : 9, SKEW_UNIQUE | SKEW_ANSWERED);
	CHECK(s.known && s.doubt);
}

/* ---- events ---- */

static struct opened o;
static struct clock now;
static uint64_t serial;
static unsigned nlinks;
static struct str last_chain, last_rule;
static int64_t last_confidence;
static struct arena kept;

static void open_link(struct opened *to, const char *options)
{
	struct buf b;

	buf_init(&b, 0);
	buf_printf(&b, "link { %s }", options);
	buf_ch(&b, '\0');
	CHECK(opened_plugin(to, PLUGIN_FILTER, b.p, ECS_V8));
	buf_release(&b);
}

static struct str text_of(const struct event *ev, enum field_id f)
{
	const struct value *v = event_get(ev, field_ref(f));

	return value_is(v, V_STRING) ? arena_dup(&kept, value_str(v)) : STR("");
}

static void set(struct event *ev, enum field_id f, struct value v)
{
	CHECK(event_set(ev, field_ref(f), v) == EVENT_OK);
}

/* Runs the event through o; what it got is in last_*. */
static void run(struct event *ev)
{
	struct step_ctx ctx = {.arena = ev->arena, .clock = &now};
	struct event child;
	const struct value *v;
	enum step step;

	ev->received_ns = clock_wall(&now);
	ev->id_len = (uint8_t)snprintf(ev->id, sizeof(ev->id), "e%llu", (unsigned long long)++serial);
	step = o.plugin->filter.run(o.self, ev, &ctx);
	while (step == STEP_FORK) {
		event_init(&child, ev->arena);
		if (!o.plugin->filter.next(o.self, ctx.gen, ev, &child, &ctx))
			break;
		nlinks++;
	}
	last_chain = text_of(ev, F_WEIR_CHAIN_ID);
	last_rule = text_of(ev, F_WEIR_CAUSE_RULE);
	v = event_get(ev, field_ref(F_WEIR_CAUSE_CONFIDENCE));
	last_confidence = value_is(v, V_INT) ? v->i : -1;
}

static void reverse_query(struct arena *a, int64_t t, const char *resolver, const char *client, int port, const struct ip *ip)
{
	struct event ev;
	struct str name;

	event_init(&ev, a);
	event_stamp(&ev, ts_from_ns(t));
	if (ip_is_v4(ip)) {
		name = arena_printf(a, "%u.%u.%u.%u.in-addr.arpa", ip->b[15], ip->b[14], ip->b[13], ip->b[12]);
	} else {
		char *p = arena_bytes(a, 73);

		for (int i = 0; i < 32; i++) {
			uint8_t b = ip->b[15 - i / 2];

			p[2 * i] = "0123456789abcdef"[i % 2 ? b >> 4 : b & 15];
			p[2 * i + 1] = '.';
		}
		memcpy(p + 64, "ip6.arpa", 8);
		name = str_n(p, 72);
	}
	set(&ev, F_EVENT_ACTION, v_lit("dns-client-query"));
	set(&ev, F_HOST_NAME, v_str(str_z(resolver)));
	set(&ev, F_SOURCE_IP, v_str(str_z(client)));
	set(&ev, F_SOURCE_PORT, v_int(port));
	set(&ev, F_DNS_QUESTION_NAME, v_str(name));
	set(&ev, F_DNS_QUESTION_TYPE, v_lit("PTR"));
	run(&ev);
}

static void connected(struct arena *a, int64_t t, const char *host, int pid, const struct ip *ip)
{
	struct event ev;
	char text[IP_TEXT];
	size_t n = ip_format(ip, text);

	event_init(&ev, a);
	event_stamp(&ev, ts_from_ns(t));
	set(&ev, F_EVENT_ACTION, v_lit("smtp-connect"));
	set(&ev, F_EVENT_PROVIDER, v_lit("smtpd"));
	set(&ev, F_HOST_NAME, v_str(str_z(host)));
	set(&ev, F_PROCESS_PID, v_int(pid));
	set(&ev, F_SOURCE_IP, v_str(arena_dup(a, str_n(text, n))));
	run(&ev);
}

static struct link_state *state(void)
{
	return ((struct link *)o.self)->st;
}

static uint64_t draw = 88172645463325252ull;

static uint64_t random64(void)
{
	draw ^= draw << 13;
	draw ^= draw >> 7;
	draw ^= draw << 17;
	return draw;
}

#define T0 (INT64_C(1795608000) * SEC + 100000)

enum { FLOOD = 100000 };        /* dozens of times what the tables hold; of each: a question and a connection */

/* A flood of addresses within 5 s: no table grows beyond its bound, evictions are counted, and who came before a flood from one network is still known. */
static void check_flood(bool one_network)
{
	struct arena a;
	struct ip honest = ip_of(0, UINT64_C(0xffffb9896f91));
	struct str chain;
	uint64_t evicted = 0;

	clock_virtual_init(&now, T0);
	open_link(&o, "max_memory => 4194304 hosts => { \"mail\" => [\"198.51.100.25\"] }");
	arena_init(&a, NULL);
	reverse_query(&a, T0, "resolver", "198.51.100.25", 4000, &honest);
	chain = last_chain;
	CHECK_INT(chain.len, CHAIN_ID);
	for (unsigned i = 0; i < FLOOD; i++) {
		struct ip ip = one_network ? ip_of(UINT64_C(0x20010db80bad0000), random64()) : ip_of(random64() | UINT64_C(1) << 61, random64());

		arena_clear(&a);
		reverse_query(&a, T0 + i * 50000, "resolver", "198.51.100.25", (int)(i % 60000), &ip);
		connected(&a, T0 + i * 50000 + 25000, "mail", (int)i, &ip);
	}
	for (int i = 0; i < LINK_TABLES; i++) {
		CHECK(state()->t[i].n <= state()->t[i].cap);
		evicted += state()->t[i].evicted;
	}
	CHECK(evicted > FLOOD * 18 / 10);
	CHECK(state()->t[T_LOOK].cap > 500);
	if (one_network) {
		CHECK(state()->t[T_LOOK].n <= state()->t[T_LOOK].cap / 16 + 1);
		arena_clear(&a);
		connected(&a, T0 + 2 * SEC, "mail", 1, &honest);
		CHECK_STR(last_rule, "L1");
		CHECK(str_eq(last_chain, chain));
	}
	arena_release(&a);
	opened_release(&o);
}

/* A look-up whose connection was evicted was made for that one: whoever comes later from the address has none. */
static void check_evicted_connection(void)
{
	struct arena a;
	struct ip ip = ip_of(0, UINT64_C(0xffffb9896f91));
	struct str chain;

	open_link(&o, "max_memory => 262144 hosts => { \"mail\" => [\"198.51.100.25\"] }");
	arena_init(&a, NULL);
	reverse_query(&a, T0, "resolver", "198.51.100.25", 4000, &ip);
	chain = last_chain;
	connected(&a, T0 + SEC, "mail", 1, &ip);
	CHECK(str_eq(last_chain, chain));
	for (unsigned i = 0; state()->t[T_CONN].evicted == 0 && i < 1000; i++) {
		struct ip other = ip_of(0, UINT64_C(0xffffb9896f00) + i % 128);

		connected(&a, T0 + SEC + i, "mail", 2 + (int)i, &other);
	}
	CHECK_INT(state()->t[T_CONN].evicted, 1);
	connected(&a, T0 + 2 * SEC, "mail", 5000, &ip);
	CHECK(!str_eq(last_chain, chain) && last_chain.len == CHAIN_ID);
	CHECK_STR(last_rule, "");
	arena_release(&a);
	opened_release(&o);
}

/* A host's address is learnt from pairs of five different addresses; until then no link is sure. */
static void check_learns_host(void)
{
	struct arena a;
	int64_t before = 0, after = 0;

	clock_virtual_init(&now, T0);
	open_link(&o, "");
	arena_init(&a, NULL);
	for (unsigned i = 0; i < 12; i++) {
		struct ip ip = ip_of(0, UINT64_C(0xffffb9890000) + i * 256 + 9);

		arena_clear(&a);
		/* On one machine the clocks are the same; only the address is unknown. */
		reverse_query(&a, T0 + i * 100 * SEC, "mail", "198.51.100.25", 4000 + (int)i, &ip);
		connected(&a, T0 + i * 100 * SEC + SEC, "mail", 7, &ip);
		CHECK_STR(last_rule, "L1");
		if (i < 4)
			before = last_confidence > before ? last_confidence : before;
		after = last_confidence;
	}
	CHECK_INT(before, 60);
	CHECK_INT(after, 98);
	arena_release(&a);
	opened_release(&o);
}

/* The new plan goes on where the old one stopped: with the same chain, and with its own hosts. */
static void check_reload(void)
{
	struct arena a;
	struct ip ip = ip_of(0, UINT64_C(0xffffb9896f91)), other = ip_of(0, UINT64_C(0xffffb9896f92));
	struct opened old, resized;
	struct str chain, second;

	clock_virtual_init(&now, T0);
	open_link(&o, "hosts => { \"mail\" => [\"198.51.100.25\"] }");
	arena_init(&a, NULL);
	reverse_query(&a, T0, "resolver", "198.51.100.25", 4000, &ip);
	chain = last_chain;
	reverse_query(&a, T0, "resolver", "198.51.100.25", 4001, &other);
	second = last_chain;
	old = o;
	open_link(&o, "hosts => { \"mail\" => [\"198.51.100.26\"] }");
	o.plugin->filter.adopt(o.self, old.self);
	opened_release(&old);
	connected(&a, T0 + SEC, "other", 1, &ip);
	CHECK(str_eq(last_chain, chain));
	connected(&a, T0 + SEC, "mail", 1, &other);
	CHECK(!str_eq(last_chain, second) && last_chain.len == CHAIN_ID);
	/* Tables of another size begin anew. */
	old = o;
	open_link(&resized, "max_memory => 1048576");
	resized.plugin->filter.adopt(resized.self, old.self);
	CHECK(((struct link *)resized.self)->st != state());
	opened_release(&old);
	o = resized;
	connected(&a, T0 + SEC, "other", 1, &ip);
	CHECK(!str_eq(last_chain, chain));
	opened_release(&o);
	arena_release(&a);
}

static void check_options(void)
{
	struct opened bad;

	CHECK(!opened_plugin(&bad, PLUGIN_FILTER, "link { hosts => { \"mail\" => [\"198.51.100\"] } }", ECS_V8));
	CHECK(bad.diag.first && str_find(bad.diag.first->text, STR("'198.51.100' of 'mail' is no address")) >= 0);
	opened_release(&bad);
	CHECK(!opened_plugin(&bad, PLUGIN_FILTER, "link { max_memory => 1000 }", ECS_V8));
	opened_release(&bad);
}

/* Whatever the fields hold, the filter neither fails nor touches what is not its own. */
static void check_odd_events(void)
{
	static const char *const odd[] = {
		"{\"event\":{\"action\":7}}",
		"{\"event\":\"text\"}",
		"{\"event\":{\"action\":\"dns-client-query\"},\"dns\":\"text\"}",
		"{\"event\":{\"action\":\"dns-client-query\"},\"dns\":{\"question\":{\"name\":\"\"}},\"source\":{\"ip\":\"1.2.3.4\"}}",
		"{\"event\":{\"action\":\"dns-client-query\"},\"dns\":{\"question\":{\"name\":\".\"}},\"source\":{\"ip\":\"1.2.3.4\"}}",
		"{\"event\":{\"action\":\"dns-client-query\"},\"dns\":{\"question\":{\"name\":\"....\"}},\"source\":{\"ip\":\"1.2.3.4\",\"port\":-1}}",
		"{\"event\":{\"action\":\"dns-client-query\"},\"dns\":{\"question\":{\"name\":\"a.b\"}},\"source\":{\"ip\":\"nobody\"}}",
		"{\"event\":{\"action\":\"dns-client-response\"},\"dns\":{\"answers\":[1,{\"type\":\"PTR\"}],\"question\":{\"name\":\"9.0.0.10.in-addr.arpa\",\"type\":\"PTR\"}},\"source\":{\"ip\":\"1.2.3.4\",\"port\":5}}",
		"{\"event\":{\"action\":\"dns-client-response\"},\"source\":{\"ip\":\"1.2.3.4\",\"port\":6}}",
		"{\"event\":{\"action\":\"dns-resolver-response\",\"start\":\"text\"},\"dns\":{\"question\":{\"name\":\"a.b\"}},\"weir\":{\"dns\":{\"authorities\":[1,{\"type\":\"NS\"},{\"type\":\"NS\",\"name\":\"x.y\",\"data\":\"ns.x.y\",\"ttl\":\"no\"}]}}}",
		"{\"event\":{\"action\":\"dns-resolver-fetch\"},\"dns\":{\"question\":{\"name\":\"a.b\",\"type\":5}}}",
		"{\"event\":{\"action\":\"smtp-connect\"},\"source\":{\"ip\":\"1.2.3.4\"},\"process\":{\"pid\":\"12\"}}",
		"{\"event\":{\"action\":\"smtp-auth\"},\"source\":{\"ip\":\"1.2.3.4\"}}",
		"{\"event\":{\"action\":\"mail-auth\"},\"source\":{\"ip\":\"1.2.3.4\"},\"weir\":\"text\"}",
		"{\"@timestamp\":\"+99999-01-01T00:00:00Z\",\"event\":{\"action\":\"smtp-connect\"},\"source\":{\"ip\":\"1.2.3.4\"},\"process\":{\"pid\":12}}",
		"{\"@timestamp\":\"-9999-01-01T00:00:00Z\",\"event\":{\"action\":\"dns-client-query\"},\"dns\":{\"question\":{\"name\":\"a.b\"}},\"source\":{\"ip\":\"1.2.3.4\"}}",
		"{\"event\":{\"action\":\"smtp-connect\"},\"weir\":{\"parse\":{\"duplicate\":true}},\"source\":{\"ip\":\"1.2.3.4\"},\"process\":{\"pid\":12}}",
	};
	struct arena a;

	open_link(&o, "");
	arena_init(&a, NULL);
	for (unsigned i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		struct str in = str_z(odd[i]);
		struct event ev;
		struct value v;
		struct err err;

		event_init(&ev, &a);
		CHECK(json_read(&a, &in, NULL, &v, &err) == 0 && event_from_map(&ev, v.map, ts_from_ns(T0)) == 0);
		run(&ev);
		if (i >= 14 || i < 7)
			CHECK_STR(last_chain, "");
	}
	arena_release(&a);
	opened_release(&o);
}

int main(void)
{
	hash_init((const uint64_t[2]){1, 2});
	fields_init();
	name_init();
	arena_init(&kept, NULL);
	clock_virtual_init(&now, T0);
	check_table_keys();
	check_table_evicts();
	check_table_nets();
	check_names();
	check_ids();
	check_clocks();
	check_options();
	check_odd_events();
	check_evicted_connection();
	check_learns_host();
	check_reload();
	check_flood(false);
	check_flood(true);
	arena_release(&kept);
	return test_end();
}
