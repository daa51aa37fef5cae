/*
 * redis.c - output `redis`: events by their codec (json), appended to a list (RPUSH) or published in a channel.
 *
 *	item    key | document           the key stands in front (head)
 *	request RPUSH key document ...   neighbours with the same key share a command, batch_events of them at most; all commands of a range go at once
 *
 * Delivered is what Redis counted: the answer to RPUSH. What was sent and not answered may be in the list: it is sent again, and may then be there
 * twice. PUBLISH is answered with how many heard it; nobody is a delivery, too.
 *
 * Out threads: each has a connection of its own, to one of the hosts; the next one when it breaks.
 */
#include "base/hash.h"
#include "input/redis_link.h"
#include "outputs/output.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/random.h>

enum {
	POLL_MS = 100,	 /* how soon a stop is seen */
	MAX_HOSTS = 256,
	MAX_KEYS = 64,	 /* lists whose length was asked for lately */
};

enum data_type { TYPE_LIST, TYPE_CHANNEL };

struct redis_output {
	struct queue_options queue;
	const struct list *host;
	const struct tmpl *key;
	struct redis_options server;
	int data_type;
	bool shuffle_hosts, batch;
	int64_t batch_events, congestion_threshold, congestion_interval;
};

struct redis_conn {
	struct redis_server *server[MAX_HOSTS];
	unsigned nservers;
	_Atomic unsigned next; /* the host that who connects next takes */
	enum data_type type;
	uint32_t batch_events;
	int64_t congestion_threshold, congestion_ns;
};

/* A list and when its length was looked at. */
struct looked {
	uint64_t key_hash;
	int64_t at_ns;
};

struct redis_out {
	struct redis_conn *conn;
	struct redis_server *server;
	struct redis_link *link;
	struct arena scratch;
	struct looked looked[MAX_KEYS];
	unsigned next_looked;
};

/* ---- render half ---- */

static int redis_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct redis_output *r = self;

	(void)ctx;
	if (tmpl_text(r->key).len == 0)
		return err_set(err, "'key' is empty");
	if (r->batch && r->data_type != TYPE_LIST)
		return err_set(err, "'batch' needs data_type => \"list\"");
	if (!r->host || r->host->n == 0 || r->host->n > MAX_HOSTS)
		return err_set(err, "'host' takes 1 to %d names", MAX_HOSTS);
	for (uint32_t i = 0; i < r->host->n; i++)
		if (r->host->v[i].type != V_STRING)
			return err_set(err, "'host' takes names");
	return 0;
}

static enum render_result redis_render(void *self, const struct event *ev, struct pack *p, struct render_ctx *ctx)
{
	struct redis_output *r = self;
	const struct codec *c = ctx->codec;
	struct buf *b = pack_begin(p);
	struct str key;

	if (tmpl_render(r->key, ev, ctx->scratch, ctx->clock, &key, &ctx->err))
		return RENDER_DEAD;
	buf_str(b, key);
	if (c->plugin->codec.encode(c->self, ev, b, ctx->clock, &ctx->err) < 0)
		return RENDER_DEAD;
	if (b->over) {
		err_set(&ctx->err, "larger than %d bytes", PACK_BYTES_MAX);
		return RENDER_DEAD;
	}
	pack_end(p, key.len, 0, 0);
	return RENDER_OK;
}

static struct str key_of(const struct pack *p, const struct pack_item *it)
{
	return str_n(p->bytes.p + it->off, it->head);
}

static void redis_describe(const struct pack *p, const struct pack_item *it, struct str *index, struct str *id)
{
	(void)id;
	*index = key_of(p, it);
}

/* ---- send half: life ---- */

static void redis_stop(void *conn)
{
	struct redis_conn *c = conn;

	for (unsigned i = 0; i < c->nservers; i++)
		redis_server_free(c->server[i]);
	free(c);
}

static void shuffle(struct redis_conn *c)
{
	for (unsigned i = c->nservers; i > 1; i--) {
		struct redis_server *last = c->server[i - 1];
		uint32_t r = 0;

		(void)!getrandom(&r, sizeof(r), 0);
		c->server[i - 1] = c->server[r % i];
		c->server[r % i] = last;
	}
}

