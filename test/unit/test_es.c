/*
 * The elasticsearch and opensearch outputs without a server: what their options mean, what they refuse, how events are
 * rendered, the template of weir's own streams.
 */
#include "test.h"

#include "config/parse.h"
#include "event/fields.h"
#include "event/json.h"
#include "outputs/es_client.h"
#include "pipeline/options.h"

#include <jansson.h>

struct bench {
	struct arena arena;
	struct diag diag;
	struct settings settings;
	struct plugin_ctx ctx;
	struct es *es;
	struct es_conf *conf;
	const struct plugin *plugin;
	struct err err;
	struct pack *p;
	struct render_ctx rc;
	struct arena scratch;
};

static bool bench_elsewhere; /* the configuration is only looked at */

static bool bench_init(struct bench *b, enum ecs_mode ecs, const char *conf)
{
	struct ast_plugin *ap;
	struct common_options common;

	*b = (struct bench){.settings = {.clock = &clock_system, .ecs = ecs, .elsewhere = bench_elsewhere}};
	arena_init(&b->arena, NULL);
	arena_init(&b->scratch, NULL);
	diag_init(&b->diag);
	b->p = pack_new();
	b->rc = (struct render_ctx){.clock = &clock_system, .scratch = &b->scratch};
	b->ctx = (struct plugin_ctx){.arena = &b->arena, .settings = &b->settings, .diag = &b->diag};
	ap = config_parse_plugin(&b->arena, str_z(conf), NULL, &b->diag);
	CHECK(ap);
	if (!ap)
		return false;
	b->plugin = plugin_find(PLUGIN_OUTPUT, ap->name);
	CHECK(b->plugin);
	b->es = arena_zalloc(&b->arena, b->plugin->size);
	if (options_bind(b->plugin, ap, b->es, &common, &b->ctx) == -1 ||
	    b->plugin->open(b->es, &b->ctx, &b->err) == -1)
		return false;
	b->conf = b->plugin->output->start(b->es, &b->ctx, &b->err);
	return b->conf != NULL;
}

static void bench_end(struct bench *b)
{
	if (b->conf)
		b->plugin->output->stop(b->conf);
	if (b->es)
		b->plugin->close(b->es);
	pack_free(&b->p);
	diag_release(&b->diag);
	arena_release(&b->arena);
	arena_release(&b->scratch);
}

static enum render_result render(struct bench *b, const char *json, const char *id)
{
	struct event ev;
	struct arena a;
	struct str in = str_z(json);
	struct value v;
	struct ts ts;
	struct err err;
	struct value *t;
	enum render_result r;

	arena_init(&a, NULL);
	event_init(&ev, &a);
	CHECK(json_read(&a, &in, NULL, &v, &err) == 0 && v.type == V_MAP);
	ev.root = *v.map;
	t = event_top(&ev, STR("@timestamp"));
	if (value_is(t, V_STRING) && ts_parse_iso(value_str(t), &ts))
		*t = v_time(ts);
	ev.id_len = (uint8_t)strlen(id);
	memcpy(ev.id, id, ev.id_len);
	pack_clear(b->p);
	r = b->plugin->output->render(b->es, &ev, b->p, &b->rc);
	arena_release(&a);
	return r;
}

static void check_lines(struct bench *b, const char *json, const char *id, const char *want)
{
	CHECK_INT(render(b, json, id), RENDER_OK);
	if (b->p->n == 1)
		CHECK_STR(item_bytes(b->p, &b->p->item[0]), want);
}

static void check_refused(enum ecs_mode ecs, const char *conf, const char *why)
{
	struct bench b;

	if (bench_init(&b, ecs, conf)) {
		fprintf(stderr, "taken: %s\n", conf);
		CHECK(!"refused");
	} else if (why && !strstr(b.err.text, why)) {
		fprintf(stderr, "%s: '%s', not '%s'\n", conf, b.err.text, why);
		CHECK(!"the right reason");
	} else {
		CHECK(true);
	}
	bench_end(&b);
}

/* ---- rendering ---- */

