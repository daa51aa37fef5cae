/*
 * syslog.h - the header of a syslog line, whoever sent it.
 *
 * Pure: bytes in, slices of them out, total over any input; no allocation, no clock, no zone. What a line lacks (host, date, tag, PRI)
 * is empty in the result; a line that fits nothing comes back as SYSLOG_RAW with the whole of it in `msg`. Times are resolved apart,
 * by syslog_time(), because a date without year or zone means something only beside the moment of its receipt.
 *
 *   <34>Oct 11 22:14:15 mymachine su[77]: 'su root' failed        RFC 3164
 *   <34>1 2003-10-11T22:14:15.003Z mymachine su 77 ID47 [x@1 a="b"] 'su root' failed      RFC 5424
 *   <189>123: sw1: *Mar  1 18:46:11.123 UTC: %SYS-5-CONFIG_I: Configured from console     Cisco IOS
 */
#ifndef WEIR_PARSE_SYSLOG_H
#define WEIR_PARSE_SYSLOG_H

#include "base/str.h"
#include "base/ts.h"
#include "base/zone.h"

enum syslog_shape {
	SYSLOG_RAW,   /* neither PRI nor date */
	SYSLOG_BARE,  /* PRI, then text that has no header */
	SYSLOG_TAG,   /* PRI and tag, no date: /dev/log of systemd, ASA without `logging timestamp` */
	SYSLOG_3164,  /* [PRI] date host [tag] */
	SYSLOG_LOCAL, /* [PRI] date [tag], no host: busybox, glibc's syslog() */
	SYSLOG_CISCO, /* sequence number, origin, clock mark, date ended by ':' */
	SYSLOG_EPOCH, /* "1 1563249630.77 host text": Meraki */
	SYSLOG_5424,
};

enum syslog_flag {
	SYSLOG_PRI = 1,		/* pri was there, as a number or in words, and is in range */
	SYSLOG_BAD_PRI = 2,	/* "<...>" stands where PRI should and is none: the line is SYSLOG_RAW */
	SYSLOG_STAMP = 4,	/* stamp holds a date that exists */
	SYSLOG_BAD_STAMP = 8,	/* there is a date (stamp_text), but no such day or hour */
	SYSLOG_ISO = 16,	/* stamp_text is ISO 8601 */
	SYSLOG_UNSYNCED = 32,	/* Cisco's '*' or '.' before the date: its clock was not set */
	SYSLOG_RELAYED = 64,	/* AIX: "Message forwarded from host:" */
	SYSLOG_BOM = 128,	/* RFC 5424: MSG began with a byte order mark (left out) */
	SYSLOG_BAD_SD = 256,	/* structured data is missing or broken: it is part of msg */
	SYSLOG_SD_LIMIT = 512,	/* more elements or parameters than SYSLOG_SD_*: the rest is in sd, but not handed out */
};

enum { SYSLOG_SD_ELEMENTS = 256, SYSLOG_SD_PARAMS = 1024, SYSLOG_NAME_MAX = 255 };

/* A date as written. Without year: civil.year is 0. */
struct syslog_stamp {
	struct civil civil;
	uint32_t ns;
	bool has_year;
	bool has_offset; /* offset: seconds east of UTC */
	int32_t offset;
};

struct syslog_msg {
	enum syslog_shape shape;
	unsigned flags;
	int pri; /* 0..191, -1 where there is none */
	struct syslog_stamp stamp;
	struct str stamp_text; /* as Logstash's timestamp: "Oct 11 22:14:15" */
	struct str host;
	struct str tag; /* program, APP-NAME, "%ASA-6-302013" */
	struct str pid; /* PROCID; digits as a rule */
	struct str msgid;
	struct str sd;	 /* "[a b="c"][...]", checked; empty: none */
	struct str seq;	 /* Cisco's sequence number */
	struct str content; /* tag and all behind it: what RFC 3164 calls CONTENT begins in it */
	struct str msg;
	uint32_t repeated; /* "last message repeated N times" */
};

/* Never fails. A trailing CR, LF or NUL is left out of everything. */
void syslog_parse(struct str line, struct syslog_msg *m);

/* "<191>" from the front of *s: 1 and *pri, 0 where there is no '<', -1 where it is no PRI. *s moves on 1 only. */
int syslog_take_pri(struct str *s, int *pri);

/* Behind PRI. false: the text is not of that kind and *m is as before. */
bool syslog5424_parse(struct str s, struct syslog_msg *m);
/* Behind PRI or from the line's first byte. Always fills *m. */
void syslog3164_parse(struct str s, struct syslog_msg *m);

struct syslog_param {
	struct str id, name, value; /* name.p NULL: an element without parameters */
	bool escaped;		    /* value holds backslashes: syslog_unescape() */
};

struct syslog_sd {
	struct str rest, id;
	unsigned elements, params;
	bool open; /* inside the element id */
};

/* Walks over m->sd: false at the end. */
void syslog_sd_init(struct syslog_sd *it, struct str sd);
bool syslog_sd_next(struct syslog_sd *it, struct syslog_param *out);
/* Writes value without the backslashes before '"', '\' and ']' (others stay); out has room for value.len. Returns the length. */
size_t syslog_unescape(struct str value, char *out);

/* ---- dates ---- */

/* Reads a date from the front of *s; on success *s moves behind it and *text is what was read. See syslog_date.c for the forms. */
enum syslog_date { SYSLOG_DATE_NONE, SYSLOG_DATE_OK, SYSLOG_DATE_ABSURD };
enum syslog_date syslog_take_date(struct str *s, struct syslog_stamp *out, struct str *text, bool *iso);
/* RFC 3339 alone, the whole slice. */
enum syslog_date syslog_iso_date(struct str s, struct syslog_stamp *out);
/* "UTC", "CEST", "+0200", "-03:30": whole slice; ambiguous names are unknown. */
bool syslog_zone_offset(struct str s, int32_t *offset);

/*
 * The moment a stamp means. Without a year: the last such date that lies not more than 31 days ahead of receipt (a clock that is fast
 * shows as such; the lines of an old file stay in the past). Without an offset: local time in zone, of which span is the
 * caller's cache (zeroed at first). false: no such date near (Feb 29).
 */
bool syslog_time(const struct syslog_stamp *stamp, const struct zone *zone, struct zone_span *span, int64_t received_ns,
		 struct ts *out);

#endif
