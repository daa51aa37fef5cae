/*
 * batch.h - what an io thread hands to a pipeline: raw frames of one or more sources, up to 256 or 1 MiB.
 *
 * The io thread fills it, the queue carries it, the work thread decodes and gives it back (batch_free). The
 * frames' bytes are in the batch's arena, so events borrow them.
 */
#ifndef WEIR_PIPELINE_BATCH_H
#define WEIR_PIPELINE_BATCH_H

#include "base/arena.h"
#include "pipeline/ack.h"

#include <netinet/in.h>

struct batch;
struct event;
struct plan_plugin;
struct span;
struct tls_peer;

enum { BATCH_FRAMES = 256, BATCH_BYTES = 1024 * 1024 };

/*
 * One connection, file, socket ... of an input. Created by the io thread, which holds one reference; each span holds
 * another. The decoder state belongs to the work thread.
 */
struct source {
	_Atomic uint32_t refs;
	void *input;		 /* struct plan_input of the pipeline: set by the runtime */
	void *owner;		 /* the io half's own: who reads it; io thread */
	struct str name;	 /* "192.0.2.1:514", a path: for messages */
	struct sockaddr_storage peer; /* ss_family 0: none */
	struct str path;	 /* files, unix sockets */
	struct tls_peer *tls;	 /* base/tls.h: of a connection by TLS, set before its first frame; or NULL */
	void *extra;		 /* the input's own, one block of the heap, set before its first frame: what its codec_of and decorate read; or NULL */
	/* Where the input's instance in the present plan stands (a field of struct inlet). Read and written by the work thread only. */
	struct plan_plugin **instance;
	/*
	 * Work thread: fills ev->id. frame: its place in the batch, one beyond the span's last where the decoder gave what it still
	 * held; nth: of the events that this frame became. NULL: no ids.
	 */
	void (*event_id)(struct source *s, const struct batch *b, const struct span *span, uint32_t frame, uint32_t nth, struct event *ev);
	void *decoder;		 /* work thread: codec state */
	void (*free)(struct source *s);
	void (*free_decoder)(struct source *s); /* set by the work thread with decoder */
};

static inline void source_ref(struct source *s)
{
	/* Relaxed: the caller holds a reference. */
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
}

void source_unref(struct source *s);

enum frame_flags {
	FRAME_CUT = 1,	     /* longer than the input's limit: the rest was left out, counted */
	FRAME_BAD = 2,	     /* broken framing: kept raw */
	FRAME_UNENDED = 4,   /* the source ended in the middle of it */
	FRAME_CHOMPED = 8,   /* a carriage return before the delimiter was left out */
	FRAME_PAIRS = 16,    /* Lumberjack 1: key/value pairs, not JSON */
};

struct frame {
	const char *p;
	uint32_t len;
	uint32_t flags;
};

/* SPAN_CLOSE: the source ended. SPAN_IDLE, from the executor itself: nothing came for so long that the codec gives what it holds. */
enum span_flags { SPAN_OPEN = 1, SPAN_CLOSE = 2, SPAN_IDLE = 4 };

/* Consecutive frames of one source, received together. */
struct span {
	struct source *source;
	struct ack *ack;		/* taken over by the work thread; may be NULL */
	struct sockaddr_storage peer;	/* UDP: the sender; else ss_family 0 and the source's counts */
	int64_t received_ns;		/* wall clock */
	uint64_t cursor;		/* where the first frame begins, for sources that can be read again */
	uint32_t first, n;		/* frames */
	uint32_t flags;
};

struct batch {
	struct arena arena;
	struct batch *next;
	uint32_t nframes, nspans;
	size_t bytes;
	struct frame frame[BATCH_FRAMES];
	struct span span[BATCH_FRAMES];
};

struct batch *batch_new(struct budget *budget);
void batch_free(struct batch *b);

/*
 * A bounded queue of batches: many io threads push, one work thread pops. Mutex and condition; per batch, not per event.
 */
struct bqueue;

struct bqueue *bqueue_new(size_t max_batches);
void bqueue_free(struct bqueue *q);
/* Takes the batch. false: the queue is full or closed, and the batch stays the caller's. Never blocks. */
bool bqueue_push(struct bqueue *q, struct batch *b);
/* The same beyond the bound: the last batches of an input that is being taken away. false only if the queue is closed. */
bool bqueue_push_last(struct bqueue *q, struct batch *b);
size_t bqueue_count(struct bqueue *q);
/* The work thread sleeps: an io thread that holds a part-filled batch should push it now. */
bool bqueue_hungry(const struct bqueue *q);
/* Next batch; NULL after timeout_ns (-1: wait for ever), a bqueue_poke, or when closed and empty. */
struct batch *bqueue_pop(struct bqueue *q, int64_t timeout_ns);
/* Wakes the popper although nothing came: messages of waiting steps, senders, reload. Any thread. */
void bqueue_poke(struct bqueue *q);
/* No more pushes; pop hands out what is left. */
void bqueue_close(struct bqueue *q);
/* Called (on the work thread) when a full queue has room again: io threads resume reading. */
void bqueue_on_room(struct bqueue *q, void (*fn)(void *arg), void *arg);

#endif
