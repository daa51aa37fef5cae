#include "plugin.h"

#include "enrichers/state_db.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct opened o;

static struct event make(const char *json, struct arena *a)
{
	struct event ev;
	struct str text = str_z(json);
	struct value doc;
	struct err err;
	struct ts t = {0};
	struct value *at;

	event_init(&ev, a);
	CHECK(json_read(a, &text, NULL, &doc, &err) == 0 && doc.type == V_MAP);
	ev.root = *doc.map;
	at = event_top(&ev, STR("@timestamp"));
	CHECK(value_is(at, V_STRING) && ts_parse_iso(value_str(at), &t));
	event_set_top(&ev, key_make(STR("@timestamp")), v_time(t));
	return ev;
}

static struct str field(const struct event *ev, enum field_id f)
{
	const struct value *v = event_get(ev, field_ref(f));

	return value_is(v, V_STRING) ? value_str(v) : STR("-");
}

static void feed(const char *json)
{
	struct arena a;
	struct event ev;
	struct step_ctx ctx = {.arena = &a, .clock = &clock_system};

	arena_init(&a, NULL);
	ev = make(json, &a);
	o.plugin->filter.run(o.self, &ev, &ctx);
	arena_release(&a);
}

/* What a query from the address says at that time: "domain user mac kind". */
static void asks(const char *when, const char *ip, const char *want)
{
	struct arena a;
	struct event ev;
	struct step_ctx ctx = {.arena = &a, .clock = &clock_system};
	struct str have;

	arena_init(&a, NULL);
	ev = make(arena_dupz(&a, arena_printf(&a, "{\"@timestamp\":\"2026-11-23T%sZ\",\"event\":{\"action\":\"dns-client-query\"},"
						  "\"source\":{\"ip\":\"%s\"},\"client\":{\"ip\":\"%s\"}}", when, ip, ip)), &a);
	o.plugin->filter.run(o.self, &ev, &ctx);
	have = arena_printf(&a, "%.*s %.*s %.*s %.*s", STR_ARG(field(&ev, F_SOURCE_DOMAIN)), STR_ARG(field(&ev, F_SOURCE_USER_NAME)),
			    STR_ARG(field(&ev, F_SOURCE_MAC)), STR_ARG(field(&ev, F_WEIR_IDENTITY_KIND)));
	CHECK_STR(have, want);
	CHECK(str_eq(field(&ev, F_SOURCE_DOMAIN), field(&ev, F_CLIENT_DOMAIN)));
	arena_release(&a);
}

#define DHCP(time, action, ip, mac, name, more)                                                                             \
	"{\"@timestamp\":\"2026-11-23T" time "Z\",\"event\":{\"action\":\"dhcp-" action "\"},\"host\":{\"name\":\"dhcp\"},"  \
	"\"client\":{\"ip\":\"" ip "\",\"mac\":\"" mac "\"},\"dhcp\":{\"hostname\":\"" name "\"" more "}}"
#define ALICE "F6-80-5F-1D-D1-95"
#define BOB "CE-60-03-66-34-97"
#define ALICE_HAS "alice-laptop - F6-80-5F-1D-D1-95 dhcp"
#define BOB_HAS "bobs-phone - CE-60-03-66-34-97 dhcp"
#define NOBODY "- - - -"

static void test_change_of_hands(void)
{
	CHECK(opened_plugin(&o, PLUGIN_FILTER, "identity {}", ECS_DISABLED));
	asks("08:00:00", "10.20.0.100", NOBODY);
	feed(DHCP("08:10:00", "offer", "10.20.0.100", ALICE, "Alice-Laptop", ""));
	feed(DHCP("08:10:00", "request", "10.20.0.100", ALICE, "Alice-Laptop", ""));
	feed(DHCP("08:10:00", "nak", "10.20.0.100", ALICE, "Alice-Laptop", ""));
	asks("08:10:01", "10.20.0.100", NOBODY); /* none of these binds */
	feed(DHCP("08:10:02", "ack", "10.20.0.100", ALICE, "Alice-Laptop", ""));
	asks("08:10:02", "10.20.0.100", ALICE_HAS);
	asks("08:10:01", "10.20.0.100", NOBODY);
	feed(DHCP("09:00:00", "release", "10.20.0.100", ALICE, "alice-laptop", ""));
	feed(DHCP("09:05:00", "ack", "10.20.0.100", BOB, "bobs-phone", ""));
	asks("09:06:00", "10.20.0.100", BOB_HAS);
	asks("09:02:00", "10.20.0.100", NOBODY);
	asks("08:30:00", "10.20.0.100", ALICE_HAS); /* a line of then that comes now */
	asks("08:30:00", "::ffff:10.20.0.100", ALICE_HAS);
	feed("{\"@timestamp\":\"2026-11-23T09:08:00Z\",\"event\":{\"action\":\"dhcp-decline\",\"outcome\":\"failure\"},\"host\":{\"name\":\"dhcp\"},"
	     "\"client\":{\"ip\":\"10.20.0.100\",\"mac\":\"" ALICE "\"}}");
	asks("09:09:00", "10.20.0.100", BOB_HAS); /* a decline that was refused */
	feed(DHCP("09:10:00", "decline", "10.20.0.100", "", "", ""));
	asks("09:11:00", "10.20.0.100", NOBODY);
	opened_release(&o);
}

