#include "test.h"

#include "event/json.h"
#include "query/when.h"
#include "query/query.h"

static const char document[] =
	"{\"@timestamp\":\"2026-11-24T03:12:09.500Z\",\"message\":\"warning: unknown[10.20.0.100]: SASL LOGIN authentication failed: M\\u00dcLLER\","
	"\"host\":{\"name\":\"Mail-1\"},\"process\":{\"name\":\"postfix/smtpd\",\"pid\":4711},\"source\":{\"ip\":\"10.20.0.100\",\"user\":{\"name\":\"Alice\"}},"
	"\"related\":{\"ip\":[\"10.20.0.100\",\"2001:db8::7\"],\"hosts\":[\"laptop-7\"],\"user\":[\"bob\"]},"
	"\"dns\":{\"id\":17,\"question\":{\"name\":\"ns1.faraisp.ir\"},\"answers\":[{\"data\":\"192.0.2.1\",\"ttl\":300},{\"data\":\"192.0.2.2\",\"ttl\":5}]},"
	"\"weir\":{\"chain\":{\"id\":\"AbC-1\"},\"cause\":{\"chain_id\":[\"XyZ\",\"q2\"]}},\"event\":{\"outcome\":\"failure\",\"reason\":null,\"duration\":1.5},"
	"\"user\":{\"target\":{\"name\":17}},\"ok\":true,\"dotted.name\":\"x\",\"version\":\"7\",\"error\":{\"message\":\"disk full\"},\"since\":\"2026-11-20T00:00:00Z\"}";

static struct arena arena;
static struct event event;

static void load(void)
{
	struct str in = str_z(document);
	struct value v;
	struct ts t;

	CHECK(json_read(&arena, &in, NULL, &v, NULL) == 0);
	event_init(&event, &arena);
	event.root = *v.map;
	CHECK(ts_parse_iso(STR("2026-11-24T03:12:09.500Z"), &t));
	event_set_top(&event, key_make(STR("@timestamp")), v_time(t));
	memcpy(event.id, "AZqEvent0000000000001A", 22);
	event.id_len = 22;
}

/* ---- does it match ---- */

