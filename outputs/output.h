/*
 * output.h - the two halves of an output, as its author writes them.
 *
 * The render half runs on the work thread with the plug-in's instance (`self`, in the plan's arena): it appends one event
 * to the open pack and never waits. The send half runs on out threads and may block for minutes; it owns what it needs of the
 * options (`conn`, on the heap, made by start()), because it outlives the plan when a reload changes nothing of the output. Queue,
 * bounds, backoff, retries, dead letters, acks and counters are the sender's (sender.h): an output only says what became of each item.
 */
#ifndef WEIR_OUTPUTS_OUTPUT_H
#define WEIR_OUTPUTS_OUTPUT_H

#include "outputs/pack.h"
#include "pipeline/outlet.h"
#include "pipeline/plugin.h"

/* ---- the options that every output has: embed and list them ---- */

enum when_full { WHEN_FULL_BLOCK, WHEN_FULL_DROP_NEWEST, WHEN_FULL_DROP_OLDEST };

struct queue_options {
	int64_t max; /* bytes */
	int when_full;
	int64_t workers;
	int64_t linger_ns; /* set by open() where it depends on options; 0: as output_ops says */
	uint32_t items;	   /* the same: of a pack at most */
};

extern const char *const when_full_choices[];

#define QUEUE_OPTIONS(S, member, default_workers)                                                                    \
	{"queue_max", OPT_BYTES, offsetof(S, member.max), .flags = OPT_WEIR, .def = "16777216",                      \
	 .doc = "bytes of rendered events that may wait for this output"},                                           \
	{"when_full", OPT_ENUM, offsetof(S, member.when_full), .flags = OPT_WEIR, .def = "block",                   \
	 .choices = when_full_choices, .doc = "what happens beyond queue_max"},                                      \
	{"workers", OPT_INT, offsetof(S, member.workers), .def = default_workers, .min = 1, .max = 32,              \
	 .doc = "requests in flight at most, each on a thread of its own"}

/* ---- render half ---- */

enum render_result {
	RENDER_OK,   /* pack_end was called */
	RENDER_DEAD, /* cannot be rendered; err says why: dead letter */
	RENDER_SKIP, /* not meant for this output after all: counted as dropped{ignored} */
};

struct render_ctx {
	const struct clock *clock;
	const struct codec *codec; /* the configured one, or the plug-in's default; NULL where it has none */
	struct arena *scratch;	   /* forgotten after the event */
	struct err err;
	int status;		   /* of a dead letter, where there is one */
};

/* Appends the event's text, as the codec writes it, to the item that was begun. RENDER_DEAD: ctx->err says why. */
enum render_result render_by_codec(const struct event *ev, struct buf *b, struct render_ctx *ctx);

/* ---- send half ---- */

enum send_result {
	SEND_JUDGED,  /* every item of the range has a verdict */
	SEND_RETRY,   /* nothing is known to have arrived: the whole range again, with backoff */
	SEND_HOLD,    /* the same, but somebody must repair something: every 30 s, as an error */
	SEND_TOO_BIG, /* the request was too large: in smaller ranges; a single item is dead */
	SEND_REFUSED, /* the request was refused because of what is in it: bisect */
};

struct send_ctx {
	const struct clock *clock;
	const _Atomic bool *stop; /* give up what may block */
	struct err err;		  /* why, for anything but SEND_JUDGED */
	bool maybe_sent;	  /* it may have arrived although nothing is known */
	uint32_t quarantined;	  /* of the delivered: put aside by the far end (failure store) */
};

struct sender_stats;

/*
 * An output that hands events on within the process has these instead of all that stands below: an outlet of its own in the sender's place.
 * Main thread; all but stats and last while no plan uses the outlet.
 */
struct direct_ops {
	/* NULL and err refuse the configuration. */
	struct outlet *(*open)(const void *self, const struct plugin_ctx *ctx, struct err *err);
	/* Everything `former` has not handed on becomes o's. o may be in use. */
	void (*inherit)(struct outlet *o, struct outlet *former);
	/* weird ends: what waits for something that is not there now waits in vain. */
	void (*last)(struct outlet *o);
	/* Hands on or puts away everything it holds. */
	void (*end)(struct outlet *o);
	void (*stats)(struct outlet *o, struct sender_stats *out); /* any thread */
	void (*free)(struct outlet *o);
};

struct output_ops {
	const struct direct_ops *direct;
	size_t queue_offset; /* of struct queue_options in self */
	size_t pack_bytes;   /* a pack is closed at this size; 0: 5 MiB */
	uint32_t pack_items; /* and at this many events; 0: 2,000 */
	int64_t linger_ns;   /* how long a small pack may wait for more; 0: not at all, or as queue_options says */
	size_t request_max;  /* bytes one send() may get, if it is more than one item; 0: no limit */
	unsigned backoff_max_s; /* longest wait between two tries of what failed as a whole; 0: 30 */
	bool ordered;	     /* one thread, and nothing overtakes what must be tried again */

	enum render_result (*render)(void *self, const struct event *ev, struct pack *p, struct render_ctx *ctx);

	/* conn: shared by the output's threads; must copy what it needs. NULL and err refuse the configuration. */
	void *(*start)(const void *self, const struct plugin_ctx *ctx, struct err *err);
	void (*stop)(void *conn);
	/* One per out thread; NULL where none is needed. */
	void *(*link_open)(void *conn);
	void (*link_close)(void *link);
	/* Once, before or beside the first send(), when the sender starts; what is not SEND_JUDGED is tried again. NULL: nothing to prepare. */
	enum send_result (*begin)(void *conn, void *link, struct send_ctx *ctx);
	enum send_result (*send)(void *conn, void *link, struct pack *p, uint32_t from, uint32_t to,
				 struct send_ctx *ctx);
	/* Nothing waits any more: what is buffered goes out now (file). Called by the thread that sent. */
	void (*settle)(void *conn, void *link);
	/* A reload kept the output: self is its new instance, whose options are the same; files that they name may have changed. Work thread. */
	void (*renew)(void *conn, const void *self);
	/* SIGHUP: files are opened anew. Any thread. */
	void (*reopen)(void *conn);
	/* stop was set: wakes a thread that blocks in send(). Any thread. */
	void (*wake)(void *conn);
	/* The index, path ... of an item, for its dead letter; and its _id. Borrowed from the pack. */
	void (*describe)(const struct pack *p, const struct pack_item *it, struct str *index, struct str *id);
};

#endif
