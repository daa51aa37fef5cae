/*
 * es_render.c - an event as two lines of a bulk request.
 *
 *	{"create":{"_index":"logs-weir.syslog-default","_id":"AZ..."}}
 *	{"@timestamp":"...","message":"...","data_stream":{...}}
 *
 * Work thread. The part of the action line that does not change from event to event is kept; index names that depend on the date alone
 * are made once a day. Texts that come from events are written as JSON strings: nothing of them can end the line.
 */
#include "outputs/es.h"

#include "event/json.h"

#include <stdlib.h>

enum { ID_MAX = 512 };

const char *const es_action_names[] = {"index", "create", "update", "delete", NULL};

enum es_action es_action_of(struct str name)
{
	for (int i = 0; i < ES_ACTIONS; i++)
		if (str_eqz(name, es_action_names[i]))
			return (enum es_action)i;
	return ES_ACTIONS;
}

/* ---- which index ---- */

struct target {
	struct str type, dataset, namespace;
	bool from_event; /* one of them is the event's own */
	const struct value *ds; /* [data_stream] of the event, a map; or NULL */
	bool absent;		/* there is nothing at all under that name */
	bool in_step;		/* all three stand in the event as they are */
};

static struct str own(const struct map *ds, struct str key, struct str fallback, bool route, struct target *t)
{
	const struct value *v = map_find_str(ds, key);

	if (!value_is(v, V_STRING)) {
		t->in_step = false;
		return fallback;
	}
	if (route && v->len) {
		t->from_event = true;
		return value_str(v);
	}
	t->in_step &= str_eq(value_str(v), fallback);
	return fallback;
}

static void find_target(const struct es *es, const struct event *ev, struct target *t)
{
	const struct value *ds = map_find(&ev->root, &es->ds_key);

	*t = (struct target){es->ds_type, es->ds_dataset, es->ds_namespace, false, NULL, !ds, false};
	if (!value_is(ds, V_MAP))
		return;
	t->ds = ds;
	t->in_step = true;
	t->type = own(ds->map, STR("type"), es->ds_type, es->auto_routing, t);
	t->dataset = own(ds->map, STR("dataset"), es->ds_dataset, es->auto_routing, t);
	t->namespace = own(ds->map, STR("namespace"), es->ds_namespace, es->auto_routing, t);
}

bool es_is_weir_stream(struct str type, struct str dataset)
{
	return str_eq(type, STR("logs")) && str_starts(dataset, STR("weir."));
}

/* ---- the action line ---- */

static void begin_action(struct buf *b, enum es_action action, struct str index)
{
	buf_printf(b, "{\"%s\":{\"_index\":", es_action_names[action]);
	json_write_string(b, index);
}

static void text_member(struct buf *b, const char *name, struct str v)
{
	buf_printf(b, ",\"%s\":", name);
	json_write_string(b, v);
}

static void number_or_text(struct buf *b, const char *name, struct str v)
{
	int64_t i;

	if (!str_i64(v, &i)) {
		text_member(b, name, v);
		return;
	}
	buf_printf(b, ",\"%s\":", name);
	buf_i64(b, i);
}

static int render_part(const struct tmpl *t, const struct event *ev, struct render_ctx *ctx, struct str *out)
{
	return tmpl_render(t, ev, ctx->scratch, ctx->clock, out, &ctx->err);
}

static const char *const version_types[] = {"internal", "external", "external_gt", "external_gte", "force"};

/* What stands behind _index: routing, pipeline, version, the id. false: dead, err says why. */
static bool action_members(struct es *es, const struct event *ev, struct buf *b, enum es_action action,
			   struct render_ctx *ctx, unsigned *flags)
{
	struct str v;

	if (es->document_id) {
		if (render_part(es->document_id, ev, ctx, &v) == -1)
			return false;
		if (v.len > ID_MAX) {
			err_set(&ctx->err, "document_id is longer than %d bytes", ID_MAX);
			ctx->status = 400;
			return false;
		}
		text_member(b, "_id", v);
	} else if (ev->id_len && (action == ES_INDEX || action == ES_CREATE)) {
		buf_lit(b, ",\"_id\":\"");
		buf_add(b, ev->id, ev->id_len);
		buf_ch(b, '"');
		*flags |= ITEM_OWN_ID;
	}
	if (es->routing) {
		if (render_part(es->routing, ev, ctx, &v) == -1)
			return false;
		text_member(b, "routing", v);
	}
	if (es->pipeline && action != ES_DELETE && action != ES_UPDATE) {
		if (render_part(es->pipeline, ev, ctx, &v) == -1)
			return false;
		if (v.len)
			text_member(b, "pipeline", v);
	}
	if (es->version && !es->stream) {
		if (render_part(es->version, ev, ctx, &v) == -1)
			return false;
		number_or_text(b, "version", v);
		if (es->version_type)
			text_member(b, "version_type", str_z(version_types[es->version_type - 1]));
	}
	if (action == ES_UPDATE) {
		buf_lit(b, ",\"retry_on_conflict\":");
		buf_i64(b, es->retry_on_conflict);
	}
	return true;
}

