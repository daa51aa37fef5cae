/*
 * http_parse.h - requests of HTTP/1.0 and 1.1 (RFC 9112), as a server reads them; pure, and indifferent to how the bytes were split into reads.
 *
 *	POST /path?query HTTP/1.1 CRLF		request line
 *	Name: value CRLF ...			headers
 *	CRLF
 *	body: Content-Length bytes, or chunks:	SIZE[;extension] CRLF bytes CRLF ... 0 CRLF [trailer CRLF ...] CRLF
 *
 * Strict where a lenient reader could be led to see another request than a proxy in front of it: one Host, one Content-Length, none beside chunks, no folded
 * lines, no blank before a colon, CRLF everywhere.
 */
#ifndef WEIR_INPUT_HTTP_PARSE_H
#define WEIR_INPUT_HTTP_PARSE_H

#include "base/str.h"

enum {
	HTTP_HEAD_MAX = 16 * 1024,
	HTTP_HEADERS_MAX = 128,
};

enum http_body { HTTP_NO_BODY, HTTP_LENGTH, HTTP_CHUNKED };

/* All of it borrowed from the head. */
struct http_head {
	struct str method, target;
	unsigned minor; /* HTTP/1.minor: 0 or 1 */
	struct str headers; /* for http_header_next() */
	struct str content_type, content_encoding, authorization;
	bool keep_alive, expects_continue, has_host;
	enum http_body body;
	uint64_t length; /* HTTP_LENGTH */
};

/* Length of the head at the front of `in` with the empty line that ends it; 0: more is needed. *seen: what was searched already, 0 at first. */
size_t http_head_length(struct str in, size_t *seen);
/* 0, or the status with which such a request is refused: 400, 431, 501, 505. head: as http_head_length() measured it. */
int http_head_parse(struct str head, struct http_head *out);
/* The next header of head.headers, which a parsed head has checked; false: none is left. */
bool http_header_next(struct str *headers, struct str *name, struct str *value);

enum http_chunk { HTTP_CHUNK_DATA, HTTP_CHUNK_MORE, HTTP_CHUNK_END, HTTP_CHUNK_BROKEN };

/* Zeroed at first. */
struct http_chunks {
	enum { CHUNK_SIZE, CHUNK_BYTES, CHUNK_BYTES_END, CHUNK_TRAILER } at;
	uint64_t left;	   /* of the present chunk */
	size_t trailer;	   /* bytes of trailers so far */
};

/*
 * Moves on in the body: *used bytes are done with. DATA: *data, part of `in`, is a piece of the body. MORE: give what is left again, with more behind
 * it. END: the body is over, *used bytes included.
 */
enum http_chunk http_chunk_next(struct http_chunks *c, struct str in, struct str *data, size_t *used);

#endif
