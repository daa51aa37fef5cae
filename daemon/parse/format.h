/*
 * format.h - all that the author of a log format reads, with scan.h.
 *
 * A format is one file: the programs whose lines it reads, a function that looks at a text of unknown origin, and a
 * function that takes a line apart. Write it at the end of the file:
 *
 *	static const char *const programs[] = {"sshd", "sshd-session", NULL};
 *	FORMAT(sshd, .programs = programs, .service = "sshd", .dataset = "weir.sshd", .doc = "OpenSSH's server",
 *	       .versions = "OpenSSH 7.4 to 10.0", .parse = sshd_parse)
 *
 * put the word `sshd` into this directory's meson.build, and lines with what they become into test/parse/sshd.test.
 *
 * A daemon with many messages: message.h matches them as its sources have them.
 *
 * A parser is pure and total over any bytes: no clock, no zone, no state. It writes into a record, which becomes part of the
 * event only if the parser answers FORMAT_MATCH; so it may write as it reads and still say in the end that it was something
 * else. What fields there are, and which values event.action takes, is said in docs/events.md; a value that the line
 * does not hold is left out, never guessed.
 *
 * Texts that are put are borrowed: they point into the line (or are literals, or come from rec_arena()). Everything runs on the work thread.
 */
#ifndef WEIR_PARSE_FORMAT_H
#define WEIR_PARSE_FORMAT_H

#include "event/field_writer.h"
#include "parse/scan.h"
#include "parse/syslog.h"

enum format_result {
	FORMAT_NO_MATCH, /* not a message that this format knows; whatever was put is forgotten */
	FORMAT_MATCH,
};

enum { RECORD_FIELDS = 96, RECORD_RELATED = 24 };

struct record_field {
	uint16_t id; /* enum field_id */
	struct value v;
};

/* A line being taken apart. The first part is for reading, the second belongs to the functions below. */
struct record {
	struct arena *arena; /* lives as long as the event */
	struct str text;     /* what the program said: behind the header and its blanks */
	struct str program;  /* "postfix/smtpd", "named": as the header says it; empty where there is none */
	struct str pid;	     /* empty where there is none */
	struct str line;     /* the line without PRI, header and all, as far as it is known; where there was no header, the same as text */
	bool headed;	     /* a syslog header with a date was there: the event's time is known */

	uint16_t n;
	bool over; /* more was put than fits: the rest is left out and the event tagged */
	uint64_t seen; /* one bit for several ids: clear where none of them was put */
	struct record_field field[RECORD_FIELDS];
	uint8_t nip, nhost, nuser;
	struct str ip[RECORD_RELATED], host[RECORD_RELATED], user[RECORD_RELATED];
	struct map *raw;
	struct syslog_stamp stamp;
	struct str stamp_text;
};

struct format {
	struct str name;	     /* becomes event.module and weir.parse.format */
	const char *doc;	     /* one line */
	const char *versions;	     /* whose messages were read: "Postfix 3.5 to 3.10" */
	struct str service;	     /* service.type, where the parser puts none */
	struct str dataset;	     /* event.dataset */
	const char *const *programs; /* lower case; a '*' at the end stands for anything; NULL-terminated */
	/*
	 * May this be a line of ours although its program is unknown? Cheap. NULL: never. It is also asked of whole lines that look as if they had
	 * a header, but no program or no host: those of a file that the daemon dates itself ("2026-11-23T07:55:21.370Z queries: info: ..").
	 */
	bool (*shape)(const struct record *r);
	enum format_result (*parse)(struct record *r);
	bool doubles; /* the daemon logs each line twice, under two facilities: the second is marked */
};

#define FORMAT(id, ...) const struct format format_##id = {.name = STR_INIT(#id), __VA_ARGS__};

/* ---- what a parser writes ---- */

/* An empty text is no value: nothing is put. A field put again is replaced. */
void rec_str(struct record *r, enum field_id f, struct str s);
void rec_int(struct record *r, enum field_id f, int64_t i);
void rec_float(struct record *r, enum field_id f, double d);
void rec_bool(struct record *r, enum field_id f, bool b);
void rec_time(struct record *r, enum field_id f, struct ts t);
void rec_value(struct record *r, enum field_id f, struct value v);
/* The text as a decimal number ("12", "-3"; rec_num_float: "0.25"). false and nothing put where it is none. */
bool rec_num(struct record *r, enum field_id f, struct str s);
bool rec_num_float(struct record *r, enum field_id f, struct str s);
/* rsyslog's shorthand "message repeated 2 times: [ TEXT]": how often into weir.repeat.count, and *s is TEXT. Nothing where it is none. */
void rec_repeat(struct record *r, struct str *s);
/* The field as a list, one more element. */
void rec_push(struct record *r, enum field_id f, struct value v);

/*
 * An address ("192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "fe80::1%eth0", also in [] ) in its canonical form, and into
 * related.ip. false and nothing put where it is none.
 */
bool rec_ip(struct record *r, enum field_id f, struct str s);
/* "f6:80:5f:1d:d1:95", "ce:60:3:66:34:97", "f680.5f1d.d195", "F6-80-..": as F6-80-5F-1D-D1-95. false where it is none. */
bool rec_mac(struct record *r, enum field_id f, struct str s);
/* A host or domain name, lower case, without the final dot ("." stays), and into related.hosts. */
void rec_host(struct record *r, enum field_id f, struct str s);
/* A question or record name: as rec_host, the case folded; related.hosts too. */
#define rec_name rec_host
/* A user, and into related.user. */
void rec_user(struct record *r, enum field_id f, struct str s);
void rec_related_ip(struct record *r, struct str ip); /* canonical already */
void rec_related_host(struct record *r, struct str name);
/* Into weir.raw: what the line holds and no field is for. */
void rec_raw(struct record *r, const char *key, struct str s);
/* The name is the line's own, or lives as long as the event. */
void rec_raw_pair(struct record *r, struct str key, struct str s);

/* event.action (docs/events.md), event.category, event.type: literals; type may be NULL. */
void rec_action(struct record *r, const char *action, const char *category, const char *type);
/* event.outcome: "success", "failure", "unknown". */
void rec_outcome(struct record *r, const char *outcome);

/*
 * A date within the text, of a daemon that writes its own log file. Counts only where the header had none (headed false). text: as written.
 */
void rec_stamp(struct record *r, const struct syslog_stamp *stamp, struct str text);

/* What is in a field of this record; V_NONE. */
struct value rec_get(const struct record *r, enum field_id f);
/* To go back to, where an attempt inside a parser came to nothing. */
struct record_mark {
	uint16_t n;
	uint8_t nip, nhost, nuser;
};
struct record_mark rec_mark(const struct record *r);
void rec_reset(struct record *r, struct record_mark m);

/* ---- the caller's side ---- */

void record_init(struct record *r, struct arena *arena);
/* Everything that was put, and related.*, into the writer's event. */
void record_apply(const struct record *r, const struct format *f, struct field_writer *w);

/* Generated registry, NULL-terminated, sorted by name. */
extern const struct format *const formats_all[];

/* Which formats to try for a program; a table with a cache, one per pipeline (work thread). */
struct dispatch;
struct dispatch *dispatch_new(void);
void dispatch_free(struct dispatch *d);
/*
 * Tries the formats of r->program; where no format goes by that name, those whose shape fits. The one that matched, or NULL; *known is the
 * format that claims the program, matched or not (NULL: nobody does).
 */
const struct format *dispatch_parse(struct dispatch *d, struct record *r, const struct format **known);
/* Does any format's shape fit? */
bool dispatch_shape(const struct record *r);

#endif
