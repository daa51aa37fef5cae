/*
 * kafka.c - output `kafka`: events by their codec (plain), each a record of a topic.
 *
 * An item is what the record is made of; the document is its value:
 *
 *	head   u32 topic's length | u32 key's length, or NO_KEY | u32 number of headers | topic NUL | key | { u32 length | name NUL value } ...
 *	       | document
 *
 * Render half on the work thread. send() gives the records of a range to the module and waits for the report of each: delivered is what the
 * brokers acknowledged as `acks` says. librdkafka itself tries again within delivery_timeout; what it gives up comes back and is
 * the sender's to send again, and may then be there twice where a broker's answer was lost.
 */
#include "input/kafka_options.h"
#include "outputs/output.h"

#include <stdlib.h>

enum { NO_KEY = -1, MAX_HEADERS = 64 };

struct kafka_output {
	struct queue_options queue;
	struct kafka_options common;
	const struct tmpl *topic_id, *message_key;
	const struct map *message_headers;
	struct str acks, compression_type, partitioner, key_serializer, value_serializer;
	int64_t batch_size, linger_ms, retries, max_request_size;
	const struct kafka_module *module;
	struct kafka_settings settings;
	bool limited; /* retries was given */
	struct {
		struct str name;
		const struct tmpl *value;
	} header[MAX_HEADERS];
	uint32_t n_headers;
};

struct kafka_conn {
	const struct kafka_module *module;
	struct kafka_producer *producer;
	int64_t retries; /* -1: as often as it takes */
};

/* What a thread sends, kept from one request to the next. */
struct kafka_link {
	struct kafka_conn *conn;
	struct kafka_record *record;
	struct arena arena; /* headers of a request */
	uint32_t cap;
};

/* ---- options ---- */

static int partitioner(struct kafka_output *k, struct plugin_ctx *ctx, struct err *err)
{
	struct str s = k->partitioner;

	/* As Java's own: by the key's hash, and where there is none as it comes. */
	if (!s.p || str_eqz(s, "default") || str_eqz(s, "uniform_sticky")) {
		kafka_set(&k->settings, "partitioner", STR("murmur2_random"));
		return 0;
	}
	if (str_eqz(s, "round_robin")) {
		kafka_set(&k->settings, "partitioner", STR("random"));
		plugin_warn(ctx, "kafka: librdkafka has no round_robin: partitions are drawn at random");
		return 0;
	}
	return err_set(err, "'partitioner' takes default, uniform_sticky or round_robin, not '%.*s'", STR_ARG(s));
}

static int headers(struct kafka_output *k, struct arena *a, struct err *err)
{
	for (uint32_t i = 0; k->message_headers && i < k->message_headers->n; i++) {
		const struct entry *e = &k->message_headers->e[i];

		if (k->n_headers == MAX_HEADERS || e->val.type != V_STRING)
			return err_set(err, "'message_headers' takes at most %d names with texts", MAX_HEADERS);
		k->header[k->n_headers].name = str_n(e->key.p, e->key.len);
		k->header[k->n_headers++].value = tmpl_compile(a, value_str(&e->val));
	}
	return 0;
}

static int settings(struct kafka_output *k, struct plugin_ctx *ctx, struct err *err)
{
	struct kafka_settings *s = &k->settings;

	s->arena = ctx->arena;
	if (!str_eqz(k->acks, "0") && !str_eqz(k->acks, "1") && !str_eqz(k->acks, "all"))
		return err_set(err, "'acks' takes 0, 1 or all, not '%.*s'", STR_ARG(k->acks));
	if (kafka_settings_of(s, &k->common, err))
		return -1;
	kafka_set(s, "acks", k->acks);
	/* With all of them a second try of librdkafka's own cannot be a second record. */
	if (str_eqz(k->acks, "all"))
		kafka_set(s, "enable.idempotence", STR("true"));
	kafka_set_int(s, "batch.size", k->batch_size);
	kafka_set_int(s, "linger.ms", k->linger_ms);
	kafka_set(s, "compression.type", k->compression_type);
	kafka_set_int(s, "message.max.bytes", k->max_request_size);
	kafka_set_int(s, "request.timeout.ms", k->common.request_timeout_ms);
	/* A request that was lost and one more; then the sender knows, says it and goes on trying. */
	kafka_set_int(s, "message.timeout.ms", k->common.request_timeout_ms + k->linger_ms + 20000);
	return partitioner(k, ctx, err) || kafka_settings_own(s, &k->common, err) ? -1 : 0;
}

