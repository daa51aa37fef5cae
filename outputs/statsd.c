/*
 * statsd.c - output `statsd`: counters and the like made of events.
 *
 *	NAMESPACE.SENDER.METRIC:VALUE|TYPE[|@RATE]          c, g, ms, s; several with LF between them
 *
 * An item is what one event says: a datagram, or lines on a TCP connection. A datagram counts as delivered once the kernel has it.
 */
#include "base/number.h"
#include "event/ruby_text.h"
#include "outputs/net_link.h"

#include <sys/random.h>

struct stat {
	const struct tmpl *name, *value;
};

enum kind { INCREMENT, DECREMENT, COUNT, TIMING, SET, GAUGE, KINDS };

struct statsd {
	struct queue_options queue;
	struct str host;
	int64_t port;
	int protocol;
	const struct tmpl *namespace, *sender;
	const struct list *names[2]; /* increment, decrement */
	const struct map *values[4]; /* count, timing, set, gauge */
	double sample_rate;
	/* made by open() */
	struct stat *stat[KINDS];
	uint32_t n[KINDS];
	uint64_t random;
	char rate[NUMBER_TEXT_MAX + 4]; /* |@0.1 */
	size_t rate_len;
};

static int statsd_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct statsd *s = self;
	uint32_t all = 0;

	for (unsigned k = 0; k < KINDS; k++) {
		const struct list *l = k < COUNT ? s->names[k] : NULL;
		const struct map *m = k < COUNT ? NULL : s->values[k - COUNT];

		s->n[k] = l ? l->n : m ? m->n : 0;
		s->stat[k] = arena_zalloc(ctx->arena, (s->n[k] + 1) * sizeof(**s->stat));
		for (uint32_t i = 0; i < s->n[k]; i++) {
			s->stat[k][i].name = tmpl_compile(ctx->arena, l ? option_text(ctx->arena, &l->v[i]) : key_str(&m->e[i].key));
			s->stat[k][i].value = m ? tmpl_compile(ctx->arena, option_text(ctx->arena, &m->e[i].val)) : NULL;
		}
		all += s->n[k];
	}
	if (!all)
		plugin_warn(ctx, "no metric is named: nothing is ever sent");
	if (!(s->sample_rate > 0 && s->sample_rate <= 1))
		return err_set(err, "'sample_rate' is more than 0 and at most 1");
	if (s->sample_rate < 1) {
		memcpy(s->rate, "|@", 2);
		s->rate_len = 2 + ruby_double_text(s->sample_rate, s->rate + 2);
	}
	if (getrandom(&s->random, sizeof(s->random), 0) != sizeof(s->random) || !s->random)
		s->random = 88172645463325252u;
	return 0;
}

/* Whether this one is of the sample. */
static bool sampled(struct statsd *s)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return s->sample_rate >= 1 || (double)(s->random >> 11) / (double)(UINT64_C(1) << 53) < s->sample_rate;
}

/* "::" is a dot; what the protocol needs for itself, and in a sender the dot, is an underscore. */
static void put_name(struct buf *b, struct str s, bool dots)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (c == ':' && i + 1 < s.len && s.p[i + 1] == ':') {
			c = '.';
			i++;
		} else if (c == ':' || c == '|' || c == '@' || (unsigned char)c < 0x20 || c == 0x7f) {
			c = '_';
		}
		buf_ch(b, c == '.' && !dots ? '_' : c);
	}
}

