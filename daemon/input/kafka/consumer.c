/*
 * consumer.c - a member of a consumer group.
 *
 * Offsets are never stored by librdkafka itself: weird stores them when the events have their verdict; librdkafka commits what is stored, every
 * auto.commit.interval.ms, when partitions are given back, and at the end. A partition that was taken away refuses a store, so what
 * comes late does no harm.
 */
#include "input/kafka/kafka_int.h"

#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CLOSE_NS INT64_C(10000000000)
enum { CLOSE_LOOK_MS = 50 };

struct kafka_consumer {
	struct client client; /* first */
	rd_kafka_t *rk;
	rd_kafka_queue_t *queue;
	struct kafka_listener listener;
	bool paused; /* the thread that polls */
	bool closed;
};

static void on_queue(rd_kafka_t *rk, void *opaque)
{
	struct kafka_consumer *c = opaque;

	(void)rk;
	c->listener.ready(c->listener.arg);
}

static void tell(struct kafka_consumer *c, const rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; i < list->cnt; i++)
		c->listener.revoked(c->listener.arg, list->elems[i].topic, list->elems[i].partition);
}

static void log_failure(const struct kafka_consumer *c, const char *what, rd_kafka_error_t *e)
{
	if (!e)
		return;
	module_log(LOG_WARN, "%s: %s: %s", c->client.name, what, rd_kafka_error_string(e));
	rd_kafka_error_destroy(e);
}

/* Cooperative protocols add and take single partitions, the others all of them. What is stored is committed by the giving back. */
static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list, void *opaque)
{
	struct kafka_consumer *c = opaque;
	bool step = strcmp(rd_kafka_rebalance_protocol(rk), "COOPERATIVE") == 0;
	rd_kafka_resp_err_t rc = RD_KAFKA_RESP_ERR_NO_ERROR;

	if (code != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS && !rd_kafka_assignment_lost(rk))
		c->listener.giving_back(c->listener.arg);
	/* One that comes begins anew, too: its old window is done with. */
	tell(c, list);
	client_works(&c->client);
	if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
		module_log(LOG_INFO, "%s: reads %d more partitions", c->client.name, list->cnt);
		if (step)
			log_failure(c, "cannot take partitions", rd_kafka_incremental_assign(rk, list));
		else
			rc = rd_kafka_assign(rk, list);
		if (c->paused)
			(void)rd_kafka_pause_partitions(rk, list);
	} else {
		module_log(LOG_INFO, "%s: gives %d partitions back%s", c->client.name, list->cnt, rd_kafka_assignment_lost(rk) ? ", they were lost" : "");
		if (step)
			log_failure(c, "cannot give partitions back", rd_kafka_incremental_unassign(rk, list));
		else
			rc = rd_kafka_assign(rk, NULL);
	}
	if (rc)
		module_log(LOG_WARN, "%s: cannot change partitions: %s", c->client.name, rd_kafka_err2str(rc));
}

static void on_commit(rd_kafka_t *rk, rd_kafka_resp_err_t rc, rd_kafka_topic_partition_list_t *list, void *opaque)
{
	struct kafka_consumer *c = opaque;

	(void)rk;
	(void)list;
	if (rc == RD_KAFKA_RESP_ERR_NO_ERROR)
		client_works(&c->client);
	else if (rc != RD_KAFKA_RESP_ERR__NO_OFFSET)
		client_fails(&c->client, rc, rd_kafka_err2str(rc)); /* they are committed with the next ones */
}

static rd_kafka_resp_err_t subscribe(rd_kafka_t *rk, const char *const *topics, size_t n)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
	rd_kafka_resp_err_t rc;

	for (size_t i = 0; i < n; i++)
		(void)rd_kafka_topic_partition_list_add(list, topics[i], RD_KAFKA_PARTITION_UA);
	rc = rd_kafka_subscribe(rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	return rc;
}

struct kafka_consumer *consumer_new(const struct kafka_setting *s, size_t n, const char *const *topics, size_t n_topics, const char *name,
				    const struct kafka_listener *l, struct err *err)
{
	struct kafka_consumer *c = host->xzalloc(sizeof(*c));
	rd_kafka_conf_t *conf = conf_new(s, n, &c->client, name, err);
	rd_kafka_resp_err_t rc;
	char why[300];

	c->listener = *l;
	if (!conf) {
		free(c);
		return NULL;
	}
	rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
	rd_kafka_conf_set_offset_commit_cb(conf, on_commit);
	c->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
	if (!c->rk) {
		rd_kafka_conf_destroy(conf);
		free(c);
		host->err_set(err, "librdkafka: %s", why);
		return NULL;
	}
	(void)rd_kafka_poll_set_consumer(c->rk);
	c->queue = rd_kafka_queue_get_consumer(c->rk);
	rd_kafka_queue_cb_event_enable(c->queue, on_queue, c);
	rc = subscribe(c->rk, topics, n_topics);
	if (rc) {
		host->err_set(err, "cannot subscribe: %s", rd_kafka_err2str(rc));
		consumer_quiet(c);
		consumer_free(c);
		return NULL;
	}
	return c;
}

