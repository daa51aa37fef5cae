/*
 * named.h - the parts of the format `named`: the frame and the query log (named.c), what a client did (named_client.c), zones, transfers and
 * the resolver (named_server.c). Each takes the text behind category and severity.
 */
#ifndef WEIR_PARSE_NAMED_H
#define WEIR_PARSE_NAMED_H

#include "parse/dns_line.h"

/* "client @0x7fb462c1c098 198.51.100.25#45822/key k (example.com): view v: " */
struct named_client {
	struct str ip, port, key, qname, view;
	bool tcp, udp; /* Infoblox says so here */
};

/* "+E(0)TDCK": dns.header_flags, network.transport, weir.raw.flags. */
void named_flags(struct record *r, struct str flags);
/* " (198.51.100.53) [ECS 192.0.2.0/24/0]": behind the flags. */
void named_where(struct record *r, struct str *s);

/* Behind "client ... : ", where it is no query log line. The client is put by the caller. */
enum format_result named_client_line(struct record *r, struct str s);
/* "rate limit drop response to 192.0.2.0/24 ..": with or without a client in front. */
enum format_result named_rate_limit(struct record *r, struct str s);
/* Lines without a client. known: the category says that it is named's. */
enum format_result named_server_line(struct record *r, struct str s, bool known);

/* "AXFR ended: 1 messages, 5 records, ..": what a line tells of a transfer, in either direction. */
void named_transfer(struct record *r, struct str s);
/* weir.dns.zone and weir.dns.view of "example.com/IN/view"; false: it is no zone. */
bool named_zone(struct record *r, struct str s);

/* Behind an opening quote: up to the last quote before a blank or the end, which is taken. Names hold no blank, but they may hold a quote. */
bool named_rest_of_quote(struct str *s, struct str *out);

#endif
