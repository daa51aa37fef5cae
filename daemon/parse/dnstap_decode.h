/*
 * parse/dnstap_decode.h - a dnstap frame becomes an event: ECS's fields for DNS, and weir.dns.* for what ECS lacks.
 *
 * The actor (source) is who asked, in queries and in responses alike: the client of CLIENT_*, the resolver itself of RESOLVER_* (without
 * an address where the server wrote 0.0.0.0 or ::, as BIND and Unbound do). client.ip stands beside it where the reporting server was the
 * one asked. @timestamp is the response's time of a response, else the query's.
 *
 * What cannot be read is left out and named in weir.parse.error, the event tagged `_dnstapparsefailure`; what was read before it is kept.
 * Memory is bounded whatever the frame says: DNSTAP_RECORDS records and DNSTAP_TEXT bytes of text a message, beyond which
 * the records are left out and the event is tagged `_dns_records_cut`.
 *
 * Pure: no clock, no I/O. A decoder belongs to one thread; events are independent of it.
 */
#ifndef WEIR_PARSE_DNSTAP_DECODE_H
#define WEIR_PARSE_DNSTAP_DECODE_H

#include "event/event.h"

enum {
	DNSTAP_RECORDS = 256,
	DNSTAP_TEXT = 256 * 1024,
	DNSTAP_DATA = 64 * 1024, /* text of one record's data */
};

struct dnstap_decoder;

struct dnstap_from {
	int64_t received_ns;
	struct str host;   /* host.name where the frame names no identity; lives as long as the event */
	struct str sender; /* "192.0.2.1:51234": log.source.address; empty: none; the same */
};

/* What happened besides; a set. */
enum {
	DNSTAP_MALFORMED = 1,
	DNSTAP_CUT = 2,
};

struct dnstap_decoder *dnstap_decoder_new(void);
void dnstap_decoder_free(struct dnstap_decoder *d);
/* Fills ev, which event_init() made ready. The frame may go after the call. */
unsigned dnstap_decode(struct dnstap_decoder *d, struct event *ev, struct str frame, const struct dnstap_from *from);

#endif
