/*
 * es_defaults.c - the index template and the lifecycle policy that are made where the user has none. Pure.
 *
 * Names, index patterns and priority are those of Logstash's plug-in; the content is weir's own. Without ECS: every text is searchable by its
 * words and, as NAME.keyword, as a whole; geoip is a place. With ECS: the fields of fields.def that are ECS's, every other text is a keyword. Only
 * field types that every Elasticsearch 7 to 9 and OpenSearch 1 to 3 has.
 */
#include "outputs/es.h"

#include "event/fields.h"

#include <jansson.h>
#include <stdlib.h>

enum { PRIORITY = 200, VERSION = 1 };

struct str es_default_index(bool ecs)
{
	return ecs ? STR("ecs-logstash-%{+yyyy.MM.dd}") : STR("logstash-%{+yyyy.MM.dd}");
}

struct str es_default_name(bool ecs)
{
	return ecs ? STR("ecs-logstash") : STR("logstash");
}

struct str es_default_policy(void)
{
	return STR("{\"policy\":{\"phases\":{\"hot\":{\"actions\":{\"rollover\":{\"max_size\":\"50gb\",\"max_age\":\"30d\"}}}}}}");
}

/* ---- mappings ---- */

static const char logstash_mappings[] =
	"{\"dynamic_templates\":[{\"strings\":{\"match_mapping_type\":\"string\",\"mapping\":{\"type\":\"text\",\"norms\":false,"
	"\"fields\":{\"keyword\":{\"type\":\"keyword\",\"ignore_above\":256}}}}}],"
	"\"properties\":{\"@timestamp\":{\"type\":\"date\"},\"@version\":{\"type\":\"keyword\"},"
	"\"geoip\":{\"dynamic\":true,\"properties\":{\"ip\":{\"type\":\"ip\"},\"location\":{\"type\":\"geo_point\"},"
	"\"latitude\":{\"type\":\"half_float\"},\"longitude\":{\"type\":\"half_float\"}}}}}";

/* The rest of ECS's own sets: what lies elsewhere is the user's, and may have any type. */
static bool is_ecs(const struct field *f)
{
	static const char *const sets[] = {
		"@timestamp", "@version", "agent", "client", "destination", "dns", "ecs", "email", "error", "event", "file", "host", "http",
		"log", "message", "network", "observer", "process", "related", "rule", "server", "service", "source", "tags", "tls", "trace",
		"url", "user", "user_agent",
	};
	struct str path = str_z(f->path), set;

	if (f->type == FT_FLATTENED)
		return false;
	if (!str_cut(&path, '.', &set))
		set = path;
	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++)
		if (str_eqz(set, sets[i]))
			return true;
	return false;
}

static void ecs_mappings(struct buf *out, const struct es_server *sv)
{
	struct es_server plain = *sv;

	plain.plain = true;
	buf_lit(out, "{\"date_detection\":false,\"dynamic_templates\":["
		     "{\"place\":{\"path_match\":\"geo.location\",\"mapping\":{\"type\":\"geo_point\"}}},"
		     "{\"places\":{\"path_match\":\"*.geo.location\",\"mapping\":{\"type\":\"geo_point\"}}},"
		     "{\"strings\":{\"match_mapping_type\":\"string\",\"mapping\":{\"type\":\"keyword\",\"ignore_above\":1024}}}],\"properties\":");
	es_mapping_write(out, &plain, is_ecs);
	buf_ch(out, '}');
}

static void inner(struct buf *out, const struct es_setup *s, const struct es_server *sv)
{
	buf_printf(out, "\"settings\":{\"index\":{\"refresh_interval\":\"5s\"%s}},\"mappings\":",
		   s->ecs ? ",\"mapping\":{\"total_fields\":{\"limit\":10000}}" : "");
	if (s->ecs)
		ecs_mappings(out, sv);
	else
		buf_str(out, str_z(logstash_mappings));
}

static void default_template(struct buf *out, const struct es_setup *s, const struct es_server *sv, bool composable)
{
	struct str name = es_default_name(s->ecs);

	buf_printf(out, "{\"index_patterns\":[\"%.*s-*\"],\"version\":%d,", STR_ARG(name), VERSION);
	if (composable)
		buf_printf(out, "\"priority\":%d,\"_meta\":{\"managed_by\":\"weir\",\"version\":\"%s\"},\"template\":{", PRIORITY, WEIR_VERSION);
	inner(out, s, sv);
	buf_str(out, composable ? STR("}}") : STR("}"));
}

/* ---- lifecycle ---- */

/* Where a template has its settings: by what it looks like, else by the API. NULL: there is something else in their place. */
static json_t *settings_of(json_t *t, bool composable)
{
	json_t *in = t, *settings;

	if (json_object_get(t, "template") || (!json_object_get(t, "settings") && composable)) {
		if (!json_object_get(t, "template"))
			json_object_set_new(t, "template", json_object());
		in = json_object_get(t, "template");
	}
	if (!json_object_get(in, "settings"))
		json_object_set_new(in, "settings", json_object());
	settings = json_object_get(in, "settings");
	return json_is_object(settings) ? settings : NULL;
}

static json_t *text(struct str s)
{
	return json_stringn(s.p, s.len);
}

/* The template is for the alias' indices, whatever it was for. */
static int add_lifecycle(struct buf *out, const struct es_setup *s, struct str json, bool composable, struct err *err)
{
	json_error_t e;
	json_t *t = json_loadb(json.p, json.len, 0, &e), *pattern = json_sprintf("%.*s-*", STR_ARG(s->alias)), *settings;
	char *dumped;

	/* The first Elasticsearch had the pattern as text under this name. */
	if (json_is_string(json_object_get(t, "template")))
		json_object_del(t, "template");
	settings = settings_of(t, composable);
	if (!settings) {
		json_decref(t);
		json_decref(pattern);
		return err_set(err, "the template has no place for the settings of its lifecycle");
	}
	json_object_set_new(t, "index_patterns", json_pack("[o]", pattern));
	json_object_set_new(settings, "index.lifecycle.name", text(s->policy));
	json_object_set_new(settings, "index.lifecycle.rollover_alias", text(s->alias));
	dumped = json_dumps(t, JSON_COMPACT);
	json_decref(t);
	if (!dumped)
		return err_set(err, "the template cannot be written as JSON");
	buf_str(out, str_z(dumped));
	free(dumped);
	return 0;
}

int es_setup_template(struct buf *out, const struct es_setup *s, const struct es_server *sv, bool composable, bool lifecycle,
		      struct err *err)
{
	struct buf b;
	int rc = 0;

	buf_init(&b, 0);
	if (s->text.p)
		buf_str(&b, s->text);
	else
		default_template(&b, s, sv, composable);
	if (lifecycle)
		rc = add_lifecycle(out, s, buf_slice(&b), composable, err);
	else
		buf_str(out, buf_slice(&b));
	buf_release(&b);
	return rc;
}