static const struct {
	const char *query;
	bool match;
} matches[] = {
	{"", true},
	{"   ", true},
	/* full text */
	{"authentication", true},
	{"AUTHENTICATION", true},
	{"authenticatio", false},
	{"authent*", true},
	{"*cation", true},
	{"a?thentication", true},
	{"\"login authentication failed\"", true},
	{"\"authentication login\"", false},
	{"login failed", true},
	{"m\xc3\xbcller", true},
	{"\"authent*\"", false},
	{"unknown[10.20.0.100]", true},
	{"ns1.faraisp.ir", true},
	/* and, or, not */
	{"login AND nosuch", false},
	{"login OR nosuch", true},
	{"NOT nosuch", true},
	{"NOT NOT login", true},
	{"nosuch OR login AND nosuch", false},
	{"(nosuch OR login) AND failed", true},
	{"login NOT host:mail-1", false},
	/* fields */
	{"process.name:postfix/smtpd", true},
	{"process.name:POSTFIX/SMTPD", true},
	{"process.name:postfix", false},
	{"process.name:postfix*", true},
	{"process.name:*smtp*", true},
	{"process.name:\"postfix*\"", false},
	{"process.pid:4711", true},
	{"process.pid:4711.0", true},
	{"process.pid:47*", true},
	{"process.pid:>4710", true},
	{"process.pid:>4711", false},
	{"process.pid:>=4711", true},
	{"process.pid:<4711", false},
	{"process.pid:<=4711", true},
	{"process.pid:[4000 TO 5000]", true},
	{"process.pid:{4711 TO 5000]", false},
	{"process.pid:[4000 TO 4711}", false},
	{"process.pid:[* TO 4711]", true},
	{"process.pid:[5000 TO *]", false},
	{"process.pid:abc", false},
	{"event.duration:1.5", true},
	{"event.duration:>1", true},
	{"version:>6.5", true},
	{"ok:true", true},
	{"ok:false", false},
	{"event.reason:*", false},
	{"event.outcome:*", true},
	{"nosuch:*", false},
	{"event.outcome:(success OR failure)", true},
	{"event.outcome:(NOT success)", true},
	{"event.outcome:(success)", false},
	{"dotted.name:x", true},
	{"dns.answers.data:192.0.2.2", true},
	{"dns.answers.ttl:<10", true},
	{"dns.answers.ttl:>300", false},
	{"error.message:disk", true},
	{"error.message:\"disk full\"", true},
	{"error.message:\"full disk\"", false},
	{"message:login", true},
	{"message:nosuch", false},
	{"message:*", true},
	/* addresses */
	{"source.ip:10.20.0.100", true},
	{"source.ip:10.20.0.0/16", true},
	{"source.ip:10.21.0.0/16", false},
	{"source.ip:10.20.*", true},
	{"source.ip:[10.20.0.0 TO 10.20.0.255]", true},
	{"source.ip:>10.20.0.100", false},
	{"ip:2001:db8::7", true},
	{"ip:2001:0db8:0::7", true},
	{"ip:2001:db8::/32", true},
	{"ip:10.20.0.100", true},
	{"ip:10.20.0.101", false},
	{"ip:192.0.2.1", false},
	{"ip:*", true},
	{"10.20.0.100", true},
	{"10.20.0.0/24", true},
	{"2001:db8::7", true},
	{"10.20.0.101", false},
	/* shorthands */
	{"user:alice", true},
	{"user:bob", true},
	{"user:ALI*", true},
	{"user:carol", false},
	{"host:mail-1", true},
	{"host:laptop-7", true},
	{"host:mail", false},
	{"chain:AbC-1", true},
	{"chain:abc-1", false},
	{"chain:q2", true},
	{"name:ns1.faraisp.ir", true},
	{"name:NS1.FARAISP.IR.", true},
	{"name:*.faraisp.ir", true},
	{"name:faraisp.ir", false},
	{"name:*.isp.ir", false},
	{"id:AZqEvent0000000000001A", true},
	{"_id:AZqEvent0000000000001B", false},
	/* times */
	{"@timestamp:2026-11-24", true},
	{"@timestamp:2026-11-23", false},
	{"@timestamp:2026-11-24T03:12", true},
	{"@timestamp:2026-11-24T03:12:09", true},
	{"@timestamp:2026-11-24T03:12:10", false},
	{"@timestamp:[2026-11-23 TO 2026-11-24]", true},
	{"@timestamp:[2026-11-23 TO 2026-11-24}", false},
	{"@timestamp:>2026-11-24", false},
	{"@timestamp:>=2026-11-24", true},
	{"@timestamp:<2026-11-24T03:12:09.5Z", false},
	{"@timestamp:<=\"2026-11-24T03:12:09.500Z\"", true},
	{"since:<2026-11-21", true},
	{"user.target.name:17", true},
	{"user:17", true},
	{"user:>16", true},
	/* what is no field */
	{"00:16:3e:00:00:01", false},
	{"ab:16:3e:00:00:01", false},
	{"http://nosuch/", false},
};

static struct query *parse(const char *text)
{
	struct query_error e = {.err = {""}};
	struct query *q = query_parse(&arena, str_z(text), NULL, &e);

	if (!q)
		fprintf(stderr, "%s: %s at %u\n", text, e.err.text, e.column);
	CHECK(q != NULL);
	return q;
}

/* ---- would the index have named the event ---- */

struct key_search {
	struct str low, high;
	bool found;
};

static void look_key(void *arg, enum key_kind kind, struct str key)
{
	struct key_search *s = arg;
	char bytes[KEY_MAX + 1];
	struct str k = str_n(bytes, key.len + 1);

	bytes[0] = (char)kind;
	memcpy(bytes + 1, key.p, key.len);
	s->found |= s->high.len ? str_cmp(k, s->low) >= 0 && str_cmp(k, s->high) < 0 : str_eq(k, s->low);
}

static bool planned(const struct key_plan *p)
{
	struct key_search s = {p->low, p->high, false};
	uint32_t hits = 0;

	if (p->op == PLAN_ALL)
		return true;
	if (p->op == PLAN_RANGE) {
		keys_of_event(&event, &arena, look_key, &s);
		return s.found;
	}
	for (uint32_t i = 0; i < p->n; i++)
		hits += planned(p->sub[i]);
	return p->op == PLAN_AND ? hits == p->n : hits > 0;
}