static void *redis_start(const void *self, const struct plugin_ctx *ctx, struct err *err)
{
	const struct redis_output *r = self;
	struct redis_conn *c = xzalloc(sizeof(*c));

	(void)ctx;
	c->type = (enum data_type)r->data_type;
	c->batch_events = (uint32_t)(r->batch ? r->batch_events : 1);
	c->congestion_threshold = c->type == TYPE_LIST ? r->congestion_threshold : 0;
	c->congestion_ns = r->congestion_interval * 1000000000;
	for (uint32_t i = 0; i < r->host->n; i++) {
		c->server[i] = redis_server_new(&r->server, value_str(&r->host->v[i]), err);
		if (!c->server[i]) {
			redis_stop(c);
			return NULL;
		}
		c->nservers++;
	}
	if (r->shuffle_hosts)
		shuffle(c);
	return c;
}

static void *redis_link_begin(void *conn)
{
	struct redis_out *o = xzalloc(sizeof(*o));

	o->conn = conn;
	arena_init(&o->scratch, NULL);
	return o;
}

static void redis_link_end(void *link)
{
	struct redis_out *o = link;

	redis_link_free(o->link);
	arena_release(&o->scratch);
	free(o);
}

/* ---- waiting for the server ---- */

/* Until the socket is ready: 0. -1 and err: stop was set, or the deadline (monotonic) passed. */
static int wait_for(struct redis_out *o, int64_t deadline_ns, struct send_ctx *ctx)
{
	for (;;) {
		struct pollfd p = {.fd = redis_link_fd(o->link), .events = redis_link_events(o->link)};
		int rc = poll(&p, 1, POLL_MS);

		if (rc > 0)
			return 0;
		if (atomic_load(ctx->stop))
			return err_set(&ctx->err, "'%s' did not answer in time", redis_server_name(o->server));
		if (clock_mono(ctx->clock) > deadline_ns)
			return err_set(&ctx->err, "'%s' does not answer", redis_server_name(o->server));
	}
}

static int64_t deadline(const struct redis_out *o, const struct send_ctx *ctx)
{
	return clock_mono(ctx->clock) + redis_server_timeout_ns(o->server);
}

static int connected(struct redis_out *o, struct send_ctx *ctx)
{
	struct redis_conn *c = o->conn;
	int64_t until;

	if (o->link)
		return 0;
	/* Relaxed: any host is as good as another. */
	o->server = c->server[atomic_fetch_add_explicit(&c->next, 1, memory_order_relaxed) % c->nservers];
	o->link = redis_link_new(o->server, &ctx->err);
	until = deadline(o, ctx);
	while (o->link && !redis_link_ready(o->link)) {
		if (wait_for(o, until, ctx) || redis_link_turn(o->link, &ctx->err)) {
			redis_link_free(o->link);
			o->link = NULL;
		}
	}
	return o->link ? 0 : -1;
}

/* The next answer. The time begins anew with each: a long pipeline may take what it takes. */
static int next_answer(struct redis_out *o, struct resp *r, struct send_ctx *ctx)
{
	int64_t until = deadline(o, ctx);

	for (;;) {
		int rc = redis_link_reply(o->link, &o->scratch, r, &ctx->err);

		if (rc)
			return rc == 1 ? 0 : -1;
		if (redis_link_turn(o->link, &ctx->err))
			return -1;
		rc = redis_link_reply(o->link, &o->scratch, r, &ctx->err);
		if (rc)
			return rc == 1 ? 0 : -1;
		if (wait_for(o, until, ctx))
			return -1;
	}
}

/* ---- congestion ---- */

static struct looked *looked_at(struct redis_out *o, struct str key)
{
	uint64_t hash = hash_bytes(key.p, key.len);

	for (unsigned i = 0; i < MAX_KEYS; i++)
		if (o->looked[i].key_hash == hash)
			return &o->looked[i];
	o->next_looked = (o->next_looked + 1) % MAX_KEYS;
	o->looked[o->next_looked] = (struct looked){.key_hash = hash};
	return &o->looked[o->next_looked];
}

