/*
 * tap.c - `weir tap [QUERY]`: events as they come into the embedded store, until Ctrl-C.
 */
#include "tool/ask.h"
#include "tool/show.h"
#include "tool/tool.h"

#include <signal.h>
#include <time.h>

static const char usage[] =
	"usage: weir tap [OPTION...] [QUERY]      the query language: docs/search.md\n\n"
	"  --json           the documents, one a line, times in UTC\n"
	"  --path.data DIR  weird's data folder ($WEIR_DATA, else the daemon's own default)\n";

enum { POLL_MS = 200 };

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

static int tap(const struct ask *a, struct store *s)
{
	const struct timespec pause = {0, POLL_MS * 1000000};
	struct zone_span span = {0};
	struct store_hit hit;
	struct arena arena;
	struct err err;
	int r = store_tail_from_now(s, &err);

	arena_init(&arena, NULL);
	if (r == 0)
		fprintf(stderr, "weir tap: waiting for events, Ctrl-C ends it\n");
	while (r != -1 && !stopped) {
		while (!stopped && (r = store_tail(s, a->query, &arena, &hit, &err)) == 1) {
			if (a->json)
				show_json(stdout, &hit);
			else
				show_line(stdout, &hit, a->zone, &span);
			arena_clear(&arena);
		}
		/* The reader went away. */
		if (fflush(stdout) == EOF)
			break;
		(void)ask_complaints(a, s);
		if (r == 0)
			nanosleep(&pause, NULL);
	}
	if (r == -1)
		fprintf(stderr, "weir tap: %s\n", err.text);
	arena_release(&arena);
	return r == -1;
}

int tool_tap(int argc, char **argv)
{
	struct sigaction sa = {.sa_handler = on_signal};
	struct store *s = NULL;
	struct ask a;
	int rc = 2;

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	if (ask_parse(&a, argc, argv, usage, 0) == 0) {
		if (a.help) {
			rc = 0;
		} else {
			s = ask_store(&a);
			rc = s ? tap(&a, s) : 1;
		}
	}
	store_close(&s);
	ask_release(&a);
	return rc;
}
