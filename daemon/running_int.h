/*
 * running_int.h - shared by running.c (life), running_inputs.c, running_outputs.c, running_stats.c (numbers) and running_filters.c
 * (those of expressions). Main thread unless said otherwise.
 */
#ifndef WEIR_RUNNING_INT_H
#define WEIR_RUNNING_INT_H

#include "base/metrics.h"
#include "input/input.h"
#include "outputs/sender.h"
#include "pipeline/pipeline.h"
#include "running.h"

#include <pthread.h>

/* An inlet that runs, and its loop where it has one of its own. */
struct run_input {
	struct run_input *next;
	struct inlet *in;
	struct loop *own_loop;
	bool keep;   /* during a reload: the new plan has it, too */
	bool fresh;  /* opened, not yet started */
	bool ended;
	struct plan_plugin *instance; /* of the plan that is being put in place */
	struct series *series, *udp;
};

struct run_output {
	struct run_output *next;
	/* Either a sender, or an outlet of the plug-in's own. */
	struct sender *sender;
	const struct direct_ops *direct;
	struct outlet *outlet;
	char *key, *name; /* configuration; plug-in, for inheritance */
	char *shelf_key;  /* the same as long as the configuration means the same output */
	struct plan_plugin *instance; /* of the plan that is being put in place */
	bool keep, fresh;
	struct series *series;
};

struct running {
	const struct running_shared *shared;
	struct loaded *loaded, *next; /* next: between running_prepare and running_put_in_place */
	const struct settings *settings; /* of the plan whose parts are opened */
	char *id;
	char name[200]; /* for messages */
	struct pipeline *pipeline;
	struct run_input *inputs;
	struct run_output *outputs;
	struct series *series; /* of the pipeline */
	struct filter_table *filters; /* of the plan that runs; under lock */

	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned closed;	/* inlets, since the count was last set to 0 */
	bool pipeline_ended;
	bool direct_ok; /* outputs that ended in running_stop() balanced */
};

/* ---- inputs ---- */

/* Finds the one that runs already and marks it (keep); false: it is to be opened. */
bool run_input_keep(struct running *r, struct plan_plugin *pp);
/* Those that run and are not kept give their sockets to whoever listens at the same address, or do not any more. */
void run_inputs_leave(struct running *r, bool leave);
/* A new one (fresh). */
int run_input_open(struct running *r, struct plan_plugin *pp, struct err *err);
int run_input_start(struct running *r, struct run_input *ri, struct err *err);
void run_input_free(struct running *r, struct run_input *ri);
/* Stops every input that is not kept and waits until it is closed: its last batches are in the queue then. */
void run_inputs_stop(struct running *r);
void run_inputs_free_unkept(struct running *r);
/* Those that stay have files that may be other ones now (certificates). */
void run_inputs_renew(struct running *r);
/* Work thread: inputs that stay work with the new plan's instances from now on. */
void run_inputs_adopt(struct running *r);
/* Work thread: the queue was full and has room again. */
void run_inputs_room(struct running *r);

/* ---- outputs ---- */

/* As those of inputs. */
bool run_output_keep(struct running *r, struct plan_plugin *pp);
void run_outputs_leave(struct running *r, bool leave);
int run_output_open(struct running *r, struct plan_plugin *pp, struct err *err);
/* Sends until the deadline, stores what is left, frees it. false: its books do not balance. */
bool run_output_end(struct running *r, struct run_output *ro, int64_t deadline_ns);
/* The same for all that hand events on within the process; false if one does not balance. */
bool run_outputs_end_direct(struct running *r);
/* Those that the new plan has not: a successor of the same name goes on with what they had not settled. */
void run_outputs_retire(struct running *r, int64_t deadline_ns);
/* Work thread: outputs that stay work with the new plan's instances from now on. */
void run_outputs_adopt(struct running *r);
/* The end has come: whoever waits for another pipeline waits no longer. */
void run_outputs_last(struct running *r);
void run_outputs_reopen(struct running *r);
void run_output_stats(const struct run_output *ro, struct sender_stats *st);

/* ---- numbers ---- */

void stats_open_input(struct running *r, struct run_input *ri);
void stats_open_output(struct running *r, struct run_output *ro, struct str id);
/* The filters of the plan that runs now; NULL: none does any more. Work thread, or before it runs, or after it ended. */
void stats_filters(struct running *r, const struct plan *plan);
/* The page's thread, under r->lock. */
void stats_copy_filters(const struct filter_table *t);
void stats_open(struct running *r);
void stats_close(struct running *r);
/* Law 1 and 2 hold, at the end. Logs what does not. */
bool stats_balanced(struct running *r);
bool stats_output_balanced(struct run_output *ro);

#endif
