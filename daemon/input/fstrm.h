/*
 * fstrm.h - Frame Streams, the framing under dnstap; pure, and indifferent to how the bytes were split into reads.
 *
 *	data frame	length (not 0), bytes				all numbers 32 bits, big endian
 *	control frame	0, length, type, fields
 *	field		1 = content type, length, text
 *
 *	both ways (sockets)				one way (files, some senders)
 *		READY -> , <- ACCEPT
 *		START -> , data -> ... , STOP ->		START -> , data -> ... , STOP ->
 *		<- FINISH
 *
 * READY may offer several content types, ACCEPT and START name one; without any it matches whatever is expected. Lengths are compared
 * with the limits before anything is waited for. Bytes are never buffered here: the owner keeps what FRAMER_MORE left over.
 */
#ifndef WEIR_INPUT_FSTRM_H
#define WEIR_INPUT_FSTRM_H

#include "base/str.h"

enum {
	FSTRM_CONTROL_MAX = 512,
	FSTRM_TYPE_MAX = 256,	       /* a content type's bytes */
	FSTRM_DATA_MAX = 128 * 1024,   /* a dnstap frame with two DNS messages of 64 KiB is a liar */
	FSTRM_REPLY_MAX = 64,
};

enum fstrm_state { FSTRM_NEW, FSTRM_ACCEPTED, FSTRM_OPEN, FSTRM_STOPPED, FSTRM_BROKEN };

struct fstrm {
	const char *content_type;
	size_t max; /* of a data frame */
	enum fstrm_state state;
	bool both_ways;
	const char *error; /* FSTRM_BROKEN: what is wrong, a literal */
	char reply[FSTRM_REPLY_MAX];
};

enum fstrm_answer {
	FSTRM_FRAME, /* *out is a data frame */
	FSTRM_MORE,  /* *used bytes (perhaps 0) are done with; the rest is the beginning of a frame */
	FSTRM_REPLY, /* *out is to be sent to the peer */
	FSTRM_ERROR, /* broken for good: f->error; nothing more is read */
};

/* content_type: a literal of at most FSTRM_REPLY_MAX - 20 bytes. */
void fstrm_init(struct fstrm *f, const char *content_type, size_t max);
enum fstrm_answer fstrm_next(struct fstrm *f, struct str in, struct str *out, size_t *used);

/* Before START or after STOP: the peer owes a word, and no data can be awaited. */
static inline bool fstrm_unsettled(const struct fstrm *f)
{
	return f->state != FSTRM_OPEN;
}

#endif
