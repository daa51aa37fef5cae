/*
 * fuzz_link.c - any sequence of connections, questions, answers and referrals about a few names, at any times, through the filter link with
 * tables so small that rows are evicted. An event is never put into a second chain, and never taken out of one it is not in.
 *
 * Six bytes are an event: what, who, which name, when (two bytes), a port or process.
 */
#include "fuzz.h"

#include "../unit/plugin.h"
#include "enrichers/link_int.h"

enum { EVENTS = 600 };

static const char *const actions[] = {
	"dns-client-query", "dns-client-response", "dns-resolver-query", "dns-resolver-response", "dns-resolver-fetch", "dns-forwarder-query", "dns-query-failed",
	"smtp-connect",	    "smtp-auth",	   "smtp-disconnect",	 "smtp-hostname-mismatch", "mail-accepted",	 "mail-auth",		"ssh-connect",
	"ssh-login",	    "ssh-disconnect",
};
static const char *const names[] = {
	"1.0.137.185.in-addr.arpa", "2.0.137.185.in-addr.arpa", "1.1.137.185.in-addr.arpa", "0.137.185.in-addr.arpa", "137.185.in-addr.arpa", "ns1.isp.example",
	"ns2.isp.example",	    "isp.example",		"mx.sender.example",	    "mx.sender.example.corp.example", "sender.example", "", "example", "www.other.example",
};
static const char *const addresses[] = {"185.137.0.1", "185.137.0.2", "185.137.1.1", "198.51.100.25", "198.51.100.54", "10.20.0.100", "127.0.0.1", "2001:db8::1"};

static char chain_of[EVENTS + 1][CHAIN_ID + 1];
static bool strict;

static void set(struct event *ev, enum field_id f, const char *text)
{
	(void)event_set(ev, field_ref(f), v_str(str_z(text)));
}

static struct map *record(struct event *ev, const char *name, const char *type, const char *data)
{
	struct map *m = map_new(ev->arena, 4);

	map_set(ev->arena, m, key_make(STR("name")), v_str(str_z(name)));
	map_set(ev->arena, m, key_make(STR("type")), v_str(str_z(type)));
	map_set(ev->arena, m, key_make(STR("ttl")), v_int(20));
	map_set(ev->arena, m, key_make(STR("data")), v_str(str_z(data)));
	return m;
}

static void make(struct event *ev, struct arena *a, const uint8_t *p, unsigned number, struct err *err)
{
	enum { ACTIONS = sizeof(actions) / sizeof(*actions), NAMES = sizeof(names) / sizeof(*names), ADDRESSES = sizeof(addresses) / sizeof(*addresses) };
	const char *action = actions[p[0] % ACTIONS], *name = names[p[2] % NAMES];
	int64_t t = 1795608000ll * SEC + 100000 + ((int64_t)(p[3] << 8 | p[4]) << (p[0] >> 6) * 4) * 100000;
	struct list *l = list_new(a, 2);

	event_init(ev, a);
	event_stamp(ev, ts_from_ns(t));
	ev->received_ns = 1795608000ll * SEC + number * (p[0] & 32 ? SEC : MS);
	ev->id_len = (uint8_t)snprintf(ev->id, sizeof(ev->id), "%u", number);
	set(ev, F_EVENT_ACTION, action);
	set(ev, F_HOST_NAME, action[0] == 'd' ? (p[1] & 64 ? "mail" : "resolver") : "mail");
	set(ev, F_EVENT_PROVIDER, p[1] & 32 ? "postscreen" : "smtpd");
	set(ev, F_SOURCE_IP, addresses[p[1] % ADDRESSES]);
	if (p[5] & 128)
		(void)event_set(ev, field_ref(F_SOURCE_PORT), v_int(p[5] & 7));
	(void)event_set(ev, field_ref(F_PROCESS_PID), v_int(p[5] & 3));
	if (action[0] != 'd') {
		if (p[2] & 16)
			set(ev, F_SOURCE_DOMAIN, name);
		return;
	}
	set(ev, F_DNS_QUESTION_NAME, name);
	set(ev, F_DNS_QUESTION_TYPE, p[5] & 64 ? "A" : str_ends(str_z(name), STR(".arpa")) ? "PTR" : p[5] & 32 ? "AAAA" : "NS");
	set(ev, F_DNS_RESPONSE_CODE, p[5] & 16 ? "SERVFAIL" : "NOERROR");
	if (p[1] & 16) {
		list_push(a, l, v_map(record(ev, name, "PTR", "mx.sender.example")));
		(void)event_set(ev, field_ref(F_DNS_ANSWERS), v_list(l));
	} else if (p[1] & 8) {
		list_push(a, l, v_map(record(ev, names[3 + (p[5] & 1)], "NS", "ns1.isp.example")));
		list_push(a, l, v_map(record(ev, "isp.example", "NS", "ns2.isp.example")));
		(void)event_set(ev, ref_compile(a, STR("[weir][dns][authorities]"), err), v_list(l));
	}
}

