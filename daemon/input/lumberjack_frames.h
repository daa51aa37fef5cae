/*
 * lumberjack_frames.h - Lumberjack, the framing under Beats (version 2) and logstash-forwarder (version 1); pure, and indifferent to how
 * the bytes were split into reads.
 *
 *	version ('1' or '2'), type, then	all numbers 32 bits, big endian
 *
 *	W  count				that many data frames follow, then they are to be acknowledged
 *	J  sequence, length, JSON		one event
 *	D  sequence, pairs, { length, key, length, value } ...	one event
 *	C  length, zlib stream			of J and D frames
 *	A  sequence				the answer: everything up to that frame has arrived; 0: still at work on it
 *
 * Nothing is allocated by what a length claims. A compressed frame is inflated a piece at a time as its bytes come, so that neither it nor
 * what it becomes is ever held whole: at most one data frame is. Bytes that did not come out of a compressed frame are never buffered
 * here: the owner keeps what LUMBERJACK_MORE left over. Refused are windows and frames beyond the limits, data frames outside of a window,
 * anything but data inside of C, and what follows the end of C's zlib stream.
 */
#ifndef WEIR_INPUT_LUMBERJACK_FRAMES_H
#define WEIR_INPUT_LUMBERJACK_FRAMES_H

#include "base/buf.h"

#include <zlib.h>

enum {
	LUMBERJACK_FRAME_MAX = 32 * 1024 * 1024,     /* a data frame's contents */
	LUMBERJACK_WINDOW_MAX = 1024 * 1024,	     /* events; Beats send 2,048 unless told otherwise */
	LUMBERJACK_INFLATED_MAX = 1024 * 1024 * 1024, /* what one compressed frame becomes: it costs time, not memory */
	LUMBERJACK_PAIRS_MAX = 4096,
	LUMBERJACK_HEAD = 10, /* of a data frame */
	LUMBERJACK_PIECE = 64 * 1024, /* inflated at once */
};

struct lumberjack {
	size_t max; /* of a data frame's contents */
	uint32_t window_max;
	const char *error; /* what is wrong, a literal; it is broken for good then */

	/* Of the frame that came last. */
	uint32_t sequence;
	char version;
	bool pairs; /* D: its contents are what follows the number of pairs */
	bool opens, completes; /* the first, the last of its window */

	uint32_t window, left; /* announced; still to come */

	/* Inside of a compressed frame. */
	z_stream *z;
	uint32_t packed; /* bytes of it that are still to come */
	uint64_t inflated;
	bool ended;	 /* the zlib stream; what is left is in `plain` */
	const char *trouble; /* to be said behind the frames that were inflated before */
	struct buf plain;
	size_t at;	 /* in plain: where the next frame begins */

	/* Of a D frame that is not there yet: pairs and bytes that were walked over. */
	uint32_t walked;
	size_t walked_bytes;
};

enum lumberjack_answer {
	LUMBERJACK_FRAME, /* *out is a data frame's contents: in `in`, or, where `held` is set, in l->plain until the next call */
	LUMBERJACK_MORE,  /* *used bytes (perhaps 0) are done with; with 0 nothing comes before there are more */
	LUMBERJACK_AGAIN, /* something was inflated: call again, or do something else first */
	LUMBERJACK_ERROR, /* broken for good: l->error */
};

void lumberjack_init(struct lumberjack *l, size_t max, uint32_t window_max);
void lumberjack_release(struct lumberjack *l);
enum lumberjack_answer lumberjack_next(struct lumberjack *l, struct str in, struct str *out, size_t *used, bool *held);

/* Bytes that it holds. */
size_t lumberjack_memory(const struct lumberjack *l);
/* A compressed frame is open: with nothing left over, too, the peer owes something. */
static inline bool lumberjack_inside(const struct lumberjack *l)
{
	return l->z != NULL;
}

/*
 * The key/value pairs of a D frame, one a call; *in moves. false at the end. The frame came from lumberjack_next(): its lengths hold.
 */
bool lumberjack_pair(struct str *in, struct str *key, struct str *value);

/* ---- answers ---- */

/* What there is to say of a data frame once it has ended, as one number, never 0; of the frame that came last. */
uint64_t lumberjack_receipt(const struct lumberjack *l);
/*
 * The frames of these receipts have ended, in their order; 0 among them: nothing to say. Appends to out what the peer is to be told. Version 2 hears of parts
 * of a window, too; version 1 takes any answer for the whole window's.
 */
void lumberjack_answer(const uint64_t *receipts, size_t n, struct buf *out);
/* Something is under way for long: what keeps the peer waiting, if it knows such a word. */
void lumberjack_wait(const struct lumberjack *l, struct buf *out);

#endif
