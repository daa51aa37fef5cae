/*
 * settings.c - the table of settings and how values get into struct program_settings (see settings.h).
 *
 * The YAML itself is read by settings_yaml.c.
 */
#include "config/settings.h"

#include "base/utf8.h"
#include "pipeline/optvalue.h"

#include <stdlib.h>

static const char *const ecs_modes[] = {"disabled", "v1", "v8", NULL};
/* As YAML has them: off, on. */
static const char *const switches[] = {"false", "true", "no", "yes", "off", "on", NULL};
static const char *const log_levels[] = {"fatal", "error", "warn", "info", "debug", "trace", NULL};

enum setting_type {
	SET_STRING,
	SET_BOOL,
	SET_ECS,
	SET_LOG_LEVEL,
	SET_LOG_FORMAT,
	SET_BYTES,
	SET_DURATION,
	SET_PORTS,
	SET_QUEUE,
	SET_PASSED,  /* means nothing here, and nothing is lost by that */
	SET_MISSING, /* weird does not have it: said once where it is switched on */
};

#define AT(member) offsetof(struct program_settings, member)
static const struct setting {
	const char *name;
	enum setting_type type;
	size_t offset;
	const char *instead; /* SET_MISSING: what to know */
} table[] = {
	{"pipeline.ecs_compatibility", SET_ECS, AT(pipeline.ecs)},
	{"pipeline.id", SET_STRING, AT(pipeline.pipeline_id)},
	{"pipeline.reloadable", SET_BOOL, AT(reloadable)},
	{"config.support_escapes", SET_BOOL, AT(pipeline.support_escapes)},
	{"config.lenient", SET_BOOL, AT(pipeline.lenient)},
	{"path.data", SET_STRING, AT(pipeline.data_dir)},
	{"path.config", SET_STRING, AT(config_path)},
	{"config.string", SET_STRING, AT(config_string)},
	{"config.test_and_exit", SET_BOOL, AT(test_and_exit)},
	{"config.reload.automatic", SET_BOOL, AT(reload)},
	{"config.reload.interval", SET_DURATION, AT(reload_ns)},
	{"node.name", SET_STRING, AT(node_name)},
	{"path.logs", SET_STRING, AT(log_dir)},
	{"log.level", SET_LOG_LEVEL, AT(log_level)},
	{"log.format", SET_LOG_FORMAT, AT(log_json)},
	{"memory.max", SET_BYTES, AT(memory_max)},
	{"shutdown.drain", SET_DURATION, AT(drain_ns)},
	{"user", SET_STRING, AT(user)},
	{"lenient", SET_BOOL, AT(pipeline.lenient)},
	{"api.enabled", SET_BOOL, AT(api)},
	{"api.http.host", SET_STRING, AT(api_host)},
	{"api.http.port", SET_PORTS, AT(api_port)},
	/* Former names. */
	{"http.enabled", SET_BOOL, AT(api)},
	{"http.host", SET_STRING, AT(api_host)},
	{"http.port", SET_PORTS, AT(api_port)},
	/* Logstash's own. */
	{"pipeline.workers", SET_PASSED},
	{"pipeline.output.workers", SET_PASSED},
	{"pipeline.batch.size", SET_PASSED},
	{"pipeline.batch.delay", SET_PASSED},
	{"pipeline.batch.metrics.sampling_mode", SET_PASSED},
	{"pipeline.batch.output_chunking.growth_threshold_factor", SET_PASSED},
	{"pipeline.buffer.type", SET_PASSED},
	{"pipeline.ordered", SET_PASSED},
	{"pipeline.unsafe_shutdown", SET_PASSED},
	{"pipeline.separate_logs", SET_PASSED},
	{"pipeline.plugin_classloaders", SET_PASSED},
	{"pipeline.system", SET_PASSED},
	{"config.debug", SET_PASSED},
	{"config.field_reference.escape_style", SET_MISSING, 0, "names in brackets are taken as they are"},
	{"config.field_reference.parser", SET_PASSED},
	{"path.settings", SET_PASSED},
	{"path.plugins", SET_PASSED},
	{"path.queue", SET_STRING, AT(queue_path)},
	{"path.dead_letter_queue", SET_PASSED},
	{"queue.type", SET_QUEUE, AT(queue_persisted)},
	{"queue.page_capacity", SET_PASSED},
	{"queue.max_bytes", SET_PASSED},
	{"queue.max_events", SET_PASSED},
	{"queue.drain", SET_PASSED},
	{"queue.compression", SET_PASSED},
	{"queue.checkpoint.acks", SET_PASSED},
	{"queue.checkpoint.writes", SET_PASSED},
	{"queue.checkpoint.interval", SET_PASSED},
	{"queue.checkpoint.retry", SET_PASSED},
	{"dead_letter_queue.enable", SET_PASSED},
	{"dead_letter_queue.max_bytes", SET_PASSED},
	{"dead_letter_queue.flush_interval", SET_PASSED},
	{"dead_letter_queue.storage_policy", SET_PASSED},
	{"dead_letter_queue.retain.age", SET_PASSED},
	{"log.format.json.fix_duplicate_message_fields", SET_PASSED},
	{"slowlog.threshold.warn", SET_PASSED},
	{"slowlog.threshold.info", SET_PASSED},
	{"slowlog.threshold.debug", SET_PASSED},
	{"slowlog.threshold.trace", SET_PASSED},
	{"metric.collect", SET_PASSED},
	{"metric.flow", SET_PASSED},
	{"metric.timers", SET_PASSED},
	{"api.environment", SET_PASSED},
	{"http.environment", SET_PASSED},
	{"api.auth.type", SET_MISSING, 0, "the API listens on this machine only unless api.http.host says otherwise"},
	{"api.auth.basic.username", SET_PASSED},
	{"api.auth.basic.password", SET_PASSED},
	{"api.auth.basic.password_policy.mode", SET_PASSED},
	{"api.auth.basic.password_policy.length.minimum", SET_PASSED},
	{"api.auth.basic.password_policy.include.upper", SET_PASSED},
	{"api.auth.basic.password_policy.include.lower", SET_PASSED},
	{"api.auth.basic.password_policy.include.digit", SET_PASSED},
	{"api.auth.basic.password_policy.include.symbol", SET_PASSED},
	{"api.ssl.enabled", SET_MISSING, 0, "the API speaks plain HTTP"},
	{"api.ssl.keystore.path", SET_PASSED},
	{"api.ssl.keystore.password", SET_PASSED},
	{"api.ssl.supported_protocols", SET_PASSED},
	{"allow_superuser", SET_PASSED},
	{"modules", SET_MISSING, 0, "put the module's pipeline into path.config"},
	{"modules_list", SET_PASSED},
	{"modules_variable_list", SET_PASSED},
	{"cloud.id", SET_MISSING, 0, "name the hosts in the output"},
	{"cloud.auth", SET_MISSING, 0, "name user and password in the output"},
	{"event_api.tags.illegal", SET_PASSED},
	{"enable-local-plugin-development", SET_PASSED},
	{"interactive", SET_MISSING, 0, "there is no shell of its own"},
	{"setup", SET_PASSED},
	{"keystore.file", SET_MISSING, 0, "${NAME} is looked up in secrets.env and in the environment"},
	{"keystore.classname", SET_PASSED},
	{"version", SET_PASSED},
	{"help", SET_PASSED},
	{"explain", SET_PASSED},
};
#undef AT
enum { TABLE_ROWS = sizeof(table) / sizeof(*table) };