static int kafka_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct kafka_output *k = self;
	const struct str class[] = {k->key_serializer, k->value_serializer};

	if (tmpl_text(k->topic_id).len == 0)
		return err_set(err, "'topic_id' is empty");
	for (size_t i = 0; i < 2; i++)
		if (!str_ends(class[i], STR(".StringSerializer")) && !str_ends(class[i], STR(".ByteArraySerializer")))
			return err_set(err, "'%s' is a class of Java, which is not here: texts are sent as they are", i ? "value_serializer" : "key_serializer");
	k->limited = k->retries >= 0;
	if (k->limited)
		plugin_warn(ctx, "kafka: with 'retries' events become dead letters when that many tries have failed: without it none is given up");
	if (headers(k, ctx->arena, err) || settings(k, ctx, err))
		return -1;
	k->module = kafka_module(err);
	return k->module ? k->module->check(k->settings.s, k->settings.n, false, err) : -1;
}

/* ---- render half ---- */

static void put_u32(struct buf *b, uint32_t v)
{
	buf_add(b, &v, sizeof(v));
}

static uint32_t take_u32(struct str *s)
{
	uint32_t v;

	bug_on(s->len < sizeof(v));
	memcpy(&v, s->p, sizeof(v));
	*s = str_from(*s, sizeof(v));
	return v;
}

static struct str take_bytes(struct str *s, size_t n)
{
	struct str out = str_sub(*s, 0, n);

	bug_on(out.len != n);
	*s = str_from(*s, n);
	return out;
}

/* What Kafka allows: letters, digits, dot, underscore and hyphen, 249 of them. */
static bool is_topic(struct str s)
{
	if (s.len == 0 || s.len > 249 || str_eqz(s, ".") || str_eqz(s, ".."))
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!ch_alnum(s.p[i]) && s.p[i] != '.' && s.p[i] != '_' && s.p[i] != '-')
			return false;
	return true;
}

static int put_headers(struct kafka_output *k, const struct event *ev, struct buf *b, struct render_ctx *ctx)
{
	for (uint32_t i = 0; i < k->n_headers; i++) {
		struct str value;

		if (tmpl_render(k->header[i].value, ev, ctx->scratch, ctx->clock, &value, &ctx->err))
			return -1;
		put_u32(b, (uint32_t)value.len);
		buf_str(b, k->header[i].name);
		buf_ch(b, 0);
		buf_str(b, value);
	}
	return 0;
}

static enum render_result kafka_render(void *self, const struct event *ev, struct pack *p, struct render_ctx *ctx)
{
	struct kafka_output *k = self;
	const struct codec *c = ctx->codec;
	struct buf *b = pack_begin(p);
	struct str topic, key = {0};
	size_t head;

	if (tmpl_render(k->topic_id, ev, ctx->scratch, ctx->clock, &topic, &ctx->err) ||
	    (k->message_key && tmpl_render(k->message_key, ev, ctx->scratch, ctx->clock, &key, &ctx->err)))
		return RENDER_DEAD;
	if (!is_topic(topic)) {
		err_set(&ctx->err, "'%.*s' can be no topic", STR_ARG(str_sub(topic, 0, 100)));
		return RENDER_DEAD;
	}
	put_u32(b, (uint32_t)topic.len);
	put_u32(b, k->message_key ? (uint32_t)key.len : (uint32_t)NO_KEY);
	put_u32(b, k->n_headers);
	buf_str(b, topic);
	buf_ch(b, 0);
	buf_str(b, key);
	if (put_headers(k, ev, b, ctx))
		return RENDER_DEAD;
	head = b->len - p->begun;
	if (c->plugin->codec.encode(c->self, ev, b, ctx->clock, &ctx->err) < 0)
		return RENDER_DEAD;
	if (b->over) {
		err_set(&ctx->err, "larger than %d bytes", PACK_BYTES_MAX);
		return RENDER_DEAD;
	}
	pack_end(p, head, 0, 0);
	return RENDER_OK;
}