/* -1 and err: the list is too long for more, or nobody knows. */
static int congested(struct redis_out *o, struct str key, struct send_ctx *ctx)
{
	struct redis_conn *c = o->conn;
	struct looked *l = looked_at(o, key);
	int64_t now = clock_mono(ctx->clock);
	struct resp r;

	if (l->at_ns && now - l->at_ns < c->congestion_ns)
		return 0;
	resp_command(redis_link_out(o->link), 2);
	resp_word(redis_link_out(o->link), STR("LLEN"));
	resp_word(redis_link_out(o->link), key);
	if (next_answer(o, &r, ctx)) {
		redis_link_free(o->link);
		o->link = NULL;
		return -1;
	}
	if (r.type == RESP_NUMBER && r.number > c->congestion_threshold)
		return err_set(&ctx->err, "list '%.*s' of '%s' has %lld elements, more than 'congestion_threshold'", STR_ARG(str_sub(key, 0, 100)),
			       redis_server_name(o->server), (long long)r.number);
	/* An error is the RPUSH's, too, and judged there. */
	l->at_ns = now;
	return 0;
}

static int any_congested(struct redis_out *o, const struct pack *p, uint32_t from, uint32_t to, struct send_ctx *ctx)
{
	struct str before = {0};

	for (uint32_t i = from; i < to; i++) {
		struct str key = key_of(p, &p->item[i]);

		if (i > from && str_eq(key, before))
			continue;
		if (congested(o, key, ctx))
			return -1;
		before = key;
	}
	return 0;
}

/* ---- sending ---- */

/* The items from i on that one command takes. */
static uint32_t together(const struct redis_conn *c, const struct pack *p, uint32_t i, uint32_t to)
{
	struct str key = key_of(p, &p->item[i]);
	uint32_t n = 1;

	while (i + n < to && n < c->batch_events && str_eq(key_of(p, &p->item[i + n]), key))
		n++;
	return n;
}

static void put_commands(struct redis_out *o, const struct pack *p, uint32_t from, uint32_t to)
{
	struct buf *out = redis_link_out(o->link);
	uint32_t n;

	for (uint32_t i = from; i < to; i += n) {
		n = together(o->conn, p, i, to);
		resp_command(out, n + 2);
		resp_word(out, o->conn->type == TYPE_LIST ? STR("RPUSH") : STR("PUBLISH"));
		resp_word(out, key_of(p, &p->item[i]));
		for (uint32_t k = i; k < i + n; k++)
			resp_word(out, item_document(p, &p->item[k]));
	}
}

/* What Redis says may pass (memory, loading, a failover), be repaired by somebody, or be about this key for good. */
static enum verdict verdict_of(struct str refusal)
{
	static const struct {
		struct str word;
		enum verdict verdict;
	} known[] = {
		{STR_INIT("OOM "), VERDICT_RETRY},	  {STR_INIT("LOADING "), VERDICT_RETRY},  {STR_INIT("BUSY "), VERDICT_RETRY},
		{STR_INIT("READONLY "), VERDICT_RETRY},  {STR_INIT("MASTERDOWN "), VERDICT_RETRY}, {STR_INIT("CLUSTERDOWN "), VERDICT_RETRY},
		{STR_INIT("TRYAGAIN "), VERDICT_RETRY},  {STR_INIT("NOREPLICAS "), VERDICT_RETRY}, {STR_INIT("MISCONF "), VERDICT_HOLD},
		{STR_INIT("NOAUTH "), VERDICT_HOLD},	  {STR_INIT("NOPERM "), VERDICT_HOLD},	  {STR_INIT("WRONGTYPE "), VERDICT_DEAD},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_starts(refusal, known[i].word))
			return known[i].verdict;
	return VERDICT_HOLD;
}

static void judge(struct redis_out *o, struct pack *p, uint32_t i, uint32_t n, const struct resp *r, struct send_ctx *ctx)
{
	enum verdict v = r->type == RESP_NUMBER ? VERDICT_DELIVERED : r->type == RESP_ERROR ? verdict_of(r->text) : VERDICT_RETRY;

	for (; n; i++, n--) {
		if (v == VERDICT_DEAD)
			pack_note(p, i, v, 0, 0, r->text);
		else
			p->item[i].verdict = (uint8_t)v;
	}
	if (v == VERDICT_RETRY || v == VERDICT_HOLD)
		err_set(&ctx->err, "'%s' refuses: %.*s", redis_server_name(o->server), STR_ARG(str_sub(r->text, 0, 200)));
}

