/*
 * resp.h - the protocol of Redis, version 2: commands out, replies in. Pure; total over any input.
 *
 *	command   *2\r\n$5\r\nRPUSH\r\n$1\r\nk\r\n      an array of texts
 *	reply     +OK\r\n   -ERR text\r\n   :42\r\n   $5\r\nhello\r\n   $-1\r\n   *2\r\n... (nested)   *-1\r\n
 */
#ifndef WEIR_INPUT_RESP_H
#define WEIR_INPUT_RESP_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum {
	RESP_MAX = 256 * 1024 * 1024, /* bytes of one reply */
	RESP_DEPTH = 8,
};

enum resp_type { RESP_STATUS = '+', RESP_ERROR = '-', RESP_NUMBER = ':', RESP_TEXT = '$', RESP_LIST = '*', RESP_NULL = 0 };

struct resp {
	enum resp_type type;
	struct str text;    /* status, error, text; borrowed from the bytes it was read of */
	int64_t number;     /* of a number */
	uint32_t n;	    /* of a list */
	struct resp *v;	    /* in the arena */
};

/* How far a reply was looked through that is not whole yet. Zeroed: at its beginning. */
struct resp_scan {
	size_t at;
	uint64_t open; /* values still to come */
};

/*
 * 1: the first reply in s is whole and *len bytes long; the scan is reset. 0: more must come; ask again with what came added. -1: this is no
 * reply, or larger than RESP_MAX.
 */
int resp_whole(struct resp_scan *scan, struct str s, size_t *len);
/* The whole reply in s. -1: nested deeper than RESP_DEPTH. */
int resp_read(struct arena *a, struct str s, struct resp *out);

void resp_command(struct buf *out, uint32_t n_words);
void resp_word(struct buf *out, struct str word);

#endif
