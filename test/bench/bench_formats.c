/*
 * bench_formats.c - what a line costs its format: `bench_formats N FILE...`, N rounds over the lines of recordings or of formats' tests ("< ").
 *
 * The header is taken off before, as the syslog input does. Prints, for each file, nanoseconds per line: the parser alone, and with its
 * fields put into an event. Under callgrind give a small N; instructions per line are those below bench_parse() by the count it prints.
 */
#include "base/clock.h"
#include "base/hash.h"
#include "event/fields.h"
#include "parse/format.h"

#include <stdio.h>
#include <stdlib.h>

enum { LINES_MAX = 4096 };

struct line {
	struct str program, text;
};

static struct line lines[LINES_MAX];

static size_t load(const char *file, struct arena *a)
{
	FILE *f = fopen(file, "r");
	char *text = NULL;
	size_t cap = 0, count = 0;
	ssize_t n;

	if (!f) {
		fprintf(stderr, "cannot read '%s'\n", file);
		exit(EXIT_FAILURE);
	}
	while ((n = getline(&text, &cap, f)) > 0 && count < LINES_MAX) {
		struct str s = str_n(text, (size_t)n - (text[n - 1] == '\n'));
		struct syslog_msg m;

		if (str_starts(s, STR("< ")))
			s = str_from(s, 2);
		else if (str_starts(s, STR("# ")) || str_starts(s, STR("@ ")) || str_starts(s, STR("{")) || s.len == 0)
			continue;
		syslog_parse(arena_dup(a, s), &m);
		lines[count++] = (struct line){m.tag, m.msg};
	}
	free(text);
	fclose(f);
	return count;
}

__attribute__((noinline)) static size_t bench_parse(struct dispatch *d, struct record *r, size_t count, long rounds,
						    bool apply)
{
	struct arena a;
	size_t matched = 0;
	static struct field_writer writer;

	arena_init(&a, NULL);
	for (long i = 0; i < rounds; i++) {
		for (size_t k = 0; k < count; k++) {
			const struct format *known, *f;

			record_init(r, &a);
			r->text = r->line = lines[k].text;
			r->program = lines[k].program;
			r->headed = true;
			f = dispatch_parse(d, r, &known);
			matched += f != NULL;
			if (apply && f) {
				struct event ev;

				event_init(&ev, &a);
				field_writer_begin(&writer, &ev);
				record_apply(r, f, &writer);
			}
		}
		arena_clear(&a);
	}
	arena_release(&a);
	return matched;
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
	static struct record r;
	struct dispatch *d;

	hash_init(NULL);
	fields_init();
	d = dispatch_new();
	for (int i = 2; i < argc; i++) {
		const char *slash = strrchr(argv[i], '/');
		struct arena a;
		int64_t from, middle, to;
		size_t count, matched;

		arena_init(&a, NULL);
		count = load(argv[i], &a);
		from = clock_mono(&clock_system);
		matched = bench_parse(d, &r, count, rounds, false);
		middle = clock_mono(&clock_system);
		(void)bench_parse(d, &r, count, rounds, true);
		to = clock_mono(&clock_system);
		if (count && rounds > 0)
			printf("%-28s %4zu lines, %5.1f %% match  %7.1f ns parse  %7.1f ns with its event\n",
			       slash ? slash + 1 : argv[i], count,
			       100.0 * (double)matched / (double)(count * (size_t)rounds),
			       (double)(middle - from) / (double)(count * (size_t)rounds),
			       (double)(to - middle) / (double)(count * (size_t)rounds));
		arena_release(&a);
	}
	dispatch_free(d);
	return 0;
}
