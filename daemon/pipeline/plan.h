/*
 * plan.h - a configuration, compiled: one flat list of steps.
 *
 *	input   [tcp] [udp] ...
 *	0  if [type] == "mail"          else -> 3
 *	1    filter grok
 *	2    jump -> 4
 *	3    filter mutate
 *	4  output elasticsearch
 *	5  end
 *
 * The position of an event is an index into it, never a C stack. Immutable once compiled but for what plug-in
 * instances keep for themselves; owned by one pipeline.
 */
#ifndef WEIR_PIPELINE_PLAN_H
#define WEIR_PIPELINE_PLAN_H

#include "pipeline/common.h"
#include "pipeline/cond.h"
#include "pipeline/outlet.h"
#include "pipeline/plugin.h"

enum plan_op { OP_FILTER, OP_IF, OP_JUMP, OP_OUTPUT, OP_END };

/* An instance of a plug-in in this plan. */
struct plan_plugin {
	const struct plugin *plugin;
	void *self;
	struct common_options options;
	struct common_actions *common;
	struct codec *codec; /* inputs, outputs */
	struct str id;	     /* option id, or kind/name/ordinal */
	struct str key;	     /* kind, name and options as text: equal keys mean the same configuration */
	struct pos pos;
	enum ecs_mode ecs;
	uint32_t ordinal;
	struct outlet *outlet; /* outputs: set by whoever runs the plan */
	void *runtime;	       /* inputs: the inlet, set by the runtime */
	/* Counted by the work thread, read by anyone. Filters: kept over a reload where the next plan has one of the same id or options. */
	_Atomic uint64_t in, out; /* events */
	_Atomic uint64_t busy_ns; /* filters: an estimate */
};

struct plan_step {
	enum plan_op op;
	uint32_t target; /* OP_IF: where to go when it does not hold; OP_JUMP */
	uint32_t ahead;	 /* OP_FILTER: so many of the steps that follow may be told of the event now (filter_ops.ahead) */
	struct pos pos;
	union {
		struct cond *cond;
		struct plan_plugin *plugin;
	};
};

struct plan {
	struct arena arena;
	struct settings settings;
	struct plan_step *step;
	uint32_t nsteps, cap;
	uint32_t *wait; /* positions of the waiting steps, rising */
	uint32_t nwait;
	struct plan_plugin **input, **filter, **output;
	uint32_t ninputs, nfilters, noutputs;
};

/* NULL where d got an error. Keeps nothing of ast; texts are copied. */
struct plan *plan_compile(const struct ast_config *ast, const struct settings *settings, struct diag *d);
void plan_free(struct plan *p);
/* Steps of next take over the state of those of former that they stand for (filter_ops.adopt). Work thread, between two plans. */
void plan_adopt(struct plan *next, struct plan *former);
/* What `weird --explain` prints. */
void plan_explain(const struct plan *p, struct buf *out);

#endif
