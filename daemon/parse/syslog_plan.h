/*
 * syslog_plan.h - inside of the syslog decoder: what syslog_decode_open() made, shared by its files.
 */
#ifndef WEIR_PARSE_SYSLOG_PLAN_H
#define WEIR_PARSE_SYSLOG_PLAN_H

#include "base/ip.h"
#include "base/zone.h"
#include "parse/syslog_decode.h"
#include "parse/syslog.h"

/* The keys of every field that is written, hashed once. */
enum syslog_key {
	K_TIMESTAMP_AT, K_VERSION_AT, K_MESSAGE, K_HOST,
	/* ecs_compatibility => disabled */
	K_PRIORITY, K_TIMESTAMP, K_TIMESTAMP8601, K_LOGSOURCE, K_PROGRAM, K_PID, K_SEVERITY, K_FACILITY, K_FACILITY_LABEL,
	K_SEVERITY_LABEL, K_5424_VER, K_5424_MSGID, K_5424_SD,
	/* v1, v8 */
	K_EVENT, K_ORIGINAL, K_SEQUENCE, K_SERVICE, K_TYPE, K_LOG, K_SYSLOG, K_CODE, K_NAME, K_VERSION, K_MSGID, K_APPNAME, K_PROCID,
	K_HOSTNAME, K_STRUCTURED_DATA, K_SOURCE, K_ADDRESS, K_IP, K_PROCESS,
	/* both */
	K_WEIR, K_PARSE, K_CLAIMED_TIME, K_REPEAT, K_COUNT,
	K_KEYS,
};

/* Senders of a network write their stamps in a zone of their own. */
struct syslog_zone {
	struct ip_net net;
	const struct zone *zone;
};

struct log_block;

enum { SYSLOG_PRIS = 24 * 8 };

struct syslog_plan {
	struct arena *arena; /* the plan's */
	struct key key[K_KEYS];
	bool ecs;
	bool labels;
	struct value facility[24], severity[8]; /* V_NONE: has no label */
	const struct zone *zone;
	struct syslog_zone *zones; /* longest network first */
	uint32_t nzones;
	const struct ref *field; /* syslog_field */
	bool field_is_message;
	struct str local_name; /* of this machine, for what comes from no address */
	const struct clock *clock;

	/* Only with grok_pattern. */
	const struct plugin *grok;
	void *grok_self;
	const struct ref *priority, *timestamp, *timestamp8601;

	/* Work thread: caches. */
	const struct zone *peer_zone; /* of peer; NULL: zone */
	struct zone_span span;
	struct {
		struct syslog_stamp stamp;
		const struct zone *zone;
		int64_t received_s; /* the second of receipt: the year depends on it */
		struct ts t;
	} last; /* stamp that was understood */
	struct sockaddr_storage peer;
	char peer_text[64]; /* "192.0.2.1" */
	char peer_port[80]; /* "192.0.2.1:514" */
	uint8_t peer_len, peer_port_len;
	struct log_block *log_block[SYSLOG_PRIS]; /* of priorities that were seen */
};

/*
 * syslog_log.c: what stands under [log] for a line with that priority, with [log][source][address] where address (which is
 * borrowed) is not empty. Only for an event that has no [log] yet.
 */
struct map *syslog_log_object(struct syslog_plan *p, struct arena *a, unsigned pri, struct str address);

/* syslog_grok.c: a pattern instead of the parser. */
int syslog_grok_open(struct syslog_plan *p, struct str pattern, struct str field, struct plugin_ctx *ctx, struct err *err);
/* Runs it and fills *m with PRI, date and flags from the fields it captured; SYSLOG_RAW where it did not match. */
void syslog_grok_run(struct syslog_plan *p, struct event *ev, struct syslog_msg *m);

#endif
