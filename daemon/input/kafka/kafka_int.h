/*
 * kafka_int.h - what the files of the kafka module share.
 *
 * common.c    settings, what librdkafka says, the module's table
 * consumer.c  a member of a group
 * producer.c  records out, and what became of them
 */
#ifndef WEIR_INPUT_KAFKA_KAFKA_INT_H
#define WEIR_INPUT_KAFKA_KAFKA_INT_H

#include "input/kafka_module.h"

extern const struct kafka_host *host;

/* As rdkafka.h has them, so that this header compiles without it. */
struct rd_kafka_s;
struct rd_kafka_conf_s;

/* The opaque pointer of a client begins with it: log and error callbacks need it. */
struct client {
	char name[64];
	_Atomic int last_error; /* said last */
};

/* Ready for rd_kafka_new; NULL and err: which setting is wrong. */
struct rd_kafka_conf_s *conf_new(const struct kafka_setting *s, size_t n, struct client *c, const char *name, struct err *err);
/* One outage is one line: the same error again is for who looks closely. Any thread. */
void client_fails(struct client *c, int code, const char *why);
/* It reached a server again: the next error is said. */
void client_works(struct client *c);

#define module_log(lvl, ...)                                                                        \
	do {                                                                                        \
		static struct log_site site_;                                                       \
		if ((lvl) <= *host->log_threshold)                                                  \
			host->log_emit(&site_, (lvl), "kafka", __VA_ARGS__);                        \
	} while (0)

/* ---- consumer.c ---- */

struct kafka_consumer *consumer_new(const struct kafka_setting *s, size_t n, const char *const *topics, size_t n_topics, const char *name,
				    const struct kafka_listener *l, struct err *err);
int consumer_poll(struct kafka_consumer *c, struct kafka_message *m);
bool message_header(const struct kafka_message *m, uint32_t i, struct str *name, struct str *value);
void message_free(struct kafka_message *m);
void consumer_pause(struct kafka_consumer *c, bool pause);
void consumer_store(struct kafka_consumer *c, const char *topic, int32_t partition, int64_t next);
void consumer_quiet(struct kafka_consumer *c);
void consumer_close(struct kafka_consumer *c);
void consumer_free(struct kafka_consumer *c);

/* ---- producer.c ---- */

struct kafka_producer *producer_new(const struct kafka_setting *s, size_t n, const char *name, struct err *err);
void produce(struct kafka_producer *p, struct kafka_record *r, uint32_t n, const _Atomic bool *stop);
void producer_free(struct kafka_producer *p);

#endif
