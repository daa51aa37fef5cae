/*
 * sender_int.h - what sender.c (work thread, life cycle) and sender_run.c (out threads) share.
 */
#ifndef WEIR_OUTPUTS_SENDER_INT_H
#define WEIR_OUTPUTS_SENDER_INT_H

#include "outputs/sender.h"

#include <pthread.h>

enum { SENDER_WORKERS_MAX = 32, SENDER_SPARE = 2, REASONS_TOLD = 8 };

struct sender;

struct worker {
	struct sender *sender;
	pthread_t thread;
	void *link;
	bool linked;
};

struct sender {
	struct outlet outlet; /* first */
	/* fixed */
	const struct plugin *plugin;
	const struct output_ops *ops;
	const struct clock *clock;
	struct dead_letters *letters;
	struct shelf *shelf;
	void *conn;
	char *id;
	size_t max, pack_bytes;
	uint32_t pack_items;
	int64_t linger_ns;
	enum when_full when_full;
	unsigned workers;
	bool no_threads;

	/* work thread */
	void *self;
	struct render_ctx rc;
	struct pack *open; /* being filled */
	bool is_parked;	   /* the open pack may lie in `parked` */
	uint32_t uncounted; /* items of the open pack that `live` does not know yet */
	struct arena scratch;

	/* any thread */
	_Atomic size_t held;  /* bytes of all closed and parked packs: changed under lock, read without (a bound may be a little late) */
	_Atomic bool stop;    /* give up what blocks */
	struct series *_Atomic series;

	/* under lock */
	pthread_mutex_t lock;
	pthread_cond_t more;	/* out threads */
	pthread_cond_t settled; /* sender_drain */
	struct pack *parked;
	size_t parked_bytes; /* of it, in held */
	struct pack *queue, **queue_tail; /* by seq */
	struct pack *delayed;		  /* by not_before_ns */
	struct pack *spare;
	unsigned n_spare;
	uint64_t next_seq;
	unsigned busy, waiting, n_threads;
	bool wanted;  /* a thread wants the open pack as soon as it is parked */
	bool blocked; /* put() said full */
	bool begun;   /* ops->begin has done its work, or a thread is at it */
	unsigned begin_tries;
	int64_t begin_at_ns;
	bool closing, give_up;
	unsigned closing_failures;
	unsigned streak;	    /* whole failures in a row */
	uint32_t told[REASONS_TOLD]; /* hashes of the reasons for these that the log has */
	unsigned ntold;
	int64_t failing_since_ns;
	int64_t not_before_ns;
	int64_t last_small_ns;	    /* when the last part-filled pack was taken */
	bool burst;		    /* a full one was taken after it */
	int64_t parked_ns;	    /* when the open pack was parked last */
	size_t limit;		    /* of a request in bytes, after a 413; 0: none known */
	int64_t limit_since_ns;	    /* when it was last changed */
	uint64_t accepted;	    /* documents, ever */
	uint64_t live;		    /* items without a final verdict */
	uint64_t stored_left;	    /* of them, those from the shelf */
	uint64_t random;
	struct sender_stats st;
	struct worker worker[SENDER_WORKERS_MAX];
};

/* Under lock: an out thread starts or wakes up. more: beyond the first, one per pack. */
void sender_kick(struct sender *s, bool more);
/* Under lock. */
void sender_recycle(struct sender *s, struct pack *p);
void sender_enqueue(struct sender *s, struct pack *p);
/* Under lock: true if put() waits and there is room again; the caller wakes the waiter after unlocking. */
bool sender_room(struct sender *s);
/* Counts, letters, acks; what is left of p is scheduled. */
void sender_settle(struct sender *s, struct pack *p, enum send_result outcome, struct send_ctx *ctx, uint64_t mark);

#endif
