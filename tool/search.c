/*
 * search.c - `weir search QUERY`: events of the embedded store, newest first.
 */
#include "tool/ask.h"
#include "tool/show.h"
#include "tool/tool.h"

#include <unistd.h>

static const char usage[] =
	"usage: weir search [OPTION...] [QUERY]      the query language: docs/search.md\n\n"
	"  --since TIME     from then on: 2026-11-24, 2026-11-24T03:12, 15m, 2h, 3d (ago), today, yesterday\n"
	"  --until TIME     up to then; a day or a minute counts in full\n"
	"  -n N             at most so many (100; 0: all)\n"
	"  --oldest         oldest first\n"
	"  --json           the documents, one a line, times in UTC\n"
	"  --path.data DIR  weird's data folder ($WEIR_DATA, else the daemon's own default)\n";

static int search(const struct ask *a, struct store *s)
{
	struct store_find f = {.since_ms = a->since_ms, .until_ms = a->until_ms, .query = a->query, .newest_first = !a->oldest};
	struct zone_span span = {0};
	struct store_hit hit;
	struct arena arena;
	struct err err;
	struct store_cursor *c = store_find(s, &f, &err);
	uint64_t n = 0;
	int r = 0;

	if (!c) {
		fprintf(stderr, "weir search: %s\n", err.text);
		return 1;
	}
	arena_init(&arena, NULL);
	/* Whether there is one more is not looked at: it may take long to find. */
	while ((!a->limit || n < a->limit) && (r = store_next(c, &arena, &hit, &err)) == 1) {
		if (a->json)
			show_json(stdout, &hit);
		else
			show_line(stdout, &hit, a->zone, &span);
		arena_clear(&arena);
		n++;
	}
	arena_release(&arena);
	store_cursor_free(&c);
	if (fflush(stdout) == EOF) {
		perror("weir search");
		return 1;
	}
	if (n && n == a->limit)
		fprintf(stderr, "weir search: %llu shown, there may be more: -n N\n", (unsigned long long)n);
	if (ask_complaints(a, s))
		r = -1;
	if (n == 0) {
		fprintf(stderr, "weir search: nothing found\n");
		ask_hint(a);
	}
	return r == -1;
}

int tool_search(int argc, char **argv)
{
	struct store *s = NULL;
	struct ask a;
	int rc = 2;

	if (ask_parse(&a, argc, argv, usage, 100) == 0) {
		if (a.help) {
			rc = 0;
		} else {
			s = ask_store(&a);
			rc = s ? search(&a, s) : 1;
		}
	}
	store_close(&s);
	ask_release(&a);
	return rc;
}
