/*
 * kafka_module.h - what lies between the plug-ins kafka, which are part of weird, and their module, which has librdkafka in it.
 *
 * The module is daemon/input/kafka/ (pipeline/module.h says what a module is). It knows topics, offsets and bytes; events, acknowledgements and options are
 * weird's side. librdkafka has threads of its own, which call weird only where it says so below.
 */
#ifndef WEIR_INPUT_KAFKA_MODULE_H
#define WEIR_INPUT_KAFKA_MODULE_H

#include "base/arena.h"
#include "base/log.h"
#include "pipeline/module.h"

#define KAFKA_MODULE_VERSION MODULE_VERSION("1")

#define KAFKA_HOST(F) F(xzalloc) F(xrealloc) F(xstrdupz) F(err_set) F(log_emit)

struct kafka_host {
	KAFKA_HOST(MODULE_HOST_MEMBER)
	const enum log_level *log_threshold;
};

/* One of librdkafka's own settings. */
struct kafka_setting {
	const char *name, *value;
};

/* ---- reading ---- */

struct kafka_consumer;

struct kafka_message {
	struct str topic; /* with a NUL behind it */
	int32_t partition;
	int64_t offset;
	int64_t timestamp_ms; /* -1: none */
	struct str key;	      /* .p NULL: none */
	struct str value;     /* .p NULL: none (a tombstone) */
	uint32_t n_headers;
	void *handle; /* the module's */
};

struct kafka_listener {
	/* Any thread, must not block: poll() has something. */
	void (*ready)(void *arg);
	/* Within poll() and close(): partitions are about to be given back; what is stored before this returns is committed with them. */
	void (*giving_back)(void *arg);
	/* Within poll() and close(): the partition is somebody else's now, or begins anew. */
	void (*revoked)(void *arg, const char *topic, int32_t partition);
	void *arg;
};

/* ---- writing ---- */

struct kafka_producer;

enum kafka_outcome {
	KAFKA_PENDING, /* not yet */
	KAFKA_STORED,
	KAFKA_AGAIN,  /* not stored, or nobody knows: it may pass by itself */
	KAFKA_REPAIR, /* somebody must do something: a topic that is not there, a right that is missing */
	KAFKA_NEVER,  /* this record cannot be stored */
};

struct kafka_header {
	const char *name;
	struct str value;
};

struct kafka_record {
	const char *topic;
	struct str key; /* .p NULL: none */
	struct str value;
	const struct kafka_header *header;
	uint32_t n_headers;
	/* answers */
	enum kafka_outcome outcome;
	bool maybe;	 /* KAFKA_AGAIN: it may be stored */
	const char *why; /* static */
	void *batch;	 /* the module's */
};

struct kafka_module {
	struct module head;
	/* Before anything else; again and again. */
	void (*start)(const struct kafka_host *host);
	/* 0 where librdkafka takes all settings, together too; for one that reads or one that writes. */
	int (*check)(const struct kafka_setting *s, size_t n, bool reads, struct err *err);

	/* A member of the group from now on. topics that begin with ^ are patterns. name: for messages, copied. */
	struct kafka_consumer *(*consumer_new)(const struct kafka_setting *s, size_t n, const char *const *topics, size_t n_topics, const char *name,
					       const struct kafka_listener *l, struct err *err);
	/* 1: a message, to be given back by message_free. 0: none at present. Does not wait. One thread at a time. */
	int (*poll)(struct kafka_consumer *c, struct kafka_message *m);
	bool (*header)(const struct kafka_message *m, uint32_t i, struct str *name, struct str *value);
	void (*message_free)(struct kafka_message *m);
	/* true: nothing more is fetched; poll() goes on, so that the group does not give it up. */
	void (*pause)(struct kafka_consumer *c, bool pause);
	/* The group's next reader of the partition begins at `next`: committed within the interval that is set, and by close(). Any thread. */
	void (*store)(struct kafka_consumer *c, const char *topic, int32_t partition, int64_t next);
	/* ready() is not called any more. */
	void (*quiet)(struct kafka_consumer *c);
	/* Commits what is stored and leaves the group; waits for that, 10 s at most. */
	void (*close)(struct kafka_consumer *c);
	/* After close(). */
	void (*consumer_free)(struct kafka_consumer *c);

	struct kafka_producer *(*producer_new)(const struct kafka_setting *s, size_t n, const char *name, struct err *err);
	/* Waits until each record has its outcome; once *stop is true, no longer than that takes without the server. Any thread; records are borrowed meanwhile. */
	void (*produce)(struct kafka_producer *p, struct kafka_record *r, uint32_t n, const _Atomic bool *stop);
	void (*producer_free)(struct kafka_producer *p);
};

#endif
