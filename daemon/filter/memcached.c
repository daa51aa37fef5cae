/*
 * memcached.c - the filter `memcached`: fields are stored under keys, and what is there under keys becomes fields. A waiting step; work thread but
 * for the client's own (memcached_module.h).
 *
 * Values, keys and servers are those of Dalli, the client that Logstash has, so that both may work on the same data: values in Ruby's own form
 * (marshal.h) or, where somebody else stored them, as they are; long keys cut and hashed; several servers on one ring. Of one event the fields are
 * stored first; the events of a batch stand in their order.
 */
#include "base/ip.h"
#include "filter/digest.h"
#include "filter/marshal.h"
#include "filter/memcached_module.h"
#include "filter/support.h"
#include "filter/ttl_cache.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	DEFAULT_PORT = 11211,
	POINTS = 160, /* of a server on the ring, on average */
	KEY_MAX = 250,
	CUT_KEY = 249, /* where there is a namespace, one more */
	VALUE_MAX_BYTES = 8 * 1024 * 1024,
	FLAG_MARSHAL = 1,
	FLAG_DEFLATED = 2,
	RELATIVE_MAX_S = 30 * 24 * 3600, /* a longer time is one of the clock's */
};

struct rule {
	const struct tmpl *key;
	const struct ref *field;
};

struct memcached {
	const struct list *hosts;
	struct str namespace, tag;
	const struct map *get, *set;
	int64_t ttl, cache_size;
	double cache_ttl, timeout;
	/* made by open() */
	struct rule *reads, *writes;
	uint32_t nreads, nwrites;
	struct str origin;
	struct ttl_cache *cache; /* as entry_of() puts it; NULL: none */
	const struct memcached_module *module;
	struct memcached_client *client;
};

/* What one event needs. */
struct order {
	struct memcached_op **set, **get; /* get: one for each rule, NULL where the cache knows */
	uint32_t nset;
	struct str *known; /* what that said */
};

/* All of a unit. */
struct asked {
	struct memcached_unit unit; /* first: so that it can be cast back */
	struct arena arena;
	struct order **order;
	uint32_t norders, order_cap, op_cap;
	struct map *fresh; /* key -> the read of it that no write follows; NULL: none */
	bool started;
};

/* ---- opening ---- */

static int open_rules(struct memcached *m, struct arena *a, struct err *err)
{
	m->nreads = m->get ? m->get->n : 0;
	m->nwrites = m->set ? m->set->n : 0;
	m->reads = arena_alloc(a, m->nreads * sizeof(*m->reads) + 1);
	m->writes = arena_alloc(a, m->nwrites * sizeof(*m->writes) + 1);
	for (uint32_t i = 0; i < m->nreads; i++) {
		const struct entry *e = &m->get->e[i];

		m->reads[i] = (struct rule){tmpl_compile(a, key_str(&e->key)), ref_compile(a, value_text(a, &e->val), err)};
		if (!m->reads[i].field)
			return -1;
	}
	for (uint32_t i = 0; i < m->nwrites; i++) {
		const struct entry *e = &m->set->e[i];

		m->writes[i] = (struct rule){tmpl_compile(a, value_text(a, &e->val)), ref_compile(a, key_str(&e->key), err)};
		if (!m->writes[i].field)
			return -1;
	}
	return 0;
}

struct host {
	struct str name;
	uint64_t port, weight;
};

/* "h", "h:11211", "h:11211:2", "::1", "[::1]:11211" */
static int parse_host(struct str s, struct host *h, struct err *err)
{
	struct str rest = STR(""), part;
	struct ip ip;
	ptrdiff_t at;

	*h = (struct host){.name = s, .port = DEFAULT_PORT, .weight = 1};
	if (ip_parse(s, &ip))
		return 0;
	at = s.len && s.p[0] == '[' ? str_chr(s, ']') : -1;
	if (at > 0) {
		h->name = str_sub(s, 1, (size_t)at - 1);
		rest = str_from(s, (size_t)at + 1);
	} else if ((at = str_chr(s, ':')) >= 0) {
		h->name = str_sub(s, 0, (size_t)at);
		rest = str_from(s, (size_t)at);
	}
	if (rest.len) {
		rest = str_from(rest, 1);
		if (str_cut(&rest, ':', &part)) {
			if (!str_u64(rest, 1000, &h->weight) || h->weight == 0)
				goto bad;
			rest = part;
		}
		if (!str_u64(rest, 65535, &h->port) || h->port == 0)
			goto bad;
	}
	if (h->name.len && h->name.p[0] != '/' && str_chr(h->name, ':') < 0)
		return 0;
	if (ip_parse(h->name, &ip))
		return 0;
bad:
	return err_set(err, "'hosts': '%.*s' is no host or host:port", STR_ARG(s));
}