static void test_index(void)
{
	struct bench b;

	CHECK(bench_init(&b, ECS_DISABLED, "elasticsearch { }"));
	CHECK(!b.es->stream);
	check_lines(&b, "{\"@timestamp\":\"2020-01-02T03:04:05Z\",\"message\":\"x\"}", "AZid-_.1",
		    "{\"index\":{\"_index\":\"logstash-2020.01.02\",\"_id\":\"AZid-_.1\"}}\n"
		    "{\"@timestamp\":\"2020-01-02T03:04:05.000Z\",\"message\":\"x\"}\n");
	CHECK_INT(b.p->item[0].flags, ITEM_JSON | ITEM_OWN_ID);
	CHECK_STR(item_document(b.p, &b.p->item[0]), "{\"@timestamp\":\"2020-01-02T03:04:05.000Z\",\"message\":\"x\"}");
	check_lines(&b, "{\"@timestamp\":\"2020-01-03T00:00:00Z\"}", "",
		    "{\"index\":{\"_index\":\"logstash-2020.01.03\"}}\n{\"@timestamp\":\"2020-01-03T00:00:00.000Z\"}\n");
	CHECK_INT(b.p->item[0].flags, ITEM_JSON);
	bench_end(&b);

	CHECK(bench_init(&b, ECS_DISABLED,
			 "elasticsearch { index => \"a-%{type}\" action => \"%{act}\" document_id => \"%{[k][id]}\" routing => \"%{r}\" "
			 "pipeline => \"%{p}\" version => \"%{v}\" version_type => external }"));
	check_lines(&b, "{\"type\":\"t\\\"\\n\",\"act\":\"create\",\"k\":{\"id\":\"\\\"}\"},\"r\":1,\"p\":\"\",\"v\":7}", "ID",
		    "{\"create\":{\"_index\":\"a-t\\\"\\n\",\"_id\":\"\\\"}\",\"routing\":\"1\",\"version\":7,\"version_type\":\"external\"}}\n"
		    "{\"type\":\"t\\\"\\n\",\"act\":\"create\",\"k\":{\"id\":\"\\\"}\"},\"r\":1,\"p\":\"\",\"v\":7}\n");
	CHECK_INT(b.p->item[0].flags, ITEM_JSON);
	CHECK_INT(render(&b, "{\"type\":\"t\",\"act\":\"explode\"}", "ID"), RENDER_DEAD);
	CHECK_INT(render(&b, "{\"act\":\"index\"}", "ID"), RENDER_DEAD); /* a-%{type} */
	check_lines(&b, "{\"type\":\"t\",\"act\":\"delete\",\"k\":{\"id\":1},\"r\":\"r\",\"p\":\"pipe\",\"v\":\"x\"}", "ID",
		    "{\"delete\":{\"_index\":\"a-t\",\"_id\":\"1\",\"routing\":\"r\",\"version\":\"x\",\"version_type\":\"external\"}}\n");
	bench_end(&b);
}

static void test_update(void)
{
	struct bench b;

	CHECK(bench_init(&b, ECS_DISABLED, "elasticsearch { index => \"i\" action => update document_id => \"%{id}\" doc_as_upsert => true }"));
	check_lines(&b, "{\"id\":\"7\"}", "X", "{\"update\":{\"_index\":\"i\",\"_id\":\"7\",\"retry_on_conflict\":1}}\n"
					       "{\"doc\":{\"id\":\"7\"},\"doc_as_upsert\":true}\n");
	bench_end(&b);
	CHECK(bench_init(&b, ECS_DISABLED,
			 "elasticsearch { index => \"i\" action => update document_id => \"%{id}\" script => \"ctx._source.n += 1\" "
			 "upsert => '{\"n\": 1}' retry_on_conflict => 3 }"));
	check_lines(&b, "{\"id\":\"7\"}", "X",
		    "{\"update\":{\"_index\":\"i\",\"_id\":\"7\",\"retry_on_conflict\":3}}\n"
		    "{\"script\":{\"params\":{\"event\":{\"id\":\"7\"}},\"source\":\"ctx._source.n += 1\",\"lang\":\"painless\"},\"upsert\":{\"n\":1}}\n");
	bench_end(&b);
}

static void test_long_id(void)
{
	struct bench b;
	char json[700];

	CHECK(bench_init(&b, ECS_DISABLED, "elasticsearch { index => \"i\" document_id => \"%{id}\" }"));
	snprintf(json, sizeof(json), "{\"id\":\"%0*d\"}", 512, 1);
	CHECK_INT(render(&b, json, ""), RENDER_OK);
	snprintf(json, sizeof(json), "{\"id\":\"%0*d\"}", 513, 1);
	CHECK_INT(render(&b, json, ""), RENDER_DEAD);
	bench_end(&b);
}

#define DS "\"data_stream\":{\"type\":\"logs\",\"dataset\":\"generic\",\"namespace\":\"default\"}"