/* 0xffffffff seconds are a lease without an end: it outlives the 24 h that are assumed where nobody says how long. */
static void test_no_end(void)
{
#define DAY_BEFORE(ip, more)                                                                                                   \
	"{\"@timestamp\":\"2026-11-22T07:00:00Z\",\"event\":{\"action\":\"dhcp-ack\"},\"host\":{\"name\":\"dhcp\"},"         \
	"\"client\":{\"ip\":\"" ip "\",\"mac\":\"" ALICE "\"},\"dhcp\":{\"hostname\":\"alice-laptop\"" more "}}"

	CHECK(opened_plugin(&o, PLUGIN_FILTER, "identity {}", ECS_DISABLED));
	feed(DAY_BEFORE("10.20.0.77", ",\"lease\":{\"duration\":4294967295}"));
	feed(DAY_BEFORE("10.20.0.78", ""));
	feed(DAY_BEFORE("10.20.0.79", ",\"lease\":{\"duration\":4294967296}")); /* no lease time: it has 32 bits */
	asks("08:00:00", "10.20.0.77", ALICE_HAS);
	asks("08:00:00", "10.20.0.78", NOBODY);
	asks("08:00:00", "10.20.0.79", NOBODY);
	opened_release(&o);
}

/* dnsmasq's log-dhcp tells the lease time in a line of its own, which the transaction's id joins: in either order, and of the offer before, too. */
static void test_option_lines(void)
{
#define XID(x) ",\"transaction_id\":\"" x "\""
#define OPTION(time, x, seconds)                                                                                              \
	"{\"@timestamp\":\"2026-11-23T" time "Z\",\"event\":{\"action\":\"dhcp-option\"},\"host\":{\"name\":\"dhcp\"},"      \
	"\"dhcp\":{\"transaction_id\":\"" x "\",\"lease\":{\"duration\":" seconds "}}}"

	CHECK(opened_plugin(&o, PLUGIN_FILTER, "identity {}", ECS_DISABLED));
	feed(DHCP("08:00:00", "ack", "10.20.0.148", ALICE, "alice-laptop", XID("129076586")));
	asks("08:30:00", "10.20.0.148", ALICE_HAS);
	feed(OPTION("08:00:00", "129076586", "120"));
	asks("08:01:59", "10.20.0.148", ALICE_HAS);
	asks("08:02:01", "10.20.0.148", NOBODY);
	/* The option's line first. */
	feed(OPTION("09:00:00", "7", "60"));
	feed(DHCP("09:00:01", "ack", "10.20.0.149", BOB, "bobs-phone", XID("7")));
	asks("09:00:59", "10.20.0.149", BOB_HAS);
	asks("09:01:02", "10.20.0.149", NOBODY);
	/* Another transaction's, another time's, and one that says its own: not theirs. */
	feed(DHCP("10:00:00", "ack", "10.20.0.150", BOB, "bobs-phone", XID("8")));
	feed(OPTION("10:00:00", "9", "60"));
	feed(OPTION("10:10:00", "8", "60"));
	asks("10:20:00", "10.20.0.150", BOB_HAS);
	feed(OPTION("11:00:00", "10", "60"));
	feed(DHCP("11:00:00", "ack", "10.20.0.151", BOB, "bobs-phone", XID("10") ",\"lease\":{\"duration\":600}"));
	asks("11:09:59", "10.20.0.151", BOB_HAS);
	/* Renewed since: the time that came late does not end the renewal. */
	feed(DHCP("12:00:00", "ack", "10.20.0.152", ALICE, "alice-laptop", XID("11")));
	feed(DHCP("12:30:00", "ack", "10.20.0.152", ALICE, "alice-laptop", XID("12") ",\"lease\":{\"duration\":3600}"));
	feed(OPTION("12:00:00", "11", "60"));
	asks("13:29:00", "10.20.0.152", ALICE_HAS);
	opened_release(&o);
}