void settings_init(struct program_settings *s, struct arena *a)
{
	*s = (struct program_settings){
		.pipeline = {.ecs = ECS_DISABLED, .pipeline_id = STR("main")},
		.reloadable = true,
		.reload_ns = 3000000000,
		.log_level = LOG_INFO,
		.memory_max = 64 * 1024 * 1024,
		.drain_ns = 10000000000,
		.api = true,
		.api_host = STR("127.0.0.1"),
		.api_port = 9600,
		.api_port_last = 9700,
		.arena = a,
	};
}

bool settings_known(struct str name)
{
	for (size_t i = 0; i < TABLE_ROWS; i++)
		if (str_eqz(name, table[i].name))
			return true;
	return false;
}

/* "xpack.monitoring.enabled": xpack stands in the note once, however many there are. */
static void note_passed(struct program_settings *s, struct str name)
{
	struct str first = name;

	(void)str_cut(&name, '.', &first);
	if (str_find(s->passed, arena_printf(s->arena, "%.*s.*", STR_ARG(first))) < 0)
		s->passed = arena_printf(s->arena, "%.*s%s%.*s.*", STR_ARG(s->passed), s->passed.len ? ", " : "", STR_ARG(first));
}

static int word_index(const char *const *words, struct str s)
{
	for (int i = 0; words[i]; i++)
		if (str_ieq(s, str_z(words[i])))
			return i;
	return -1;
}

