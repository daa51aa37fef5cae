/*
 * syslog_grok.c - grok_pattern: the line is read by the grok filter, as Logstash's input does it.
 *
 * The filter is opened like one of the configuration, with the same ecs_compatibility; its captures are the fields. From
 * them the decoder takes PRI and the date.
 */
#include "parse/syslog_plan.h"

#include "base/number.h"
#include "pipeline/options.h"

static struct ast_value *text_value(struct arena *a, struct pos pos, struct str text)
{
	struct ast_value *v = arena_zalloc(a, sizeof(*v));

	v->kind = AST_STRING;
	v->pos = pos;
	v->text = text;
	return v;
}

static struct ast_value *list_value(struct arena *a, enum ast_value_kind kind, struct ast_value **item, size_t n)
{
	struct ast_value *v = arena_zalloc(a, sizeof(*v));

	v->kind = kind;
	v->pos = item[0]->pos;
	v->n = n;
	v->item = item;
	return v;
}

/* grok { match => { FIELD => PATTERN } overwrite => [FIELD] tag_on_failure => [...] ecs_compatibility => ... } */
static struct ast_plugin *grok_ast(struct arena *a, struct pos pos, struct str pattern, struct str field, enum ecs_mode ecs)
{
	static const char *const modes[] = {[ECS_DISABLED] = "disabled", [ECS_V1] = "v1", [ECS_V8] = "v8"};
	struct ast_plugin *ap = arena_zalloc(a, sizeof(*ap));
	struct ast_attr *attr = arena_zalloc(a, 4 * sizeof(*attr));
	struct ast_value **item = arena_alloc(a, 4 * sizeof(struct ast_value *));

	item[0] = text_value(a, pos, field);
	item[1] = text_value(a, pos, pattern);
	item[2] = text_value(a, pos, field);
	item[3] = text_value(a, pos, STR("_grokparsefailure_sysloginput"));
	attr[0] = (struct ast_attr){STR("match"), pos, list_value(a, AST_HASH, item, 1)};
	attr[1] = (struct ast_attr){STR("overwrite"), pos, list_value(a, AST_ARRAY, item + 2, 1)};
	attr[2] = (struct ast_attr){STR("tag_on_failure"), pos, list_value(a, AST_ARRAY, item + 3, 1)};
	attr[3] = (struct ast_attr){STR("ecs_compatibility"), pos, text_value(a, pos, str_z(modes[ecs]))};
	*ap = (struct ast_plugin){.name = STR("grok"), .pos = pos, .n = 4, .attr = attr};
	return ap;
}

int syslog_grok_open(struct syslog_plan *p, struct str pattern, struct str field, struct plugin_ctx *ctx, struct err *err)
{
	const struct plugin *grok = plugin_find(PLUGIN_FILTER, STR("grok"));
	struct plugin_ctx own = *ctx;
	struct common_options common = {0};
	void *self;

	if (!grok)
		return err_set(err, "grok_pattern needs the filter grok, which this weir lacks");
	self = arena_zalloc(ctx->arena, grok->size);
	if (options_bind(grok, grok_ast(ctx->arena, ctx->pos, pattern, field, ctx->ecs), self, &common, &own))
		return err_set(err, "grok_pattern cannot be used");
	if (grok->open && grok->open(self, &own, err))
		return err_prefix(err, "grok_pattern: ");
	p->priority = ref_compile(ctx->arena, p->ecs ? STR("[log][syslog][priority]") : STR("priority"), err);
	p->timestamp = ref_compile(ctx->arena, STR("timestamp"), err);
	p->timestamp8601 = ref_compile(ctx->arena, STR("timestamp8601"), err);
	p->grok_self = self;
	p->grok = grok;
	return 0;
}

/* PRI by Ruby's to_i; what it cannot be is 0, as Logstash has it. */
static int pri_of(const struct value *v)
{
	int64_t i = 0;

	if (value_is(v, V_INT))
		i = v->i;
	else if (value_is(v, V_STRING) && !ruby_to_i(value_str(v), &i))
		i = 0;
	return i >= 0 && i <= 191 ? (int)i : 0;
}

void syslog_grok_run(struct syslog_plan *p, struct event *ev, struct syslog_msg *m)
{
	struct step_ctx ctx = {.arena = ev->arena, .clock = p->clock};
	const struct value *v;
	struct str text, rest;
	enum syslog_date date;
	bool iso;

	if (p->grok->filter.run(p->grok_self, ev, &ctx) != STEP_OK)
		return;
	m->shape = SYSLOG_3164;
	m->pri = pri_of(event_get(ev, p->priority));
	v = event_get(ev, p->timestamp8601);
	if (!value_is(v, V_STRING) || p->ecs)
		v = event_get(ev, p->timestamp);
	if (!value_is(v, V_STRING))
		return;
	rest = value_str(v);
	date = syslog_take_date(&rest, &m->stamp, &text, &iso);
	m->stamp_text = value_str(v);
	m->flags |= date == SYSLOG_DATE_OK && rest.len == 0 ? SYSLOG_STAMP : SYSLOG_BAD_STAMP;
	if (p->ecs && (m->flags & SYSLOG_STAMP))
		event_remove(ev, p->timestamp, NULL);
}
