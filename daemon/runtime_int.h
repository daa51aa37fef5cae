/*
 * runtime_int.h - shared by runtime.c (life) and runtime_parts.c (which pipelines there are). Main thread.
 */
#ifndef WEIR_RUNTIME_INT_H
#define WEIR_RUNTIME_INT_H

#include "config/pipelines.h"
#include "flow.h"
#include "running.h"
#include "runtime.h"

/* A pipeline of the list. */
struct part {
	struct part *next;
	char *id;
	struct running *running; /* NULL: it could not be opened so far */
	struct loaded *wanted;	 /* prepared, and to be put in the place of what runs */
	uint64_t stamp;		 /* of what was tried last: the same mistake is not tried again unless something changes */
	bool fresh;		 /* running was opened and is to be started */
	bool listed;		 /* it is in the list that was read last */
	bool failed;		 /* the last time that it was tried */
	bool said_ended;
};

struct runtime {
	struct runtime_config config;
	struct program_settings base; /* what the list is laid over: with all that plans are compiled with */
	struct running_shared shared;
	struct budget budget;
	struct state_db *state; /* of enrichers; NULL without a data folder */
	struct arena texts;	/* of the list */
	struct pipeline_list list;
	uint64_t list_stamp; /* of pipelines.yml and secrets.env */
	struct part *parts;  /* in the order of the list, new ones last */
	unsigned failed;     /* pipelines that the last start or reload left as they were, or out */
	struct err why;	     /* of the last of them */
	bool on_page;	     /* refresh() is called for /metrics */
};

/* Reads the variables and which pipelines there are. -1 and d or err: the former list stays. */
int parts_read_list(struct runtime *rt, struct diag *d, struct err *err);
/* A number that changes with the files that it reads. */
uint64_t parts_list_stamp(const struct runtime *rt);
/*
 * Compiles and opens those that are new or changed; where none is, all of them: a file that they name (patterns) may have changed. What cannot be is
 * told (d, log), counted in rt->failed, and left as it was.
 */
void parts_open(struct runtime *rt, struct diag *d);
/* Puts in place and starts what parts_open left ready, and stops what is not listed any more. d: as in running_free(). */
void parts_begin(struct runtime *rt, struct diag *d);
/* Those that run and are in the list (or are not in it any more), who sends before who receives: NULL-terminated, the caller frees it. */
struct part **parts_in_order(struct runtime *rt, bool listed);
void parts_free(struct runtime *rt, struct diag *d);

#endif