static void test_inform(void)
{
	CHECK(opened_plugin(&o, PLUGIN_FILTER, "identity { lease_time => \"1h\" }", ECS_V8));
	feed(DHCP("08:00:00", "ack", "10.20.0.5", ALICE, "alice-laptop", ",\"lease\":{\"duration\":600}"));
	feed(DHCP("08:01:00", "inform", "10.20.0.5", BOB, "bobs-phone", ""));
	feed(DHCP("08:01:00", "ack", "10.20.0.5", BOB, "bobs-phone", ""));
	asks("08:02:00", "10.20.0.5", ALICE_HAS); /* a sighting takes nothing over */
	asks("08:20:00", "10.20.0.5", BOB_HAS);
	feed(DHCP("08:30:00", "request", "10.20.0.5", BOB, "bobs-phone", ""));
	feed(DHCP("08:30:00", "ack", "10.20.0.5", BOB, "bobs-phone", ""));
	asks("08:30:01", "10.20.0.5", BOB_HAS);
	opened_release(&o);
}

#define VPN(time, action, more)                                                                                       \
	"{\"@timestamp\":\"2026-11-23T" time "Z\",\"event\":{\"action\":\"vpn-" action "\"},\"host\":{\"name\":\"vpn\"}," \
	"\"source\":{\"ip\":\"203.0.113.77\",\"port\":46739}" more "}"

#define IKE(time, action, more)                                                                                       \
	"{\"@timestamp\":\"2026-11-23T" time "Z\",\"event\":{\"action\":\"vpn-" action "\"},\"host\":{\"name\":\"vpn\"}," \
	"\"network\":{\"protocol\":\"ike\"},\"vpn\":{\"connection_id\":\"1\"},\"user\":{\"name\":\"carol\"}" more "}"

static void test_vpn(void)
{
	CHECK(opened_plugin(&o, PLUGIN_FILTER, "identity {}", ECS_V8));
	feed(VPN("08:00:00", "connect", ",\"vpn\":{\"certificate\":\"alice-laptop\"}"));
	feed(VPN("08:00:00", "login", ",\"user\":{\"name\":\"alice\"}"));
	feed(VPN("08:00:01", "assign", ",\"client\":{\"ip\":\"10.8.0.2\"},\"vpn\":{\"certificate\":\"alice-laptop\"}"));
	asks("08:10:00", "10.8.0.2", "- alice - vpn");
	feed(VPN("09:00:00", "disconnect", ""));
	asks("09:00:01", "10.8.0.2", NOBODY);
	asks("08:59:59", "10.8.0.2", "- alice - vpn");
	/* An IKE_SA that was made anew is deleted under its old number; the address stays. */
	feed(IKE("09:30:00", "login", ""));
	feed(IKE("09:30:00", "assign", ",\"client\":{\"ip\":\"10.3.0.1\"}"));
	feed(IKE("09:40:00", "disconnect", ""));
	asks("09:41:00", "10.3.0.1", "- carol - vpn");
	feed(IKE("09:50:00", "release", ",\"client\":{\"ip\":\"10.3.0.1\"}"));
	asks("09:50:01", "10.3.0.1", NOBODY);
	/* A refused login proves nobody. */
	feed(VPN("10:00:00", "login", ",\"user\":{\"name\":\"mallory\"},\"vpn\":{\"x\":1}"));
	feed(VPN("10:00:02", "disconnect", ""));
	feed("{\"@timestamp\":\"2026-11-23T10:01:00Z\",\"event\":{\"action\":\"vpn-login\",\"outcome\":\"failure\"},\"host\":{\"name\":\"vpn\"},"
	     "\"source\":{\"ip\":\"203.0.113.77\",\"port\":46739},\"user\":{\"name\":\"mallory\"}}");
	feed(VPN("10:01:01", "assign", ",\"client\":{\"ip\":\"10.8.0.3\"},\"vpn\":{\"certificate\":\"alice-laptop\"}"));
	asks("10:02:00", "10.8.0.3", "- alice-laptop - vpn");
	opened_release(&o);
}