static void put_value(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		buf_ch(b, (unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f || s.p[i] == '|' ? '_' : s.p[i]);
}

struct names {
	struct str namespace, sender;
};

static int put_stat(struct statsd *s, enum kind kind, const struct stat *st, const struct names *names, const struct event *ev, struct buf *b,
		    size_t begun, struct render_ctx *ctx)
{
	static const char *const types[] = {"c", "c", "c", "ms", "s", "g"};
	struct str name, value = kind == INCREMENT ? STR("1") : STR("-1");

	if (tmpl_render(st->name, ev, ctx->scratch, ctx->clock, &name, &ctx->err) == -1 ||
	    (st->value && tmpl_render(st->value, ev, ctx->scratch, ctx->clock, &value, &ctx->err) == -1))
		return -1;
	if (b->len > begun)
		buf_ch(b, '\n');
	if (names->namespace.len) {
		put_value(b, names->namespace);
		buf_ch(b, '.');
	}
	put_name(b, names->sender, false);
	buf_ch(b, '.');
	put_name(b, name, true);
	buf_ch(b, ':');
	put_value(b, value);
	buf_printf(b, "|%s", types[kind]);
	buf_add(b, s->rate, s->rate_len);
	return 0;
}

static enum render_result statsd_render(void *self, const struct event *ev, struct pack *p, struct render_ctx *ctx)
{
	struct statsd *s = self;
	struct buf *b = pack_begin(p);
	struct names names;

	if (tmpl_render(s->namespace, ev, ctx->scratch, ctx->clock, &names.namespace, &ctx->err) == -1 ||
	    tmpl_render(s->sender, ev, ctx->scratch, ctx->clock, &names.sender, &ctx->err) == -1)
		return RENDER_DEAD;
	for (unsigned k = 0; k < KINDS; k++)
		for (uint32_t i = 0; i < s->n[k]; i++)
			if (sampled(s) && put_stat(s, (enum kind)k, &s->stat[k][i], &names, ev, b, p->begun, ctx) == -1)
				return RENDER_DEAD;
	if (b->len == p->begun)
		return RENDER_SKIP;
	if (b->over || b->len - p->begun > DATAGRAM_MAX) {
		err_set(&ctx->err, "larger than %d bytes", DATAGRAM_MAX);
		return RENDER_DEAD;
	}
	/* What a stream needs and a datagram does not. */
	buf_ch(b, '\n');
	if (b->over)
		return RENDER_DEAD;
	pack_end(p, 0, 1, 0);
	return RENDER_OK;
}

static void *statsd_start(const void *self, const struct plugin_ctx *ctx, struct err *err)
{
	const struct statsd *s = self;

	return net_conn_new(s->host, (int)s->port, s->protocol == 0, NULL);
}

static enum send_result statsd_send(void *conn, void *link, struct pack *p, uint32_t from, uint32_t to, struct send_ctx *ctx)
{
	return net_is_stream(conn) ? net_send_stream(conn, link, p, from, to, ctx) : net_send_datagrams(conn, link, p, from, to, ctx);
}

static const char *const protocols[] = {"udp", "tcp", NULL};

#define AT(m) offsetof(struct statsd, m)

static const struct option options[] = {
	{"host", OPT_STRING, AT(host), .def = "\"localhost\"", .doc = "where statsd listens"},
	{"port", OPT_INT, AT(port), .def = "8125", .min = 1, .max = 65535, .doc = "its port"},
	{"protocol", OPT_ENUM, AT(protocol), .def = "udp", .choices = protocols, .doc = "udp or tcp"},
	{"namespace", OPT_TMPL, AT(namespace), .def = "\"logstash\"", .doc = "first part of each name; may hold %{...}, as all texts here"},
	{"sender", OPT_TMPL, AT(sender), .def = "\"%{host}\"", .doc = "second part"},
	{"increment", OPT_LIST, AT(names[0]), .doc = "names that count 1"},
	{"decrement", OPT_LIST, AT(names[1]), .doc = "names that count -1"},
	{"count", OPT_HASH, AT(values[0]), .doc = "name => number"},
	{"timing", OPT_HASH, AT(values[1]), .doc = "name => milliseconds"},
	{"set", OPT_HASH, AT(values[2]), .doc = "name => element"},
	{"gauge", OPT_HASH, AT(values[3]), .doc = "name => value"},
	{"sample_rate", OPT_FLOAT, AT(sample_rate), .def = "1", .doc = "how many of them are sent: 0.1 is one in ten"},
	{"batch_size", OPT_IGNORED, 0, .doc = "what one event says is one datagram"},
	{"debug", OPT_IGNORED},
	QUEUE_OPTIONS(struct statsd, queue, "1"),
	{0},
};

static const struct output_ops ops = {
	.queue_offset = AT(queue),
	.pack_bytes = NET_PACK_BYTES,
	.ordered = true,
	.render = statsd_render,
	.start = statsd_start,
	.stop = net_conn_free,
	.link_open = net_link_open,
	.link_close = net_link_close,
	.send = statsd_send,
};

OUTPUT(statsd, .size = sizeof(struct statsd), .options = options, .open = statsd_open, .output = &ops,
       .doc = "sends counters and the like to statsd")
