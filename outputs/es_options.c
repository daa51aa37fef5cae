/*
 * es_options.c - what the options of elasticsearch and opensearch mean together, before any event comes.
 *
 * Names and meanings are Logstash's (output elasticsearch 12, opensearch 2), and those that older configurations still use. Main
 * thread, in the plan's arena.
 */
#include "outputs/es.h"

#include "event/json.h"
#include "pipeline/options.h"

#include <stdlib.h>

/* ---- data streams or indices ---- */

/* Options that a data stream has no use for: with one of them written, "auto" means an index, and `true` is refused (Logstash 8 and 9). */
static const char *const index_only[] = {
	"index", "template", "template_name", "template_overwrite", "template_api", "ilm_enabled",
	"ilm_rollover_alias", "ilm_pattern", "ilm_policy", "version", "version_type", "upsert", "doc_as_upsert", "script",
	"script_type", "script_lang", "script_var_name", "scripted_upsert", "retry_on_conflict", "document_type",
};

static const char *const stream_only[] = {
	"data_stream_type", "data_stream_dataset", "data_stream_namespace", "data_stream_auto_routing",
	"data_stream_sync_fields",
};

static const char *first_given(const struct plugin_ctx *ctx, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (option_given(ctx, names[i]))
			return names[i];
	return NULL;
}

static bool name_part_ok(struct str s, bool dataset)
{
	if (s.len == 0 || s.len > 100)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (strchr("\\/*?\"<>| ,#:", s.p[i]) || (dataset && s.p[i] == '-') || ch_lower(s.p[i]) != s.p[i])
			return false;
	return true;
}

static int decide_stream(struct es *es, struct plugin_ctx *ctx, struct err *err)
{
	const char *odd = first_given(ctx, index_only, sizeof(index_only) / sizeof(*index_only));
	const char *stream = first_given(ctx, stream_only, sizeof(stream_only) / sizeof(*stream_only));
	bool create = !es->action || str_eq(tmpl_text(es->action), STR("create"));

	if (!create && !odd)
		odd = "action";
	if (str_eq(es->data_stream, STR("true"))) {
		if (odd)
			return err_set(err, "'%s' cannot be used with 'data_stream => true'", odd);
		es->stream = true;
	} else if (str_eq(es->data_stream, STR("false"))) {
		if (stream)
			return err_set(err, "'%s' makes no sense with 'data_stream => false'", stream);
	} else if (!str_eq(es->data_stream, STR("auto"))) {
		return err_set(err, "'data_stream' takes true, false or auto");
	} else {
		es->stream = es->flavour == ES_ELASTICSEARCH && ctx->ecs != ECS_DISABLED && !odd &&
			     !(option_given(ctx, "manage_template") && es->manage_template);
		/* Only a data stream can mean it; silence would send the events somewhere else. */
		if (!es->stream && stream)
			return err_set(err, "'%s' makes no sense without data streams%s%s%s: say 'data_stream => true'", stream,
				       odd ? ", which '" : "", odd ? odd : "", odd ? "' excludes" : "");
	}
	if (!es->stream)
		return 0;
	es->weir_stream = es_is_weir_stream(es->ds_type, es->ds_dataset);
	if (ctx->ecs == ECS_DISABLED && es->flavour == ES_ELASTICSEARCH && !es->weir_stream)
		plugin_warn(ctx, "data streams are meant for the names of ECS ('ecs_compatibility'): Logstash 8 refuses this configuration");
	if (option_given(ctx, "manage_template") && es->manage_template && es->flavour == ES_ELASTICSEARCH && !es->weir_stream)
		plugin_warn(ctx, "'manage_template' has no effect: the server's own template makes the data stream");
	if (!name_part_ok(es->ds_type, false) || !name_part_ok(es->ds_dataset, true) || !name_part_ok(es->ds_namespace, false))
		return err_set(err, "the parts of a data stream's name are 1 to 100 bytes, lower case, without \\ / * ? \" < > | blank , # : "
				    "(and no - in the dataset)");
	return 0;
}

static void make_suffix(struct es *es, struct arena *a)
{
	struct buf b;

	es->ds_key = key_make(STR("data_stream"));
	buf_init(&b, 4096);
	buf_lit(&b, ",\"data_stream\":{\"type\":");
	json_write_string(&b, es->ds_type);
	buf_lit(&b, ",\"dataset\":");
	json_write_string(&b, es->ds_dataset);
	buf_lit(&b, ",\"namespace\":");
	json_write_string(&b, es->ds_namespace);
	buf_lit(&b, "}}");
	es->ds_suffix = arena_dup(a, buf_slice(&b));
	buf_release(&b);
}

