/*
 * bench_json.c - what reading and writing one document costs: 580 bytes, 20 fields, as they go to Elasticsearch.
 *
 *	bench_json [ROUNDS [read|write]]		callgrind: bench_json 2000 read, less bench_json 1000 read
 */
#include "base/clock.h"
#include "event/from_map.h"
#include "event/json.h"

#include <stdio.h>
#include <stdlib.h>

static const char document[] =
	"{\"@timestamp\":\"2026-11-24T03:09:54.123Z\",\"@version\":\"1\",\"message\":\"Accepted publickey for deploy from "
	"192.0.2.17 port 51234 ssh2: ED25519 SHA256:q8r\",\"host\":{\"hostname\":\"web-3\",\"ip\":\"198.51.100.7\"},"
	"\"process\":{\"name\":\"sshd\",\"pid\":20871},\"log\":{\"syslog\":{\"priority\":86,\"severity\":{\"code\":6},"
	"\"facility\":{\"code\":10}}},\"source\":{\"ip\":\"192.0.2.17\",\"port\":51234,\"geo\":{\"country_iso_code\":\"DE\","
	"\"location\":{\"lat\":52.5,\"lon\":13.4}}},\"user\":{\"name\":\"deploy\"},\"event\":{\"outcome\":\"success\","
	"\"category\":[\"authentication\"]},\"related\":{\"ip\":[\"192.0.2.17\"]},\"tags\":[\"ssh\"]}";

enum { SLICES = 100 };

static double now_ns(void)
{
	return (double)clock_mono(&clock_system);
}

static void fail(const char *what)
{
	fprintf(stderr, "bench_json: %s\n", what);
	exit(EXIT_FAILURE);
}

static struct str text = {document, sizeof(document) - 1};
static struct arena arena;
static struct event event;
static struct buf out;

static void read_documents(uint64_t n)
{
	struct value v;

	for (uint64_t i = 0; i < n; i++) {
		struct str in = text;

		/* A batch's arena is cleared each 256 documents. */
		if ((i & 255) == 0)
			arena_clear(&arena);
		if (json_read(&arena, &in, NULL, &v, NULL) < 0)
			fail("the document does not read");
		event_init(&event, &arena);
		if (event_from_map(&event, v.map, ts_from_ns(0)) < 0)
			fail("the document makes no event");
	}
}

static void write_documents(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		buf_clear(&out);
		json_write_event(&out, &event);
	}
}

/* The best of some runs: the others shared the processor with somebody. */
static void measure(const char *what, void (*run)(uint64_t n), uint64_t rounds)
{
	double best = 1e18;

	for (int i = 0; i < SLICES; i++) {
		double start = now_ns(), took;

		run(rounds / SLICES);
		took = now_ns() - start;
		best = took < best ? took : best;
	}
	printf("%s %zu bytes: %.0f ns\n", what, text.len, best / (double)(rounds / SLICES));
}

int main(int argc, char **argv)
{
	uint64_t rounds = 400000;

	if (argc > 1 && (!str_u64(str_z(argv[1]), 1000000000, &rounds) || rounds < SLICES))
		fail("usage: bench_json [ROUNDS [read|write]]");
	hash_init((const uint64_t[]){1, 2});
	arena_init(&arena, NULL);
	buf_init(&out, 0);
	read_documents(1);
	write_documents(1);
	if (!str_eq(buf_slice(&out), text))
		fail("what was written is not what was read");
	if (argc < 3 || strcmp(argv[2], "read") == 0)
		measure("read ", read_documents, rounds);
	if (argc < 3 || strcmp(argv[2], "write") == 0)
		measure("write", write_documents, rounds);
	buf_release(&out);
	arena_release(&arena);
	return 0;
}