/* ---- the document ---- */

static void ds_object(struct buf *b, const struct target *t)
{
	buf_lit(b, "\"data_stream\":{\"type\":");
	json_write_string(b, t->type);
	buf_lit(b, ",\"dataset\":");
	json_write_string(b, t->dataset);
	buf_lit(b, ",\"namespace\":");
	json_write_string(b, t->namespace);
	/* Other members of the event's own stay. */
	for (uint32_t i = 0; t->ds && i < t->ds->map->n; i++) {
		const struct entry *e = &t->ds->map->e[i];
		struct str k = key_str(&e->key);

		if (str_eq(k, STR("type")) || str_eq(k, STR("dataset")) || str_eq(k, STR("namespace")))
			continue;
		buf_ch(b, ',');
		json_write_string(b, k);
		buf_ch(b, ':');
		json_write_value(b, &e->val);
	}
	buf_ch(b, '}');
}

/* The event with [data_stream] as it is routed. */
static void synced_document(struct buf *b, const struct event *ev, const struct target *t)
{
	bool first = true;

	buf_ch(b, '{');
	for (uint32_t i = 0; i < ev->root.n; i++) {
		const struct entry *e = &ev->root.e[i];
		struct str k = key_str(&e->key);

		if (!first)
			buf_ch(b, ',');
		first = false;
		if (str_eq(k, STR("data_stream"))) {
			ds_object(b, t);
			continue;
		}
		json_write_string(b, k);
		buf_ch(b, ':');
		json_write_value(b, &e->val);
	}
	buf_ch(b, '}');
}

static void stream_document(const struct es *es, struct buf *b, const struct event *ev, const struct target *t)
{
	if (es->sync_fields && t->ds && !t->in_step) {
		synced_document(b, ev, t);
		return;
	}
	json_write_event(b, ev);
	/* The usual case: the object is the same for all events and takes the place of the closing brace. */
	if (es->sync_fields && t->absent && b->len && !b->over) {
		b->len--;
		buf_str(b, ev->root.n ? es->ds_suffix : str_from(es->ds_suffix, 1));
	}
}

/* upsert: a JSON text from the configuration. */
static int upsert_member(const struct es *es, const struct event *ev, struct buf *b, struct render_ctx *ctx)
{
	struct str v, rest;
	struct value json;

	if (!es->upsert)
		return 0;
	if (render_part(es->upsert, ev, ctx, &v) == -1)
		return -1;
	if (v.len == 0)
		return 0;
	rest = v;
	if (json_read(ctx->scratch, &rest, NULL, &json, &ctx->err) == -1 || rest.len)
		return err_set(&ctx->err, "'upsert' is no JSON for this event");
	buf_lit(b, ",\"upsert\":");
	json_write_value(b, &json);
	return 0;
}

static int update_document(const struct es *es, const struct event *ev, struct buf *b, struct render_ctx *ctx)
{
	if (!es->script.len) {
		buf_lit(b, "{\"doc\":");
		json_write_event(b, ev);
		if (es->doc_as_upsert)
			buf_lit(b, ",\"doc_as_upsert\":true");
		else if (upsert_member(es, ev, b, ctx) == -1)
			return -1;
		buf_ch(b, '}');
		return 0;
	}
	buf_lit(b, "{\"script\":{\"params\":{");
	json_write_string(b, es->script_var_name);
	buf_ch(b, ':');
	json_write_event(b, ev);
	buf_ch(b, '}');
	text_member(b, es->script_type == 1 ? "id" : "source", es->script);
	if (es->script_lang.len && es->script_type != 1)
		text_member(b, "lang", es->script_lang);
	buf_ch(b, '}');
	if (es->scripted_upsert) {
		buf_lit(b, ",\"scripted_upsert\":true,\"upsert\":{}");
	} else if (es->doc_as_upsert) {
		buf_lit(b, ",\"upsert\":");
		json_write_event(b, ev);
	} else if (upsert_member(es, ev, b, ctx) == -1) {
		return -1;
	}
	buf_ch(b, '}');
	return 0;
}