static void chain_text(const struct event *ev, char out[CHAIN_ID + 1])
{
	const struct value *v = event_get(ev, field_ref(F_WEIR_CHAIN_ID));

	memset(out, 0, CHAIN_ID + 1);
	if (!value_is(v, V_STRING))
		return;
	FUZZ_ASSERT(v->len == CHAIN_ID);
	memcpy(out, v->s, CHAIN_ID);
}

static void told(const struct event *ev)
{
	const struct value *ids = event_get(ev, field_ref(F_WEIR_LINK_EVENT_ID)), *action = event_get(ev, field_ref(F_EVENT_ACTION));
	char chain[CHAIN_ID + 1];

	chain_text(ev, chain);
	FUZZ_ASSERT(chain[0] && value_is(action, V_STRING));
	for (uint32_t i = 0; value_is(ids, V_LIST) && i < ids->list->n; i++) {
		uint64_t n;

		FUZZ_ASSERT(str_u64(value_str(&ids->list->v[i]), EVENTS, &n));
		if (str_eqz(value_str(action), "unlink")) {
			FUZZ_ASSERT(!strict || strcmp(chain_of[n], chain) == 0);
			chain_of[n][0] = '\0';
		} else {
			FUZZ_ASSERT(!strict || !chain_of[n][0]);
			memcpy(chain_of[n], chain, sizeof(chain));
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct opened o;
	struct clock clock;
	struct arena a;
	struct err err;
	struct step_ctx ctx = {.clock = &clock, .arena = &a};

	clock_virtual_init(&clock, 1795608000ll * SEC);
	hash_init((const uint64_t[2]){1, 2});
	fields_init();
	FUZZ_ASSERT(opened_plugin(&o, PLUGIN_FILTER, n & 1 ? "link { max_memory => 262144 }" : "link { max_memory => 262144 hosts => { mail => [\"198.51.100.25\"] } }", ECS_V8));
	memset(chain_of, 0, sizeof(chain_of));
	arena_init(&a, NULL);
	for (unsigned i = 0; n >= 6 && i < EVENTS; i++, p += 6, n -= 6) {
		struct event ev, child;
		enum step step;

		arena_clear(&a);
		make(&ev, &a, p, i, &err);
		ctx.gen = NULL;
		step = o.plugin->filter.run(o.self, &ev, &ctx);
		/* What one event may tell is bounded; beyond that readers are behind. */
		strict = ((struct link *)o.self)->st->dropped_msgs == 0;
		chain_text(&ev, chain_of[i]);
		while (step == STEP_FORK) {
			event_init(&child, &a);
			if (!o.plugin->filter.next(o.self, ctx.gen, &ev, &child, &ctx))
				break;
			told(&child);
		}
	}
	for (int i = 0; i < LINK_TABLES; i++)
		FUZZ_ASSERT(((struct link *)o.self)->st->t[i].n <= ((struct link *)o.self)->st->t[i].cap);
	arena_release(&a);
	opened_release(&o);
	return 0;
}
