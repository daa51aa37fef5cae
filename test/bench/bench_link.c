/*
 * bench_link.c - what the filter link costs: for an event of no interest, for each kind that interests it, and for a mix.
 *
 * Time without that of making the events: they are made before, a thousand at a time. For instructions run it under
 * callgrind with --toggle-collect=bench_feed and a small count.
 */
#include "../unit/plugin.h"

#include "base/hash.h"

#include <inttypes.h>

enum { ROUND = 1000 };

static struct opened o;
static struct clock now;
static uint64_t total_ns[8], total[8];
static const char *const names[8] = {"no interest", "client query", "client answer", "mail connect", "mail line", "resolver query", "resolver answer", "reverse query"};

struct made {
	struct event ev;
	unsigned kind;
};

__attribute__((noinline)) void bench_feed(struct made *m, struct arena *a);
void bench_feed(struct made *m, struct arena *a)
{
	struct step_ctx ctx = {.arena = a, .clock = &now};
	struct event child;

	if (o.plugin->filter.run(o.self, &m->ev, &ctx) != STEP_FORK)
		return;
	for (;;) {
		event_init(&child, a);
		if (!o.plugin->filter.next(o.self, ctx.gen, &m->ev, &child, &ctx))
			return;
	}
}

static void set(struct event *ev, enum field_id f, struct value v)
{
	(void)event_set(ev, field_ref(f), v);
}

static void make(struct made *m, struct arena *a, unsigned kind, int64_t t, uint64_t n, struct str name, const char *type)
{
	static const char *const actions[] = {"dhcp-ack", "dns-client-query", "dns-client-response", "smtp-connect", "smtp-auth", "dns-resolver-query",
					      "dns-resolver-response", "dns-client-query"};
	struct event *ev = &m->ev;
	int len;

	m->kind = kind;
	event_init(ev, a);
	event_stamp(ev, ts_from_ns(t));
	ev->received_ns = t;
	len = snprintf(ev->id, sizeof(ev->id), "%022" PRIx64, n);
	ev->id_len = (uint8_t)len;
	set(ev, F_MESSAGE, v_lit("a line of ordinary length, of which nothing is read here"));
	set(ev, F_EVENT_ACTION, v_str(str_z(actions[kind])));
	set(ev, F_HOST_NAME, kind == 3 || kind == 4 ? v_lit("mail") : v_lit("resolver"));
	if (kind == 0)
		return;
	if (kind == 3 || kind == 4) {
		set(ev, F_EVENT_PROVIDER, v_lit("smtpd"));
		set(ev, F_PROCESS_PID, v_int((int64_t)(n % 50)));
		set(ev, F_SOURCE_IP, v_str(name));
		return;
	}
	set(ev, F_DNS_QUESTION_NAME, v_str(name));
	set(ev, F_DNS_QUESTION_TYPE, v_str(str_z(type)));
	set(ev, F_SOURCE_PORT, v_int((int64_t)(1024 + n * 7 % 60000)));
	set(ev, F_DNS_ID, v_lit("4711"));
	if (kind == 5 || kind == 6)
		return;
	set(ev, F_SOURCE_IP, kind == 7 || (kind == 2 && type[0] == 'P') ? v_lit("198.51.100.25") : v_lit("10.20.0.100"));
	set(ev, F_DNS_RESPONSE_CODE, v_lit("NOERROR"));
}

/* One connection with its look-up, and what a small site does meanwhile: ten names, half of which the resolver must ask for, and lines of no interest. */
static unsigned scene(struct made *m, struct arena *a, uint64_t n, int64_t t)
{
	unsigned k = 0, b = (unsigned)(n >> 8 & 255), c = (unsigned)(n & 255);
	struct str reverse = arena_printf(a, "%u.%u.%u.185.in-addr.arpa", (unsigned)(n >> 16 & 255) + 1, c, b);
	struct str ip = arena_printf(a, "185.%u.%u.%u", b, c, (unsigned)(n >> 16 & 255) + 1);

	make(&m[k++], a, 7, t, n, reverse, "PTR");
	make(&m[k++], a, 5, t + 1000000, n, reverse, "PTR");
	make(&m[k++], a, 6, t + 2000000, n, reverse, "PTR");
	make(&m[k++], a, 2, t + 3000000, n, reverse, "PTR");
	make(&m[k++], a, 3, t + 3300000, n, ip, NULL);
	make(&m[k++], a, 4, t + 4000000, n, ip, NULL);
	for (unsigned i = 0; i < 10; i++) {
		struct str name = arena_printf(a, "www%u.example%u.com", (unsigned)(n % 7), (unsigned)(n * 10 + i) % 3000);

		make(&m[k++], a, 1, t + 5000000 + i, n * 10 + i, name, "A");
		if (i % 2) {
			make(&m[k++], a, 5, t + 5100000 + i, n * 10 + i, name, "A");
			make(&m[k++], a, 6, t + 5200000 + i, n * 10 + i, name, "A");
		}
		make(&m[k++], a, 2, t + 5300000 + i, n * 10 + i, name, "A");
	}
	for (unsigned i = 0; i < 44; i++)
		make(&m[k++], a, 0, t + 6000000, n, STR(""), NULL);
	return k;
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 400;
	static struct made m[ROUND + 128];
	uint64_t n = 0, all = 0, all_ns = 0;
	struct arena a;

	hash_init(NULL);
	fields_init();
	clock_virtual_init(&now, INT64_C(1795608000) * 1000000000);
	if (!opened_plugin(&o, PLUGIN_FILTER, "link { hosts => { mail => [\"198.51.100.25\"] } }", ECS_V8))
		return 1;
	arena_init(&a, NULL);
	for (long r = 0; r < rounds; r++) {
		unsigned k = 0;

		arena_clear(&a);
		while (k < ROUND) {
			k += scene(m + k, &a, n, INT64_C(1795608000) * 1000000000 + (int64_t)n * 50000000);
			n++;
		}
		for (unsigned i = 0; i < k; i++) {
			int64_t from = clock_mono(&clock_system);

			bench_feed(&m[i], &a);
			total_ns[m[i].kind] += (uint64_t)(clock_mono(&clock_system) - from);
			total[m[i].kind]++;
		}
		clock_advance(&now, 1000000000);
	}
	for (unsigned i = 0; i < 8; i++) {
		printf("%-16s %7.1f ns\n", names[i], (double)total_ns[i] / (double)total[i]);
		all += total[i];
		all_ns += total_ns[i];
	}
	printf("%-16s %7.1f ns, %" PRIu64 " events, %.0f %% of them of no interest\n", "mix", (double)all_ns / (double)all, all, 100.0 * (double)total[0] / (double)all);
	opened_release(&o);
	arena_release(&a);
	return 0;
}
