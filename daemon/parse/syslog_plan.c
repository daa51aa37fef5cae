/*
 * syslog_plan.c - set-up of the syslog decoder: keys, labels, zone, the pattern if there is one.
 */
#include "parse/syslog_plan.h"

#include "base/hash.h"
#include "base/locale_names.h"
#include "event/names.h"
#include "event/ruby_text.h"

#include <stdlib.h>
#include <unistd.h>

static const char *const key_names[K_KEYS] = {
	[K_TIMESTAMP_AT] = "@timestamp",
	[K_VERSION_AT] = "@version",
	[K_MESSAGE] = "message",
	[K_HOST] = "host",
	[K_PRIORITY] = "priority",
	[K_TIMESTAMP] = "timestamp",
	[K_TIMESTAMP8601] = "timestamp8601",
	[K_LOGSOURCE] = "logsource",
	[K_PROGRAM] = "program",
	[K_PID] = "pid",
	[K_SEVERITY] = "severity",
	[K_FACILITY] = "facility",
	[K_FACILITY_LABEL] = "facility_label",
	[K_SEVERITY_LABEL] = "severity_label",
	/* The names of Logstash's pattern SYSLOG5424LINE. */
	[K_5424_VER] = "syslog5424_ver",
	[K_5424_MSGID] = "syslog5424_msgid",
	[K_5424_SD] = "syslog5424_sd",
	[K_EVENT] = "event",
	[K_ORIGINAL] = "original",
	[K_SEQUENCE] = "sequence",
	[K_SERVICE] = "service",
	[K_TYPE] = "type",
	[K_LOG] = "log",
	[K_SYSLOG] = "syslog",
	[K_CODE] = "code",
	[K_NAME] = "name",
	[K_VERSION] = "version",
	[K_MSGID] = "msgid",
	[K_APPNAME] = "appname",
	[K_PROCID] = "procid",
	[K_HOSTNAME] = "hostname",
	[K_STRUCTURED_DATA] = "structured_data",
	[K_SOURCE] = "source",
	[K_ADDRESS] = "address",
	[K_IP] = "ip",
	[K_PROCESS] = "process",
	[K_WEIR] = "weir",
	[K_PARSE] = "parse",
	[K_CLAIMED_TIME] = "claimed_time",
	[K_REPEAT] = "repeat",
	[K_COUNT] = "count",
};

/* Logstash's labels, RFC 3164's words. */
static const char *const facilities[24] = {
	"kernel", "user-level", "mail", "system", "security/authorization", "syslogd", "line printer", "network news",
	"UUCP", "clock", "security/authorization", "FTP", "NTP", "log audit", "log alert", "clock",
	"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
};
static const char *const severities[8] = {
	"Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug",
};

/* Labels of the configuration where it gives any: a number behind its end has none. */
static void labels_of(struct arena *a, struct value *out, unsigned n, const struct list *given, const char *const *names)
{
	for (unsigned i = 0; i < n; i++) {
		if (!given)
			out[i] = v_str(str_z(names[i]));
		else if (i < given->n && given->v[i].type != V_NULL)
			out[i] = v_str(ruby_to_s(a, &given->v[i]));
	}
}

static struct str local_name(struct arena *a)
{
	char name[256];

	if (gethostname(name, sizeof(name)))
		return STR("localhost");
	name[sizeof(name) - 1] = 0;
	return arena_dup(a, str_z(name));
}

static int by_length(const void *a, const void *b)
{
	return ((const struct syslog_zone *)b)->net.bits - ((const struct syslog_zone *)a)->net.bits;
}

/* { "10.1.0.0/16" => "Asia/Tehran" } */
static int zones_of(struct syslog_plan *p, const struct map *m, struct arena *a, struct err *err)
{
	p->zones = arena_alloc(a, (m->n + 1) * sizeof(*p->zones));
	for (uint32_t i = 0; i < m->n; i++) {
		const struct entry *e = &m->e[i];
		struct syslog_zone *z = &p->zones[p->nzones];
		bool host;

		if (!ip_net_parse(key_str(&e->key), &z->net, &host))
			return err_set(err, host ? "timezones: '%.*s' has bits behind its prefix" : "timezones: '%.*s' is no network",
				       (int)e->key.len, e->key.p);
		z->zone = e->val.type == V_STRING ? zone_find(value_str(&e->val)) : NULL;
		if (!z->zone)
			return err_set(err, "timezones: there is no such time zone for '%.*s'", (int)e->key.len, e->key.p);
		p->nzones++;
	}
	qsort(p->zones, p->nzones, sizeof(*p->zones), by_length);
	return 0;
}

int syslog_decode_open(struct syslog_options *o, struct plugin_ctx *ctx, struct err *err)
{
	struct syslog_plan *p = arena_zalloc(ctx->arena, sizeof(*p));
	struct str field = o->syslog_field.p ? o->syslog_field : STR("message");

	for (int i = 0; i < K_KEYS; i++)
		p->key[i] = key_named(str_z(key_names[i]));
	p->arena = ctx->arena;
	p->ecs = ctx->ecs != ECS_DISABLED;
	p->labels = o->use_labels;
	p->clock = ctx->settings->clock;
	labels_of(ctx->arena, p->facility, 24, o->facility_labels, facilities);
	labels_of(ctx->arena, p->severity, 8, o->severity_labels, severities);
	p->local_name = local_name(ctx->arena);
	p->zone = o->timezone.p ? zone_find(o->timezone) : zone_local();
	if (!p->zone)
		return err_set(err, "there is no time zone '%.*s'", STR_ARG(o->timezone));
	if (o->timezones && zones_of(p, o->timezones, ctx->arena, err))
		return -1;
	p->field = ref_compile(ctx->arena, field, err);
	if (!p->field)
		return -1;
	p->field_is_message = str_eq(field, STR("message"));
	if (o->locale.p && !locale_find(o->locale))
		return err_set(err, "there is no locale '%.*s'", STR_ARG(o->locale));
	if (o->grok_pattern.p && syslog_grok_open(p, o->grok_pattern, field, ctx, err))
		return -1;
	o->plan = p;
	return 0;
}

void syslog_decode_close(struct syslog_options *o)
{
	struct syslog_plan *p = o->plan;

	if (p && p->grok && p->grok->close)
		p->grok->close(p->grok_self);
	o->plan = NULL;
}