static void test_stream(void)
{
	struct bench b;
	struct str index, id;

	CHECK(bench_init(&b, ECS_V8, "elasticsearch { }"));
	CHECK(b.es->stream);
	check_lines(&b, "{\"a\":1}", "ID", "{\"create\":{\"_index\":\"logs-generic-default\",\"_id\":\"ID\"}}\n{\"a\":1," DS "}\n");
	CHECK_INT(b.p->item[0].flags, ITEM_JSON | ITEM_OWN_ID);
	check_lines(&b, "{}", "ID", "{\"create\":{\"_index\":\"logs-generic-default\",\"_id\":\"ID\"}}\n{" DS "}\n");
	/* The event's own names win and are left as they are. */
	check_lines(&b, "{\"data_stream\":{\"type\":\"logs\",\"dataset\":\"weir.dns\",\"namespace\":\"x\"}}", "ID",
		    "{\"create\":{\"_index\":\"logs-weir.dns-x\",\"_id\":\"ID\"}}\n"
		    "{\"data_stream\":{\"type\":\"logs\",\"dataset\":\"weir.dns\",\"namespace\":\"x\"}}\n");
	CHECK_INT(b.p->item[0].flags, ITEM_JSON | ITEM_OWN_ID | ITEM_WEIR_STREAM);
	b.plugin->output->describe(b.p, &b.p->item[0], &index, &id);
	CHECK_STR(index, "logs-weir.dns-x");
	CHECK_STR(id, "ID");
	/* What is missing is filled in, in its place. */
	check_lines(&b, "{\"a\":1,\"data_stream\":{\"dataset\":\"d\",\"k\":2},\"z\":3}", "ID",
		    "{\"create\":{\"_index\":\"logs-d-default\",\"_id\":\"ID\"}}\n"
		    "{\"a\":1,\"data_stream\":{\"type\":\"logs\",\"dataset\":\"d\",\"namespace\":\"default\",\"k\":2},\"z\":3}\n");
	/* Not an object: left alone. */
	check_lines(&b, "{\"data_stream\":7}", "ID", "{\"create\":{\"_index\":\"logs-generic-default\",\"_id\":\"ID\"}}\n{\"data_stream\":7}\n");
	bench_end(&b);

	CHECK(bench_init(&b, ECS_DISABLED,
			 "opensearch { data_stream => true data_stream_dataset => \"weir.syslog\" data_stream_auto_routing => false }"));
	check_lines(&b, "{\"data_stream\":{\"dataset\":\"other\"}}", "ID",
		    "{\"create\":{\"_index\":\"logs-weir.syslog-default\",\"_id\":\"ID\"}}\n"
		    "{\"data_stream\":{\"type\":\"logs\",\"dataset\":\"weir.syslog\",\"namespace\":\"default\"}}\n");
	CHECK_INT(b.p->item[0].flags, ITEM_JSON | ITEM_OWN_ID | ITEM_WEIR_STREAM);
	bench_end(&b);

	CHECK(bench_init(&b, ECS_V8, "elasticsearch { data_stream_sync_fields => false pipeline => \"p\" }"));
	check_lines(&b, "{\"a\":1}", "", "{\"create\":{\"_index\":\"logs-generic-default\",\"pipeline\":\"p\"}}\n{\"a\":1}\n");
	bench_end(&b);
}

/* ---- what the options mean ---- */

