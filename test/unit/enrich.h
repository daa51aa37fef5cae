/*
 * enrich.h - for tests of enrichers: a folder of their own, one event through an opened filter, and waiting until a file that was
 * replaced is in use.
 */
#ifndef WEIR_TEST_ENRICH_H
#define WEIR_TEST_ENRICH_H

#include "plugin.h"

#include <ftw.h>
#include <sched.h>
#include <unistd.h>

static struct clock enrich_now;
static int64_t enrich_received;
static char enrich_folder[64];
static bool enrich_later; /* what takes long may be loaded behind the start */

/* The path of a file in the folder; one of eight texts in turn. */
static inline const char *in_folder(const char *name)
{
	static char paths[8][256];
	static unsigned turn;
	char *path = paths[turn++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", enrich_folder, name);
	return path;
}

static inline void enrich_begin(void)
{
	snprintf(enrich_folder, sizeof(enrich_folder), "/tmp/weir-test-XXXXXX");
	if (!mkdtemp(enrich_folder))
		abort();
	clock_virtual_init(&enrich_now, INT64_C(1767225600000000000));
	hash_init(NULL);
	fields_init();
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static inline int enrich_end(void)
{
	(void)nftw(enrich_folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return test_end();
}

/* Beside the path first, then renamed over it, as everybody should. */
static inline void write_file(const char *path, struct str bytes)
{
	char temporary[4096];
	FILE *f;

	snprintf(temporary, sizeof(temporary), "%s.new", path);
	f = fopen(temporary, "w");
	if (!f || fwrite(bytes.p, 1, bytes.len, f) != bytes.len || fclose(f) || rename(temporary, path)) {
		perror(path);
		abort();
	}
}

/* %s in the text becomes the folder, each time. */
static inline bool enrich_open(struct opened *o, const char *filter, enum ecs_mode ecs, const char *data_dir)
{
	struct settings s = {.ecs = ecs, .clock = &enrich_now, .pipeline_id = STR_INIT("main"), .data_dir = str_z(data_dir), .later = enrich_later};
	static struct buf text;

	buf_clear(&text);
	for (const char *p = filter; *p; p++) {
		if (p[0] == '%' && p[1] == 's') {
			buf_str(&text, str_z(enrich_folder));
			p++;
		} else {
			buf_ch(&text, *p);
		}
	}
	buf_ch(&text, '\0');
	return opened_plugin_by(o, PLUGIN_FILTER, text.p, &s);
}

/* "matched {...}" or "{...}": what the filter made of the event; valid until the next call. Each event comes in a batch of its own. */
static inline struct str enrich(struct opened *o, const char *json)
{
	static struct buf out;
	struct step_ctx ctx = {.clock = &enrich_now};
	struct str in = str_z(json);
	struct arena a;
	struct event ev;
	struct value v;

	arena_init(&a, NULL);
	buf_clear(&out);
	ctx.arena = &a;
	if (json_read(&a, &in, NULL, &v, NULL) < 0)
		abort();
	event_init(&ev, &a);
	event_from_map(&ev, v.map, ts_from_ns(0));
	ev.received_ns = ++enrich_received;
	if (o->plugin->filter.run(o->self, &ev, &ctx) == STEP_OK)
		buf_lit(&out, "matched ");
	map_remove(&ev.root, &(struct key){.p = "@timestamp", .len = 10, .hash = hash_str32(STR("@timestamp"))}, NULL);
	show_event(&out, &ev);
	arena_release(&a);
	return buf_slice(&out);
}

/* Until the event comes out as wanted, or 20 s: another thread reads the file that was replaced. */
static inline bool enrich_until(struct opened *o, const char *json, const char *want)
{
	int64_t end = clock_mono(&clock_system) + INT64_C(20000000000);

	clock_advance(&enrich_now, INT64_C(5000000000));
	while (clock_mono(&clock_system) < end) {
		if (str_eqz(enrich(o, json), want))
			return true;
		sched_yield();
	}
	fprintf(stderr, "still %.*s\n", STR_ARG(enrich(o, json)));
	return false;
}

#endif
