/*
 * bench_syslog.c - what a syslog line costs: its header alone, and the whole event under both sets of names.
 *
 * Prints nanoseconds per line; for instructions run it under callgrind with a small count.
 */
#include "base/clock.h"
#include "base/hash.h"
#include "parse/syslog_decode.h"
#include "parse/syslog.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

static const struct str line = STR_INIT("<20>Nov 23 08:24:57 mail postfix/smtpd[3150]: warning: unknown[185.137.111.145]: "
					"SASL LOGIN authentication failed: (reason unavailable), sasl_us");
static const int64_t received = INT64_C(1795489200) * 1000000000;

static void show(const char *what, int64_t from, long n)
{
	printf("%-24s %6.1f ns\n", what, (double)(clock_mono(&clock_system) - from) / (double)n);
}

static void decode(struct arena *plan, enum ecs_mode ecs, const char *what, long n)
{
	struct settings settings = {.clock = &clock_system};
	struct syslog_options o = {.use_labels = true};
	struct diag diag;
	struct plugin_ctx ctx = {.arena = plan, .settings = &settings, .ecs = ecs, .diag = &diag};
	struct sockaddr_storage peer = {0};
	struct sockaddr_in *in = (void *)&peer;
	struct arena a;
	struct err err;
	int64_t from;

	diag_init(&diag);
	arena_init(&a, NULL);
	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(0xc0000207);
	if (syslog_decode_open(&o, &ctx, &err)) {
		fprintf(stderr, "%s\n", err.text);
		exit(EXIT_FAILURE);
	}
	from = clock_mono(&clock_system);
	for (long i = 0; i < n; i++) {
		struct event ev;

		event_init(&ev, &a);
		syslog_decode(&o, &ev, line, &peer, received);
		if (i % 256 == 255)
			arena_clear(&a);
	}
	show(what, from, n);
	syslog_decode_close(&o);
	arena_release(&a);
	diag_release(&diag);
}

int main(int argc, char **argv)
{
	long n = argc > 1 ? strtol(argv[1], NULL, 10) : 2000000;
	struct arena plan;
	struct syslog_msg m;
	size_t bytes = 0;
	int64_t from;

	hash_init(NULL);
	arena_init(&plan, NULL);
	from = clock_mono(&clock_system);
	for (long i = 0; i < n; i++) {
		syslog_parse(line, &m);
		bytes += m.msg.len;
	}
	show("header", from, n);
	if (bytes != (size_t)n * m.msg.len)
		return EXIT_FAILURE;
	decode(&plan, ECS_DISABLED, "event, legacy names", n);
	decode(&plan, ECS_V8, "event, ECS", n);
	arena_release(&plan);
	return 0;
}
