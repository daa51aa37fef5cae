/*
 * kafka_read.h - the io half of the input kafka: members of a consumer group, and where each message goes.
 *
 * Loop thread of the inlet, a loop of its own: librdkafka's threads fetch and wake it. While the pipeline is full nothing is polled; where that lasts,
 * partitions are paused and the group is told that we live. The last commit comes when the outputs have ended (release, main thread).
 */
#ifndef WEIR_INPUT_KAFKA_READ_H
#define WEIR_INPUT_KAFKA_READ_H

#include "input/input.h"
#include "input/kafka_options.h"

/* What the work thread knows of a message besides its bytes. */
struct kafka_meta {
	struct str topic, key; /* key.p NULL: none */
	int64_t offset, timestamp_ms;
	int32_t partition;
	uint32_t n_headers;
	struct kafka_meta_header {
		struct str name, value;
	} header[];
};

/* Of the span's message: in the arena of its batch. NULL: the span is no message's. */
static inline const struct kafka_meta *kafka_meta(const struct span *sp)
{
	return (const struct kafka_meta *)(uintptr_t)sp->cursor;
}

/* Copied. */
struct kafka_read_config {
	const struct kafka_module *module;
	const struct kafka_settings *settings;
	const char *const *topic;
	size_t n_topics;
	struct str client_id, group_instance_id; /* the second: .p NULL where there is none */
	unsigned members;
	bool headers; /* are wanted in kafka_meta */
};

/* Sets in->io. The others are members of struct input_ops. */
void kafka_read_open(struct inlet *in, const struct kafka_read_config *c);
int kafka_read_start(struct inlet *in, struct err *err);
void kafka_read_pause(struct inlet *in);
void kafka_read_resume(struct inlet *in);
void kafka_read_stop(struct inlet *in);
void kafka_read_span(struct inlet *in, struct source *s, struct span *sp);
void kafka_read_release(struct inlet *in);

#endif
