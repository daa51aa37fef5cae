/*
 * test_format.c - runs test/parse/WORD.test: lines, and the events that `parse {}` makes of them.
 *
 *	# a comment
 *	@ 2026-11-23T12:00:00Z		receipt of what follows
 *	< <22>1 2026-11-23T07:55:21.813492+00:00 mail postfix/smtpd 548 - -  connect from unknown[185.137.111.145]
 *	{"@timestamp":"...",...}	the event, without @version, event.original, ecs.version and log.syslog; this machine's name is "(here)"
 *
 * Only a line that begins with '{' is compared: exactly. WEIR_TEST_WRITE=1 prints the file with what comes out now, to be read before it is kept.
 * With --all-match the arguments are recordings: each line that is no note ("# ") must match a format, and each is cut short and spoilt at every byte.
 */
#include "../unit/plugin.h"

#include "base/buf.h"
#include "base/hash.h"

#include <stdio.h>
#include <unistd.h>

static struct opened parser;
static int64_t received_ns;

static void make_event(struct event *ev, struct arena *a, struct str line)
{
	struct step_ctx ctx = {.arena = a, .clock = &clock_system};

	event_init(ev, a);
	event_stamp(ev, ts_from_ns(received_ns));
	ev->received_ns = received_ns;
	event_set_top(ev, key_make(STR("message")), v_str(line));
	parser.plugin->filter.run(parser.self, ev, &ctx);
}

static void forget(struct event *ev, const char *path)
{
	struct err err;

	event_remove(ev, ref_compile(ev->arena, str_z(path), &err), NULL);
}

/* A line that names no host is this machine's, whatever it is called. */
static void anonymous(struct event *ev)
{
	const struct value *v = event_get(ev, field_ref(F_HOST_NAME));
	char own[256] = "";

	if (event_get(ev, field_ref(F_HOST_HOSTNAME)) || !value_is(v, V_STRING) || gethostname(own, sizeof(own) - 1) || !str_eqz(value_str(v), own))
		return;
	(void)event_set(ev, field_ref(F_HOST_NAME), v_str(STR("(here)")));
}

static void show(struct buf *out, struct event *ev)
{
	const struct value *v;

	anonymous(ev);
	forget(ev, "[event][original]");
	forget(ev, "[ecs]");
	forget(ev, "[log][syslog]");
	v = event_top(ev, STR("log"));
	if (value_is(v, V_MAP) && v->map->n == 0)
		forget(ev, "[log]");
	show_event(out, ev);
}

static bool matched(const struct event *ev)
{
	return value_is(event_get(ev, field_ref(F_WEIR_PARSE_FORMAT)), V_STRING);
}

/* Nothing is read that is not there: every prefix lies at the end of its own piece of memory. */
static void spoil(struct str line)
{
	for (size_t n = 0; n <= line.len; n++) {
		char *copy = malloc(n + 1);

		memcpy(copy, line.p, n);
		for (int change = 0; change < 4; change++) {
			struct arena a;
			struct event ev;

			if (change && n)
				copy[n - 1] = "\xff '\0"[change - 1];
			arena_init(&a, NULL);
			make_event(&ev, &a, str_n(copy, n));
			CHECK(value_is(event_top(&ev, STR("message")), V_STRING));
			arena_release(&a);
		}
		free(copy);
	}
}

static void recording(const char *file, struct str line, unsigned number, bool every)
{
	struct arena a;
	struct event ev;

	if (line.len == 0 || str_starts(line, STR("# ")))
		return;
	arena_init(&a, NULL);
	make_event(&ev, &a, line);
	if (matched(&ev)) {
		test_passed++;
	} else {
		test_failed++;
		fprintf(stderr, "%s:%u: no format: %.*s\n", file, number, STR_ARG(line));
	}
	arena_release(&a);
	if (every)
		spoil(line);
}

static void compare(const char *file, unsigned number, struct str have, struct str want)
{
	if (str_eq(have, want)) {
		test_passed++;
		return;
	}
	test_failed++;
	fprintf(stderr, "%s:%u:\n  have %.*s\n  want %.*s\n", file, number, STR_ARG(have), STR_ARG(want));
}

static void one_file(const char *file, bool all_match, bool write)
{
	FILE *f = fopen(file, "r");
	struct buf have;
	char *text = NULL;
	size_t cap = 0;
	ssize_t n;
	unsigned number = 0;
	bool pending = false;
	struct ts t;

	buf_init(&have, 0);
	CHECK(f != NULL);
	while (f && (n = getline(&text, &cap, f)) >= 0) {
		struct str line = str_n(text, (size_t)(n > 0 && text[n - 1] == '\n' ? n - 1 : n));

		number++;
		if (all_match) {
			recording(file, line, number, number % 8 == 1);
			continue;
		}
		if (write && (line.len == 0 || line.p[0] != '{'))
			printf("%.*s\n", STR_ARG(line));
		if (str_starts(line, STR("@ "))) {
			CHECK(ts_parse_iso(str_from(line, 2), &t));
			received_ns = t.s * 1000000000;
		} else if (str_starts(line, STR("< "))) {
			struct arena a;
			struct event ev;

			CHECK(!pending);
			arena_init(&a, NULL);
			make_event(&ev, &a, str_from(line, 2));
			buf_clear(&have);
			show(&have, &ev);
			arena_release(&a);
			spoil(str_from(line, 2));
			pending = !write;
			if (write)
				printf("%.*s\n", STR_ARG(buf_slice(&have)));
		} else if (line.len && line.p[0] == '{' && !write) {
			CHECK(pending);
			compare(file, number, buf_slice(&have), line);
			pending = false;
		}
	}
	CHECK(!pending);
	buf_release(&have);
	free(text);
	if (f)
		fclose(f);
}

int main(int argc, char **argv)
{
	bool write = getenv("WEIR_TEST_WRITE") != NULL, all_match = false;

	hash_init(NULL);
	fields_init();
	received_ns = 1795608000ll * 1000000000; /* 2026-11-25T12:00:00Z */
	if (!opened_plugin(&parser, PLUGIN_FILTER, "parse { timezone => \"UTC\" }", ECS_V8)) {
		fprintf(stderr, "the filter parse does not open\n");
		return 1;
	}
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--all-match") == 0)
			all_match = true;
		else
			one_file(argv[i], all_match, write);
	}
	opened_release(&parser);
	return test_end();
}
