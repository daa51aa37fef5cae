/*
 * bench_output.c - what one event costs on its way into a bulk: the elasticsearch output's put(), and reading the answer.
 *
 *	bench_output [ROUNDS [put|answer]]	callgrind: bench_output 2000 put, less bench_output 1000 put
 *
 * put: a syslog event of 11 fields into a data stream, render half and sender; packs are given up unsent. answer: the answer to 2,000
 * documents, per document.
 */
#include "base/clock.h"
#include "config/parse.h"
#include "event/json.h"
#include "outputs/es_verdict.h"
#include "outputs/sender.h"
#include "outputs/sender_int.h"
#include "pipeline/options.h"

#include <stdio.h>
#include <stdlib.h>

static const char document[] =
	"{\"message\":\"connect from unknown[192.0.2.17]: client certificate not trusted\",\"@version\":\"1\","
	"\"host\":{\"hostname\":\"mail-3\",\"ip\":\"198.51.100.7\"},\"process\":{\"name\":\"postfix/smtpd\",\"pid\":20871},"
	"\"log\":{\"syslog\":{\"priority\":22,\"facility\":{\"code\":2,\"name\":\"mail\"},\"severity\":{\"code\":6,\"name\":\"informational\"}}},"
	"\"service\":{\"type\":\"system\"}}";

enum { SLICES = 50, ANSWER = 2000 };

static struct event event;
static struct sender *sender;
static struct buf answer;

static void fail(const char *what)
{
	fprintf(stderr, "bench_output: %s\n", what);
	exit(EXIT_FAILURE);
}

static void put_events(uint64_t n)
{
	struct outlet *o = sender_outlet(sender);

	for (uint64_t i = 0; i < n; i++) {
		while (o->put(o, &event) == OUTLET_FULL)
			fail("it is full");
		if ((i & 255) == 255)
			o->idle(o);
	}
}

static void each(void *arg, uint32_t i, const struct es_item *it)
{
	fail("an item that is not good");
}

static void read_answers(uint64_t n)
{
	for (uint64_t i = 0; i < n; i += ANSWER)
		if (!es_answer_scan(buf_slice(&answer), ANSWER, each, NULL))
			fail("no answer");
}

/* The best of some runs: the others shared the processor with somebody. */
static void measure(const char *what, void (*run)(uint64_t n), uint64_t rounds)
{
	double best = 1e18;

	for (int i = 0; i < SLICES; i++) {
		int64_t start = clock_mono(&clock_system);
		double took;

		run(rounds / SLICES);
		took = (double)(clock_mono(&clock_system) - start);
		best = took < best ? took : best;
	}
	printf("%s: %.0f ns\n", what, best / (double)(rounds / SLICES));
}

static void open_sender(struct arena *a)
{
	static struct settings settings = {.clock = &clock_system, .ecs = ECS_V8};
	static struct diag diag;
	static struct plugin_ctx ctx = {.settings = &settings, .diag = &diag, .id = STR_INIT("bench")};
	struct common_options common;
	struct sender_config c = {.ctx = &ctx, .no_threads = true};
	struct ast_plugin *ap;
	struct err err;

	ctx.arena = a;
	diag_init(&diag);
	ap = config_parse_plugin(a, STR("elasticsearch { }"), NULL, &diag);
	if (!ap)
		fail("the configuration");
	c.plugin = plugin_find(PLUGIN_OUTPUT, ap->name);
	c.self = arena_zalloc(a, c.plugin->size);
	if (options_bind(c.plugin, ap, c.self, &common, &ctx) == -1 || c.plugin->open(c.self, &ctx, &err) == -1)
		fail("the options");
	sender = sender_new(&c, &err);
	if (!sender)
		fail("the sender");
}

/* Everything that waits counts as delivered. */
static void empty_sender(void)
{
	struct send_ctx ctx = {.clock = &clock_system};
	struct pack *p;

	while ((p = sender->queue)) {
		sender->queue = p->next;
		if (!sender->queue)
			sender->queue_tail = &sender->queue;
		for (uint32_t i = 0; i < p->n; i++)
			p->item[i].verdict = VERDICT_DELIVERED;
		sender_settle(sender, p, SEND_JUDGED, &ctx, 0);
	}
}

static void put_and_empty(uint64_t n)
{
	for (uint64_t i = 0; i < n; i += 10000) {
		put_events(n - i < 10000 ? n - i : 10000);
		empty_sender();
	}
}

int main(int argc, char **argv)
{
	uint64_t rounds = 1000000;
	const char *which = argc > 2 ? argv[2] : "";
	struct str in = str_n(document, sizeof(document) - 1);
	struct arena a;
	struct value v;

	if (argc > 1 && !str_u64(str_z(argv[1]), 100000000, &rounds))
		fail("how many rounds?");
	hash_init(NULL);
	arena_init(&a, NULL);
	event_init(&event, &a);
	event_stamp(&event, ts_from_ns(1732417794123000000));
	if (json_read(&a, &in, NULL, &v, NULL) == -1)
		fail("the document");
	for (uint32_t i = 0; i < v.map->n; i++)
		map_set(&a, &event.root, v.map->e[i].key, v.map->e[i].val);
	memcpy(event.id, "AZMVq0N7hV4cAAAAAAAAAQ", 22);
	event.id_len = 22;
	open_sender(&a);
	buf_init(&answer, 0);
	buf_lit(&answer, "{\"errors\":false,\"took\":11,\"items\":[");
	for (int i = 0; i < ANSWER; i++)
		buf_printf(&answer, "%s{\"create\":{\"status\":201}}", i ? "," : "");
	buf_lit(&answer, "]}");
	if (strcmp(which, "answer") != 0)
		measure("put one event", put_and_empty, rounds);
	if (strcmp(which, "put") != 0)
		measure("read one item of an answer", read_answers, rounds);
	return EXIT_SUCCESS;
}
