/*
 * parse/dnstap.h - one dnstap frame: the protobuf message Dnstap (dnstap.proto), its Message and its Policy.
 *
 *	field	varint key = number << 3 | wire type, then
 *	  0	varint, at most 10 bytes		5	4 bytes, little endian
 *	  1	8 bytes, little endian			2	varint length, bytes (text, bytes, a message)
 *
 * An own reader and not protobuf-c: the schema is three small messages that will hardly change, all that is wanted of them are slices of
 * the frame (protobuf-c would allocate and copy every field), no step of the build makes code, and the limits are ours: no
 * recursion, at most DNSTAP_DEPTH messages deep, every length compared with what is left. Unknown fields are passed over, groups (never
 * used here) are refused. As in protobuf the last of a repeated field wins, and parts of one message may come in pieces.
 *
 * Pure; any thread.
 */
#ifndef WEIR_PARSE_DNSTAP_H
#define WEIR_PARSE_DNSTAP_H

#include "base/str.h"

enum { DNSTAP_DEPTH = 4 };

/* Message.type: two for each arrow, an odd query and the even response to it. */
enum dnstap_type {
	DNSTAP_AUTH_QUERY = 1,
	DNSTAP_AUTH_RESPONSE,
	DNSTAP_RESOLVER_QUERY,
	DNSTAP_RESOLVER_RESPONSE,
	DNSTAP_CLIENT_QUERY,
	DNSTAP_CLIENT_RESPONSE,
	DNSTAP_FORWARDER_QUERY,
	DNSTAP_FORWARDER_RESPONSE,
	DNSTAP_STUB_QUERY,
	DNSTAP_STUB_RESPONSE,
	DNSTAP_TOOL_QUERY,
	DNSTAP_TOOL_RESPONSE,
	DNSTAP_UPDATE_QUERY,
	DNSTAP_UPDATE_RESPONSE,
	DNSTAP_TYPES, /* one more than the last */
};

enum dnstap_protocol { DNSTAP_UDP = 1, DNSTAP_TCP, DNSTAP_DOT, DNSTAP_DOH, DNSTAP_CRYPT_UDP, DNSTAP_CRYPT_TCP, DNSTAP_DOQ, DNSTAP_PROTOCOLS };

/* What of struct dnstap was there. */
enum {
	DNSTAP_HAS_MESSAGE = 1,
	DNSTAP_HAS_QUERY_TIME = 2,
	DNSTAP_HAS_RESPONSE_TIME = 4,
	DNSTAP_HAS_QUERY = 8,
	DNSTAP_HAS_RESPONSE = 16,
	DNSTAP_HAS_ZONE = 32,
	DNSTAP_HAS_QUERY_PORT = 64,
	DNSTAP_HAS_RESPONSE_PORT = 128,
};

/* Texts are slices of the frame; what was not there is 0 or .p NULL. Nothing but the encoding has been checked. */
struct dnstap {
	unsigned has;
	uint64_t kind; /* Dnstap.type: 1 = MESSAGE */
	struct str identity, version;
	uint64_t type, family, protocol, http;
	struct str query_address, response_address;
	uint64_t query_port, response_port;
	uint64_t query_s, response_s;
	uint32_t query_ns, response_ns;
	struct str query, response; /* DNS messages */
	struct str zone;	    /* a name on the wire */
	struct str policy_type, policy_rule;
};

/* NULL, or what is wrong with the encoding, a literal; what was read before that place is in *d. */
const char *dnstap_read(struct str frame, struct dnstap *d);

#endif
