/*
 * filtered.h - bytes through a plan's filters, without a daemon: what `weir eval`, `weir parse` and `weir test` share.
 *
 * The plan is compiled from a configuration whose inputs and outputs are left out; what reaches its end goes to one outlet.
 * Runs on the caller's thread and waits there for what filters ask; no network.
 */
#ifndef WEIR_TOOL_FILTERED_H
#define WEIR_TOOL_FILTERED_H

#include "config/ast.h"
#include "pipeline/exec.h"

#include <pthread.h>

struct filtered {
	struct plan *plan;
	struct outlet *outlet;
	/* What ends Logstash's pipeline is told there (exec_hooks.stops); NULL: nobody asks. Set behind filtered_init(). */
	void (*stops)(void *arg, const struct plan_plugin *pp, struct str why);
	void *stops_arg;
	struct exec *exec;
	struct plan_plugin input, sink, *instance;
	struct source source;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool woken; /* under the lock: an answer arrived */
};

/* The filter section of ast; NULL and d on errors. */
struct plan *filtered_compile(const struct ast_config *ast, const struct settings *settings, struct diag *d);
/*
 * Takes neither: both outlive it. codec: the one frames are read with. outlet NULL: the plan has outputs, whose outlets the caller set.
 * f must not move any more.
 */
void filtered_init(struct filtered *f, struct plan *plan, struct codec *codec, struct outlet *outlet);
void filtered_release(struct filtered *f);

/* Cuts the bytes as a stream input does and runs them through; last: the source ends behind them. false: the outlet was full. */
bool filtered_stream(struct filtered *f, struct str bytes, int64_t received_ns, bool last);
/* One frame. */
bool filtered_frame(struct filtered *f, struct str frame, int64_t received_ns);

#endif
