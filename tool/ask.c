#include "tool/ask.h"

#include "base/buf.h"
#include "base/clock.h"
#include "config/places.h"
#include "query/when.h"

#include <stdio.h>
#include <stdlib.h>

static int wrong(const struct ask *a, const struct err *err)
{
	fprintf(stderr, "weir %s: %s\n", a->command, err->text);
	return -1;
}

/* query:1:9: what is wrong, the query, and a caret below the place. */
static void point_at(const struct ask *a, const char *message, uint32_t column)
{
	uint32_t n = 1;

	fprintf(stderr, "query:1:%u: %s\n  ", column, message);
	for (size_t i = 0; i < a->text.len; i++) {
		unsigned char c = (unsigned char)a->text.p[i];

		putc(c < 0x20 || c == 0x7f ? ' ' : c, stderr);
	}
	fputs("\n  ", stderr);
	for (; n < column; n++)
		putc(' ', stderr);
	fputs("^\n", stderr);
}

static int64_t ms_of(struct ts t)
{
	return t.s < 0 ? 0 : t.s > INT64_MAX / 1000 - 1 ? INT64_MAX : t.s * 1000 + t.ns / 1000000;
}

/* A value of the option at argv[*i]: behind its '=' or the next word. NULL: it is not this option. */
static const char *value_of(const char *name, int argc, char **argv, int *i, struct err *err)
{
	size_t n = strlen(name);

	if (strncmp(argv[*i], name, n) != 0 || (argv[*i][n] != 0 && argv[*i][n] != '='))
		return NULL;
	if (argv[*i][n] == '=')
		return argv[*i] + n + 1;
	if (*i + 1 == argc) {
		err_set(err, "option '%s' needs a value", name);
		return NULL;
	}
	return argv[++*i];
}

static bool has_option(const char *usage, const char *name)
{
	ptrdiff_t at = str_find(str_z(usage), str_z(name));

	return at >= 0;
}

/* 1: it was an option; 0: none; -1 and err. */
static int option(struct ask *a, int argc, char **argv, int *i, const char *usage, struct err *err)
{
	struct ts now = ts_from_ns(clock_wall(&clock_system)), from, end;
	const char *v;

	err->text[0] = 0;
	if (strcmp(argv[*i], "--help") == 0 || strcmp(argv[*i], "-h") == 0)
		return a->help = true, 1;
	if (strcmp(argv[*i], "--json") == 0)
		return a->json = true, 1;
	if (strcmp(argv[*i], "--oldest") == 0 && has_option(usage, "--oldest"))
		return a->oldest = true, 1;
	if ((v = value_of("--path.data", argc, argv, i, err)))
		return a->data_dir = v, 1;
	if (has_option(usage, "--since") && (v = value_of("--since", argc, argv, i, err))) {
		if (when_read(str_z(v), a->zone, now, &from, &end, err))
			return -1;
		return a->since_ms = ms_of(from), 1;
	}
	if (has_option(usage, "--until") && (v = value_of("--until", argc, argv, i, err))) {
		if (when_read(str_z(v), a->zone, now, &from, &end, err))
			return -1;
		return a->until_ms = ms_of(end), 1;
	}
	if (has_option(usage, "--at") && (v = value_of("--at", argc, argv, i, err))) {
		if (when_read(str_z(v), a->zone, now, &a->at, &end, err))
			return -1;
		return a->has_at = true, 1;
	}
	if (has_option(usage, "-n N") && (v = value_of("-n", argc, argv, i, err)))
		return str_u64(str_z(v), UINT64_MAX, &a->limit) ? 1 : err_set(err, "-n wants a number, not '%.40s'", v);
	if (err->text[0])
		return -1;
	if (argv[*i][0] == '-' && argv[*i][1])
		return err_set(err, "unknown option '%.40s'; what begins with '-' can be searched for in quotes", argv[*i]);
	return 0;
}

static struct str join_words(struct arena *a, char **word, int n)
{
	struct buf b;
	struct str s;

