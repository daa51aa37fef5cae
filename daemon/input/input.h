/*
 * input.h - an input at run time, and what the author of one sees of it.
 *
 *	io thread    socket, file ... -> bytes -> framer -> inlet_frame() -> batch -> queue of the pipeline
 *	work thread  batch -> codec or plugin.decode -> plugin.decorate -> plan
 *
 * An inlet is made by the runtime for each input of a plan and lives until the input is taken out of the configuration: a
 * reload that leaves its options alone changes neither its sockets nor its connections. Everything but `instance` belongs to its loop's
 * thread once it has started. Text options that the io half needs are copied by open(): the plan they came from may go.
 */
#ifndef WEIR_INPUT_INPUT_H
#define WEIR_INPUT_INPUT_H

#include "base/count.h"
#include "input/loop.h"
#include "pipeline/batch.h"
#include "pipeline/plan.h"

struct inlet;

struct input_ops {
	/* A second half that listens beside this one on a loop of its own kind (syslog: TCP and UDP): an inlet of its own. */
	const struct input_ops *companion;
	bool own_loop;	  /* a thread of its own (UDP: its buffer must never wait for anybody; files: a slow disk must not hold up sockets) */
	bool disk;	  /* stands still where a disk does: nobody may conclude from it that the thread hangs */
	bool datagrams;	  /* books are kept of each one (law 3) */
	bool endless;	  /* never ends by itself */
	/* Main thread. Binds, opens, copies options into in->io. One clear line in err. Nothing is read yet. */
	int (*open)(struct inlet *in, const void *self, struct err *err);
	/* The rest on the loop's thread. start: handles go into the loop. -1 and err: it cannot work; stop() follows all the same, for what is in the loop already. */
	int (*start)(struct inlet *in, struct err *err);
	/* Stop reading, and read again: memory or the pipeline's queue is full. NULL: cannot be paused. */
	void (*pause)(struct inlet *in);
	void (*resume)(struct inlet *in);
	/* Read what lies in the buffers already, close everything, then inlet_closed() once the last handle is closed. */
	void (*stop)(struct inlet *in);
	/* A reload kept the input: self is its new instance, whose options are the same; files that they name may have changed. May be NULL. */
	void (*renew)(struct inlet *in, const void *self);
	/* A span was begun for a frame or mark of s: sources that can be read again note where, and hang an ack on it. May be NULL. */
	void (*span)(struct inlet *in, struct source *s, struct span *sp);
	/* A frame was put into sp, and has not left the loop's thread yet. May be NULL. */
	void (*framed)(struct inlet *in, struct source *s, struct span *sp);
	/* Main thread, after inlet_closed() or instead of start(): frees in->io. */
	void (*release)(struct inlet *in);
};

/* Counted by the loop's thread (the last two by the work thread), read by anyone. */
struct inlet_counters {
	_Atomic uint64_t frames, bytes;
	_Atomic uint64_t cut;		/* frames longer than the limit: the rest was left out */
	_Atomic uint64_t bad_framing;	/* kept raw */
	_Atomic uint64_t connections;	/* accepted so far */
	_Atomic uint64_t open;		/* now */
	_Atomic uint64_t refused;	/* connections beyond a limit */
	_Atomic uint64_t timed_out;	/* idle, or half a frame for too long */
	_Atomic uint64_t kernel_drops;	/* datagrams that the socket buffer had no room for */
	_Atomic uint64_t dropped;	/* frames of an input that cannot be paused, while the queue was full: none does at present */
	_Atomic uint64_t datagrams;
	_Atomic uint64_t joined;	/* datagrams whose content went into a frame together with another one's, beyond the first */
	_Atomic uint64_t bad_chunks;	/* datagrams that were to become a frame with others, and did not */
	_Atomic uint64_t pauses;
	_Atomic uint64_t paused;	/* 1 while it does not read because queue or memory are full */
	/* By the work thread: */
	_Atomic uint64_t malformed;	/* frames whose content was not understood: kept, tagged */
	_Atomic uint64_t shortened;	/* events that lack what was beyond a limit */
};