/* "9600", or "9600-9700": the first free one. */
static bool parse_ports(struct str s, struct program_settings *p)
{
	uint64_t first, last;
	struct str head = s;
	bool range = str_cut(&s, '-', &head);

	if (!str_u64(str_trim(range ? head : s), 65535, &first))
		return false;
	last = first;
	if (range && (!str_u64(str_trim(s), 65535, &last) || last < first))
		return false;
	p->api_port = (uint16_t)first;
	p->api_port_last = (uint16_t)last;
	return true;
}

/* What the value should have been; NULL: it is stored. */
static const char *store(struct program_settings *p, const struct setting *row, struct str v)
{
	void *at = (char *)p + row->offset;
	int64_t n;
	int i;

	switch (row->type) {
	case SET_STRING:
		*(struct str *)at = arena_dup(p->arena, v);
		return NULL;
	case SET_BOOL:
		i = word_index(switches, v);
		if (i < 0)
			return "true or false";
		*(bool *)at = i % 2;
		return NULL;
	case SET_ECS:
		i = word_index(ecs_modes, v);
		if (i < 0)
			return "disabled, v1 or v8";
		*(enum ecs_mode *)at = (enum ecs_mode)i;
		p->ecs_written = true;
		return NULL;
	case SET_LOG_LEVEL:
		i = word_index(log_levels, v);
		if (i < 0)
			return "fatal, error, warn, info, debug or trace";
		*(enum log_level *)at = (enum log_level)i;
		return NULL;
	case SET_LOG_FORMAT:
		if (!str_eqz(v, "plain") && !str_eqz(v, "json"))
			return "plain or json";
		*(bool *)at = str_eqz(v, "json");
		return NULL;
	case SET_BYTES:
		if (!text_bytes(v, &n) || n < 1024 * 1024)
			return "a size of at least 1 MiB, such as 64 MiB";
		*(int64_t *)at = n;
		return NULL;
	case SET_DURATION:
		return text_duration(v, at) ? NULL : "a duration such as 10s";
	case SET_QUEUE:
		if (!str_eqz(v, "memory") && !str_eqz(v, "persisted"))
			return "memory or persisted";
		*(bool *)at = str_eqz(v, "persisted");
		return NULL;
	case SET_PORTS:
		return parse_ports(v, p) ? NULL : "a port from 0 to 65535 or a range such as 9600-9700";
	case SET_PASSED:
	case SET_MISSING:
		break;
	}
	return NULL;
}

/* Switched off is as good as not there. */
static bool is_off(struct str v)
{
	return v.len == 0 || str_eqz(v, "false") || str_eqz(v, "none") || str_eqz(v, "[]");
}

static bool is_passed(struct str name)
{
	/* Monitoring, central management, GeoIP downloads, JVM: parts of the other program. */
	static const char *const prefixes[] = {"xpack.", "monitoring.", "telemetry.", "var.", "jvm.", "otel.", "module."};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
		if (str_starts(name, str_z(prefixes[i])))
			return true;
	return false;
}

int settings_set(struct program_settings *s, struct str name, struct str value, struct pos pos, struct diag *d)
{
	const char *names[TABLE_ROWS], *near, *want;
	const struct setting *row = NULL;

	for (size_t i = 0; i < TABLE_ROWS; i++) {
		names[i] = table[i].name;
		if (str_eqz(name, table[i].name))
			row = &table[i];
	}
	if (!row) {
		near = nearest_word(name, names, TABLE_ROWS);
		if (is_passed(name))
			note_passed(s, name);
		else
			diag_warn(d, pos, "unknown setting '%.*s'%s%s%s", STR_ARG(name), near ? ", did you mean '" : "",
				  near ? near : "", near ? "'?" : "");
		return 0;
	}
	if (!utf8_valid(value)) {
		diag_error(d, pos, "the setting '%s' is not UTF-8", row->name);
		return -1;
	}
	if (row->type == SET_MISSING && !is_off(value))
		diag_warn(d, pos, "the setting '%s' has no effect here: %s", row->name, row->instead);
	want = store(s, row, value);
	/* Where Logstash's own state lies: the command line says where weird's does. */
	if (!want && pos.file && strcmp(row->name, "path.data") == 0)
		s->pipeline.data_written = s->pipeline.data_dir;
	if (!want)
		return 0;
	diag_error(d, pos, "the setting '%s' takes %s, not '%.*s'", row->name, want, (int)(value.len < 80 ? value.len : 80),
		   value.p);
	return -1;
}
