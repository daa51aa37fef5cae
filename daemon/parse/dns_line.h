/*
 * dns_line.h - what the logs of DNS servers have in common: names and types, askers, addresses with '#' ports. Work thread, as format.h.
 */
#ifndef WEIR_PARSE_DNS_LINE_H
#define WEIR_PARSE_DNS_LINE_H

#include "parse/format.h"

/* "A", "AAAA", "NSEC3PARAM", "NSAP-PTR", "TYPE65": capitals, digits and '-', as servers print a type. */
bool dns_is_type(struct str s);
/* "IN", "CH", "HS", "ANY", "NONE", "CLASS42". */
bool dns_is_class(struct str s);
/* The response code's usual name ("NOTIMPL" is NOTIMP); empty where the text is none. */
struct str dns_rcode(struct str s);

/* dns.question.*; an empty text is left out. */
void dns_question(struct record *r, struct str name, struct str type, struct str class);
/* Who asked: source.* and client.*; port may be empty. false: no address, nothing is put. */
bool dns_asker(struct record *r, struct str ip, struct str port);
/* destination.ip and destination.port. */
bool dns_server(struct record *r, struct str ip, struct str port);

/* "198.51.100.25#45822", "fe80::1%eth0#53" from the front. */
bool dns_scan_peer(struct str *s, struct str *ip, struct str *port);
/*
 * What a server writes between a pair of quotes or blanks: "7.112.137.185.in-addr.arpa/PTR/IN", "ns1.faraisp.ir/A". A name may hold '/',
 * so the parts are taken from the end. false: the last part is no type.
 */
bool dns_split(struct str s, struct str *name, struct str *type, struct str *class);
/* "example.com/IN", "example.com/IN/internal": a zone with its class and view (may be empty). false: there is no class. */
bool dns_split_zone(struct str s, struct str *zone, struct str *class, struct str *view);

/* One record of an answer into dns.answers; addresses also into dns.resolved_ip. Empty texts are left out. */
void dns_answer(struct record *r, struct str name, struct str type, struct str data);
/* With all that a record has. */
void dns_record(struct record *r, struct str name, struct str class, struct str type, struct str ttl, struct str data);

/* A line in which the server speaks of itself. */
void dns_daemon_message(struct record *r);

#endif