/* How many items from `from` on have their verdict when a connection breaks. */
static uint32_t take_answers(struct redis_out *o, struct pack *p, uint32_t from, uint32_t to, struct send_ctx *ctx)
{
	uint32_t n;

	for (uint32_t i = from; i < to; i += n) {
		struct resp r;

		n = together(o->conn, p, i, to);
		if (next_answer(o, &r, ctx))
			return i - from;
		judge(o, p, i, n, &r, ctx);
		arena_clear(&o->scratch);
	}
	return to - from;
}

static enum send_result redis_send(void *conn, void *link, struct pack *p, uint32_t from, uint32_t to, struct send_ctx *ctx)
{
	struct redis_conn *c = conn;
	struct redis_out *o = link;
	uint32_t judged;

	ctx->err.text[0] = 0;
	if (connected(o, ctx))
		return SEND_RETRY;
	if (c->congestion_threshold && any_congested(o, p, from, to, ctx))
		return SEND_RETRY;
	put_commands(o, p, from, to);
	if (redis_link_out(o->link)->over) {
		redis_link_free(o->link);
		o->link = NULL;
		err_set(&ctx->err, "too much at once");
		return SEND_TOO_BIG;
	}
	judged = take_answers(o, p, from, to, ctx);
	if (from + judged == to)
		return SEND_JUDGED;
	redis_link_free(o->link);
	o->link = NULL;
	ctx->maybe_sent = true;
	if (judged == 0)
		return SEND_RETRY;
	for (uint32_t i = from + judged; i < to; i++)
		p->item[i].verdict = VERDICT_RETRY;
	return SEND_JUDGED;
}

static const char *const data_types[] = {"list", "channel", NULL};

#define AT(field) offsetof(struct redis_output, field)
static const struct option options[] = {
	{"data_type", OPT_ENUM, AT(data_type), .choices = data_types, .flags = OPT_REQUIRED, .doc = "list: RPUSH; channel: PUBLISH"},
	{"key", OPT_TMPL, AT(key), .flags = OPT_REQUIRED, .doc = "name of the list or channel; %{...} may be in it"},
	{"host", OPT_LIST, AT(host), .def = "[\"127.0.0.1\"]", .doc = "servers, each with :PORT if it has one of its own; one is used until it fails"},
	{"shuffle_hosts", OPT_BOOL, AT(shuffle_hosts), .def = "true", .doc = "begin with any of them"},
	{"batch", OPT_BOOL, AT(batch), .def = "false", .doc = "several events in one RPUSH"},
	{"batch_events", OPT_INT, AT(batch_events), .def = "50", .min = 1, .max = 100000, .doc = "how many at most"},
	{"batch_timeout", OPT_IGNORED, 0, .doc = "events wait only while a request is under way"},
	{"reconnect_interval", OPT_IGNORED, 0, .doc = "tries after a failure are 1 s to 30 s apart, as for every output"},
	{"congestion_threshold", OPT_INT, AT(congestion_threshold), .def = "0", .min = 0, .max = INT64_MAX,
	 .doc = "data_type list: elements in the list beyond which no more are added until somebody takes some; 0: no bound"},
	{"congestion_interval", OPT_INT, AT(congestion_interval), .def = "1", .min = 0, .max = 86400, .doc = "seconds between two looks at its length"},
	REDIS_OPTIONS(struct redis_output, server),
	{"queue", OPT_OBSOLETE, .instead = "key and data_type => \"list\"", .doc = "name of the list"},
	{"name", OPT_IGNORED, 0, .doc = "use id"},
	QUEUE_OPTIONS(struct redis_output, queue, "1"),
	{0},
};

static const struct output_ops ops = {
	.queue_offset = offsetof(struct redis_output, queue),
	.pack_bytes = 1024 * 1024,
	.render = redis_render,
	.start = redis_start,
	.stop = redis_stop,
	.link_open = redis_link_begin,
	.link_close = redis_link_end,
	.send = redis_send,
	.describe = redis_describe,
};

OUTPUT(redis, .size = sizeof(struct redis_output), .options = options, .open = redis_open, .output = &ops, .default_codec = "json",
       .doc = "appends events to Redis lists, or publishes them in channels")
