/*
 * syslog_decode.h - the work half of `input { syslog {} }`: a raw line becomes an event's fields.
 *
 * The header is read by parse/syslog.h; here it gets the names that Logstash's syslog input gives it, for ecs_compatibility
 * disabled (priority, severity, facility, timestamp, logsource, program, pid, host ...) or v1/v8 (log.syslog.*, host.*,
 * process.*, event.original ...), and those of what weir knows beyond it (RFC 5424, senders without PRI, host or date).
 * A line that fits nothing keeps its text, is dated by its receipt and tagged `_grokparsefailure_sysloginput`.
 *
 * Runs on the work thread. What syslog_decode_open() makes lives in the plan's arena and is read-only afterwards, but for the
 * grok of a grok_pattern, which belongs to the one pipeline that opened it.
 */
#ifndef WEIR_PARSE_SYSLOG_DECODE_H
#define WEIR_PARSE_SYSLOG_DECODE_H

#include "parse/syslog.h"
#include "pipeline/plugin.h"

#include <sys/socket.h>

struct syslog_plan;

/* Embedded in the input's instance; the option table of that input holds SYSLOG_OPTIONS(struct X, member). */
struct syslog_options {
	bool use_labels;
	const struct list *facility_labels, *severity_labels;
	struct str timezone, locale, grok_pattern, syslog_field;
	const struct map *timezones;
	struct syslog_plan *plan; /* by syslog_decode_open */
};

#define SYSLOG_OPTIONS(S, m)                                                                                       \
	{"use_labels", OPT_BOOL, offsetof(S, m.use_labels), .def = "true",                                         \
	 .doc = "add the names of facility and severity"},                                                         \
	{"facility_labels", OPT_LIST, offsetof(S, m.facility_labels),                                              \
	 .doc = "names of the facilities, from 0"},                                                                \
	{"severity_labels", OPT_LIST, offsetof(S, m.severity_labels),                                              \
	 .doc = "names of the severities, from 0"},                                                                \
	{"timezone", OPT_STRING, offsetof(S, m.timezone),                                                          \
	 .doc = "zone of stamps that name none: an IANA name or +hh:mm; default: the system's"},                   \
	{"timezones", OPT_HASH, offsetof(S, m.timezones), .flags = OPT_WEIR,                                        \
	 .doc = "the same by the sender's address: { \"10.1.0.0/16\" => \"Asia/Tehran\" }; the longest network counts"}, \
	{"locale", OPT_STRING, offsetof(S, m.locale), .doc = "language of month names"},                           \
	{"grok_pattern", OPT_STRING, offsetof(S, m.grok_pattern),                                                  \
	 .doc = "a grok pattern that reads the line instead of the built-in parser"},                              \
	{"syslog_field", OPT_STRING, offsetof(S, m.syslog_field), .def = "message",                                \
	 .doc = "field that holds the line, where a codec made the event"}

/* After the options: compiles zone, labels and grok_pattern into ctx->arena. -1 and err. */
int syslog_decode_open(struct syslog_options *o, struct plugin_ctx *ctx, struct err *err);
void syslog_decode_close(struct syslog_options *o);

/*
 * Fills ev, which event_init() made ready: @timestamp, @version, message and the fields of the header. line is valid UTF-8 and
 * outlives the event (event text points into it); a trailing CR, LF or NUL is left out. peer may be NULL or of ss_family 0.
 * 0: understood; 1: kept raw and tagged (the caller counts it).
 */
int syslog_decode(const struct syslog_options *o, struct event *ev, struct str line, const struct sockaddr_storage *peer,
		  int64_t received_ns);
/* The same for an event that a codec made: the line is its [syslog_field]; nothing but host and labels if it has none. */
int syslog_decode_event(const struct syslog_options *o, struct event *ev, const struct sockaddr_storage *peer,
			int64_t received_ns);
/* The fields of a header that is read already, for an event that has its message: whatever stands where an object belongs gives way. */
void syslog_decode_header(const struct syslog_options *o, struct event *ev, const struct syslog_msg *m, int64_t received_ns);

/* Not more than 24 h ahead of receipt. */
bool syslog_trusted(struct ts claimed, int64_t received_ns);

#endif
