/*
 * producer.c - records out, and what became of each.
 *
 * A thread of the module's serves the delivery reports; who called produce() waits until its records have theirs. Nothing is copied:
 * the records' bytes are the caller's until then.
 */
#include "input/kafka/kafka_int.h"

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { SERVE_MS = 200, LOOK_MS = 100 };

struct kafka_producer {
	struct client client; /* first */
	rd_kafka_t *rk;
	pthread_t thread;
	_Atomic bool end;
	/* of all batches: they are few and large */
	pthread_mutex_t lock;
	pthread_cond_t settled;
};

/* On the stack of who waits. Under the producer's lock. */
struct batch {
	struct kafka_producer *p;
	uint32_t open;
};

static void judge(struct kafka_record *r, rd_kafka_resp_err_t rc, bool maybe)
{
	r->why = rd_kafka_err2str(rc);
	r->maybe = maybe;
	switch (rc) {
	case RD_KAFKA_RESP_ERR_NO_ERROR:
		r->outcome = KAFKA_STORED;
		break;
	case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
	case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
	case RD_KAFKA_RESP_ERR_INVALID_MSG:
	case RD_KAFKA_RESP_ERR_INVALID_RECORD:
	case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
	case RD_KAFKA_RESP_ERR__INVALID_ARG:
		r->outcome = KAFKA_NEVER;
		break;
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
	case RD_KAFKA_RESP_ERR__FATAL:
		r->outcome = KAFKA_REPAIR;
		break;
	default:
		r->outcome = KAFKA_AGAIN;
		break;
	}
}

static void settle(struct kafka_record *r, rd_kafka_resp_err_t rc, bool maybe)
{
	struct batch *b = r->batch;
	struct kafka_producer *p = b->p;

	if (rc == RD_KAFKA_RESP_ERR_NO_ERROR)
		client_works(&p->client);
	pthread_mutex_lock(&p->lock);
	judge(r, rc, maybe);
	if (--b->open == 0)
		pthread_cond_broadcast(&p->settled); /* from here on the batch may be gone */
	pthread_mutex_unlock(&p->lock);
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	(void)rk;
	(void)opaque;
	settle(m->_private, m->err, m->err && rd_kafka_message_status(m) == RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED);
}

static void *serve(void *arg)
{
	struct kafka_producer *p = arg;

	/* Acquire: pairs with producer_free. */
	while (!atomic_load_explicit(&p->end, memory_order_acquire))
		(void)rd_kafka_poll(p->rk, SERVE_MS);
	return NULL;
}

static void free_producer(struct kafka_producer *p)
{
	if (p->rk)
		rd_kafka_destroy(p->rk);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->settled);
	free(p);
}

struct kafka_producer *producer_new(const struct kafka_setting *s, size_t n, const char *name, struct err *err)
{
	struct kafka_producer *p = host->xzalloc(sizeof(*p));
	rd_kafka_conf_t *conf = conf_new(s, n, &p->client, name, err);
	pthread_condattr_t attr;
	char why[300];

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->settled, &attr);
	pthread_condattr_destroy(&attr);
	if (!conf)
		goto fail;
	rd_kafka_conf_set_dr_msg_cb(conf, on_report);
	p->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (!p->rk) {
		rd_kafka_conf_destroy(conf);
		host->err_set(err, "librdkafka: %s", why);
		goto fail;
	}
	if (pthread_create(&p->thread, NULL, serve, p)) {
		host->err_set(err, "cannot start a thread for Kafka");
		goto fail;
	}
	return p;
fail:
	free_producer(p);
	return NULL;
}

static rd_kafka_resp_err_t put(struct kafka_producer *p, struct kafka_record *r)
{
	rd_kafka_headers_t *headers = r->n_headers ? rd_kafka_headers_new(r->n_headers) : NULL;
	rd_kafka_resp_err_t rc;

	for (uint32_t i = 0; i < r->n_headers; i++)
		(void)rd_kafka_header_add(headers, r->header[i].name, -1, r->header[i].value.p, (ssize_t)r->header[i].value.len);
	/* No flag: neither copied nor freed. */
	rc = headers ? rd_kafka_producev(p->rk, RD_KAFKA_V_TOPIC(r->topic), RD_KAFKA_V_KEY(r->key.p, r->key.len), RD_KAFKA_V_VALUE((void *)r->value.p, r->value.len),
					 RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(r), RD_KAFKA_V_MSGFLAGS(0), RD_KAFKA_V_END)
		     : rd_kafka_producev(p->rk, RD_KAFKA_V_TOPIC(r->topic), RD_KAFKA_V_KEY(r->key.p, r->key.len), RD_KAFKA_V_VALUE((void *)r->value.p, r->value.len),
					 RD_KAFKA_V_OPAQUE(r), RD_KAFKA_V_MSGFLAGS(0), RD_KAFKA_V_END);
	/* Its owner only where it was taken. */
	if (rc && headers)
		rd_kafka_headers_destroy(headers);
	return rc;
}

static void wait_a_little(struct kafka_producer *p)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += LOOK_MS * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	(void)pthread_cond_timedwait(&p->settled, &p->lock, &until);
}

void produce(struct kafka_producer *p, struct kafka_record *r, uint32_t n, const _Atomic bool *stop)
{
	struct batch b = {.p = p, .open = n};
	bool purged = false;

	for (uint32_t i = 0; i < n; i++) {
		rd_kafka_resp_err_t rc;

		r[i].outcome = KAFKA_PENDING;
		r[i].batch = &b;
		rc = put(p, &r[i]);
		if (rc)
			settle(&r[i], rc, false);
	}
	pthread_mutex_lock(&p->lock);
	while (b.open) {
		if (!purged && atomic_load(stop)) {
			/* The reports come at once, by the thread that serves them. */
			pthread_mutex_unlock(&p->lock);
			(void)rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
			purged = true;
			pthread_mutex_lock(&p->lock);
			continue;
		}
		wait_a_little(p);
	}
	pthread_mutex_unlock(&p->lock);
}

void producer_free(struct kafka_producer *p)
{
	atomic_store_explicit(&p->end, true, memory_order_release);
	pthread_join(p->thread, NULL);
	free_producer(p);
}
