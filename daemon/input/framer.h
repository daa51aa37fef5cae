/*
 * framer.h - cuts a stream into frames; pure, and indifferent to how the bytes were split into reads.
 *
 * FRAMER_LINE    ... delimiter ...
 * FRAMER_SYSLOG  RFC 6587, told apart frame by frame on one connection:
 *
 *	MSG-LEN SP SYSLOG-MSG		octet counting (3.4.1): 1 to 7 digits, first one not 0, then a blank and '<'
 *	SYSLOG-MSG LF			non-transparent framing (3.4.2); CR and NUL before the LF are left out
 *
 * FRAMER_FSTRM   Frame Streams, which also answers the peer: input/fstrm.h; f.fstrm is made ready by the owner
 * FRAMER_LUMBERJACK	Beats: input/lumberjack_frames.h; f.lumberjack is made ready, and released, by the owner
 *
 * Bytes are never buffered here: the owner keeps what FRAMER_MORE left over and gives it again, longer.
 */
#ifndef WEIR_INPUT_FRAMER_H
#define WEIR_INPUT_FRAMER_H

#include "input/fstrm.h"
#include "input/lumberjack_frames.h"

enum framer_kind { FRAMER_LINE, FRAMER_SYSLOG, FRAMER_FSTRM, FRAMER_LUMBERJACK };

enum framer_answer {
	FRAMER_FRAME, /* *frame is one; *used bytes are done with */
	FRAMER_MORE,  /* *used bytes (perhaps 0) are done with; the rest is the beginning of a frame */
	FRAMER_REPLY,  /* FRAMER_FSTRM only: *frame is to be sent to the peer */
	FRAMER_BROKEN, /* those two only: nothing more can be read; framer_error() */
	FRAMER_AGAIN,  /* FRAMER_LUMBERJACK only: there may be more of what it holds itself: call again, with or without new bytes */
};

struct framer {
	enum framer_kind kind;
	struct str delimiter; /* FRAMER_LINE; borrowed */
	size_t max;	      /* a longer frame is cut there, and the rest of it left out */
	bool chomp;	      /* FRAMER_LINE: a carriage return before the delimiter is none of the frame's (FRAME_CHOMPED) */
	size_t seen;	      /* of the unfinished frame: already searched */
	bool skipping;	      /* the rest of a cut frame */
	size_t skip;	      /* octet counting: bytes of it that are still to come; 0: up to the next LF */
	bool held;	      /* the frame does not lie in what was given: good until the next call */
	struct fstrm fstrm;
	struct lumberjack lumberjack;
};

enum {
	SYSLOG_FRAME_MAX = 68 * 1024, /* a message of 64 KiB, and its header */
	OCTET_DIGITS = 7,
};

/*
 * flags: FRAME_CUT, FRAME_BAD, FRAME_CHOMPED and FRAME_PAIRS of batch.h. A count that lies (beyond max) makes no frame of that size: what follows it is read as lines
 * again, the digits kept with them and flagged FRAME_BAD.
 */
enum framer_answer framer_next(struct framer *f, struct str in, struct str *frame, size_t *used, uint32_t *flags);
/* Kinds that can be broken. */
static inline bool framer_errs(const struct framer *f)
{
	return f->kind == FRAMER_FSTRM || f->kind == FRAMER_LUMBERJACK;
}
/* A literal. */
const char *framer_error(const struct framer *f);
/* The stream ended: what is left is a frame, too (not of Frame Streams and Lumberjack: half a frame is none). false: nothing is left. */
bool framer_end(struct framer *f, struct str in, struct str *frame, uint32_t *flags);

#endif