struct inlet_hooks {
	void (*ended)(void *arg, struct inlet *in);  /* the source has no more to give (stdin at its end); loop thread */
	void (*closed)(void *arg, struct inlet *in); /* after stop(); loop thread */
	void *arg;
};

struct inlet {
	const struct plugin *plugin;
	const struct input_ops *ops;
	struct inlet *partner; /* of a companion: the first half, opened before it */
	int port;	       /* that it listens on; 0: none */
	struct plan_plugin *instance; /* work thread only */
	char *name;		      /* "tcp/1", for messages */
	char *key;		      /* what it was configured with */
	struct loop *loop;
	struct bqueue *queue;
	struct budget *budget;
	struct inlet_hooks hooks;
	struct inlet_counters count;
	void *io; /* the input's own */

	/* How the codec wants its bytes. */
	enum framing framing;
	char delimiter[32];
	size_t delimiter_len;

	struct batch *open;    /* being filled */
	struct batch *overflow; /* full and not taken by the queue: the inlet is paused while it is there */
	bool split; /* the next frame begins a span of its own */
	bool paused, stopping, started;
	struct loop_member member;
	uint8_t nonce[5];
	uint64_t made; /* events so far: work thread */
};

enum { INLET_READ = 32 * 1024 };

/* ---- runtime ---- */

/* pp: an input of the plan; partner: NULL, or the inlet whose companion this one is. */
struct inlet *inlet_new(struct plan_plugin *pp, struct inlet *partner, struct bqueue *queue, struct budget *budget,
			const struct inlet_hooks *hooks, struct err *err);
int inlet_start(struct inlet *in, struct loop *loop, struct err *err);
/* After a reload that kept it: ops->renew, on the loop's thread. */
void inlet_renew(struct inlet *in, const void *self);
/* Returns at once; hooks.closed follows. */
void inlet_stop(struct inlet *in);
/* After closed (or before start). */
void inlet_free(struct inlet *in);

/* ---- inputs; loop thread ---- */

/* A source with refs 1, ready but for peer and path. name is copied. */
struct source *inlet_source(struct inlet *in, struct str name);
/* The identity of events that nobody sends again: a new one each (struct source.event_id, until the input sets its own). Work thread. */
void inlet_event_id(struct source *s, const struct batch *b, const struct span *span, uint32_t frame, uint32_t nth, struct event *ev);
/* n bytes in the open batch's arena, to read into; inlet_unroom gives back what was not used. */
char *inlet_room(struct inlet *in, size_t n);
void inlet_unroom(struct inlet *in, char *from);
/*
 * One frame whose bytes lie in the open batch's arena (inlet_room), or anywhere with `copy`. A batch that is full goes to the work
 * thread, memory and all: what the caller still has to cut of the same read is moved into the next batch first (*rest, may be NULL).
 */
void inlet_frame(struct inlet *in, struct source *s, struct str frame, uint32_t flags, bool copy, struct str *rest);
/* The same for a datagram with its sender. */
void inlet_datagram(struct inlet *in, struct source *s, struct str frame, const struct sockaddr *from, uint32_t flags);
/* The next frame begins a new span although it is of the same source. */
static inline void inlet_split(struct inlet *in)
{
	in->split = true;
}
/* The source opened (flags SPAN_OPEN) or ended (SPAN_CLOSE). */
void inlet_mark(struct inlet *in, struct source *s, uint32_t flags);
/* The source has ended, and is let go. *rest as with inlet_frame(): what is still to be read of the batch moves with it. */
void inlet_close_source(struct inlet *in, struct source *s, struct str *rest);
/* Nothing more came for the moment: hands the batch over if the work thread waits for it. Called by the loop each turn, too. */
void inlet_flush(struct inlet *in);
/* No room in the queue or in memory: do not read on. */
bool inlet_full(const struct inlet *in);
/* Does not read on (ops->pause) until there is room; ops->resume follows. */
void inlet_hold(struct inlet *in);
void inlet_ended(struct inlet *in);
void inlet_closed(struct inlet *in);
/* The same as a callback of what an input is made of; arg: the inlet. */
void inlet_all_closed(void *arg);

#endif
