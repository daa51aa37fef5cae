/*
 * ack.h - who waits for the end of an event.
 *
 * One ack stands for some lines of one source. Every line, every event made of it and every output
 * that holds a rendered copy has a reference; when the last is gone, each event has ended in exactly one counter
 * (delivered, dead letter, dropped, written to disk ...) and done() runs, once, on whichever thread
 * let go last: it must not block and usually just posts to the source's own loop.
 *
 * It outlives the batch's arena: a waiting event costs these bytes, not its batch.
 */
#ifndef WEIR_PIPELINE_ACK_H
#define WEIR_PIPELINE_ACK_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct ack {
	_Atomic uint32_t refs;
	void (*done)(struct ack *ack); /* frees it, too */
};

static inline void ack_init(struct ack *a, void (*done)(struct ack *))
{
	atomic_init(&a->refs, 1);
	a->done = done;
}

static inline void ack_ref(struct ack *a)
{
	/* Relaxed: the caller holds a reference, so the object cannot go away meanwhile. */
	if (a)
		atomic_fetch_add_explicit(&a->refs, 1, memory_order_relaxed);
}

static inline void ack_unref(struct ack *a)
{
	/* Release: what was done before letting go is seen by done(); acquire: by its runner. */
	if (a && atomic_fetch_sub_explicit(&a->refs, 1, memory_order_acq_rel) == 1)
		a->done(a);
}

#endif
