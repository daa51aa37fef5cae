/*
 * ruby_module.h - what lies between the filters ruby and aggregate, which are part of weird, and their module, which has libruby in it.
 *
 * The module is daemon/filter/ruby/ (pipeline/module.h says what a module is). It never calls Ruby from a thread but its own, and no exception
 * of Ruby's crosses a function of weird's.
 *
 * A batch goes over as one job. From run() until done() the module's thread owns the events of the job and their arena.
 */
#ifndef WEIR_FILTER_RUBY_MODULE_H
#define WEIR_FILTER_RUBY_MODULE_H

#include "base/log.h"
#include "event/from_map.h"
#include "event/json.h"
#include "event/tmpl.h"
#include "pipeline/module.h"
#include "pipeline/plugin.h"

#define RUBY_MODULE_VERSION MODULE_VERSION("3")

/* Functions of weird that the module calls. */
#define RUBY_HOST(F)                                                                                \
	F(arena_alloc_slow) F(arena_init) F(arena_release) F(arena_dup) F(xmalloc) F(xzalloc) F(xrealloc)     \
	F(bug_at) F(buf_init) F(buf_release) F(err_set) F(hash_bytes) F(log_emit) F(list_new) F(list_push)    \
	F(map_new) F(map_push) F(map_set) F(map_remove) F(value_copy) F(event_init) F(event_stamp) F(event_get)  \
	F(event_set) F(event_remove) F(event_tag) F(event_copy) F(event_timestamp) F(event_from_map)          \
	F(ref_compile) F(tmpl_compile) F(tmpl_render) F(json_write_event) F(ts_format) F(ts_parse_iso)

struct ruby_host {
	RUBY_HOST(MODULE_HOST_MEMBER)
	const enum log_level *log_threshold;
};

/* An event that Ruby made, with memory of its own. */
struct ruby_child {
	struct ruby_child *next;
	struct arena arena;
	struct event ev;
};

enum ruby_outcome {
	RUBY_DONE,    /* ran to its end */
	RUBY_FAILED,  /* an exception, tagged; or it had nothing to do with the event */
};

struct ruby_call {
	struct event *ev; /* NULL: a flush (aggregate), which makes children only */
	bool final;	  /* of a flush: the last */
	enum ruby_outcome outcome;
	bool cancelled;
	struct ruby_child *child; /* in the order they were made; whoever takes the job's answers frees them */
};

struct ruby_instance;

struct ruby_job {
	struct ruby_job *next; /* the module's */
	struct ruby_instance *instance;
	struct ruby_call *call;
	unsigned n;
	void (*done)(void *arg); /* the module's thread: all calls have their outcome */
	void *arg;
};

enum ruby_kind { RUBY_CODE, RUBY_AGGREGATE };

struct ruby_setup {
	enum ruby_kind kind;
	struct str code, path, init; /* .p NULL: not given */
	const struct map *params; /* RUBY_AGGREGATE: its options by name; init is its timeout_code */
	const void *plan;	  /* RUBY_AGGREGATE: those of one plan share their tasks */
	struct str id;
	struct str code_file, init_file; /* what Ruby calls the place, and its line */
	uint32_t code_line, init_line;
	struct str tag, timeout_tag; /* borrowed while the instance lives */
	bool tag_message;
	int64_t timeout_ns; /* 0: none */
};

/* What is wrong with a configuration's Ruby. */
struct ruby_fault {
	char text[400];
	uint32_t line; /* in code_file or init_file; 0: not known */
};

struct ruby_module {
	struct module head;
	/* Starts the one VM of the process and its thread. Later calls answer as the first did. Any thread. */
	int (*start)(const struct ruby_host *host, const struct clock *clock, struct err *err);
	/* Compiles, runs init or register and a script's tests; waits for that. NULL and fault. */
	struct ruby_instance *(*open)(const struct ruby_setup *setup, struct ruby_fault *fault);
	/* In the order of the calls; does not wait. */
	void (*run)(struct ruby_job *job);
	/* Returns when done() of this job has returned. */
	void (*settle)(struct ruby_job *job);
	void (*close)(struct ruby_instance *in); /* after its last job */
	/* An instance goes on with another setup's tags and limit (reload). No job of it is under way. */
	void (*retune)(struct ruby_instance *in, const struct ruby_setup *setup);
	/* RUBY_AGGREGATE: takes over what the filters of the former plan gathered; once is enough for all of a plan. Likewise. */
	void (*take)(struct ruby_instance *in, struct ruby_instance *former);
};

#endif
