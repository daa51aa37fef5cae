/*
 * common.c - settings of a client, what librdkafka says of its connections, and the module's table.
 */
#include "input/kafka/kafka_int.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

const struct kafka_host *host;

/* syslog's severities. All that matters comes as an error, too: what is logged beside it is for who looks closely. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	const struct client *c = rd_kafka_opaque(rk);

	(void)level;
	module_log(LOG_DEBUG, "%s: %s: %.300s", c->name, facility, text);
}

void client_fails(struct client *c, int code, const char *why)
{
	/* Relaxed: two threads that both say it do no harm. */
	if (atomic_exchange_explicit(&c->last_error, code, memory_order_relaxed) != code)
		module_log(LOG_WARN, "%s: %.300s; trying again", c->name, why);
	else
		module_log(LOG_DEBUG, "%s: %.300s", c->name, why);
}

/* Threads of librdkafka's. */
static void on_error(rd_kafka_t *rk, int code, const char *why, void *opaque)
{
	struct client *c = opaque;
	char text[256];

	if (code == RD_KAFKA_RESP_ERR__FATAL) {
		code = rd_kafka_fatal_error(rk, text, sizeof(text));
		module_log(LOG_ERROR, "%s: %s; only a restart helps", c->name, text);
		return;
	}
	client_fails(c, code, why);
}

void client_works(struct client *c)
{
	if (atomic_load_explicit(&c->last_error, memory_order_relaxed) == 0)
		return;
	atomic_store_explicit(&c->last_error, 0, memory_order_relaxed);
	module_log(LOG_INFO, "%s: works again", c->name);
}

static rd_kafka_conf_t *settings(const struct kafka_setting *s, size_t n, struct err *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[300];

	for (size_t i = 0; i < n; i++)
		if (rd_kafka_conf_set(conf, s[i].name, s[i].value, why, sizeof(why)) != RD_KAFKA_CONF_OK) {
			host->err_set(err, "librdkafka: %s", why);
			rd_kafka_conf_destroy(conf);
			return NULL;
		}
	return conf;
}

rd_kafka_conf_t *conf_new(const struct kafka_setting *s, size_t n, struct client *c, const char *name, struct err *err)
{
	rd_kafka_conf_t *conf = settings(s, n, err);

	if (!conf)
		return NULL;
	(void)snprintf(c->name, sizeof(c->name), "%s", name);
	rd_kafka_conf_set_opaque(conf, c);
	rd_kafka_conf_set_log_cb(conf, on_log);
	rd_kafka_conf_set_error_cb(conf, on_error);
	return conf;
}

static void start(const struct kafka_host *h)
{
	/* There is one table; who comes again must not write what others read. */
	if (!host)
		host = h;
}

/* What contradicts each other, and files that cannot be read, show when a client is made; without topics it does nothing yet. */
static int check(const struct kafka_setting *s, size_t n, bool reads, struct err *err)
{
	rd_kafka_conf_t *conf = settings(s, n, err);
	rd_kafka_t *rk;
	char why[300];

	if (!conf)
		return -1;
	rd_kafka_conf_set_log_cb(conf, NULL);
	rk = rd_kafka_new(reads ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (!rk) {
		rd_kafka_conf_destroy(conf);
		return host->err_set(err, "librdkafka: %s", why);
	}
	rd_kafka_destroy(rk);
	return 0;
}

MODULE(struct kafka_module, .head.version = KAFKA_MODULE_VERSION, .start = start, .check = check, .consumer_new = consumer_new, .poll = consumer_poll,
       .header = message_header, .message_free = message_free, .pause = consumer_pause, .store = consumer_store, .quiet = consumer_quiet,
       .close = consumer_close, .consumer_free = consumer_free, .producer_new = producer_new, .produce = produce, .producer_free = producer_free);
