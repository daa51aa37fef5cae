/*
 * plugin.h - opens one plug-in from its text in the configuration's language and shows events as JSON, for tests of plug-ins.
 */
#ifndef WEIR_TEST_PLUGIN_H
#define WEIR_TEST_PLUGIN_H

#include "test.h"

#include "config/parse.h"
#include "event/fields.h"
#include "event/from_map.h"
#include "event/json.h"
#include "pipeline/options.h"

struct opened {
	struct arena arena;
	struct diag diag;
	struct settings settings;
	struct plugin_ctx ctx;
	struct common_options common;
	const struct plugin *plugin;
	void *self;
	struct codec *codec;
};

/* false: refused (the first message is in o->diag.first). In either case opened_release() follows. */
static inline bool opened_plugin_by(struct opened *o, enum plugin_kind kind, const char *text, const struct settings *settings)
{
	struct config_env env = {0};
	struct ast_plugin *ap;
	struct err err;

	*o = (struct opened){.settings = *settings};
	arena_init(&o->arena, NULL);
	diag_init(&o->diag);
	o->ctx = (struct plugin_ctx){.arena = &o->arena, .settings = &o->settings, .ecs = settings->ecs, .diag = &o->diag};
	ap = config_parse_plugin(&o->arena, str_z(text), &env, &o->diag);
	if (!ap)
		return false;
	if (kind == PLUGIN_CODEC) {
		struct ast_value v = {.kind = AST_PLUGIN, .plugin = ap};

		o->codec = codec_bind(&v, &o->ctx);
		return o->codec != NULL;
	}
	o->plugin = plugin_find(kind, ap->name);
	if (!o->plugin)
		return false;
	o->ctx.state_key = ap->name;
	o->self = arena_zalloc(&o->arena, o->plugin->size + 1);
	if (options_bind(o->plugin, ap, o->self, &o->common, &o->ctx) < 0)
		return false;
	o->ctx.written = ap;
	if (o->plugin->open && o->plugin->open(o->self, &o->ctx, &err) < 0) {
		diag_error(&o->diag, o->ctx.pos, "%s", err.text);
		o->plugin = NULL; /* what did not open is not closed */
		return false;
	}
	return true;
}

/* state: where it keeps what it remembers, or NULL. */
static inline bool opened_plugin_with(struct opened *o, enum plugin_kind kind, const char *text, enum ecs_mode ecs, struct state_db *state)
{
	struct settings s = {.ecs = ecs, .clock = &clock_system, .pipeline_id = STR_INIT("main"), .state = state};

	return opened_plugin_by(o, kind, text, &s);
}

static inline bool opened_plugin(struct opened *o, enum plugin_kind kind, const char *text, enum ecs_mode ecs)
{
	return opened_plugin_with(o, kind, text, ecs, NULL);
}

static inline void opened_release(struct opened *o)
{
	if (o->codec && o->codec->plugin->close)
		o->codec->plugin->close(o->codec->self);
	if (o->plugin && o->plugin->close && !o->diag.errors)
		o->plugin->close(o->self);
	diag_release(&o->diag);
	arena_release(&o->arena);
}

/* The event as JSON without what every event has, and with [@metadata] where it is not empty. */
static inline void show_event(struct buf *out, const struct event *ev)
{
	struct event copy;

	event_copy(&copy, ev, ev->arena);
	map_remove(&copy.root, &(struct key){.p = "@version", .len = 8, .hash = hash_str32(STR("@version"))}, NULL);
	if (copy.meta.n)
		map_set(copy.arena, &copy.root, key_make(STR("@metadata")), v_map(&copy.meta));
	json_write_event(out, &copy);
}

#endif
