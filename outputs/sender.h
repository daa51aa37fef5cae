/*
 * sender.h - between the work thread and an output's far end: packs, a bound, threads, retries, verdicts.
 *
 *	work thread   put() renders into the open pack --- full, or idle() and due ---> queue
 *	out threads   take a pack -> ops->send -> verdict per item -> count, ack, dead letter | the rest again
 *
 * A pack is sent when it has pack_bytes or pack_items, or when `linger` has passed since the last one and a thread is free; while none is free the
 * open pack goes on filling, so that an outage makes large packs, not many. What fails as a whole (connection, 429, 5xx) stops the
 * sender for 1 s to 30 s (full jitter, endless) and is then tried by one thread alone; single items that shall be retried wait
 * in packs of their own while the others go on.
 *
 * Law, checked when a sender ends: routed + reloaded = delivered + duplicate + dead letter + dropped + unsent + in flight.
 */
#ifndef WEIR_OUTPUTS_SENDER_H
#define WEIR_OUTPUTS_SENDER_H

#include "outputs/output.h"
#include "outputs/shelf.h"
#include "pipeline/dead_letter.h"
#include "pipeline/outlet.h"

struct sender;
struct series; /* base/metrics.h */

struct sender_config {
	const struct plugin *plugin; /* with .output */
	void *self;
	const struct codec *codec;
	const struct plugin_ctx *ctx; /* settings (clock, dead_letters), id; used during the call only */
	struct shelf *shelf;	      /* taken; NULL: what is unsent at the end is dropped, counted */
	bool no_threads;	      /* tests: sender_step() does the work */
};

struct sender_stats {
	uint64_t routed, reloaded;
	uint64_t delivered, duplicate, dead_letter, dropped[DROP_REASONS], unsent;
	uint64_t in_flight;	/* rendered, no final verdict yet */
	uint64_t quarantined;	/* of delivered: diverted by the far end (failure store) */
	uint64_t requests, failed_requests, retried;
	uint64_t bytes;		/* of packs that wait or are under way */
	bool failing;		/* the far end refuses at the moment */
};

/* Starts the send half and takes back what an earlier run left on the shelf. Threads begin with the first pack; one at once, where the far end is prepared. */
struct sender *sender_new(const struct sender_config *c, struct err *err);
struct outlet *sender_outlet(struct sender *s);

/*
 * Reload with an unchanged configuration of this output: the next events are rendered by the new plan's instance. On the
 * work thread, or while it stands still. Queue, connections and threads stay.
 */
void sender_adopt(struct sender *s, void *self, const struct codec *codec);
/* Reload with a changed one: everything `from` has not settled becomes this sender's (same plug-in). `from` was closed and is empty then. */
void sender_inherit(struct sender *s, struct sender *from);
/* SIGHUP. */
void sender_reopen(struct sender *s);

/* No put() from now on: what is rendered goes at once. On the work thread, or when it has ended. Does not wait. */
void sender_close(struct sender *s);
/*
 * Waits until everything has its verdict, or the clock passes the deadline (monotonic), or the far end has refused three times in a row; then
 * ends the threads and stores what is left. Returns how many events were left. Main thread.
 */
uint64_t sender_drain(struct sender *s, int64_t deadline_ns);
/* After sender_drain(). Asserts the law. */
void sender_free(struct sender **s);

/* Durations of requests go into its M_OUT_DURATION; borrowed, at least until sender_drain() has ended the threads. */
void sender_set_series(struct sender *s, struct series *series);
void sender_stats(struct sender *s, struct sender_stats *out);
bool sender_balanced(const struct sender_stats *st);

/*
 * What one out thread would do now, without waiting: true if it sent a pack, or prepared the far end. Where nothing is due, *due_ns is when something will be (monotonic;
 * INT64_MAX: not before something happens). For tests with no_threads.
 */
bool sender_step(struct sender *s, int64_t *due_ns);

/*
 * A name for the output's file in the data folder that stays the same as long as the configuration means the same output: its id, else
 * plug-in and ordinal. Only [a-z0-9_-]; of two pipelines the names are never the same.
 */
struct str sender_key(struct arena *a, struct str pipeline_id, struct str plugin, struct str id, unsigned ordinal);

#endif
