/*
 * parse/dnstap_int.h - inside of the dnstap decoder: its keys, and what was read out of one DNS message.
 */
#ifndef WEIR_PARSE_DNSTAP_INT_H
#define WEIR_PARSE_DNSTAP_INT_H

#include "base/buf.h"
#include "parse/dns.h"
#include "parse/dnstap_decode.h"

/* The keys of every field that is written, hashed once: KEY(id, "name"). */
#define DNSTAP_KEYS(KEY)                                                                                                        \
	KEY(TIMESTAMP, "@timestamp") KEY(AT_VERSION, "@version") KEY(MESSAGE, "message")                                        \
	KEY(EVENT, "event") KEY(KIND, "kind") KEY(CATEGORY, "category") KEY(TYPE, "type") KEY(ACTION, "action")                 \
	KEY(MODULE, "module") KEY(DATASET, "dataset") KEY(PROVIDER, "provider") KEY(START, "start") KEY(END, "end") KEY(DURATION, "duration")           \
	KEY(SERVICE, "service") KEY(VERSION, "version") KEY(HOST, "host") KEY(NAME, "name") KEY(LOG, "log")                     \
	KEY(NETWORK, "network") KEY(PROTOCOL, "protocol") KEY(TRANSPORT, "transport") KEY(APPLICATION, "application")           \
	KEY(DNS, "dns") KEY(ID, "id") KEY(OP_CODE, "op_code") KEY(HEADER_FLAGS, "header_flags") KEY(QUESTION, "question")       \
	KEY(CLASS, "class") KEY(RESPONSE_CODE, "response_code") KEY(ANSWERS, "answers") KEY(TTL, "ttl") KEY(DATA, "data")       \
	KEY(RESOLVED_IP, "resolved_ip") KEY(WEIR, "weir") KEY(PARSE, "parse") KEY(FORMAT, "format") KEY(OK, "ok")               \
	KEY(ERROR, "error") KEY(CLAIMED_TIME, "claimed_time") KEY(AUTHORITY, "authority") KEY(AUTHORITIES, "authorities")       \
	KEY(ADDITIONALS, "additionals") KEY(ZONE, "zone") KEY(LATENCY_MS, "latency_ms") KEY(SUBNET, "subnet")                   \
	KEY(POLICY, "policy") KEY(FORWARDER, "forwarder") KEY(RCODE_CAUSE, "rcode_cause") KEY(SOURCE, "source")                 \
	KEY(DESTINATION, "destination") KEY(CLIENT, "client") KEY(IP, "ip") KEY(PORT, "port") KEY(ADDRESS, "address")           \
	KEY(RELATED, "related") KEY(HOSTS, "hosts")

enum dnstap_key {
#define KEY(id, name) DK_##id,
	DNSTAP_KEYS(KEY)
#undef KEY
	DK_KEYS,
};

struct dnstap_decoder {
	struct key key[DK_KEYS];
	struct buf text; /* of the name, record or line being written; at most DNSTAP_DATA */
};

/* What a DNS message says; texts and lists in the event's arena. */
struct dns_said {
	bool there; /* at least its header could be read */
	uint16_t id, flags;
	uint16_t count[DNS_SECTIONS]; /* as the header says */
	unsigned rcode;		      /* with the upper bits that EDNS adds */
	bool dnssec_ok;
	struct str qname, qtype, qclass; /* .p NULL: no question */
	struct list *answers, *authorities, *additionals; /* of maps; NULL: none */
	struct list *authority; /* names of its NS and SOA records, each once */
	struct list *resolved;	/* addresses in the answer */
	struct str subnet, cause;
	bool cut;
	const char *error; /* the first one */
};

/* dnstap_dns.c. Stops at what cannot be read; what stands before it is in *out. */
void dnstap_read_dns(struct dnstap_decoder *d, struct arena *a, struct str msg, struct dns_said *out);
/* The name at the front of `wire`, which holds no more than it; .p NULL if it is none. */
struct str dnstap_wire_name(struct dnstap_decoder *d, struct arena *a, struct str wire);
/* Adds v to a list of texts unless it is there. *l NULL: made. */
void dnstap_add_once(struct arena *a, struct list **l, struct str v);

#endif
