/*
 * proxy_header.h - the header that a proxy puts before a connection's first byte, to say whose connection it hands on: HAProxy's PROXY
 * protocol, version 1 and 2 (proxy-protocol.txt, 2.1 and 2.2). Pure, and indifferent to how the bytes were split into reads.
 *
 *	PROXY TCP4 192.0.2.7 198.51.100.1 51905 5000\r\n		1: at most 107 bytes; TCP6 alike
 *	PROXY UNKNOWN ...\r\n						the proxy does not know, or asks for itself
 *
 *	0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a				2: "\r\n\r\n\0\r\nQUIT\n"
 *	version 2, command	4 bits each: 0 LOCAL (the proxy for itself), 1 PROXY
 *	family, transport	4 bits each: 1 IPv4, 2 IPv6, 3 unix, 0 unspecified; 1 stream, 2 datagram, 0 unspecified
 *	length			2 bytes, of what follows: source and destination address, source and destination port, then TLVs, which are passed over
 */
#ifndef WEIR_INPUT_PROXY_HEADER_H
#define WEIR_INPUT_PROXY_HEADER_H

#include "base/str.h"

#include <netinet/in.h>

enum {
	PROXY_TEXT_MAX = 107,
	PROXY_BINARY_HEAD = 16,
	PROXY_HEADER_MAX = PROXY_BINARY_HEAD + 4096, /* what TLVs take: a longer one is refused */
};

enum proxy_answer {
	PROXY_MORE,   /* the beginning of a header, or nothing yet */
	PROXY_HEADER, /* *h is filled, *used bytes are done with */
	PROXY_BROKEN, /* no header: *why says what is wrong with it */
};

struct proxy_header {
	struct sockaddr_storage client; /* ss_family 0: whose connection it is was not said, so it is the proxy's own */
	struct sockaddr_storage proxy;	/* where the client has connected to; 0 with that one */
};

/* in: from the connection's first byte on. *why is a literal. h is untouched but for PROXY_HEADER. */
enum proxy_answer proxy_header_read(struct str in, struct proxy_header *h, size_t *used, const char **why);

#endif
