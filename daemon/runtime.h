/*
 * runtime.h - the running daemon: what main.c starts, reloads and ends.
 *
 * It holds what all of it shares: the loop of streams, the budget of memory, dead letters, state.db. The pipeline itself is running.c's.
 *
 * Everything here runs on the main thread.
 */
#ifndef WEIR_RUNTIME_H
#define WEIR_RUNTIME_H

#include "config/settings.h"

struct runtime;

struct runtime_config {
	const struct program_settings *settings; /* outlives the runtime */
	const char *config_path;		 /* one of the two */
	const char *config_text;
	/* Any thread: something for runtime_turn() to do. */
	void (*wake)(void *arg);
	void *arg;
};

/* Reads and compiles the configuration, opens listeners and outputs. NULL: d or err says why. */
struct runtime *runtime_new(const struct runtime_config *c, struct diag *d, struct err *err);
/* Threads start; from here on events flow. */
int runtime_start(struct runtime *rt, struct err *err);
/*
 * Compiles the configuration anew and puts it in the old one's place; what did not change keeps its sockets and queues. -1: the
 * old one goes on, and d or err says why.
 */
int runtime_reload(struct runtime *rt, struct diag *d, struct err *err);
/* The time of the newest file of the configuration has changed since it was read. */
bool runtime_stale(struct runtime *rt);
/* SIGHUP: outputs open their files anew. */
void runtime_reopen(struct runtime *rt);
/* After wake. true: all inputs have ended by themselves, and everything is through. */
bool runtime_turn(struct runtime *rt);
/*
 * NULL: the work thread and every io thread that no disk can hold up have turned since they were asked last, and are asked
 * again. Else the name of one that has not.
 */
const char *runtime_stuck(struct runtime *rt);
/* Inputs stop, outputs get the settings' drain time, the rest goes to disk. Returns false if the books do not balance. */
bool runtime_stop(struct runtime *rt);
void runtime_free(struct runtime *rt);

/* What --explain prints of the configuration; nothing is opened. */
int runtime_explain(const struct runtime_config *c, struct diag *d, struct buf *out);

#endif