/* ---- both lines ---- */

static enum render_result end_item(struct pack *p, size_t head, size_t tail, unsigned flags, struct render_ctx *ctx)
{
	if (p->bytes.over) {
		err_set(&ctx->err, "larger than %d bytes", PACK_BYTES_MAX);
		return RENDER_DEAD;
	}
	pack_end(p, head, tail, flags);
	return RENDER_OK;
}

static enum render_result render_stream(struct es *es, const struct event *ev, struct pack *p, struct render_ctx *ctx)
{
	struct buf *b = pack_begin(p);
	unsigned flags = ITEM_JSON;
	struct target t;
	size_t head;

	find_target(es, ev, &t);
	if (!t.from_event) {
		if (!es->prefix_ready) {
			buf_clear(&es->prefix);
			begin_action(&es->prefix, ES_CREATE,
				     arena_printf(ctx->scratch, "%.*s-%.*s-%.*s", STR_ARG(t.type), STR_ARG(t.dataset),
						  STR_ARG(t.namespace)));
			es->weir_index = es_is_weir_stream(t.type, t.dataset);
			es->prefix_ready = true;
		}
		buf_str(b, buf_slice(&es->prefix));
		flags |= es->weir_index ? ITEM_WEIR_STREAM : 0;
	} else {
		begin_action(b, ES_CREATE,
			     arena_printf(ctx->scratch, "%.*s-%.*s-%.*s", STR_ARG(t.type), STR_ARG(t.dataset),
					  STR_ARG(t.namespace)));
		flags |= es_is_weir_stream(t.type, t.dataset) ? ITEM_WEIR_STREAM : 0;
	}
	if (!action_members(es, ev, b, ES_CREATE, ctx, &flags))
		return RENDER_DEAD;
	buf_lit(b, "}}\n");
	head = b->len - p->begun;
	stream_document(es, b, ev, &t);
	buf_ch(b, '\n');
	return end_item(p, head, 1, flags, ctx);
}

/* _index and what stands before it, kept as long as the name is the same. false: dead. */
static bool begin_index(struct es *es, const struct event *ev, struct buf *b, enum es_action action, struct render_ctx *ctx)
{
	struct str index;
	bool fresh;

	if (stamped_render(&es->stamped, ev, ctx->scratch, ctx->clock, &index, &fresh, &ctx->err) == -1)
		return false;
	if (es->dead_on_unresolved_index && fresh && str_find(index, STR("%{")) >= 0) {
		err_set(&ctx->err, "the name of the index holds a field that the event has not");
		return false;
	}
	if (!es->action_is_fixed) {
		begin_action(b, action, index);
		return true;
	}
	if (fresh || !es->prefix_ready) {
		buf_clear(&es->prefix);
		begin_action(&es->prefix, action, index);
		es->prefix_ready = true;
	}
	buf_str(b, buf_slice(&es->prefix));
	return true;
}

static enum render_result render_index(struct es *es, const struct event *ev, struct pack *p, struct render_ctx *ctx)
{
	struct buf *b = pack_begin(p);
	enum es_action action = es->fixed_action;
	unsigned flags = ITEM_JSON;
	struct str name;
	size_t head;

	if (!es->action_is_fixed) {
		if (render_part(es->action, ev, ctx, &name) == -1)
			return RENDER_DEAD;
		action = es_action_of(name);
		if (action == ES_ACTIONS) {
			err_set(&ctx->err, "'action' is none of index, create, update, delete for this event");
			return RENDER_DEAD;
		}
	}
	if (!begin_index(es, ev, b, action, ctx) || !action_members(es, ev, b, action, ctx, &flags))
		return RENDER_DEAD;
	buf_lit(b, "}}\n");
	head = b->len - p->begun;
	if (action == ES_DELETE)
		return end_item(p, head, 0, flags & ~(unsigned)ITEM_JSON, ctx);
	if (action != ES_UPDATE)
		json_write_event(b, ev);
	else if (update_document(es, ev, b, ctx) == -1)
		return RENDER_DEAD;
	buf_ch(b, '\n');
	return end_item(p, head, 1, flags, ctx);
}

enum render_result es_render(void *self, const struct event *ev, struct pack *p, struct render_ctx *ctx)
{
	struct es *es = self;

	ctx->status = 0;
	return es->stream ? render_stream(es, ev, p, ctx) : render_index(es, ev, p, ctx);
}