/* What comes in a message's place. */
static void say(const struct kafka_consumer *c, const rd_kafka_message_t *m)
{
	/* A topic that is not there may be made soon: it is looked for again. */
	if (m->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
		module_log(LOG_INFO, "%s: %s", c->client.name, rd_kafka_message_errstr(m));
	else if (m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
		module_log(LOG_WARN, "%s: %s", c->client.name, rd_kafka_message_errstr(m));
}

int consumer_poll(struct kafka_consumer *c, struct kafka_message *m)
{
	rd_kafka_message_t *rm;
	rd_kafka_headers_t *headers;

	while ((rm = rd_kafka_consumer_poll(c->rk, 0)) && rm->err) {
		say(c, rm);
		rd_kafka_message_destroy(rm);
	}
	if (!rm)
		return 0;
	client_works(&c->client);
	*m = (struct kafka_message){.topic = str_z(rd_kafka_topic_name(rm->rkt)), .partition = rm->partition, .offset = rm->offset, .handle = rm,
				    .key = str_n(rm->key, rm->key_len), .value = str_n(rm->payload, rm->len)};
	m->timestamp_ms = rd_kafka_message_timestamp(rm, NULL);
	if (rd_kafka_message_headers(rm, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR)
		m->n_headers = (uint32_t)rd_kafka_header_cnt(headers);
	return 1;
}

bool message_header(const struct kafka_message *m, uint32_t i, struct str *name, struct str *value)
{
	rd_kafka_headers_t *headers;
	const char *n;
	const void *v;
	size_t len;

	if (rd_kafka_message_headers(m->handle, &headers) || rd_kafka_header_get_all(headers, i, &n, &v, &len))
		return false;
	*name = str_z(n);
	*value = str_n(v, len);
	return v != NULL;
}

void message_free(struct kafka_message *m)
{
	rd_kafka_message_destroy(m->handle);
}

void consumer_pause(struct kafka_consumer *c, bool pause)
{
	rd_kafka_topic_partition_list_t *list;

	c->paused = pause;
	if (rd_kafka_assignment(c->rk, &list))
		return;
	(void)(pause ? rd_kafka_pause_partitions(c->rk, list) : rd_kafka_resume_partitions(c->rk, list));
	rd_kafka_topic_partition_list_destroy(list);
}

void consumer_store(struct kafka_consumer *c, const char *topic, int32_t partition, int64_t next)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

	rd_kafka_topic_partition_list_add(list, topic, partition)->offset = next;
	/* Refused where the partition is no longer ours: whoever has it reads these messages again. */
	if (rd_kafka_offsets_store(c->rk, list))
		module_log(LOG_DEBUG, "%s: offset %lld of %s/%d comes too late", c->client.name, (long long)next, topic, partition);
	rd_kafka_topic_partition_list_destroy(list);
}

void consumer_quiet(struct kafka_consumer *c)
{
	rd_kafka_queue_cb_event_enable(c->queue, NULL, NULL);
}

static int64_t mono_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* rd_kafka_consumer_close() would wait for a coordinator that is gone as long as it is gone: so it is asked from outside, for a while. */
void consumer_close(struct kafka_consumer *c)
{
	int64_t until = mono_now() + CLOSE_NS;
	rd_kafka_queue_t *queue = rd_kafka_queue_new(c->rk);
	rd_kafka_error_t *e = rd_kafka_consumer_close_queue(c->rk, queue);

	while (!e && !rd_kafka_consumer_closed(c->rk) && mono_now() < until) {
		/* Serves the callbacks, and gives what was fetched and is not wanted any more. */
		rd_kafka_message_t *m = rd_kafka_consume_queue(queue, CLOSE_LOOK_MS);

		if (m)
			rd_kafka_message_destroy(m);
	}
	c->closed = !e && rd_kafka_consumer_closed(c->rk);
	log_failure(c, "leaves its group without a word", e);
	if (!e && !c->closed)
		module_log(LOG_WARN, "%s: leaves its group without a word: no answer within 10 s; what is not committed will be read again", c->client.name);
	rd_kafka_queue_destroy(queue);
}

void consumer_free(struct kafka_consumer *c)
{
	rd_kafka_queue_destroy(c->queue);
	rd_kafka_destroy_flags(c->rk, c->closed ? 0 : RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	free(c);
}
