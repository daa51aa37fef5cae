#include "pipeline/bundled.h"

static const char *const inputs[] = {
	"azure_event_hubs", "beats", "cloudwatch", "couchdb_changes", "dead_letter_queue", "elastic_agent", "elastic_serverless_forwarder",
	"elasticsearch", "exec", "file", "ganglia", "gelf", "generator", "graphite", "heartbeat", "http", "http_poller", "java_generator",
	"java_stdin", "jdbc", "jms", "kafka", "logstash", "lumberjack", "pipe", "pipeline", "rabbitmq", "redis", "relp", "s3", "snmp", "snmptrap",
	"sqs", "stdin", "syslog", "tcp", "twitter", "udp", "unix", NULL};

static const char *const filters[] = {
	"aggregate", "alter", "anonymize", "bytes", "cidr", "clone", "csv", "date", "de_dot", "dissect", "dns", "drop", "elapsed", "elastic_integration",
	"elasticsearch", "extractnumbers", "fingerprint", "geoip", "grep", "grok", "http", "i18n", "java_uuid", "jdbc_static", "jdbc_streaming", "json",
	"json_encode", "kv", "memcached", "metrics", "multiline", "mutate", "prune", "range", "ruby", "sleep", "split", "syslog_pri", "throttle",
	"tld", "translate", "truncate", "urldecode", "useragent", "uuid", "xml", NULL};

static const char *const outputs[] = {
	"cloudwatch", "csv", "elastic_app_search", "elasticsearch", "elasticsearch_http", "email", "exec", "file", "graphite", "http", "java_stdout",
	"kafka", "logstash", "lumberjack", "nagios", "null", "opensearch", "pipe", "pipeline", "rabbitmq", "redis", "s3", "sink", "sns", "sqs",
	"statsd", "stdout", "syslog", "tcp", "udp", "webhdfs", NULL};

static const char *const codecs[] = {
	"avro", "cef", "collectd", "csv", "dots", "edn", "edn_lines", "es_bulk", "fluent", "graphite", "gzip_lines", "java_line", "java_plain", "jdots",
	"json", "json_lines", "line", "msgpack", "multiline", "netflow", "plain", "rubydebug", NULL};

const char *const *bundled_all(enum plugin_kind kind)
{
	switch (kind) {
	case PLUGIN_INPUT:
		return inputs;
	case PLUGIN_FILTER:
		return filters;
	case PLUGIN_OUTPUT:
		return outputs;
	case PLUGIN_CODEC:
		return codecs;
	}
	return NULL;
}

bool bundled_has(enum plugin_kind kind, struct str name)
{
	for (const char *const *p = bundled_all(kind); *p; p++)
		if (str_eq(str_z(*p), name))
			return true;
	return false;
}
