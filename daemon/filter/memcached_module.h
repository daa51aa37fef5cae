/*
 * memcached_module.h - what lies between the filter memcached, which is part of weird, and its module, which has libmemcached in it
 * (pipeline/module.h says what a module is): keys are read and written on a thread of its own.
 *
 * Everything of a wait is one unit, done in its order: a value that one event stores is there for those behind it. Reads that stand side by side
 * are one question to each server. Which of several servers has a key is Dalli's choice, so that Logstash finds what weird stores.
 */
#ifndef WEIR_FILTER_MEMCACHED_MODULE_H
#define WEIR_FILTER_MEMCACHED_MODULE_H

#include "base/buf.h"
#include "base/log.h"
#include "filter/errand.h"
#include "pipeline/module.h"

#include <zlib.h>

#define MEMCACHED_MODULE_VERSION MODULE_VERSION("1")

/* Functions that the module calls. */
#define MEMCACHED_HOST(F)                                                                            \
	F(errands_new) F(errands_free) F(errands_give) F(errands_settle) F(errands_fd) F(errands_take)         \
	F(errands_over) F(errands_answered) F(err_set) F(buf_grow) F(xzalloc) F(log_emit) F(crc32)

struct memcached_host {
	MEMCACHED_HOST(MODULE_HOST_MEMBER)
	const enum log_level *log_threshold;
};

enum memcached_outcome {
	CACHED,	      /* read, or stored */
	CACHED_NOT,   /* no such key */
	CACHED_ERROR, /* no server could do it */
};

struct memcached_op {
	bool set;
	struct str key, value; /* borrowed */
	uint32_t flags, expires; /* of what is stored; expires: 0 never, up to 30 days in seconds, else the epoch's */
	/* The module's. */
	enum memcached_outcome outcome;
	struct buf got;
	uint32_t got_flags;
};

struct memcached_unit {
	struct errand errand; /* first: so that it can be cast back */
	struct memcached_op **op;
	unsigned n;
};

/* Where a server begins on the ring; they rise. */
struct memcached_point {
	uint32_t at;
	unsigned server;
};

/* Borrowed as long as the client is open. */
struct memcached_setup {
	const char *const *host;
	const uint16_t *port;
	unsigned n;
	const struct memcached_point *ring; /* where there are several servers */
	unsigned points;
	int64_t timeout_ns; /* for a connection, for an answer */
	size_t value_max;   /* bytes of a value that is taken */
};

struct memcached_client;

struct memcached_module {
	struct module head;
	/* Connects when there is something to do. NULL and err. */
	struct memcached_client *(*open)(const struct memcached_host *host, const struct memcached_setup *setup, struct err *err);
	void (*close)(struct memcached_client *c); /* NULL is allowed */
	/* Work thread. */
	void (*run)(struct memcached_client *c, struct memcached_unit *u, struct wait *w);
	/* Before the unit is freed. */
	void (*settle)(struct memcached_client *c, struct memcached_unit *u);
};

#endif
