/*
 * runtime_int.h - shared by runtime.c (life) and runtime_stats.c (numbers). Main thread unless said otherwise.
 */
#ifndef WEIR_RUNTIME_INT_H
#define WEIR_RUNTIME_INT_H

#include "base/metrics.h"
#include "enrichers/state_db.h"
#include "input/input.h"
#include "loaded.h"
#include "outputs/sender.h"
#include "pipeline/pipeline.h"
#include "runtime.h"

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
	struct sender *sender;
	char *key, *name; /* configuration; plug-in, for inheritance */
	char *shelf_key;
	struct plan_plugin *instance; /* of the plan that is being put in place */
	bool keep, fresh;
	struct series *series;
};

struct runtime {
	struct runtime_config config;
	struct settings settings; /* what plans are compiled with */
	struct loaded *loaded;
	struct pipeline *pipeline;
	struct budget budget;
	struct loop *streams;
	struct run_input *inputs;
	struct run_output *outputs;
	struct dead_letters *letters;
	struct state_db *state; /* of enrichers; NULL without a data folder */
	struct series *series; /* of the pipeline */

	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned closed;	/* inlets, since the count was last set to 0 */
	bool pipeline_ended, some_ended;
};

void stats_open_input(struct runtime *rt, struct run_input *ri);
void stats_open_output(struct runtime *rt, struct run_output *ro, struct str id);
void stats_open(struct runtime *rt);
void stats_close(struct runtime *rt);
/* Law 1 and 2 hold, at the end. Logs what does not. */
bool stats_balanced(struct runtime *rt);
bool stats_output_balanced(struct run_output *ro);

#endif