static void test_ipv6_and_static(void)
{
	CHECK(opened_plugin(&o, PLUGIN_FILTER, "identity { static => { \"10.20.0.9\" => \"Printer\" } }", ECS_V8));
	asks("08:00:00", "10.20.0.9", "printer - - static");
	feed(DHCP("08:00:00", "ack", "10.20.0.100", ALICE, "alice-laptop", ""));
	asks("08:10:00", "2001:db8::f480:5fff:fe1d:d195", ALICE_HAS); /* made of Alice's MAC */
	asks("08:10:00", "2001:db8::1234:5678:9abc:def0", NOBODY);
	feed("{\"@timestamp\":\"2026-11-23T08:20:00Z\",\"event\":{\"action\":\"dhcp-lease\"},\"client\":{\"ip\":\"2001:db8::77\"},"
	     "\"dhcp\":{\"client_id\":\"00:01:00:01:2c:aa:bb:cc:ce:60:03:66:34:97\",\"hostname\":\"bobs-phone\",\"lease\":{\"duration\":300}}}");
	asks("08:21:00", "2001:db8::77", BOB_HAS);
	asks("08:26:00", "2001:db8::77", NOBODY);
	opened_release(&o);
	CHECK(!opened_plugin(&o, PLUGIN_FILTER, "identity { static => { \"10.20.0\" => \"x\" } }", ECS_V8));
	opened_release(&o);
}

/* A line told twice (charon's two facilities) is one. */
static void test_duplicate(void)
{
	CHECK(opened_plugin(&o, PLUGIN_FILTER, "identity {}", ECS_V8));
	feed("{\"@timestamp\":\"2026-11-23T08:20:00Z\",\"event\":{\"action\":\"dhcp-ack\"},\"client\":{\"ip\":\"10.20.0.7\",\"mac\":\"" BOB "\"},"
	     "\"weir\":{\"parse\":{\"duplicate\":true}}}");
	asks("08:21:00", "10.20.0.7", NOBODY);
	opened_release(&o);
}

/* ---- across a restart ---- */

static bool open_with(struct state_db *db)
{
	return opened_plugin_with(&o, PLUGIN_FILTER, "identity {}", ECS_V8, db);
}

static void test_restart(void)
{
	char dir[] = "/tmp/weir-identity-XXXXXX", path[64];
	struct state_db *db;
	struct stat st;
	int fd;

	CHECK(mkdtemp(dir) != NULL);
	(void)snprintf(path, sizeof(path), "%s/state.db", dir);
	db = state_db_new(str_z(dir));
	CHECK(open_with(db));
	feed(DHCP("08:10:02", "ack", "10.20.0.100", ALICE, "alice-laptop", ""));
	feed(VPN("08:00:00", "login", ",\"user\":{\"name\":\"alice\"}"));
	feed(VPN("08:00:01", "assign", ",\"client\":{\"ip\":\"10.8.0.2\"}"));
	opened_release(&o);
	state_db_free(db);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);

	db = state_db_new(str_z(dir));
	CHECK(open_with(db));
	asks("08:30:00", "10.20.0.100", ALICE_HAS);
	feed(VPN("09:00:00", "disconnect", "")); /* of a session from before */
	asks("08:30:00", "10.8.0.2", "- alice - vpn");
	asks("09:00:01", "10.8.0.2", NOBODY);
	opened_release(&o);
	state_db_free(db);

	/* Torn: set aside, and weird goes on. */
	fd = open(path, O_WRONLY);
	CHECK(fd != -1 && pwrite(fd, "not a database, no more than that", 33, 0) == 33);
	close(fd);
	db = state_db_new(str_z(dir));
	CHECK(open_with(db));
	asks("08:30:00", "10.20.0.100", NOBODY);
	feed(DHCP("08:10:02", "ack", "10.20.0.100", ALICE, "alice-laptop", ""));
	asks("08:30:00", "10.20.0.100", ALICE_HAS);
	opened_release(&o);
	state_db_free(db);
	for (const char *const *p = (const char *const[]){"state.db", "state.db.corrupt", "state.db-wal", "state.db-shm", NULL}; *p; p++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "%s/%s", dir, *p);
		(void)unlink(name);
	}
	CHECK(rmdir(dir) == 0);
}

int main(void)
{
	hash_init(NULL);
	fields_init();
	test_change_of_hands();
	test_no_end();
	test_option_lines();
	test_inform();
	test_vpn();
	test_ipv6_and_static();
	test_duplicate();
	test_restart();
	return test_end();
}