static void record_of(const struct pack *p, const struct pack_item *it, struct arena *a, struct kafka_record *r)
{
	struct str head = str_n(p->bytes.p + it->off, it->head);
	uint32_t topic = take_u32(&head), key = take_u32(&head), n = take_u32(&head);
	struct kafka_header *h = n ? arena_alloc(a, sizeof(*h) * n) : NULL;

	*r = (struct kafka_record){.topic = take_bytes(&head, topic + 1).p, .value = item_document(p, it), .header = h, .n_headers = n};
	if (key != (uint32_t)NO_KEY)
		r->key = take_bytes(&head, key);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t len = take_u32(&head);
		ptrdiff_t end = str_chr(head, 0);

		bug_on(end < 0);
		h[i].name = take_bytes(&head, (size_t)end + 1).p;
		h[i].value = take_bytes(&head, len);
	}
}

static void kafka_describe(const struct pack *p, const struct pack_item *it, struct str *index, struct str *id)
{
	struct str head = str_n(p->bytes.p + it->off, it->head);
	uint32_t topic = take_u32(&head);

	(void)id;
	*index = str_sub(head, 2 * sizeof(uint32_t), topic);
}

/* ---- send half ---- */

static void *kafka_start(const void *self, const struct plugin_ctx *ctx, struct err *err)
{
	const struct kafka_output *k = self;
	struct kafka_conn *c = xzalloc(sizeof(*c));
	char *name = xstrdupz(ctx->id);

	c->module = k->module;
	c->retries = k->limited ? k->retries : -1;
	c->producer = k->module->producer_new(k->settings.s, k->settings.n, name, err);
	free(name);
	if (c->producer)
		return c;
	free(c);
	return NULL;
}

static void kafka_stop(void *conn)
{
	struct kafka_conn *c = conn;

	c->module->producer_free(c->producer);
	free(c);
}

static void *link_open(void *conn)
{
	struct kafka_link *l = xzalloc(sizeof(*l));

	l->conn = conn;
	arena_init(&l->arena, NULL);
	return l;
}

static void link_close(void *link)
{
	struct kafka_link *l = link;

	arena_release(&l->arena);
	free(l->record);
	free(l);
}

static struct str why(const struct kafka_record *r)
{
	return str_z(r->why ? r->why : "");
}

/* true: it is to be sent again. */
static bool judge(struct kafka_conn *c, struct pack *p, uint32_t i, const struct kafka_record *r)
{
	bool last = c->retries >= 0 && (int64_t)p->tries >= c->retries;

	if (r->outcome == KAFKA_STORED) {
		p->item[i].verdict = VERDICT_DELIVERED;
		return false;
	}
	if (r->outcome == KAFKA_NEVER || last) {
		pack_note(p, i, VERDICT_DEAD, 0, 0, why(r));
		return false;
	}
	p->item[i].verdict = r->outcome == KAFKA_REPAIR ? VERDICT_HOLD : VERDICT_RETRY;
	return true;
}

static enum send_result kafka_send(void *conn, void *link, struct pack *p, uint32_t from, uint32_t to, struct send_ctx *ctx)
{
	struct kafka_conn *c = conn;
	struct kafka_link *l = link;
	uint32_t n = to - from, again = 0, repair = 0;
	const struct kafka_record *one = NULL;

