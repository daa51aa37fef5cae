/*
 * bench_dnstap.c - what a dnstap frame costs: cutting it off the stream, its protobuf, its DNS message, the whole event, and that event's JSON.
 *
 *	bench_dnstap RECORDING [ROUNDS [fstrm|protobuf|dns|event|json]]
 *
 * Prints nanoseconds per frame, on average over the recording; for instructions: callgrind with 200 rounds, less callgrind with 100.
 */
#include "base/clock.h"
#include "event/json.h"
#include "input/fstrm.h"
#include "parse/dns.h"
#include "parse/dnstap.h"
#include "parse/dnstap_decode.h"

#include <stdio.h>
#include <stdlib.h>

enum { FRAMES = 512 };

static struct buf recording;
static struct str frame[FRAMES];
static size_t frames;
static struct arena arena;
static struct dnstap_decoder *decoder;
static struct buf text;

static void fail(const char *what)
{
	fprintf(stderr, "bench_dnstap: %s\n", what);
	exit(EXIT_FAILURE);
}

static void cut(void)
{
	struct str in = buf_slice(&recording), out;
	struct fstrm f;
	size_t used;

	fstrm_init(&f, "protobuf:dnstap.Dnstap", FSTRM_DATA_MAX);
	frames = 0;
	for (;;) {
		enum fstrm_answer a = fstrm_next(&f, in, &out, &used);

		if (a == FSTRM_FRAME && frames < FRAMES)
			frame[frames++] = out;
		else if (a != FSTRM_MORE || !used)
			break;
		in = str_from(in, used);
	}
}

static void read_protobuf(struct str f)
{
	struct dnstap d;

	if (dnstap_read(f, &d))
		fail("a frame cannot be read");
}

static void read_dns(struct str f)
{
	struct dns_reader r;
	struct dns_record rec;
	struct dnstap d;
	size_t end;

	(void)dnstap_read(f, &d);
	if (!dns_open(&r, d.response.p ? d.response : d.query))
		fail("a DNS message cannot be read");
	while (dns_next(&r, &rec)) {
		buf_clear(&text);
		(void)dns_name(r.msg, rec.name, &text, &end);
		if (rec.section != DNS_QUESTION)
			(void)dns_data(r.msg, &rec, &text);
	}
	if (r.error)
		fail(r.error);
}

static void make_event(struct event *ev, struct str f)
{
	struct dnstap_from from = {.received_ns = INT64_C(1795489200) * 1000000000, .host = STR("h")};

	arena_clear(&arena);
	event_init(ev, &arena);
	if (dnstap_decode(decoder, ev, f, &from))
		fail("a frame is malformed");
}

static void event(struct str f)
{
	struct event ev;

	make_event(&ev, f);
}

static void json(struct str f)
{
	struct event ev;

	make_event(&ev, f);
	buf_clear(&text);
	json_write_event(&text, &ev);
}

static void run(const char *what, const char *only, long rounds, void (*fn)(struct str f))
{
	int64_t from;

	if (only && strcmp(only, what) != 0)
		return;
	from = clock_mono(&clock_system);
	for (long i = 0; i < rounds; i++) {
		if (!fn)
			cut();
		for (size_t k = 0; fn && k < frames; k++)
			fn(frame[k]);
	}
	printf("%-10s %7.1f ns\n", what, (double)(clock_mono(&clock_system) - from) / (double)rounds / (double)frames);
}

int main(int argc, char **argv)
{
	long rounds = argc > 2 ? strtol(argv[2], NULL, 10) : 10000;
	const char *only = argc > 3 ? argv[3] : NULL;
	char chunk[4096];
	size_t n;
	FILE *f = argc > 1 ? fopen(argv[1], "r") : NULL;

	if (!f)
		fail("needs a recording");
	buf_init(&recording, 0);
	buf_init(&text, 0);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&recording, chunk, n);
	fclose(f);
	hash_init(NULL);
	arena_init(&arena, NULL);
	decoder = dnstap_decoder_new();
	cut();
	if (!frames)
		fail("the recording holds no frames");
	run("fstrm", only, rounds, NULL);
	run("protobuf", only, rounds, read_protobuf);
	run("dns", only, rounds, read_dns);
	run("event", only, rounds, event);
	run("json", only, rounds, json);
	dnstap_decoder_free(decoder);
	arena_release(&arena);
	buf_release(&recording);
	buf_release(&text);
	return 0;
}