static int by_place(const void *a, const void *b)
{
	const struct memcached_point *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

/* Each server stands at many places of a ring, as Dalli's Ring puts them there. */
static void build_ring(struct arena *a, const struct host *host, struct memcached_setup *s)
{
	uint64_t weights = 0;
	struct memcached_point *ring;
	unsigned n = 0, at = 0;

	for (unsigned i = 0; i < s->n; i++)
		weights += host[i].weight;
	for (unsigned i = 0; i < s->n; i++)
		n += (unsigned)(s->n * POINTS * host[i].weight / weights);
	ring = arena_alloc(a, n * sizeof(*ring) + 1);
	for (unsigned i = 0; i < s->n; i++)
		for (unsigned k = 0; k < s->n * POINTS * host[i].weight / weights; k++) {
			unsigned char d[DIGEST_BYTES_MAX];

			digest_bytes(DIGEST_SHA1, (struct str){0}, arena_printf(a, "%.*s:%u:%u", STR_ARG(host[i].name), (unsigned)host[i].port, k), d);
			ring[at++] = (struct memcached_point){(uint32_t)d[0] << 24 | (uint32_t)d[1] << 16 | (uint32_t)d[2] << 8 | d[3], i};
		}
	qsort(ring, at, sizeof(*ring), by_place);
	s->ring = ring;
	s->points = at;
}

static int open_hosts(struct memcached *m, struct arena *a, struct memcached_setup *s, struct err *err)
{
	uint32_t n = m->hosts ? m->hosts->n : 0;
	const char **name = arena_alloc(a, n * sizeof(*name) + 1);
	uint16_t *port = arena_alloc(a, n * sizeof(*port) + 1);
	struct host *host = arena_alloc(a, n * sizeof(*host) + 1);
	struct buf b;

	if (n == 0)
		return err_set(err, "'hosts' is empty");
	buf_init(&b, 0);
	buf_str(&b, m->namespace);
	for (uint32_t i = 0; i < n; i++) {
		if (parse_host(value_text(a, &m->hosts->v[i]), &host[i], err)) {
			buf_release(&b);
			return -1;
		}
		name[i] = arena_dupz(a, host[i].name);
		port[i] = (uint16_t)host[i].port;
		buf_printf(&b, "\n%s:%u", name[i], port[i]);
	}
	m->origin = arena_dup(a, buf_slice(&b));
	buf_release(&b);
	s->host = name;
	s->port = port;
	s->n = n;
	if (n > 1)
		build_ring(a, host, s);
	return 0;
}

static int memcached_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	static const struct module_file file = {"memcached", MEMCACHED_MODULE_VERSION, "The client of the filter memcached", "libmemcached11"};
	static const struct memcached_host host = {MEMCACHED_HOST(MODULE_HOST_FILL) .log_threshold = &log_threshold};
	struct memcached *m = self;
	struct memcached_setup s = {.value_max = VALUE_MAX_BYTES};

	if (!(m->timeout > 0 && m->timeout < 1e6))
		return err_set(err, "'timeout' is a number of seconds above 0");
	if (open_rules(m, ctx->arena, err) || open_hosts(m, ctx->arena, &s, err))
		return -1;
	s.timeout_ns = (int64_t)(m->timeout * 1e9);
	m->module = (const struct memcached_module *)module_open(&file, err);
	if (m->module)
		m->client = m->module->open(&host, &s, err);
	if (!m->client)
		return -1;
	if (m->cache_ttl > 0 && m->cache_size > 0)
		m->cache = ttl_cache_new((size_t)m->cache_size, (int64_t)(m->cache_ttl * 1e9));
	return 0;
}

