/*
 * link.c - the filter `link`: which DNS queries were caused by which mail and ssh connections. Work thread.
 *
 * The parts and their tables are described in link_int.h. An event that says nothing about connections or questions leaves after one look at
 * event.action. Nothing waits: what an event can say of its chain is written into it, what is found out later becomes a link event behind
 * the event that brought it to light.
 */
#include "link_int.h"
#include "event/names.h"

enum { MEMORY_LEAST = 256 << 10 };
#define MEMORY_MOST (INT64_C(64) << 30)

static uint32_t elements(const struct map *m)
{
	uint32_t n = 0;

	for (uint32_t i = 0; m && i < m->n; i++)
		n += m->e[i].val.type == V_LIST ? m->e[i].val.list->n : 1;
	return n;
}

static int host_address(struct link *l, uint16_t host, struct str text)
{
	struct ip ip;

	if (!ip_parse(text, &ip))
		return -1;
	pair_configure(l->st, host, &ip);
	return 0;
}

/* An address, or another name of it. */
static int resolver_name(struct link *l, uint16_t host, struct str text)
{
	if (ip_parse(text, &l->resolver_ip[l->nresolvers])) {
		l->resolver_host[l->nresolvers++] = host;
		return 0;
	}
	if (text.len == 0)
		return -1;
	l->alias[l->naliases] = text;
	l->alias_host[l->naliases++] = host;
	return 0;
}

static int each(struct link *l, const struct map *m, const char *option, int (*fn)(struct link *l, uint16_t host, struct str text), struct err *err)
{
	for (uint32_t i = 0; m && i < m->n; i++) {
		struct value *v = &m->e[i].val;
		struct str name = key_str(&m->e[i].key);
		uint16_t host = state_host(l->st, name);
		uint32_t n = v->type == V_LIST ? v->list->n : 1;

		if (host == 0)
			return err_set(err, "no host can be called '%.*s'", STR_ARG(name));
		for (uint32_t j = 0; j < n; j++) {
			const struct value *one = v->type == V_LIST ? &v->list->v[j] : v;

			if (one->type != V_STRING || fn(l, host, value_str(one)) < 0)
				return err_set(err, "%s: '%.*s' of '%.*s' is no address", option, one->type == V_STRING ? (int)one->len : 1,
					       one->type == V_STRING ? one->s : "?", STR_ARG(name));
		}
	}
	return 0;
}

/* What the options say of hosts, into the state: again after it was taken over. */
static int configure(struct link *l, struct err *err)
{
	l->nresolvers = l->naliases = 0;
	if (each(l, l->hosts, "hosts", host_address, err) < 0)
		return -1;
	return each(l, l->resolvers, "resolvers", resolver_name, err);
}

static int link_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct link *l = self;
	struct label label[2] = {{"pipeline", ctx->settings->pipeline_id}, {"id", ctx->id}};
	uint32_t n = elements(l->resolvers) + 1;

	if (l->max_memory < MEMORY_LEAST || l->max_memory > MEMORY_MOST)
		return err_set(err, "max_memory is 256 KiB to 64 GiB");
	l->resolver_ip = arena_zalloc(ctx->arena, n * sizeof(*l->resolver_ip));
	l->resolver_host = arena_zalloc(ctx->arena, n * sizeof(*l->resolver_host));
	l->alias = arena_zalloc(ctx->arena, n * sizeof(*l->alias));
	l->alias_host = arena_zalloc(ctx->arena, n * sizeof(*l->alias_host));
	l->authorities = ref_compile(ctx->arena, STR("[weir][dns][authorities]"), err);
	l->serial = ref_compile(ctx->arena, STR("[weir][raw][serial]"), err);
	l->uid = ref_compile(ctx->arena, STR("[weir][raw][uid]"), err);
	l->k_name = key_named(STR("name"));
	l->k_type = key_named(STR("type"));
	l->k_ttl = key_named(STR("ttl"));
	l->k_data = key_named(STR("data"));
	l->st = state_new(l->max_memory);
	if (configure(l, err) < 0) {
		state_unref(l->st);
		return -1;
	}
	l->series = series_get(SCOPE_LINK, label, 2);
	return 0;
}

static void link_close(void *self)
{
	struct link *l = self;

	series_unref(l->series);
	state_unref(l->st);
}

