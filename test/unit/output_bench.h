/*
 * output_bench.h - one output of a configuration's text with a sender that works step by step, a virtual clock and a folder of its own.
 */
#ifndef WEIR_TEST_OUTPUT_BENCH_H
#define WEIR_TEST_OUTPUT_BENCH_H

#include "test.h"

#include "config/parse.h"
#include "event/json.h"
#include "outputs/sender.h"
#include "pipeline/options.h"

#include <zlib.h>

static const int64_t second = 1000000000;

struct bench {
	struct arena arena;
	struct diag diag;
	struct settings settings;
	struct plugin_ctx ctx;
	struct clock clock;
	struct sender *s;
	char dir[64];
};

/* The output of a configuration's text (DIR: the bench's folder). NULL where it is refused. */
static inline struct sender *open_output(struct bench *b, const char *conf)
{
	ptrdiff_t at = str_find(str_z(conf), STR("DIR"));
	struct str text = at < 0 ? str_z(conf) : arena_printf(&b->arena, "%.*s%s%s", (int)at, conf, b->dir, conf + at + 3);
	struct ast_plugin *ap = config_parse_plugin(&b->arena, text, NULL, &b->diag);
	struct common_options common;
	struct sender_config c = {.ctx = &b->ctx, .no_threads = true};
	struct err err;

	if (!ap)
		return NULL;
	c.plugin = plugin_find(PLUGIN_OUTPUT, ap->name);
	CHECK(c.plugin);
	c.self = arena_zalloc(&b->arena, c.plugin->size);
	b->ctx.id = ap->name;
	if (options_bind(c.plugin, ap, c.self, &common, &b->ctx) == -1)
		return NULL;
	if (c.plugin->open && c.plugin->open(c.self, &b->ctx, &err) == -1)
		return NULL;
	c.codec = common.codec;
	if (!c.codec && c.plugin->default_codec)
		c.codec = codec_default(c.plugin->default_codec, &b->ctx);
	return sender_new(&c, &err);
}

static inline bool bench_init(struct bench *b, const char *conf)
{
	*b = (struct bench){.dir = "/tmp/weir-test-XXXXXX"};
	CHECK(mkdtemp(b->dir));
	arena_init(&b->arena, NULL);
	diag_init(&b->diag);
	clock_virtual_init(&b->clock, 1700000000 * second);
	b->settings.clock = &b->clock;
	b->ctx = (struct plugin_ctx){.arena = &b->arena, .settings = &b->settings, .diag = &b->diag};
	b->s = open_output(b, conf);
	if (getenv("SHOW") && !b->s) {
		struct buf out;

		buf_init(&out, 0);
		diag_print(&b->diag, &out);
		fprintf(stderr, "%.*s\n", STR_ARG(buf_slice(&out)));
	}
	return b->s != NULL;
}

static inline void put(struct bench *b, const char *json)
{
	struct event ev;
	struct arena a;
	struct str in = str_z(json);
	struct value v;
	struct ts ts = {0};
	struct err err;
	struct outlet *o = sender_outlet(b->s);

	arena_init(&a, NULL);
	event_init(&ev, &a);
	CHECK(json_read(&a, &in, NULL, &v, &err) == 0 && v.type == V_MAP);
	ev.root = *v.map;
	if (ts_parse_iso(STR("2020-02-03T04:05:06.789Z"), &ts) && !map_find_str(&ev.root, STR("@timestamp")))
		map_push(&a, &ev.root, key_make(STR("@timestamp")), v_time(ts));
	CHECK_INT(o->put(o, &ev), OUTLET_TAKEN);
	arena_release(&a);
}

static inline void flush(struct bench *b)
{
	struct outlet *o = sender_outlet(b->s);
	int64_t due;

	o->idle(o);
	clock_advance(&b->clock, 3 * second);
	while (sender_step(b->s, &due))
		;
}

static inline void bench_end(struct bench *b)
{
	char cmd[128];

	if (b->s) {
		sender_close(b->s);
		CHECK_INT(sender_drain(b->s, clock_mono(&b->clock) + second), 0);
		sender_free(&b->s);
	}
	diag_release(&b->diag);
	arena_release(&b->arena);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", b->dir);
	CHECK_INT(system(cmd), 0);
}

static inline struct str content(struct bench *b, const char *name)
{
	char path[512];
	char *p = arena_bytes(&b->arena, 65536);
	gzFile f;
	int n;

	snprintf(path, sizeof(path), "%s/%s", b->dir, name);
	f = gzopen(path, "r"); /* plain files, too */
	if (!f)
		return STR("(none)");
	n = gzread(f, p, 65536);
	gzclose(f);
	return str_n(p, n > 0 ? (size_t)n : 0);
}

static inline uint64_t delivered(struct bench *b)
{
	struct sender_stats st;

	sender_stats(b->s, &st);
	CHECK(sender_balanced(&st));
	return st.delivered;
}

#endif
