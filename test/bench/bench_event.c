/*
 * bench_event.c - what the event tree costs: 12 fields set, and a document of 20 fields set and rendered.
 *
 * Prints nanoseconds per event; for instructions run it under callgrind with a small count.
 */
#include "base/clock.h"
#include "event/json.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const names[] = {
	"[message]", "[log][syslog][priority]", "[log][syslog][facility][code]", "[log][syslog][severity][code]",
	"[host][name]", "[process][name]", "[process][pid]", "[log][source][address]", "[event][action]",
	"[source][ip]", "[source][port]", "[user][name]", "[source][geo][country_iso_code]", "[source][geo][city_name]",
	"[source][geo][location][lat]", "[source][geo][location][lon]", "[source][as][number]", "[event][outcome]",
	"[event][created]", "[related][ip]",
};

enum { FIELDS = sizeof(names) / sizeof(*names), SHORT = 12 };

static struct ref *ref[FIELDS];
static struct str text;

static struct value value_of(int i)
{
	if (i == 2 || i == 3 || i == 6 || i == 10 || i == 16)
		return v_int(i * 1000 + 7);
	if (i == 14 || i == 15)
		return v_float(51.25);
	if (i == 0)
		return v_str(text);
	return v_lit("185.137.111.145");
}

static void fill(struct event *ev, struct arena *a, int n)
{
	arena_clear(a);
	event_init(ev, a);
	event_stamp(ev, (struct ts){1700000000, 5000000});
	for (int i = 0; i < n; i++)
		event_set(ev, ref[i], value_of(i));
}

int main(int argc, char **argv)
{
	long n = argc > 1 ? strtol(argv[1], NULL, 10) : 2000000;
	struct arena plan, a;
	struct event ev;
	struct buf out;
	int64_t t0, t1, t2, t3;
	size_t bytes = 0, found = 0;

	hash_init(NULL);
	arena_init(&plan, NULL);
	arena_init(&a, NULL);
	buf_init(&out, 0);
	text = STR("postfix/smtpd[4711]: warning: unknown[185.137.111.145]: SASL LOGIN authentication failed: UGFzc3dvcmQ6, "
		   "sasl_username=info@example.org");
	for (int i = 0; i < FIELDS; i++)
		ref[i] = ref_compile(&plan, str_z(names[i]), NULL);
	t0 = clock_mono(&clock_system);
	for (long i = 0; i < n; i++)
		fill(&ev, &a, SHORT);
	t1 = clock_mono(&clock_system);
	for (long i = 0; i < n; i++)
		for (int k = 0; k < SHORT; k++)
			found += event_get(&ev, ref[k]) != NULL;
	t2 = clock_mono(&clock_system);
	for (long i = 0; i < n; i++) {
		fill(&ev, &a, FIELDS);
		buf_clear(&out);
		json_write_event(&out, &ev);
		bytes = out.len;
	}
	t3 = clock_mono(&clock_system);
	printf("%d fields set: %.0f ns\n", SHORT, (double)(t1 - t0) / (double)n);
	printf("%d fields got: %.0f ns (%zu)\n", SHORT, (double)(t2 - t1) / (double)n, found / (size_t)n);
	printf("%d fields set and rendered (%zu bytes): %.0f ns\n", FIELDS, bytes, (double)(t3 - t2) / (double)n);
	arena_release(&a);
	arena_release(&plan);
	buf_release(&out);
	return 0;
}
