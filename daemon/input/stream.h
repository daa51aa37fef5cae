/*
 * stream.h - a byte stream that is read frame by frame: a TCP connection, a unix socket, a pipe, standard input.
 *
 * Bytes are read straight into the open batch, behind what the last read left over; only that is copied. Loop thread.
 */
#ifndef WEIR_INPUT_STREAM_H
#define WEIR_INPUT_STREAM_H

#include "base/buf.h"
#include "input/framer.h"
#include "input/input.h"

enum { STREAM_COUNTED = 1024 * 1024 }; /* count_max of such inputs */

struct stream {
	struct inlet *inlet;
	struct source *source;
	struct framer framer;
	struct buf part;      /* the beginning of a frame; counted against the budget */
	size_t counted;
	size_t count_max; /* of that; where only one long frame can be open at a time, it must not stop the very reading that would end it */
	size_t head;	      /* of the room given to the last read: bytes of `part` in front of it */
	uint64_t offset;      /* in the stream: where the frame begins that is being cut, or comes next */
	uint64_t cut_at;      /* where the last frame began that was too long */
	int64_t part_since_ns; /* monotonic; 0: no half frame */
	int64_t last_read_ns;
	/* Frame Streams. Sends the framer's answer to the peer; NULL: there is no way back. */
	void (*reply)(struct stream *st, struct str bytes);
	/*
	 * Protocols that answer: instead of the framer, takes what it can off the front of *in and puts it into batches; returns how many frames. What
	 * it leaves is given again with more behind it. NULL: the framer cuts.
	 */
	size_t (*cut)(struct stream *st, struct str *in, bool copy);
	void *state;	     /* of cut */
	int64_t busy_since_ns; /* of cut: since when it waits for the rest of something it took; 0: it does not */
	bool done;	     /* of cut: nothing more is to be read; the connection ends when what waits is sent */
	const char *broken; /* why nothing more is read of it: the owner says so and ends it */
	/* Lumberjack: there was no room for what the last read holds. Nothing is read before stream_go_on() has worked it off. */
	bool held_up;
};

void stream_init(struct stream *st, struct inlet *in, struct source *s, enum framer_kind kind, size_t max);
/* libuv's alloc_cb: room in the open batch. */
void stream_alloc(struct stream *st, uv_buf_t *buf);
/* What uv_read_cb got: n bytes at base (n <= 0: nothing; gives the room back). */
void stream_read(struct stream *st, const uv_buf_t *buf, ssize_t n);
/* There is room again. true: all that was read is worked off, and reading may go on. */
bool stream_go_on(struct stream *st);
/* Where a frame is half read, or the peer owes a word: since when (monotonic); 0: nothing is awaited. */
int64_t stream_waits_since(const struct stream *st);
/* Up to here the stream is done with: a frame that was too long only when its end was found. */
uint64_t stream_done(const struct stream *st);
/* The half frame is forgotten: it will be read again. */
void stream_forget(struct stream *st);
/* Nothing is read of it for a while: an empty buffer goes. */
void stream_rest(struct stream *st);
/* The stream ended: a half frame becomes a frame, the source is marked closed and let go. */
void stream_end(struct stream *st);

#endif