static void memcached_close(void *self)
{
	struct memcached *m = self;

	if (m->module)
		m->module->close(m->client);
	ttl_cache_free(m->cache);
}

static void memcached_adopt(void *self, void *former)
{
	struct memcached *m = self, *f = former;

	if (!m->cache || !str_eq(m->origin, f->origin) || m->cache_ttl != f->cache_ttl || m->cache_size != f->cache_size)
		return;
	ttl_cache_free(m->cache);
	m->cache = f->cache;
	f->cache = NULL;
}

/* ---- keys and values ---- */

/* -1: there is none. Lives in the arena a. */
static int make_key(const struct memcached *m, const struct tmpl *t, const struct event *ev, struct arena *a, const struct clock *clock, struct str *out)
{
	unsigned char d[DIGEST_BYTES_MAX];
	struct str key;
	size_t n;

	if (tmpl_render(t, ev, ev->arena, clock, &key, NULL) || key.len == 0 || str_chr(key, 0) >= 0)
		return -1;
	key = m->namespace.len ? arena_printf(a, "%.*s:%.*s", STR_ARG(m->namespace), STR_ARG(key)) : arena_dup(a, key);
	*out = key;
	if (key.len <= KEY_MAX)
		return 0;
	n = digest_bytes(DIGEST_MD5, (struct str){0}, key, d);
	*out = arena_printf(a, "%.*s:md5:%.*s", CUT_KEY + (m->namespace.len > 0) - 5 - 32, key.p, STR_ARG(digest_hex(a, d, n)));
	return 0;
}

/* RFC 1950. */
static bool inflate_value(struct arena *a, struct str in, struct str *out)
{
	struct buf b;
	z_stream z = {.next_in = (unsigned char *)(uintptr_t)in.p, .avail_in = (unsigned)in.len};
	int rc = inflateInit(&z);

	buf_init(&b, VALUE_MAX_BYTES);
	while (rc == Z_OK) {
		char *room = buf_room(&b, 65536);

		if (!room)
			break;
		z.next_out = (unsigned char *)room;
		z.avail_out = 65536;
		rc = inflate(&z, Z_NO_FLUSH);
		b.len += 65536 - z.avail_out;
		if (rc == Z_OK && z.avail_in == 0 && z.avail_out)
			break;
	}
	inflateEnd(&z);
	if (rc == Z_STREAM_END)
		*out = arena_dup(a, buf_slice(&b));
	buf_release(&b);
	return rc == Z_STREAM_END;
}

static bool read_stored(struct arena *a, struct str s, uint32_t flags, struct value *out)
{
	struct err err;

	if (flags & FLAG_DEFLATED && !inflate_value(a, s, &s))
		return false;
	if (!(flags & FLAG_MARSHAL)) {
		*out = v_str(arena_dup(a, s));
		return true;
	}
	if (marshal_read(a, s, out, &err) == 0)
		return true;
	log_warn("filter", "memcached: %s", err.text);
	return false;
}

/* In the cache: "0" for no such key, else "1", the flags, the value. */
static struct str entry_of(struct arena *a, const struct memcached_op *op)
{
	char *p;

	if (op->outcome != CACHED)
		return STR("0");
	p = arena_bytes(a, 10 + op->got.len);
	snprintf(p, 10, "1%08x", op->got_flags);
	if (op->got.len)
		memcpy(p + 9, op->got.p, op->got.len);
	return str_n(p, 9 + op->got.len);
}

/* false: broken. *there: whether the key is there. */
static bool read_entry(struct arena *a, struct str s, bool *there, struct value *out)
{
	uint64_t flags = 0;

	*there = str_starts(s, STR("1"));
	return !*there || (str_hex64(str_sub(s, 1, 8), &flags) && read_stored(a, str_from(s, 9), (uint32_t)flags, out));
}

/* ---- the questions ---- */

static struct asked *asked_of(struct wait *wait)
{
	struct asked *w = wait->data;

	if (!w) {
		w = xzalloc(sizeof(*w));
		arena_init(&w->arena, NULL);
		wait->data = w;
	}
	return w;
}

static struct memcached_op *add_op(struct asked *w, struct str key)
{
	struct memcached_op *op = arena_zalloc(&w->arena, sizeof(*op));

