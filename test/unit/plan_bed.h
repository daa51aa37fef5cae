/*
 * plan_bed.h - a plan's filters under a clock that the test moves: lines of JSON in, events as lines of JSON out.
 *
 * For tests of filters that make events as time goes by. The program is linked with tool/filtered.c.
 */
#ifndef WEIR_TEST_PLAN_BED_H
#define WEIR_TEST_PLAN_BED_H

#include "plugin.h"

#include "tool/filtered.h"

enum { START_S = 1600000000 };

struct bed {
	struct arena arena;
	struct diag diag;
	struct settings settings;
	struct plan *plan;
	struct codec *codec;
	struct filtered filtered;
	struct outlet outlet;
	struct buf out;
	bool open;
};

static struct clock clock_;

/* Each event as a line of JSON without what differs from run to run. */
static inline enum outlet_answer collect(struct outlet *o, const struct event *ev)
{
	struct bed *b = (struct bed *)((char *)o - offsetof(struct bed, outlet));
	struct arena a;
	struct event copy;

	arena_init(&a, NULL);
	event_copy(&copy, ev, &a);
	map_remove(&copy.root, &(struct key){.p = "@timestamp", .len = 10, .hash = hash_str32(STR("@timestamp"))}, NULL);
	if (b->out.len)
		buf_ch(&b->out, '\n');
	show_event(&b->out, &copy);
	arena_release(&a);
	return OUTLET_TAKEN;
}

/* false: refused. bed_end() follows in either case. */
static inline bool bed_begin(struct bed *b, const char *filters)
{
	struct config_file file = {.name = STR_INIT("test.conf"), .text = str_z(filters)};
	struct config_env env = {0};
	struct ast_value json = {.kind = AST_PLUGIN};
	struct plugin_ctx ctx = {.arena = &b->arena, .settings = &b->settings, .diag = &b->diag};
	struct ast_config *ast;

	*b = (struct bed){.settings = {.clock = &clock_, .pipeline_id = STR_INIT("main")}, .outlet.put = collect};
	arena_init(&b->arena, NULL);
	diag_init(&b->diag);
	buf_init(&b->out, 0);
	json.plugin = config_parse_plugin(&b->arena, STR("json_lines { }"), &env, &b->diag);
	b->codec = codec_bind(&json, &ctx);
	ast = config_parse(&b->arena, &file, &env, &b->diag);
	b->plan = ast ? filtered_compile(ast, &b->settings, &b->diag) : NULL;
	if (!b->plan)
		return false;
	filtered_init(&b->filtered, b->plan, b->codec, &b->outlet);
	b->open = true;
	return true;
}

static inline void bed_end(struct bed *b)
{
	if (b->open)
		filtered_release(&b->filtered);
	plan_free(b->plan);
	buf_release(&b->out);
	diag_release(&b->diag);
	arena_release(&b->arena);
}

/* What came of these lines since the last look. */
static inline void check(struct bed *b, const char *lines, bool last, const char *want)
{
	CHECK(filtered_stream(&b->filtered, str_z(lines), clock_wall(&clock_), last));
	CHECK_STR(buf_slice(&b->out), want);
	buf_clear(&b->out);
}

/* Time goes by in steps of a flush. */
static inline void wait_s(struct bed *b, int seconds)
{
	for (; seconds > 0; seconds -= FILTER_FLUSH_S) {
		clock_advance(&clock_, FILTER_FLUSH_S * 1000000000ll);
		exec_tick(b->filtered.exec, clock_mono(&clock_));
		CHECK(filtered_stream(&b->filtered, STR(""), clock_wall(&clock_), false));
	}
}

#endif
