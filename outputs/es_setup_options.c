/*
 * es_setup_options.c - what the options of templates and lifecycle mean together (es_setup.h). Main thread, in the plan's arena.
 *
 * As in Logstash: the lifecycle is used where no index is named, or another alias than the default one; a data stream has neither template nor
 * lifecycle of ours. What the events go to is then known only when the server was asked whether it has a lifecycle at all: they are
 * rendered for the index that they have without it, and es_send.c writes the alias in its place.
 */
#include "outputs/es.h"

#include "base/file.h"
#include "pipeline/options.h"

#include <jansson.h>

enum { TEMPLATE_MAX = 4 * 1024 * 1024 };

/* ---- the user's template ---- */

static int read_template(struct es *es, struct plugin_ctx *ctx, struct err *err)
{
	json_error_t e;
	struct buf b;
	json_t *j;
	int rc = -1;

	if (!es->template_file.len || plugin_file_absent(ctx, es->template_file))
		return 0;
	buf_init(&b, TEMPLATE_MAX);
	if (file_append(&b, es->template_file, err) == -1)
		goto end;
	j = json_loadb(b.p ? b.p : "", b.len, 0, &e);
	if (json_is_object(j)) {
		es->setup.text = arena_dup(ctx->arena, buf_slice(&b));
		rc = 0;
	} else if (j) {
		err_set(err, "the template '%.*s' is no JSON object", STR_ARG(es->template_file));
	} else {
		err_set(err, "%.*s:%d:%d: the template is no JSON: %s", STR_ARG(es->template_file), e.line, e.column, e.text);
	}
	json_decref(j);
end:
	buf_release(&b);
	return rc;
}

/* ---- lifecycle ---- */

static int check_alias(const struct es_setup *s, struct err *err)
{
	for (size_t i = 0; i < s->alias.len; i++)
		if (strchr("\\/*?\"<>| ,#:%", s->alias.p[i]) || ch_lower(s->alias.p[i]) != s->alias.p[i])
			return err_set(err, "'ilm_rollover_alias' is a name in lower case, without \\ / * ? \" < > | blank , # : and fields of events, not '%.*s'",
				       STR_ARG(s->alias));
	return 0;
}

static int decide_lifecycle(struct es *es, struct plugin_ctx *ctx, struct err *err)
{
	struct es_setup *s = &es->setup;
	bool index_default = !es->index || str_eq(tmpl_text(es->index), es_default_index(s->ecs));
	bool alias_default;

	s->alias = es->ilm_alias.len ? es->ilm_alias : es_default_name(s->ecs);
	s->pattern = es->ilm_pattern;
	s->policy = es->ilm_policy;
	s->default_policy = str_eq(s->policy, STR("logstash-policy"));
	s->demanded = es->ilm_enabled == ES_LIFECYCLE_DEMANDED;
	alias_default = str_eq(s->alias, es_default_name(s->ecs));
	s->lifecycle = es->ilm_enabled != ES_LIFECYCLE_OFF && (index_default || !alias_default);
	if (!s->lifecycle)
		return 0;
	if (!index_default)
		plugin_warn(ctx, "with 'ilm_rollover_alias' the events go to the alias '%.*s', not to 'index'", STR_ARG(s->alias));
	return check_alias(s, err);
}

/* ---- what will be made, for who only looks ---- */

static void tell_lifecycle(const struct es_setup *s, struct plugin_ctx *ctx)
{
	struct str name = s->named ? s->name : s->alias;
	struct str policy = s->default_policy ? arena_printf(ctx->arena, "the ILM policy '%.*s', ", STR_ARG(s->policy)) : STR("");
	struct str template = s->manage ? arena_printf(ctx->arena, "the index template '%.*s' for '%.*s-*'%s, ", STR_ARG(name), STR_ARG(s->alias),
						       s->overwrite ? " (also over one that is there)" : "")
					: STR("");

	diag_note(ctx->diag, ctx->pos,
		  "events go to the alias '%.*s'; where they are missing, the start makes %.*s%.*sthe alias and its first index '%.*s-%.*s'%s",
		  STR_ARG(s->alias), STR_ARG(policy), STR_ARG(template), STR_ARG(s->alias), STR_ARG(s->pattern),
		  s->demanded ? "" : " (on a server without ILM they go to the index by date, and the template alone is made)");
}

static void tell_stream(const struct es *es, struct plugin_ctx *ctx)
{
	const char *who = es->weir_stream && es->manage_template	? "the index template 'weir-logs' is installed for it"
			  : es->weir_stream || es->flavour == ES_OPENSEARCH ? "an index template of yours must make it one"
									    : "Elasticsearch's own index template makes it";

	diag_note(ctx->diag, ctx->pos, "events go to the data stream '%.*s-%.*s-%.*s'%s; %s", STR_ARG(es->ds_type), STR_ARG(es->ds_dataset),
		  STR_ARG(es->ds_namespace), es->auto_routing ? ", or where their data_stream fields say" : "", who);
}

static void tell(const struct es *es, struct plugin_ctx *ctx)
{
	const struct es_setup *s = &es->setup;

	if (es->stream)
		tell_stream(es, ctx);
	else if (s->lifecycle)
		tell_lifecycle(s, ctx);
	else if (s->manage)
		diag_note(ctx->diag, ctx->pos, s->overwrite ? "the start puts the index template '%.*s' to the server, also over one that is there"
							    : "the start makes the index template '%.*s', if the server has none of that name",
			  STR_ARG(s->name));
}

/* ---- all of it ---- */

int es_setup_decide(struct es *es, struct plugin_ctx *ctx, struct err *err)
{
	struct es_setup *s = &es->setup;

	s->ecs = ctx->ecs != ECS_DISABLED;
	if (es->stream) {
		if (!es->weir_stream)
			s->stream = arena_printf(ctx->arena, "%.*s-%.*s-%.*s", STR_ARG(es->ds_type), STR_ARG(es->ds_dataset),
						 STR_ARG(es->ds_namespace));
	} else {
		s->manage = es->manage_template;
		s->overwrite = es->template_overwrite;
		s->api = es->template_api;
		s->named = es->template_name.len > 0;
		s->name = s->named ? es->template_name : es_default_name(s->ecs);
		if (s->manage && read_template(es, ctx, err) == -1)
			return -1;
		if (es->flavour == ES_ELASTICSEARCH && decide_lifecycle(es, ctx, err) == -1)
			return -1;
	}
	if (ctx->settings->elsewhere)
		tell(es, ctx);
	return 0;
}

void es_setup_copy(struct es_setup *to, const struct es_setup *from, struct arena *a)
{
	*to = *from;
	to->name = arena_dup(a, from->name);
	to->text = from->text.p ? arena_dup(a, from->text) : (struct str){0};
	to->alias = arena_dup(a, from->alias);
	to->pattern = arena_dup(a, from->pattern);
	to->policy = arena_dup(a, from->policy);
	to->stream = arena_dup(a, from->stream);
}

bool es_setup_wanted(const struct es_setup *s)
{
	return s->manage || s->lifecycle || s->stream.len;
}