static int decide_index(struct es *es, struct plugin_ctx *ctx, struct err *err)
{
	struct str text;

	if (!es->index && es->ilm_alias.len && es->flavour == ES_OPENSEARCH) {
		plugin_warn(ctx, "OpenSearch has no ILM: weir writes to the alias '%.*s', which must exist; it makes none", STR_ARG(es->ilm_alias));
		es->index = tmpl_compile(ctx->arena, es->ilm_alias);
	}
	if (!es->index)
		es->index = tmpl_compile(ctx->arena, es_default_index(ctx->ecs != ECS_DISABLED));
	text = tmpl_text(es->index);
	for (size_t i = 0; tmpl_is_const(es->index) && i < text.len; i++)
		if (ch_lower(text.p[i]) != text.p[i])
			return err_set(err, "'index' must be lower case, not '%.*s'", STR_ARG(text));
	stamped_init(&es->stamped, es->index);
	es->action_is_fixed = !es->action || tmpl_is_const(es->action);
	es->fixed_action = es->action && es->action_is_fixed ? es_action_of(tmpl_text(es->action)) : ES_INDEX;
	if (es->fixed_action == ES_ACTIONS)
		return err_set(err, "'action' is index, create, update or delete, not '%.*s'", STR_ARG(tmpl_text(es->action)));
	if (es->action_is_fixed && (es->fixed_action == ES_UPDATE || es->fixed_action == ES_DELETE) && !es->document_id)
		return err_set(err, "'action => %s' needs 'document_id'", es_action_names[es->fixed_action]);
	if (es->doc_as_upsert && es->scripted_upsert)
		return err_set(err, "'doc_as_upsert' and 'scripted_upsert' exclude each other");
	return 0;
}

/* ---- what belongs together ---- */

static int check_auth(const struct es *es, struct err *err)
{
	unsigned ways = (es->user.len > 0) + (es->api_key.len > 0) + (es->cloud_auth.len > 0);

	if (ways > 1)
		return err_set(err, "only one of 'user', 'api_key' and 'cloud_auth' can be used");
	if (es->cloud_id.len && es->hosts)
		return err_set(err, "only one of 'hosts' and 'cloud_id' can be used");
	if (es->ca_files && es->fingerprint.type != V_NONE)
		return err_set(err, "only one of 'ssl_certificate_authorities' and 'ca_trusted_fingerprint' can be used");
	if ((es->certificate.len > 0) != (es->key.len > 0))
		return err_set(err, "'ssl_certificate' and 'ssl_key' go together");
	if (es->certificate.len && es->keystore.len)
		return err_set(err, "only one of 'ssl_certificate' and 'ssl_keystore_path' can be used");
	if (es->truststore.len)
		return err_set(err, "a Java truststore cannot be read: export its certificates as PEM and name them in 'ssl_certificate_authorities'");
	if (es->keystore.len && !str_ends(es->keystore, STR(".p12")) && !str_ends(es->keystore, STR(".pfx")) &&
	    !str_eq(es->keystore_type, STR("pkcs12")))
		return err_set(err, "only PKCS#12 keystores can be read, not Java's own: export it as PEM and name 'ssl_certificate' and 'ssl_key'");
	return 0;
}

static int old_protocol(const struct es *es, struct plugin_ctx *ctx, struct err *err)
{
	if (es->protocol_old.len && !str_eq(es->protocol_old, STR("http")) && !str_eq(es->protocol_old, STR("https"))) {
		if (!str_eq(es->protocol_old, STR("node")) && !str_eq(es->protocol_old, STR("transport")))
			return err_set(err, "'protocol' is http or https, not '%.*s'", STR_ARG(es->protocol_old));
		plugin_warn(ctx, "'protocol => %.*s' is gone from Elasticsearch: HTTP is used, on port %s", STR_ARG(es->protocol_old),
			    es->port_old.len ? "9200 instead of the given one" : "9200");
	}
	return 0;
}

int es_open(struct es *es, struct plugin_ctx *ctx, struct err *err)
{
	if (old_protocol(es, ctx, err) == -1 || check_auth(es, err) == -1 || decide_stream(es, ctx, err) == -1)
		return -1;
	if (es->stream)
		make_suffix(es, ctx->arena);
	else if (decide_index(es, ctx, err) == -1)
		return -1;
	if (es_setup_decide(es, ctx, err) == -1)
		return -1;
	if (!option_given(ctx, "compression_level") && option_given(ctx, "http_compression"))
		es->compression_level = es->http_compression ? 1 : 0;
	if (!option_given(ctx, "compression_level") && !option_given(ctx, "http_compression") && es->flavour == ES_OPENSEARCH)
		es->compression_level = 0;
	buf_init(&es->prefix, 65536);
	return 0;
}

void es_close(void *self)
{
	struct es *es = self;

	buf_release(&es->prefix);
}