	op->key = key;
	buf_init(&op->got, VALUE_MAX_BYTES);
	if (w->unit.n == w->op_cap) {
		uint32_t cap = w->op_cap ? w->op_cap * 2 : 16;

		w->unit.op = arena_grow(&w->arena, w->unit.op, w->op_cap * sizeof(*w->unit.op), cap * sizeof(*w->unit.op));
		w->op_cap = cap;
	}
	w->unit.op[w->unit.n++] = op;
	return op;
}

static struct memcached_op *add_read(struct asked *w, struct str key)
{
	struct value *v = w->fresh ? map_find_str(w->fresh, key) : NULL;

	if (v)
		return w->unit.op[v->i];
	if (!w->fresh)
		w->fresh = map_new(&w->arena, 16);
	map_push(&w->arena, w->fresh, key_make(key), v_int(w->unit.n));
	return add_op(w, key);
}

static uint32_t expires(const struct memcached *m, const struct clock *clock)
{
	return (uint32_t)(m->ttl > RELATIVE_MAX_S ? clock_wall(clock) / 1000000000 + m->ttl : m->ttl);
}

static void add_write(const struct memcached *m, struct asked *w, struct order *o, struct str key, const struct value *v, const struct clock *clock)
{
	struct memcached_op *op = add_op(w, key);
	struct buf b;

	buf_init(&b, 0);
	marshal_write(&b, v);
	op->set = true;
	op->value = arena_dup(&w->arena, buf_slice(&b));
	op->flags = FLAG_MARSHAL;
	op->expires = expires(m, clock);
	buf_release(&b);
	o->set[o->nset++] = op;
	w->fresh = NULL; /* what is read behind it is asked for again */
}

/* All keys first: one that cannot be leaves nothing half done. */
static int make_keys(const struct memcached *m, const struct event *ev, struct arena *a, const struct clock *clock, struct str *set, struct str *get)
{
	for (uint32_t i = 0; i < m->nwrites; i++)
		if (make_key(m, m->writes[i].key, ev, a, clock, &set[i]))
			return -1;
	for (uint32_t i = 0; i < m->nreads; i++)
		if (make_key(m, m->reads[i].key, ev, a, clock, &get[i]))
			return -1;
	return 0;
}

static enum step finish_order(struct memcached *m, struct event *ev, const struct order *o, const struct clock *clock);

static enum step failed(const struct memcached *m, struct event *ev)
{
	event_tag(ev, m->tag);
	return STEP_PASS;
}

static enum step memcached_ask(void *self, struct event *ev, struct wait *wait, unsigned *slot, struct step_ctx *ctx)
{
	struct memcached *m = self;
	struct asked *w = asked_of(wait);
	struct order *o = arena_zalloc(&w->arena, sizeof(*o));
	struct str *set = arena_alloc(&w->arena, m->nwrites * sizeof(*set) + 1), *get = arena_alloc(&w->arena, m->nreads * sizeof(*get) + 1);
	bool any = false;

	o->set = arena_zalloc(&w->arena, m->nwrites * sizeof(*o->set) + 1);
	o->get = arena_zalloc(&w->arena, m->nreads * sizeof(*o->get) + 1);
	o->known = arena_zalloc(&w->arena, m->nreads * sizeof(*o->known) + 1);
	if (make_keys(m, ev, &w->arena, ctx->clock, set, get))
		return failed(m, ev);
	for (uint32_t i = 0; i < m->nwrites; i++) {
		const struct value *v = event_get(ev, m->writes[i].field);

		if (v && v->type != V_NULL) {
			add_write(m, w, o, set[i], v, ctx->clock);
			any = true;
		}
	}
	for (uint32_t i = 0; i < m->nreads; i++) {
		struct str known;

		if (m->cache && ttl_cache_get(m->cache, get[i], clock_mono(ctx->clock), &known)) {
			o->known[i] = arena_dup(&w->arena, known);
			continue;
		}
		o->get[i] = add_read(w, get[i]);
		any = true;
	}
	if (!any)
		return finish_order(m, ev, o, ctx->clock);
	if (w->norders == w->order_cap) {
		uint32_t cap = w->order_cap ? w->order_cap * 2 : 16;

		w->order = arena_grow(&w->arena, w->order, w->order_cap * sizeof(*w->order), cap * sizeof(*w->order));
		w->order_cap = cap;
	}
	*slot = w->norders;
	w->order[w->norders++] = o;
	return STEP_WAIT;
}