	ctx->err.text[0] = 0;
	if (n > l->cap) {
		l->record = xrealloc(l->record, sizeof(*l->record) * n);
		l->cap = n;
	}
	for (uint32_t i = 0; i < n; i++)
		record_of(p, &p->item[from + i], &l->arena, &l->record[i]);
	c->module->produce(c->producer, l->record, n, ctx->stop);
	for (uint32_t i = 0; i < n; i++) {
		struct kafka_record *r = &l->record[i];

		ctx->maybe_sent |= r->maybe;
		if (!judge(c, p, from + i, r))
			continue;
		again++;
		repair += r->outcome == KAFKA_REPAIR;
		one = r;
	}
	if (one)
		err_set(&ctx->err, "topic '%.100s': %s", one->topic, one->why ? one->why : "no answer");
	arena_clear(&l->arena);
	if (again < n)
		return SEND_JUDGED;
	/* Nothing of it arrived: the far end as a whole, with its backoff. */
	for (uint32_t i = from; i < to; i++)
		p->item[i].verdict = VERDICT_NONE;
	return repair == n ? SEND_HOLD : SEND_RETRY;
}

#define AT(field) offsetof(struct kafka_output, field)
#define STRING_SERIALIZER "\"org.apache.kafka.common.serialization.StringSerializer\""
static const struct option options[] = {
	{"topic_id", OPT_TMPL, AT(topic_id), .flags = OPT_REQUIRED, .doc = "topic; %{...} may be in it"},
	{"message_key", OPT_TMPL, AT(message_key), .doc = "key of the record; records with the same key go into the same partition"},
	{"message_headers", OPT_HASH, AT(message_headers), .doc = "headers of the record; %{...} may be in the values"},
	{"acks", OPT_STRING, AT(acks), .def = "\"1\"", .doc = "what counts as delivered: 0: it is sent, 1: one broker has it, all: all that are in step"},
	{"batch_size", OPT_INT, AT(batch_size), .def = "16384", .min = 1, .max = 2147483647, .doc = "bytes of records of one partition that go together"},
	{"linger_ms", OPT_INT, AT(linger_ms), .def = "0", .min = 0, .max = 900000, .doc = "records wait so long for others; packs come together as they are"},
	{"compression_type", OPT_STRING, AT(compression_type), .def = "none", .doc = "none, gzip, snappy, lz4 or zstd"},
	{"max_request_size", OPT_INT, AT(max_request_size), .def = "1048576", .min = 1000, .max = 1000000000, .doc = "bytes of a record; a larger one becomes a dead letter"},
	{"retries", OPT_INT, AT(retries), .def = "-1", .min = -1, .max = 2147483647, .doc = "tries after the first, behind which events become dead letters; not given: as many as it takes"},
	{"partitioner", OPT_STRING, AT(partitioner), .doc = "default, uniform_sticky or round_robin"},
	{"buffer_memory", OPT_IGNORED, 0, .doc = "queue_max bounds it"},
	{"metadata_fetch_timeout_ms", OPT_IGNORED, 0, .doc = "request_timeout_ms bounds it"},
	{"key_serializer", OPT_STRING, AT(key_serializer), .def = STRING_SERIALIZER, .doc = "StringSerializer or ByteArraySerializer: the same here"},
	{"value_serializer", OPT_STRING, AT(value_serializer), .def = STRING_SERIALIZER, .doc = "StringSerializer or ByteArraySerializer: the same here"},
	KAFKA_OPTIONS(struct kafka_output, common),
	QUEUE_OPTIONS(struct kafka_output, queue, "1"),
	{"broker_list", OPT_OBSOLETE, .instead = "bootstrap_servers"},
	{"block_on_buffer_full", OPT_OBSOLETE},
	{"timeout_ms", OPT_OBSOLETE, .instead = "request_timeout_ms"},
	{"request_required_acks", OPT_OBSOLETE, .instead = "acks"},
	{"metadata_broker_list", OPT_OBSOLETE, .instead = "bootstrap_servers"},
	{0},
};

static const struct output_ops ops = {
	.queue_offset = offsetof(struct kafka_output, queue),
	.pack_bytes = 2 * 1024 * 1024,
	.render = kafka_render,
	.start = kafka_start,
	.stop = kafka_stop,
	.link_open = link_open,
	.link_close = link_close,
	.send = kafka_send,
	.describe = kafka_describe,
};

OUTPUT(kafka, .size = sizeof(struct kafka_output), .options = options, .open = kafka_open, .output = &ops, .default_codec = "plain",
       .doc = "events as records of Kafka's topics")