static void test_matches(void)
{
	for (size_t i = 0; i < sizeof(matches) / sizeof(*matches); i++) {
		struct query *q = parse(matches[i].query);
		struct query_plan plan;
		int64_t ms = 1795489929500;

		if (!q)
			continue;
		if (query_match(q, &event, &arena) != matches[i].match) {
			fprintf(stderr, "%s: should %smatch\n", matches[i].query, matches[i].match ? "" : "not ");
			CHECK(!"match");
		}
		query_plan(&arena, q, &plan);
		if (matches[i].match && !(planned(plan.keys) && ms >= plan.since_ms && ms < plan.until_ms)) {
			fprintf(stderr, "%s: the index does not lead to it\n", matches[i].query);
			CHECK(!"plan");
		}
		CHECK(true);
	}
}

/* ---- where one would look ---- */

static const struct {
	const char *query, *plan;
} plans[] = {
	{"", "all"},
	{"authentication", "(wauthentication | w)"},
	{"sasl login", "((wsasl | w) & (wlogin | w))"},
	{"\"sasl login\"", "((wsasl & wlogin) | w)"},
	{"authent*", "([wauthent, wauthenu) | w)"},
	{"*cation", "all"},
	{"NOT login", "all"},
	{"user:Alice", "ualice"},
	{"user:al*", "[ual, uam)"},
	{"user:alice OR nosuchfield:x", "all"},
	{"user:alice AND nosuchfield:x", "ualice"},
	{"user:(alice OR bob)", "(ualice | ubob)"},
	{"source.user.name:alice", "ualice"},
	{"host:MX1", "hmx1"},
	{"host.name:mx1", "hmx1"},
	{"chain:AbC", "cAbC"},
	{"weir.cause.chain_id:AbC", "cAbC"},
	{"id:AZq", "eAZq"},
	{"name:Example.org.", "ngro.elpmaxe"},
	{"name:*.example.org", "[ngro.elpmaxe., ngro.elpmaxe/)"},
	{"name:www.*", "all"},
	{"event.outcome:failure", "all"},
	{"message:full", "(wfull | w)"},
	{"error.message:full", "all"},
};

static void write_plan(struct buf *b, const struct key_plan *p)
{
	if (p->op == PLAN_ALL) {
		buf_lit(b, "all");
	} else if (p->op == PLAN_RANGE && p->high.len) {
		buf_printf(b, "[%.*s, %.*s)", STR_ARG(p->low), STR_ARG(p->high));
	} else if (p->op == PLAN_RANGE) {
		buf_str(b, p->low);
	} else {
		buf_ch(b, '(');
		for (uint32_t i = 0; i < p->n; i++) {
			if (i)
				buf_str(b, p->op == PLAN_AND ? STR(" & ") : STR(" | "));
			write_plan(b, p->sub[i]);
		}
		buf_ch(b, ')');
	}
}

static void test_plans(void)
{
	struct buf b;

	buf_init(&b, 0);
	for (size_t i = 0; i < sizeof(plans) / sizeof(*plans); i++) {
		struct query *q = parse(plans[i].query);
		struct query_plan plan;

		query_plan(&arena, q, &plan);
		buf_clear(&b);
		write_plan(&b, plan.keys);
		CHECK_STR(buf_slice(&b), plans[i].plan);
	}
	buf_release(&b);
}

static void test_net_plan(void)
{
	struct query_plan plan;

	query_plan(&arena, parse("ip:10.20.0.0/16"), &plan);
	CHECK_INT(plan.keys->op, PLAN_RANGE);
	CHECK_INT(plan.keys->low.len, 17);
	CHECK(memcmp(plan.keys->low.p + 11, "\xff\xff\x0a\x14\x00\x00", 6) == 0);
	CHECK(memcmp(plan.keys->high.p + 11, "\xff\xff\x0a\x14\xff\xff", 6) == 0);
	/* The range's end lies behind the last address of the net, and not behind the next one. */
	CHECK_INT(plan.keys->high.len, 18);
	query_plan(&arena, parse("@timestamp:[2026-11-23 TO 2026-11-24] AND user:x"), &plan);
	CHECK_INT(plan.since_ms, 1795392000000);
	CHECK_INT(plan.until_ms, 1795564800001);
	query_plan(&arena, parse("@timestamp:2026-11-23 OR user:x"), &plan);
	CHECK(plan.since_ms == INT64_MIN && plan.until_ms == INT64_MAX);
}