/* The new plan's own options count; what was remembered goes on, unless the tables have another size now. */
static void link_adopt(void *self, void *former)
{
	struct link *l = self;
	const struct link *old = former;
	struct err err;

	if (l->max_memory != old->max_memory)
		return;
	state_unref(l->st);
	l->st = old->st;
	l->st->refs++;
	state_unconfigure(l->st);
	bug_on(configure(l, &err) < 0 && l->st->nhosts < HOSTS_MAX); /* open() has had the same options */
}

/* ---- events ---- */

/* Link events of one event, in its arena. */
struct told {
	unsigned n, at;
	struct link_msg *msg;
};

static void judge(struct link *l, const struct seen *s, struct verdict *v)
{
	switch (s->kind) {
	case SEEN_CONNECT:
	case SEEN_LINE:
	case SEEN_MISMATCH:
	case SEEN_CLOSE:
	case SEEN_AUTH:
		conn_seen(l, s, v);
		break;
	case SEEN_CQ:
		look_query(l, s, v);
		break;
	case SEEN_CR:
		look_answer(l, s, v);
		if (event_get(s->ev, l->authorities))
			cut_learn(l, s);
		break;
	case SEEN_FAILED:
		look_answer(l, s, v);
		break;
	case SEEN_FORWARD:
		look_forward(l, s, v);
		break;
	case SEEN_RQ:
	case SEEN_RR:
	case SEEN_HINT:
		fetch_seen(l, s, v);
		break;
	case SEEN_NOTHING:
		break;
	}
}

/* What it says of the chain nobody else reads; its own events come behind. */
static bool link_adds(const void *self)
{
	return true;
}

static enum step link_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	struct link *l = self;
	struct link_state *st = l->st;
	struct verdict v = {.arena = ev->arena, .lag = NEVER};
	struct told *told;
	struct seen s;

	link_ahead(l, ev);
	l->ahead.ev = NULL;
	if (!l->ahead.ours)
		return STEP_PASS;
	s = l->ahead.seen;
	if (!s.now)
		s.now = clock_wall(ctx->clock);
	if (s.service != SV_NONE)
		link_read_peer(&s);
	judge(l, &s, &v);
	if (st->sweep)
		group_sweep(l);
	link_write(ev, &v);
	if (++l->uncounted == 64 || s.now / SEC != l->counted_s) {
		l->uncounted = 0;
		l->counted_s = s.now / SEC;
		state_metrics(st, l->series);
	}
	st->linked += v.chain.len != 0;
	if (!st->nmsgs)
		return v.chain.len ? STEP_OK : STEP_PASS;
	told = arena_alloc(ctx->arena, sizeof(*told));
	*told = (struct told){.n = st->nmsgs, .msg = arena_alloc(ctx->arena, st->nmsgs * sizeof(*st->msg))};
	memcpy(told->msg, st->msg, st->nmsgs * sizeof(*st->msg));
	st->emitted += st->nmsgs;
	st->nmsgs = 0;
	ctx->gen = told;
	return STEP_FORK;
}

static int link_next(void *self, void *gen, const struct event *parent, struct event *child, struct step_ctx *ctx)
{
	struct told *told = gen;

	if (told->at == told->n)
		return 0;
	link_event(self, &told->msg[told->at++], parent, child);
	return 1;
}

static const struct option options[] = {
	{"hosts", OPT_HASH, offsetof(struct link, hosts), .flags = OPT_WEIR, .doc = "addresses that a log host asks its resolver from: { \"mail\" => [\"198.51.100.25\"] }; learnt where not said"},
	{"resolvers", OPT_HASH, offsetof(struct link, resolvers), .flags = OPT_WEIR, .doc = "addresses and further names of a resolver: { \"ns1\" => [\"198.51.100.53\", \"ns1.example.org\"] }"},
	{"max_memory", OPT_BYTES, offsetof(struct link, max_memory), .flags = OPT_WEIR, .def = "100663296", .doc = "what all tables may take together; they scale with it"},
	{0},
};

FILTER(link, .size = sizeof(struct link), .options = options, .doc = "links DNS queries to the mail and ssh connections that caused them",
       .stateful = true, .open = link_open, .close = link_close, .filter = {.run = link_run, .next = link_next, .ahead = link_ahead, .adds = link_adds, .adopt = link_adopt})
