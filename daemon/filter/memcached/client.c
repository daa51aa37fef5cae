/*
 * client.c - the module of the filter memcached: a thread, a connection to each server (binary protocol).
 *
 * A server that failed is left alone for RETRY_NS; what it should have done goes to another one, or fails at once where there is none. So a server
 * that says nothing costs a unit its time-out once.
 */
#include "filter/memcached_module.h"

#include <libmemcached-1.0/memcached.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	READ_MAX = 256, /* keys in one question */
	RING_TRIES = 20,
};

static const int64_t retry_ns = 1000000000;

struct server {
	memcached_st *link; /* NULL: not made, or given up */
	int64_t dead_until_ns;
};

struct memcached_client {
	struct memcached_setup own;
	struct errands *errands;
	struct server *server;
};

static const struct memcached_host *host;

static int64_t mono_now(void)
{
	struct timespec t;

	/* A far end keeps real time whatever clock events have. */
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- servers ---- */

static memcached_st *link_of(struct memcached_client *c, unsigned i)
{
	struct server *s = &c->server[i];
	uint64_t ms = (uint64_t)(c->own.timeout_ns / 1000000);

	if (s->link)
		return s->link;
	s->link = memcached_create(NULL);
	if (!s->link)
		return NULL;
	memcached_behavior_set(s->link, MEMCACHED_BEHAVIOR_BINARY_PROTOCOL, 1);
	memcached_behavior_set(s->link, MEMCACHED_BEHAVIOR_TCP_NODELAY, 1);
	memcached_behavior_set(s->link, MEMCACHED_BEHAVIOR_CONNECT_TIMEOUT, ms ? ms : 1);
	memcached_behavior_set(s->link, MEMCACHED_BEHAVIOR_POLL_TIMEOUT, ms ? ms : 1);
	memcached_behavior_set(s->link, MEMCACHED_BEHAVIOR_SND_TIMEOUT, ms * 1000);
	memcached_behavior_set(s->link, MEMCACHED_BEHAVIOR_RCV_TIMEOUT, ms * 1000);
	memcached_server_add(s->link, c->own.host[i], c->own.port[i]);
	return s->link;
}

static void server_failed(struct memcached_client *c, unsigned i, memcached_return_t rc)
{
	static struct log_site site;
	struct server *s = &c->server[i];

	if (LOG_WARN <= *host->log_threshold)
		host->log_emit(&site, LOG_WARN, "filter", "memcached: '%s:%u': %s", c->own.host[i], c->own.port[i], memcached_strerror(s->link, rc));
	if (s->link)
		memcached_free(s->link);
	s->link = NULL;
	s->dead_until_ns = mono_now() + retry_ns;
}

static uint32_t hash_of(struct str key)
{
	return (uint32_t)host->crc32(0, (const unsigned char *)key.p, (unsigned)key.len);
}

/* The point at or below; the last one below the first. */
static unsigned on_ring(const struct memcached_setup *s, uint32_t at)
{
	unsigned low = 0, high = s->points;

	while (low < high) {
		unsigned mid = low + (high - low) / 2;

		if (s->ring[mid].at <= at)
			low = mid + 1;
		else
			high = mid;
	}
	return s->ring[(low ? low : s->points) - 1].server;
}

/* Which server has the key, of those that are well; -1: none. */
static int server_for(const struct memcached_client *c, struct str key)
{
	int64_t now = mono_now();
	uint32_t at;

	if (c->own.n == 1)
		return c->server[0].dead_until_ns <= now ? 0 : -1;
	at = hash_of(key);
	for (unsigned t = 0; t < RING_TRIES; t++) {
		unsigned i = on_ring(&c->own, at);
		char text[16 + 256];
		int n;

		if (c->server[i].dead_until_ns <= now)
			return (int)i;
		n = snprintf(text, sizeof(text), "%u%.*s", t, STR_ARG(key));
		at = hash_of((struct str){text, n > 0 ? (size_t)n : 0});
	}
	return -1;
}

/* ---- what is to be done ---- */

static void store(struct memcached_client *c, struct memcached_op *op)
{
	int i;

	op->outcome = CACHED_ERROR;
	while ((i = server_for(c, op->key)) >= 0) {
		memcached_st *m = link_of(c, (unsigned)i);
		memcached_return_t rc = m ? memcached_set(m, op->key.p, op->key.len, op->value.p, op->value.len, op->expires, op->flags) : MEMCACHED_MEMORY_ALLOCATION_FAILURE;

		if (memcached_success(rc)) {
			op->outcome = CACHED;
			return;
		}
		/* The server is well, but does not take this one. */
		if (rc == MEMCACHED_E2BIG || rc == MEMCACHED_KEY_TOO_BIG || rc == MEMCACHED_BAD_KEY_PROVIDED || rc == MEMCACHED_SERVER_MEMORY_ALLOCATION_FAILURE)
			return;
		server_failed(c, (unsigned)i, rc);
	}
}

static void take_value(const struct memcached_client *c, struct memcached_op *op, memcached_result_st *r)
{
	size_t n = memcached_result_length(r);
	char *p;

	op->got.len = 0;
	if (n > c->own.value_max || (op->got.cap < n && !host->buf_grow(&op->got, n))) {
		op->outcome = CACHED_ERROR;
		return;
	}
	p = op->got.p;
	if (n)
		memcpy(p, memcached_result_value(r), n);
	op->got.len = n;
	op->got_flags = memcached_result_flags(r);
	op->outcome = CACHED;
}

/* Answers come in the order of the questions, without those that have none. */
static struct memcached_op *asked(struct memcached_op *const *op, unsigned n, unsigned *from, memcached_result_st *r)
{
	struct str key = {memcached_result_key_value(r), memcached_result_key_length(r)};

	for (unsigned k = 0; k < n; k++) {
		struct memcached_op *x = op[(*from + k) % n];

		if (str_eq(x->key, key)) {
			*from = (*from + k + 1) % n;
			return x;
		}
	}
	return NULL;
}

/* All of these from one server. */
static memcached_return_t fetch(struct memcached_client *c, unsigned i, struct memcached_op *const *op, unsigned n)
{
	const char *key[READ_MAX];
	size_t len[READ_MAX];
	memcached_st *m = link_of(c, i);
	memcached_return_t rc;
	memcached_result_st *r;
	unsigned from = 0;

	for (unsigned k = 0; k < n; k++) {
		key[k] = op[k]->key.p;
		len[k] = op[k]->key.len;
		op[k]->outcome = CACHED_NOT;
	}
	if (!m)
		return MEMCACHED_MEMORY_ALLOCATION_FAILURE;
	rc = memcached_mget(m, key, len, n);
	if (memcached_failed(rc))
		return rc;
	while ((r = memcached_fetch_result(m, NULL, &rc))) {
		struct memcached_op *x = asked(op, n, &from, r);

		if (x)
			take_value(c, x, r);
		memcached_result_free(r);
	}
	return rc == MEMCACHED_END || rc == MEMCACHED_NOTFOUND || rc == MEMCACHED_SUCCESS ? MEMCACHED_SUCCESS : rc;
}

/* Those that one server has, of what is still to be read, at most READ_MAX; the others stay. */
static unsigned split(const struct memcached_client *c, struct memcached_op **op, unsigned *n, int *server, struct memcached_op *out[READ_MAX])
{
	unsigned kept = 0, taken = 0;

	*server = -1;
	for (unsigned k = 0; k < *n; k++) {
		int i = server_for(c, op[k]->key);

		if (taken == 0)
			*server = i;
		if (i == *server && taken < READ_MAX)
			out[taken++] = op[k];
		else
			op[kept++] = op[k];
	}
	*n = kept;
	return taken;
}

static void read_all(struct memcached_client *c, struct memcached_op *const *op, unsigned n)
{
	struct memcached_op **left = host->xzalloc(n * 2 * sizeof(*left)), *now[READ_MAX];

	memcpy(left, op, n * sizeof(*left));
	while (n) {
		int server;
		unsigned taken = split(c, left, &n, &server, now);
		memcached_return_t rc;

		if (server < 0) {
			for (unsigned k = 0; k < taken; k++)
				now[k]->outcome = CACHED_ERROR;
			continue;
		}
		rc = fetch(c, (unsigned)server, now, taken);
		if (rc == MEMCACHED_SUCCESS)
			continue;
		/* The server is dead now: another one is asked for them, or none is left. */
		server_failed(c, (unsigned)server, rc);
		memcpy(left + n, now, taken * sizeof(*left));
		n += taken;
	}
	free(left);
}

static void run_unit(struct memcached_client *c, struct memcached_unit *u)
{
	for (unsigned i = 0; i < u->n;) {
		unsigned to = i;

		while (to < u->n && !u->op[to]->set)
			to++;
		if (to > i)
			read_all(c, u->op + i, to - i);
		else
			store(c, u->op[to++]);
		i = to;
	}
}

static void run(struct errands *e, void *arg)
{
	struct memcached_client *c = arg;
	struct pollfd wake = {.fd = host->errands_fd(e), .events = POLLIN};
	struct errand *x;

	for (;;) {
		while ((x = host->errands_take(e))) {
			run_unit(c, (struct memcached_unit *)x);
			host->errands_answered(e, x);
		}
		if (host->errands_over(e))
			return;
		(void)poll(&wake, 1, -1);
	}
}

/* ---- what weird calls ---- */

static struct memcached_client *open_client(const struct memcached_host *h, const struct memcached_setup *setup, struct err *err)
{
	struct memcached_client *c;

	if (!host)
		host = h;
	c = host->xzalloc(sizeof(*c));
	c->own = *setup;
	c->server = host->xzalloc(setup->n * sizeof(*c->server));
	c->errands = host->errands_new("weir-memcached", run, c, err);
	if (c->errands)
		return c;
	free(c->server);
	free(c);
	return NULL;
}

static void close_client(struct memcached_client *c)
{
	if (!c)
		return;
	host->errands_free(c->errands);
	for (unsigned i = 0; i < c->own.n; i++)
		if (c->server[i].link)
			memcached_free(c->server[i].link);
	free(c->server);
	free(c);
}

static void give(struct memcached_client *c, struct memcached_unit *u, struct wait *w)
{
	host->errands_give(c->errands, &u->errand, w);
}

static void settle(struct memcached_client *c, struct memcached_unit *u)
{
	host->errands_settle(c->errands, &u->errand);
}

MODULE(struct memcached_module, .head.version = MEMCACHED_MODULE_VERSION, .open = open_client, .close = close_client, .run = give, .settle = settle);