	buf_init(&b, 0);
	for (int i = 0; i < n; i++) {
		if (i)
			buf_ch(&b, ' ');
		buf_str(&b, str_z(word[i]));
	}
	s = arena_dup(a, buf_slice(&b));
	buf_release(&b);
	return s;
}

static bool no_time(const struct literal *l)
{
	return l->text.p && !l->has_time;
}

/* A time that is none would only find nothing. -1: a message was printed. */
static int times_hold(const struct ask *a, const struct query *q)
{
	const struct match *m = &q->match;
	const struct literal *bad;
	struct err err;

	if (q->op == QUERY_AND || q->op == QUERY_OR || q->op == QUERY_NOT) {
		for (uint32_t i = 0; i < q->n; i++)
			if (times_hold(a, q->sub[i]))
				return -1;
		return 0;
	}
	if (q->op != QUERY_FIELD || !str_eq(q->field, STR("@timestamp")))
		return 0;
	if (m->op == MATCH_EQUAL)
		bad = no_time(&m->value) ? &m->value : NULL;
	else if (m->op == MATCH_RANGE)
		bad = no_time(&m->low) ? &m->low : no_time(&m->high) ? &m->high : NULL;
	else
		return 0;
	if (!bad)
		return 0;
	err_set(&err, "'%.*s' is no time: 2026-11-24, 2026-11-24T03:12, with or without a zone", (int)(bad->text.len < 40 ? bad->text.len : 40), bad->text.p);
	point_at(a, err.text, q->column);
	return -1;
}

int ask_parse(struct ask *a, int argc, char **argv, const char *usage, uint64_t limit)
{
	struct query_context ctx = {zone_local()};
	struct query_error e;
	const char *env = getenv("WEIR_DATA");
	char **word;
	int n = 0;

	*a = (struct ask){.command = argv[0], .zone = zone_local(), .until_ms = INT64_MAX, .limit = limit};
	arena_init(&a->arena, NULL);
	keys_init();
	word = arena_alloc(&a->arena, (size_t)argc * sizeof(*word));
	for (int i = 1, plain = 0; i < argc; i++) {
		int r = 0;

		if (!plain && strcmp(argv[i], "--") == 0) {
			plain = 1;
			continue;
		}
		if (!plain)
			r = option(a, argc, argv, &i, usage, &e.err);
		if (r == -1)
			return wrong(a, &e.err);
		if (r == 0)
			word[n++] = argv[i];
	}
	if (a->help) {
		fputs(usage, stdout);
		return 0;
	}
	if (a->since_ms >= a->until_ms) {
		err_set(&e.err, "--since is not before --until: there is nothing between them");
		return wrong(a, &e.err);
	}
	if (!a->data_dir)
		a->data_dir = env && *env ? env : arena_dupz(&a->arena, place_data(&a->arena));
	a->text = join_words(&a->arena, word, n);
	a->words = n;
	if (!has_option(usage, "QUERY"))
		return 0;
	a->query = query_parse(&a->arena, a->text, &ctx, &e);
	if (!a->query) {
		point_at(a, e.err.text, e.column);
		return -1;
	}
	return times_hold(a, a->query);
}

void ask_release(struct ask *a)
{
	arena_release(&a->arena);
}

struct store *ask_store(const struct ask *a)
{
	struct err err = {""};
	struct store *s = store_open(a->data_dir, &err);

	if (!s) {
		(void)wrong(a, &err);
		fprintf(stderr, "weird fills one where its configuration has `output { store { } }`; --path.data DIR names its data folder\n");
	}
	return s;
}

bool ask_complaints(const struct ask *a, struct store *s)
{
	const char *text;
	bool any = false;

	for (; (text = store_complaint(s)); any = true)
		fprintf(stderr, "weir %s: %s\n", a->command, text);
	return any;
}

void ask_hint(const struct ask *a)
{
	struct err hint;
	uint32_t column;

	if (query_hint(a->query, &hint, &column))
		point_at(a, hint.text, column);
}