/* ---- what is wrong ---- */

static const struct {
	const char *query;
	unsigned column;
	const char *text;
} errors[] = {
	{"(a", 1, "'(' is never closed"},
	{"a (b (c)", 3, "'(' is never closed"},
	{"a)", 2, "')' without '('"},
	{"()", 1, "there is nothing between the parentheses"},
	{"AND a", 1, "a word is missing before 'AND'"},
	{"a OR", 5, "the query ends where a word is expected"},
	{"a AND OR b", 7, "a word is missing before 'OR'"},
	{"(a OR )", 7, "a word is missing before ')'"},
	{"NOT", 4, "the query ends where a word is expected"},
	{"\"abc", 1, "the quote is never closed"},
	{"x \xc3\xa4 \"abc", 5, "the quote is never closed"},
	{"user:", 6, "a value is missing behind 'user:'"},
	{"user: alice", 6, "a value is missing behind 'user:'"},
	{"ip:300.1.1.1", 4, "'300.1.1.1' is no address"},
	{"ip:10.1.2.3/8", 4, "'10.1.2.3/8' has bits behind its prefix"},
	{"source.ip:alice", 11, "'alice' is no address"},
	{"dns.id:[1 2]", 11, "'TO' is missing in the range: [a TO b]"},
	{"dns.id:[1 TO 2", 8, "'[' is never closed"},
	{"dns.id:[ TO 2]", 13, "'TO' is missing in the range: [a TO b]"},
	{"dns.id:>", 9, "the end of the range is missing: [a TO b]"},
	{"--", 1, "'--' holds no letter or digit to search for"},
	{"\"\"", 1, "'' holds no letter or digit to search for"},
};

static void test_errors(void)
{
	char deep[200];
	struct query_error e;

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		e = (struct query_error){.err = {""}};
		CHECK(!query_parse(&arena, str_z(errors[i].query), NULL, &e));
		CHECK_STR(str_z(e.err.text), errors[i].text);
		if (e.column != errors[i].column)
			fprintf(stderr, "%s:\n", errors[i].query);
		CHECK_INT(e.column, errors[i].column);
	}
	memset(deep, '(', sizeof(deep));
	CHECK(!query_parse(&arena, str_n(deep, sizeof(deep)), NULL, &e));
	CHECK_INT(e.column, QUERY_DEPTH_MAX);
}

static void test_hints(void)
{
	struct err hint;
	uint32_t column;

	CHECK(query_hint(parse("login AND (NOT sorce.ip:10.0.0.1)"), &hint, &column));
	CHECK_STR(str_z(hint.text), "weir knows no field 'sorce.ip', did you mean 'source.ip'?");
	CHECK_INT(column, 16);
	CHECK(query_hint(parse("usr:x"), &hint, &column));
	CHECK(!query_hint(parse("source.ip:10.0.0.1 user:x my.very.own:x login"), &hint, &column));
}

static void test_keys(void)
{
	struct err err;
	struct query *q = query_of_key(&arena, KEY_NAME, STR("*.faraisp.ir"), &err);

	CHECK(query_match(q, &event, &arena));
	CHECK(query_match(query_and(&arena, q, parse("login")), &event, &arena));
	CHECK(!query_match(query_and(&arena, q, parse("nosuch")), &event, &arena));
	CHECK(query_and(&arena, q, NULL) == q);
	CHECK(!query_of_key(&arena, KEY_IP, STR("nobody"), &err));
	CHECK_STR(str_z(err.text), "'nobody' is no address");
	/* A star in a chain's id is a star. */
	CHECK(!query_match(query_of_key(&arena, KEY_CHAIN, STR("Ab*"), &err), &event, &arena));
	CHECK(query_match(query_of_key(&arena, KEY_USER, STR("al*"), &err), &event, &arena));
}