static void memcached_start(void *self, struct wait *wait)
{
	struct memcached *m = self;
	struct asked *w = wait->data;

	w->started = true;
	m->module->run(m->client, &w->unit, wait);
}

/* ---- the answers ---- */

static enum step finish_order(struct memcached *m, struct event *ev, const struct order *o, const struct clock *clock)
{
	uint32_t hits = 0;

	for (uint32_t i = 0; i < o->nset; i++)
		if (o->set[i]->outcome == CACHED_ERROR)
			return failed(m, ev);
	for (uint32_t i = 0; i < m->nreads; i++)
		if (o->get[i] && o->get[i]->outcome == CACHED_ERROR)
			return failed(m, ev);
	for (uint32_t i = 0; i < m->nreads; i++) {
		struct value v;
		bool there;

		if (o->get[i]) {
			there = o->get[i]->outcome == CACHED;
			if (m->cache)
				ttl_cache_put(m->cache, o->get[i]->key, entry_of(ev->arena, o->get[i]), clock_mono(clock));
			if (there && !read_stored(ev->arena, buf_slice(&o->get[i]->got), o->get[i]->got_flags, &v))
				return failed(m, ev);
		} else if (!read_entry(ev->arena, o->known[i], &there, &v)) {
			return failed(m, ev);
		}
		if (!there || v.type == V_NULL)
			continue;
		hits++;
		if (!filter_set(ev, m->reads[i].field, v))
			return failed(m, ev);
	}
	return o->nset || hits ? STEP_OK : STEP_PASS;
}

static enum step memcached_finish(void *self, struct event *ev, struct wait *wait, unsigned slot, struct step_ctx *ctx)
{
	const struct asked *w = wait->data;

	return finish_order(self, ev, w->order[slot], ctx->clock);
}

static void memcached_wait_release(void *self, struct wait *wait)
{
	struct memcached *m = self;
	struct asked *w = wait->data;

	if (!w)
		return;
	if (w->started)
		m->module->settle(m->client, &w->unit);
	for (unsigned i = 0; i < w->unit.n; i++)
		buf_release(&w->unit.op[i]->got);
	arena_release(&w->arena);
	free(w);
	wait->data = NULL;
}

#define AT(member) offsetof(struct memcached, member)
static const struct option options[] = {
	{"hosts", OPT_LIST, AT(hosts), .def = "[\"localhost\"]", .doc = "servers: host, host:port or host:port:weight"},
	{"namespace", OPT_STRING, AT(namespace), .doc = "stands before each key, with a colon"},
	{"get", OPT_HASH, AT(get), .doc = "key with %{field} => field that reads its value"},
	{"set", OPT_HASH, AT(set), .doc = "field => key with %{field} under which its value is stored; done before `get`"},
	{"ttl", OPT_INT, AT(ttl), .def = "0", .min = 0, .max = 1000000000, .doc = "seconds that a stored value stays; 0: until the server needs its place"},
	{"tag_on_failure", OPT_STRING, AT(tag), .def = "\"_memcached_failure\"", .doc = "tag where no server could be asked, or a value is none that is understood"},
	{"lru_cache_ttl", OPT_FLOAT, AT(cache_ttl), .def = "0", .doc = "seconds that an answer is remembered, also that there is none; 0: not at all"},
	{"lru_cache_max_size", OPT_INT, AT(cache_size), .def = "1024", .min = 0, .max = 10000000, .doc = "answers that are remembered"},
	{"timeout", OPT_FLOAT, AT(timeout), .flags = OPT_WEIR, .def = "1", .doc = "seconds for a connection, and for an answer"},
	{0},
};
#undef AT

FILTER(memcached, .size = sizeof(struct memcached), .options = options, .doc = "stores fields in memcached, and reads values from it",
       .open = memcached_open, .close = memcached_close,
       .filter = {.ask = memcached_ask, .start = memcached_start, .finish = memcached_finish, .wait_release = memcached_wait_release, .adopt = memcached_adopt})