static void test_auto(void)
{
	static const struct {
		enum ecs_mode ecs;
		const char *conf;
		bool stream;
	} cases[] = {
		{ECS_DISABLED, "elasticsearch { }", false},
		{ECS_V8, "elasticsearch { }", true},
		{ECS_V1, "elasticsearch { hosts => [\"h\"] user => \"u\" password => \"p\" }", true},
		{ECS_V8, "elasticsearch { index => \"x\" }", false},
		{ECS_V8, "elasticsearch { action => create }", true},
		{ECS_V8, "elasticsearch { action => index }", false},
		{ECS_V8, "elasticsearch { manage_template => false }", true},
		{ECS_V8, "elasticsearch { manage_template => true }", false},
		{ECS_V8, "elasticsearch { document_id => \"%{x}\" }", true},
		{ECS_V8, "elasticsearch { template_name => \"t\" }", false},
		{ECS_V8, "elasticsearch { ilm_enabled => false }", false},
		{ECS_V8, "elasticsearch { data_stream_dataset => \"d\" }", true},
		{ECS_V8, "elasticsearch { data_stream => false }", false},
		{ECS_DISABLED, "elasticsearch { data_stream => \"true\" }", true},
		{ECS_V8, "opensearch { }", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct bench b;

		if (!bench_init(&b, cases[i].ecs, cases[i].conf))
			fprintf(stderr, "%s: %s\n", cases[i].conf, b.err.text);
		CHECK(b.conf);
		if (b.es->stream != cases[i].stream)
			fprintf(stderr, "%s\n", cases[i].conf);
		CHECK_INT(b.es->stream, cases[i].stream);
		bench_end(&b);
	}
}

static void test_refused(void)
{
	check_refused(ECS_DISABLED, "elasticsearch { data_stream => true index => \"x\" }", "'index' cannot be used with");
	check_refused(ECS_DISABLED, "elasticsearch { data_stream => false data_stream_type => \"x\" }", "makes no sense");
	check_refused(ECS_V8, "elasticsearch { index => \"x\" data_stream_type => \"logs\" }", "which 'index' excludes");
	check_refused(ECS_DISABLED, "elasticsearch { data_stream_type => \"logs\" }", "say 'data_stream => true'");
	check_refused(ECS_V8, "elasticsearch { data_stream => true ilm_policy => \"p\" }", "'ilm_policy' cannot be used with");
	check_refused(ECS_DISABLED, "elasticsearch { template_api => new }", NULL);
	check_refused(ECS_DISABLED, "elasticsearch { ilm_rollover_alias => \"Upper\" }", "'ilm_rollover_alias' is a name");
	check_refused(ECS_DISABLED, "elasticsearch { ilm_rollover_alias => \"a-%{type}\" }", "'ilm_rollover_alias' is a name");
	check_refused(ECS_DISABLED, "elasticsearch { template => \"/nonexistent\" }", "cannot read '/nonexistent'");
	check_refused(ECS_DISABLED, "elasticsearch { template => \"/proc/self/comm\" }", "/proc/self/comm:1:");
	check_refused(ECS_DISABLED, "elasticsearch { data_stream => perhaps }", NULL);
	check_refused(ECS_DISABLED, "elasticsearch { data_stream => true data_stream_dataset => \"a-b\" }", NULL);
	check_refused(ECS_DISABLED, "elasticsearch { index => \"Upper\" }", "lower case");
	check_refused(ECS_DISABLED, "elasticsearch { index => \"x\" action => explode }", "'action'");
	check_refused(ECS_DISABLED, "elasticsearch { index => \"x\" action => update }", "needs 'document_id'");
	check_refused(ECS_DISABLED, "elasticsearch { user => \"u\" api_key => \"a:b\" }", "only one of");
	check_refused(ECS_DISABLED, "elasticsearch { api_key => \"a:b\" }", "TLS only");
	check_refused(ECS_DISABLED, "elasticsearch { api_key => \"???\" hosts => \"https://h\" }", "id:key");
	check_refused(ECS_DISABLED, "elasticsearch { hosts => \"ftp://h\" }", "no host");
	check_refused(ECS_DISABLED, "elasticsearch { hosts => \"h:99999\" }", "no host");
	check_refused(ECS_DISABLED, "elasticsearch { hosts => \"h h\" }", "no host");
	check_refused(ECS_DISABLED, "elasticsearch { hosts => [\"http://h\"] ssl_enabled => true }", "TLS");
	check_refused(ECS_DISABLED, "elasticsearch { hosts => \"https://h\" ssl_certificate_authorities => \"/nonexistent\" }", "cannot read");
	check_refused(ECS_DISABLED, "elasticsearch { hosts => \"https://h\" ssl_certificate => \"/nonexistent\" ssl_key => \"/x\" }", "cannot read");
	check_refused(ECS_DISABLED, "elasticsearch { ssl_certificate => \"/x\" }", "go together");
	check_refused(ECS_DISABLED, "elasticsearch { ca_trusted_fingerprint => \"abc\" }", "64 hexadecimal");
	check_refused(ECS_DISABLED, "elasticsearch { ssl_truststore_path => \"/x.jks\" }", "truststore");
	check_refused(ECS_DISABLED, "elasticsearch { custom_headers => { \"a\" => \"b\nc\" } }", "line ends");
	check_refused(ECS_DISABLED, "elasticsearch { dlq_custom_codes => [200] }", "300");
	check_refused(ECS_DISABLED, "elasticsearch { compression_level => 10 }", NULL);
	check_refused(ECS_DISABLED, "elasticsearch { hots => \"x\" }", NULL);
	check_refused(ECS_DISABLED, "elasticsearch { cloud_id => \"x\" hosts => \"h\" }", "only one of");
	check_refused(ECS_DISABLED, "elasticsearch { cloud_id => \"!!\" }", "Elastic Cloud");
	check_refused(ECS_DISABLED, "opensearch { auth_type => { type => \"aws_iam\" } }", "basic");
}

static void test_hosts(void)
{
	static const struct {
		const char *conf, *base;
	} cases[] = {
		{"elasticsearch { }", "http://127.0.0.1:9200"},
		{"elasticsearch { hosts => \"es1\" }", "http://es1:9200"},
		{"elasticsearch { hosts => [\"es1:9201\"] }", "http://es1:9201"},
		{"elasticsearch { hosts => \"//es1\" }", "http://es1:9200"},
		{"elasticsearch { hosts => \"https://es1/p/\" }", "https://es1:9200/p"},
		{"elasticsearch { hosts => \"es1\" ssl_enabled => true path => \"/x/\" }", "https://es1:9200/x"},
		{"elasticsearch { hosts => \"[::1]:9300\" }", "http://[::1]:9300"},
		{"elasticsearch { hosts => \"::1\" }", "http://[::1]:9200"},
		{"elasticsearch { hosts => \"http://u:p%40@es1:80\" }", "http://es1:80"},
		{"elasticsearch { host => \"old\" port => \"9210\" protocol => \"http\" }", "http://old:9210"},
		{"elasticsearch { host => \"old\" port => 9300 protocol => \"transport\" }", "http://old:9200"},
		/* label:host.example$uuid1$uuid2 */
		{"elasticsearch { cloud_id => \"n:aG9zdC5leGFtcGxlJHV1aWQxJHV1aWQy\" cloud_auth => \"u:p\" }", "https://uuid1.host.example:443"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct bench b;

		if (!bench_init(&b, ECS_DISABLED, cases[i].conf))
			fprintf(stderr, "%s: %s\n", cases[i].conf, b.err.text);
		else
			CHECK_STR(str_z(b.conf->host[0].base), cases[i].base);
		if (b.conf && i == 8)
			CHECK_STR(str_z(b.conf->userpwd), "u:p@");
		bench_end(&b);
	}
}

static void test_requests(void)
{
	struct bench b;

	CHECK(bench_init(&b, ECS_DISABLED,
			 "elasticsearch { hosts => \"https://h\" api_key => \"id:key\" custom_headers => { \"X-A\" => \"b\" } "
			 "parameters => { \"filter_path\" => \"x\" \"a b\" => \"c&d\" } ssl_verification_mode => none http_compression => false }"));
	CHECK_STR(str_z(b.conf->header[0]), "Authorization: ApiKey aWQ6a2V5");
	CHECK_STR(str_z(b.conf->header[1]), "X-A: b");
	CHECK_STR(str_z(b.conf->bulk_path),
		  "/_bulk?filter_path=errors,items.*.status,items.*.error,items.*.failure_store&a%20b=c%26d");
	CHECK(!b.conf->trust.verify);
	CHECK_INT(b.conf->compression_level, 0);
	bench_end(&b);
	CHECK(bench_init(&b, ECS_DISABLED, "elasticsearch { bulk_path => \"x/_bulk\" }"));
	CHECK_INT(b.conf->compression_level, 1);
	CHECK(b.conf->trust.verify);
	CHECK(strncmp(b.conf->bulk_path, "/x/_bulk?filter_path=", 21) == 0);
	bench_end(&b);
}

/* What ancient configurations say is taken with a warning. */
static void test_old_names(void)
{
	struct bench b;

	CHECK(bench_init(&b, ECS_DISABLED,
			 "elasticsearch { host => \"127.0.0.1\" cluster => \"c\" flush_size => 5000 idle_flush_time => 1 index_type => \"t\" "
			 "document_type => \"d\" ssl => false template_overwrite => true sniffing => true workers => 4 }"));
	CHECK(b.diag.warnings >= 6);
	CHECK_INT(b.diag.errors, 0);
	CHECK_INT(b.es->queue.workers, 4);
	bench_end(&b);
}

/* ---- the template ---- */

static const json_t *mapping_of(const json_t *root, const char *path)
{
	const json_t *at = json_object_get(json_object_get(root, "template"), "mappings");
	struct str rest = str_z(path), part;
	bool more;

	do {
		char name[64];

		more = str_cut(&rest, '.', &part);
		if (!more)
			part = rest;
		snprintf(name, sizeof(name), "%.*s", STR_ARG(part));
		at = json_object_get(json_object_get(at, "properties"), name);
	} while (more);
	return at;
}

static void test_template(struct es_server sv)
{
	struct buf b;
	char hash[17], again[17];
	json_error_t e;
	json_t *j;

	buf_init(&b, 0);
	es_template_json(&b, &sv, hash);
	j = json_loadb(b.p, b.len, JSON_REJECT_DUPLICATES, &e);
	CHECK(j);
	/* Every row is there, with its type, and nothing else stands where it should be. */
	for (int i = 0; i < FIELDS; i++) {
		const json_t *m = mapping_of(j, fields[i].path);
		bool object = json_object_get(m, "properties");

		if (!m)
			fprintf(stderr, "no mapping of %s\n", fields[i].path);
		CHECK(m && (object ? fields[i].type == FT_OBJECT : json_is_string(json_object_get(m, "type"))));
	}
	CHECK_STR(str_z(json_string_value(json_object_get(mapping_of(j, "source.ip"), "type"))), "ip");
	CHECK_STR(str_z(json_string_value(json_object_get(mapping_of(j, "message"), "type"))),
		  sv.flavour == ES_OPENSEARCH || sv.plain ? "text" : "match_only_text");
	CHECK_STR(str_z(json_string_value(json_object_get(json_object_get(j, "_meta"), "content"))), hash);
	buf_clear(&b);
	es_template_json(&b, &sv, again);
	CHECK_STR(str_z(again), hash);
	json_decref(j);
	buf_release(&b);
}

/* ---- what the server is to be given at the start ---- */

/* Which of the three, under which names: template, alias. */
static void test_setup_options(void)
{
	static const struct {
		enum ecs_mode ecs;
		const char *conf, *template, *alias; /* NULL: none */
		bool demanded;
	} cases[] = {
		{ECS_DISABLED, "elasticsearch { }", "logstash", "logstash", false},
		{ECS_V1, "elasticsearch { data_stream => false }", "ecs-logstash", "ecs-logstash", false},
		{ECS_DISABLED, "elasticsearch { index => \"logstash-%{+yyyy.MM.dd}\" }", "logstash", "logstash", false},
		{ECS_DISABLED, "elasticsearch { index => \"x-%{+yyyy.MM.dd}\" }", "logstash", NULL, false},
		{ECS_DISABLED, "elasticsearch { index => \"x\" ilm_enabled => true }", "logstash", NULL, true},
		{ECS_DISABLED, "elasticsearch { ilm_enabled => true }", "logstash", "logstash", true},
		{ECS_DISABLED, "elasticsearch { ilm_enabled => \"auto\" ilm_rollover_alias => \"web\" }", "web", "web", false},
		{ECS_DISABLED, "elasticsearch { index => \"x\" ilm_rollover_alias => \"web\" }", "web", "web", false},
		{ECS_DISABLED, "elasticsearch { template_name => \"t\" ilm_rollover_alias => \"web\" }", "t", "web", false},
		{ECS_DISABLED, "elasticsearch { ilm_enabled => false ilm_rollover_alias => \"web\" template_name => \"t\" }", "t", NULL, false},
		{ECS_DISABLED, "elasticsearch { manage_template => false }", NULL, "logstash", false},
		{ECS_DISABLED, "elasticsearch { manage_template => false index => \"i\" }", NULL, NULL, false},
		{ECS_V8, "elasticsearch { }", NULL, NULL, false},
		{ECS_V8, "opensearch { }", "ecs-logstash", NULL, false},
		{ECS_DISABLED, "opensearch { ilm_enabled => true }", "logstash", NULL, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct es_setup *s;
		struct bench b;

		CHECK(bench_init(&b, cases[i].ecs, cases[i].conf));
		s = &b.conf->setup;
		if (s->manage != !!cases[i].template || s->lifecycle != !!cases[i].alias)
			fprintf(stderr, "%s\n", cases[i].conf);
		CHECK_INT(s->manage, !!cases[i].template);
		CHECK_INT(s->lifecycle, !!cases[i].alias);
		CHECK_INT(s->demanded, cases[i].demanded);
		if (s->manage)
			CHECK_STR(s->lifecycle && !s->named ? s->alias : s->name, cases[i].template);
		if (s->lifecycle)
			CHECK_STR(s->alias, cases[i].alias);
		bench_end(&b);
	}
}

static void test_setup_details(void)
{
	struct bench b;

	CHECK(bench_init(&b, ECS_DISABLED, "elasticsearch { template_overwrite => true template_api => legacy ilm_pattern => \"00001\" ilm_policy => \"p\" }"));
	CHECK(b.conf->setup.overwrite && !b.conf->setup.default_policy);
	CHECK_INT(b.conf->setup.api, ES_API_LEGACY);
	CHECK_STR(b.conf->setup.pattern, "00001");
	CHECK_STR(b.conf->setup.policy, "p");
	CHECK(es_setup_wanted(&b.conf->setup));
	bench_end(&b);
	CHECK(bench_init(&b, ECS_DISABLED, "elasticsearch { }"));
	CHECK(!b.conf->setup.overwrite && b.conf->setup.default_policy);
	CHECK_STR(b.conf->setup.pattern, "{now/d}-000001");
	CHECK_STR(b.conf->setup.policy, "logstash-policy");
	bench_end(&b);
	CHECK(bench_init(&b, ECS_V8, "elasticsearch { }"));
	CHECK_STR(b.conf->setup.stream, "logs-generic-default");
	bench_end(&b);
	CHECK(bench_init(&b, ECS_V8, "elasticsearch { data_stream_dataset => \"weir.x\" }"));
	CHECK(!es_setup_wanted(&b.conf->setup));
	bench_end(&b);
	CHECK(bench_init(&b, ECS_DISABLED, "opensearch { legacy_template => false }"));
	CHECK_INT(b.conf->setup.api, ES_API_COMPOSABLE);
	bench_end(&b);
	CHECK(bench_init(&b, ECS_DISABLED, "opensearch { }"));
	CHECK_INT(b.conf->setup.api, ES_API_LEGACY);
	bench_end(&b);
}

static const struct diag_item *first_note(const struct diag *d)
{
	const struct diag_item *it = d->first;

	while (it && it->level != DIAG_NOTE)
		it = it->next;
	return it;
}

/* Who only looks is told what the start will make, also where the template is another machine's; weird itself says it when it makes it. */
static void test_setup_told(void)
{
	static const struct {
		const char *conf, *told;
	} cases[] = {
		{"elasticsearch { }", "the ILM policy 'logstash-policy', the index template 'logstash' for 'logstash-*', the alias and its first index "
				      "'logstash-{now/d}-000001'"},
		{"elasticsearch { template => \"/nonexistent\" ilm_enabled => false }", "the start makes the index template 'logstash'"},
		{"elasticsearch { index => \"x\" template_overwrite => true }", "also over one that is there"},
		{"elasticsearch { ecs_compatibility => v8 }", "the data stream 'logs-generic-default', or where their data_stream fields say; Elasticsearch's own"},
		{"elasticsearch { data_stream => true data_stream_dataset => \"weir.x\" }", "'weir-logs' is installed"},
		{"opensearch { data_stream => true }", "of yours"},
		{"elasticsearch { index => \"x\" manage_template => false }", NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct diag_item *note;
		struct bench b;

		bench_elsewhere = true;
		if (!bench_init(&b, ECS_DISABLED, cases[i].conf))
			fprintf(stderr, "%s: %s\n", cases[i].conf, b.err.text);
		CHECK(b.conf);
		note = first_note(&b.diag);
		if (cases[i].told && !(note && str_find(note->text, str_z(cases[i].told)) >= 0))
			fprintf(stderr, "%s: '%.*s'\n", cases[i].conf, note ? (int)note->text.len : 0, note ? note->text.p : "");
		CHECK(cases[i].told ? note && str_find(note->text, str_z(cases[i].told)) >= 0 : !note);
		bench_end(&b);
		bench_elsewhere = false;
	}
	{
		struct bench b;

		CHECK(bench_init(&b, ECS_DISABLED, "elasticsearch { }"));
		CHECK(!first_note(&b.diag));
		bench_end(&b);
	}
}

static json_t *setup_template(const struct es_setup *s, const struct es_server *sv, bool composable, bool lifecycle)
{
	struct buf b;
	json_error_t e;
	struct err err;
	json_t *j;

	buf_init(&b, 0);
	CHECK_INT(es_setup_template(&b, s, sv, composable, lifecycle, &err), 0);
	j = json_loadb(b.p, b.len, JSON_REJECT_DUPLICATES, &e);
	CHECK(j);
	buf_release(&b);
	return j;
}

/* "a b c": c in b in a. */
static const char *text_at(const json_t *j, const char *names)
{
	struct str rest = str_z(names), part;

	while (str_cut(&rest, ' ', &part)) {
		char name[64];

		snprintf(name, sizeof(name), "%.*s", STR_ARG(part));
		j = json_object_get(j, name);
	}
	return json_string_value(json_object_get(j, rest.p));
}

static void test_setup_template(bool ecs, bool composable, bool lifecycle)
{
	const struct es_setup s = {.ecs = ecs, .alias = STR("web"), .policy = STR("p")};
	const struct es_server sv = {.known = true, .flavour = ES_ELASTICSEARCH, .major = 8};
	json_t *j = setup_template(&s, &sv, composable, lifecycle), *in, *properties, *settings;
	const char *pattern = lifecycle ? "web-*" : ecs ? "ecs-logstash-*" : "logstash-*", *name;

	CHECK_STR(str_z(json_string_value(json_array_get(json_object_get(j, "index_patterns"), 0))), pattern);
	CHECK_INT(json_array_size(json_object_get(j, "index_patterns")), 1);
	in = composable ? json_object_get(j, "template") : j;
	CHECK_INT(json_object_get(j, "priority") && json_object_get(j, "_meta"), composable);
	settings = json_object_get(in, "settings");
	CHECK(json_is_object(settings));
	name = json_string_value(json_object_get(settings, "index.lifecycle.name"));
	CHECK(lifecycle ? name && strcmp(name, "p") == 0 : !name);
	name = json_string_value(json_object_get(settings, "index.lifecycle.rollover_alias"));
	CHECK(lifecycle ? name && strcmp(name, "web") == 0 : !name);
	properties = json_object_get(json_object_get(in, "mappings"), "properties");
	CHECK_STR(str_z(text_at(properties, "@timestamp type")), "date");
	CHECK_STR(str_z(text_at(properties, "@version type")), "keyword");
	if (ecs) {
		CHECK_STR(str_z(text_at(properties, "message type")), "text");
		CHECK(!json_object_get(properties, "weir") && !json_object_get(properties, "data_stream") && !json_object_get(properties, "postfix"));
		CHECK_STR(str_z(text_at(properties, "source properties ip type")), "ip");
	} else {
		CHECK_STR(str_z(text_at(properties, "geoip properties location type")), "geo_point");
	}
	json_decref(j);
}

/* The user's own: as it is, or with what the lifecycle needs in its place. */
static void test_setup_own_template(void)
{
	const struct es_server sv = {.known = true, .flavour = ES_ELASTICSEARCH, .major = 8};
	struct es_setup s = {.alias = STR("web"), .policy = STR("p"), .text = STR("{\"index_patterns\":\"x-*\", \"order\":7}")};
	struct err err;
	struct buf b;
	json_t *j;

	buf_init(&b, 0);
	CHECK_INT(es_setup_template(&b, &s, &sv, true, false, &err), 0);
	CHECK_STR(buf_slice(&b), "{\"index_patterns\":\"x-*\", \"order\":7}");
	j = setup_template(&s, &sv, false, true);
	CHECK_STR(str_z(text_at(j, "settings index.lifecycle.name")), "p");
	json_decref(j);
	j = setup_template(&s, &sv, true, true);
	CHECK_STR(str_z(text_at(j, "template settings index.lifecycle.name")), "p");
	json_decref(j);
	/* What it looks like counts more than the API. */
	s.text = STR("{\"template\":\"x-*\",\"settings\":{\"index\":{\"number_of_replicas\":0}}}");
	j = setup_template(&s, &sv, true, true);
	CHECK_STR(str_z(text_at(j, "settings index.lifecycle.rollover_alias")), "web");
	CHECK(!json_object_get(j, "template") && json_object_get(json_object_get(j, "settings"), "index"));
	json_decref(j);
	s.text = STR("{\"settings\":7}");
	buf_clear(&b);
	CHECK_INT(es_setup_template(&b, &s, &sv, true, true, &err), -1);
	buf_release(&b);
}

static void test_readdress(void)
{
	struct bench b;
	struct buf out;

	CHECK(bench_init(&b, ECS_DISABLED, "elasticsearch { index => \"a-%{x}\" action => \"%{act}\" document_id => \"%{id}\" }"));
	CHECK_INT(render(&b, "{\"x\":\"\\\"}q\",\"act\":\"index\",\"id\":\"_index\"}", ""), RENDER_OK);
	buf_init(&out, 0);
	es_readdress(&out, b.p, 0, 1, STR("web"));
	CHECK_STR(buf_slice(&out), "{\"index\":{\"_index\":\"web\",\"_id\":\"_index\"}}\n{\"x\":\"\\\"}q\",\"act\":\"index\",\"id\":\"_index\"}\n");
	buf_clear(&out);
	CHECK_INT(render(&b, "{\"x\":\"y\",\"act\":\"delete\",\"id\":\"1\"}", ""), RENDER_OK);
	es_readdress(&out, b.p, 0, 1, STR("web"));
	CHECK_STR(buf_slice(&out), "{\"delete\":{\"_index\":\"web\",\"_id\":\"1\"}}\n");
	buf_release(&out);
	bench_end(&b);
}

int main(void)
{
	hash_init(NULL);
	fields_init();
	test_index();
	test_update();
	test_long_id();
	test_stream();
	test_auto();
	test_refused();
	test_hosts();
	test_requests();
	test_old_names();
	test_template((struct es_server){.known = true, .flavour = ES_ELASTICSEARCH, .major = 8, .minor = 19});
	test_template((struct es_server){.known = true, .flavour = ES_OPENSEARCH, .major = 2, .minor = 19});
	test_template((struct es_server){.flavour = ES_OPENSEARCH});
	test_template((struct es_server){.flavour = ES_ELASTICSEARCH, .plain = true});
	test_setup_options();
	test_setup_details();
	test_setup_told();
	for (int i = 0; i < 8; i++)
		test_setup_template(i & 1, i & 2, i & 4);
	test_setup_own_template();
	test_readdress();
	return test_end();
}
