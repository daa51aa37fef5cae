/*
 * runtime.h - the running daemon: what main.c starts, reloads and ends.
 *
 * It holds the pipelines and what they share: the loop of streams, the budget of memory, the bus between them, dead letters, state.db. A
 * pipeline itself is running.c's, which of them there are is runtime_parts.c's business.
 *
 * Everything here runs on the main thread.
 */
#ifndef WEIR_RUNTIME_H
#define WEIR_RUNTIME_H

#include "config/settings.h"

struct runtime;

struct runtime_config {
	const struct program_settings *settings; /* outlives the runtime */
	const char *pipelines_path;		 /* pipelines.yml; NULL: the settings name the only pipeline */
	const char *secrets_path;		 /* secrets.env, which a reload reads anew; NULL: there is no folder of settings */
	/* Any thread: something for runtime_turn() to do. */
	void (*wake)(void *arg);
	void *arg;
};

/*
 * Reads and compiles the configuration, opens listeners and outputs. A pipeline that cannot be is told and left out, as long as there is one that
 * can. NULL: d or err says why.
 */
struct runtime *runtime_new(const struct runtime_config *c, struct diag *d, struct err *err);
/* Threads start; from here on events flow. */
int runtime_start(struct runtime *rt, struct err *err);
/*
 * Reads the secrets and the list of pipelines anew: those that are new start, those that are gone end, those that changed are compiled and put in the old ones' place;
 * what did not change in them keeps its sockets and queues. -1: some could not be, and go on as they were; d or err says why.
 */
int runtime_reload(struct runtime *rt, struct diag *d, struct err *err);
/* Files of the configuration have changed since they were read. */
bool runtime_stale(struct runtime *rt);
/* SIGHUP: outputs open their files anew. */
void runtime_reopen(struct runtime *rt);
/* After wake. true: all inputs have ended by themselves, but for those that only have what other pipelines send. */
bool runtime_turn(struct runtime *rt);
/*
 * NULL: the work thread and every io thread that no disk can hold up have turned since they were asked last, and are asked
 * again. Else the name of one that has not.
 */
const char *runtime_stuck(struct runtime *rt);
/* Inputs stop, outputs get the settings' drain time, the rest goes to disk. Returns false if the books do not balance. */
bool runtime_stop(struct runtime *rt);
void runtime_free(struct runtime *rt);

#endif