/* More words than are indexed: the key that says so leads to it. */
static void test_many_words(void)
{
	struct buf b;
	struct query_plan plan;
	struct query *q = parse("needle");

	buf_init(&b, 0);
	for (int i = 0; i < WORDS_MAX + 10; i++)
		buf_printf(&b, "w%d ", i);
	buf_lit(&b, "needle");
	event_set_top(&event, key_make(STR("message")), v_str(buf_slice(&b)));
	query_plan(&arena, q, &plan);
	CHECK(query_match(q, &event, &arena));
	CHECK(planned(plan.keys));
	buf_release(&b);
}

/* ---- times ---- */

static void test_when(void)
{
	const struct zone *berlin = zone_find(STR("Europe/Berlin"));
	struct ts now = {1795489929, 0}, from, end; /* 2026-11-24T03:12:09Z */
	struct err err;

	CHECK(when_iso(STR("2026-11-24"), NULL, &from, &end));
	CHECK_INT(from.s, 1795478400);
	CHECK_INT(end.s, 1795478400 + 86400);
	CHECK(when_iso(STR("2026-11-24 03:12"), NULL, &from, &end));
	CHECK_INT(from.s, 1795489920);
	CHECK_INT(end.s, 1795489980);
	CHECK(when_iso(STR("2026-11-24T03:12:09+02:00"), berlin, &from, &end));
	CHECK_INT(from.s, 1795489929 - 7200);
	CHECK_INT(end.s, from.s + 1);
	CHECK(when_iso(STR("2026-11-24T03:12:09.25Z"), NULL, &from, &end));
	CHECK_INT(from.ns, 250000000);
	CHECK_INT(end.ns, 260000000);
	CHECK(!when_iso(STR("2026-13-24"), NULL, &from, &end));
	CHECK(!when_iso(STR("yesterday"), NULL, &from, &end));
	CHECK(when_read(STR("15m"), NULL, now, &from, &end, &err) == 0);
	CHECK_INT(from.s, now.s - 900);
	CHECK(when_read(STR("1w"), NULL, now, &from, &end, &err) == 0);
	CHECK_INT(from.s, now.s - 7 * 86400);
	CHECK(when_read(STR("yesterday"), NULL, now, &from, &end, &err) == 0);
	CHECK_INT(from.s, 1795392000);
	CHECK_INT(end.s, 1795478400);
	CHECK(when_read(STR("15 minutes"), NULL, now, &from, &end, &err) == -1);
	CHECK_STR(str_z(err.text), "'15 minutes' is no time: 2026-11-24, 2026-11-24T03:12, 15m, 2h, yesterday");
	if (berlin) {
		CHECK(when_iso(STR("2026-11-24T03:12"), berlin, &from, &end));
		CHECK_INT(from.s, 1795489920 - 3600);
		CHECK(when_read(STR("today"), berlin, now, &from, &end, &err) == 0);
		CHECK_INT(from.s, 1795478400 - 3600);
		/* A day of 25 hours. */
		CHECK(when_iso(STR("2026-10-25"), berlin, &from, &end));
		CHECK_INT(end.s - from.s, 25 * 3600);
	}
}

static void test_wild(void)
{
	CHECK(wild_match(STR("*"), STR("")));
	CHECK(wild_match(STR("a*b*c"), STR("axxbxxbc")));
	CHECK(!wild_match(STR("a*b*c"), STR("axxbxxb")));
	CHECK(wild_match(STR("?"), STR("\xc3\xa4")));
	CHECK(!wild_match(STR("?"), STR("")));
	CHECK(wild_match(STR("**a"), STR("bA")));
	CHECK(!wild_match(STR(""), STR("a")));
}

int main(void)
{
	hash_init(NULL);
	keys_init();
	arena_init(&arena, NULL);
	load();
	test_matches();
	test_plans();
	test_net_plan();
	test_errors();
	test_hints();
	test_keys();
	test_when();
	test_wild();
	test_many_words();
	arena_release(&arena);
	return test_end();
}
