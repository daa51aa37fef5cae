/*
 * dns.c - the filter `dns`: names become addresses, and addresses names. A waiting step; work thread but for the resolver's own (dns_module.h).
 *
 * An event is a row of steps, first those of `resolve`, then those of `reverse`. The first that fails ends it: what the steps before set stays, and
 * the common options do not run. All questions of a unit go out together, each once; a step of `reverse` over a field that `resolve` replaces is
 * asked with that answer. Then the steps are done event by event as Logstash does them one after the other, with what the caches hold by then.
 * Differences: an address and a name have caches of their own (Logstash mixes them up when one value is asked both ways), and a name without an
 * IPv4 address gets its IPv6 one whatever addresses this host has.
 */
#include "base/log.h"
#include "filter/dns_module.h"
#include "filter/hosts.h"
#include "filter/support.h"
#include "filter/ttl_cache.h"

#include <idn2.h>
#include <stdlib.h>
#include <unistd.h>

enum action { ACTION_APPEND, ACTION_REPLACE };
enum { SEARCH_MAX = 6, SERVERS_MAX = 16 };

/* One field of `resolve` or `reverse`. */
struct look {
	const struct ref *ref;
	bool reverse;
	int after; /* its value is the answer of that one; -1: it is the event's */
};

struct dns {
	const struct list *resolve, *reverse, *hostsfile, *tags;
	struct value nameserver;
	int action;
	double timeout, hit_ttl, failed_ttl;
	int64_t retries, hit_size, failed_size;
	struct look *look;
	unsigned nlooks;
	struct hosts *hosts;
	unsigned nhosts;
	const struct dns_module *module;
	struct resolver *resolver; /* NULL: only hosts files */
	struct ttl_cache *hits, *failures;
	struct str origin; /* where answers come from, as text */
};

/* The questions of one unit. */
struct asked {
	struct questions questions; /* first: so that it can be cast back */
	struct arena arena;
	struct map *index; /* "fweb.example" -> number of its question */
	unsigned cap;
	bool started;
};

/* ---- opening ---- */

static int open_looks(struct dns *d, struct arena *a, struct err *err)
{
	unsigned nresolve = d->resolve ? d->resolve->n : 0, nreverse = d->reverse ? d->reverse->n : 0;
	const struct ref **forward = filter_refs(a, d->resolve, err), **back = forward ? filter_refs(a, d->reverse, err) : NULL;

	if (!back)
		return -1;
	d->look = arena_alloc(a, (nresolve + nreverse) * sizeof(*d->look) + 1);
	for (unsigned i = 0; i < nresolve + nreverse; i++) {
		struct look *l = &d->look[d->nlooks++];

		*l = (struct look){.ref = i < nresolve ? forward[i] : back[i - nresolve], .reverse = i >= nresolve, .after = -1};
		for (unsigned k = 0; l->reverse && d->action == ACTION_REPLACE && k < nresolve; k++)
			if (str_eq(forward[k]->text, l->ref->text))
				l->after = (int)k;
	}
	return 0;
}

/* "192.0.2.1", "192.0.2.1:5353", "2001:db8::1", "[2001:db8::1]:5353": as c-ares wants it. */
static int add_server(struct buf *out, struct str s, struct err *err)
{
	struct str address = s;
	uint64_t port = 53;
	ptrdiff_t colon = str_rchr(s, ':');
	struct ip ip;

	if (!ip_parse(s, &ip) && colon >= 0 && str_u64(str_from(s, (size_t)colon + 1), 65535, &port)) {
		address = str_sub(s, 0, (size_t)colon);
		if (address.len > 2 && address.p[0] == '[' && address.p[address.len - 1] == ']')
			address = str_sub(address, 1, address.len - 2);
	}
	if (port == 0 || !ip_parse(address, &ip))
		return err_set(err, "'nameserver': '%.*s' is no address", STR_ARG(s));
	if (out->len)
		buf_ch(out, ',');
	buf_printf(out, str_chr(address, ':') < 0 ? "%.*s:%u" : "[%.*s]:%u", STR_ARG(address), (unsigned)port);
	return 0;
}

/* A text, or a list of such. */
static unsigned texts_of(struct arena *a, const struct value *v, struct str *out, unsigned max)
{
	unsigned n = 0;

	if (!v)
		return 0;
	if (v->type != V_LIST) {
		out[0] = value_text(a, v);
		return 1;
	}
	for (; n < v->list->n && n <= max; n++)
		if (n < max)
			out[n] = value_text(a, &v->list->v[n]);
	return n;
}

/* { address => [...] search => [...] ndots => 1 } */
static int read_hash(struct dns *d, struct arena *a, const struct map *m, const struct value **address, struct resolver_setup *setup, struct str search[SEARCH_MAX],
		     struct err *err)
{
	const struct value *ndots = map_find_str(m, STR("ndots"));
	uint64_t n = 1;

	*address = map_find_str(m, STR("address"));
	if (!*address)
		return err_set(err, "'nameserver' needs 'address'");
	setup->nsearch = texts_of(a, map_find_str(m, STR("search")), search, SEARCH_MAX);
	if (setup->nsearch > SEARCH_MAX)
		return err_set(err, "'nameserver': at most 6 'search' domains");
	if (ndots && (!str_u64(value_text(a, ndots), 255, &n) || n == 0))
		return err_set(err, "'nameserver': 'ndots' is a number above 0");
	setup->ndots = (unsigned)n;
	for (uint32_t i = 0; i < m->n; i++) {
		struct str k = key_str(&m->e[i].key);

		if (!str_eqz(k, "address") && !str_eqz(k, "search") && !str_eqz(k, "ndots"))
			return err_set(err, "'nameserver' has no '%.*s'", STR_ARG(k));
	}
	return 0;
}

/* -1: refused, 0: no server is asked, 1: those of *setup. */
static int read_nameserver(struct dns *d, struct arena *a, struct resolver_setup *setup, struct err *err)
{
	struct str *search = arena_alloc(a, SEARCH_MAX * sizeof(*search)), server[SERVERS_MAX];
	const struct value *v = &d->nameserver, *address = v;
	struct buf text;
	unsigned n;
	int rc = 0;

	if (v->type == V_NONE)
		return d->hostsfile ? 0 : 1;
	if (v->type == V_LIST && v->list->n == 0)
		return 0;
	setup->ndots = 1;
	if (v->type == V_LIST && v->list->n == 1 && v->list->v[0].type == V_MAP)
		v = &v->list->v[0];
	if (v->type == V_MAP && read_hash(d, a, v->map, &address, setup, search, err))
		return -1;
	setup->search = search;
	n = texts_of(a, address, server, SERVERS_MAX);
	if (n == 0 || n > SERVERS_MAX)
		return err_set(err, "'nameserver' has %s", n ? "more than 16 addresses" : "no address");
	buf_init(&text, 0);
	for (unsigned i = 0; i < n && rc == 0; i++)
		rc = add_server(&text, server[i], err);
	setup->servers = arena_dupz(a, buf_slice(&text));
	buf_release(&text);
	return rc ? -1 : 1;
}

static int open_hosts(struct dns *d, struct plugin_ctx *ctx, struct err *err)
{
	static const char etc[] = "/etc/hosts";
	unsigned n = d->hostsfile ? d->hostsfile->n : 0;

	d->hosts = arena_zalloc(ctx->arena, (n + 1) * sizeof(*d->hosts));
	for (; d->nhosts < n; d->nhosts++)
		if (hosts_read(ctx->arena, value_text(ctx->arena, &d->hostsfile->v[d->nhosts]), &d->hosts[d->nhosts], err))
			return -1;
	if (access(etc, R_OK) == 0) {
		if (hosts_read(ctx->arena, STR("/etc/hosts"), &d->hosts[n], err))
			return -1;
		d->nhosts++;
	}
	return 0;
}

/* Caches of another setup must not be taken over. */
static struct str origin_of(const struct dns *d, const struct resolver_setup *setup, bool asks, struct arena *a)
{
	struct buf b;
	struct str s;

	buf_init(&b, 0);
	buf_printf(&b, "%s ndots %u", asks ? setup->servers ? setup->servers : "resolv.conf" : "none", setup->ndots);
	for (unsigned i = 0; i < setup->nsearch; i++)
		buf_printf(&b, " %.*s", STR_ARG(setup->search[i]));
	for (uint32_t i = 0; d->hostsfile && i < d->hostsfile->n; i++)
		buf_printf(&b, "\n%.*s", STR_ARG(value_text(a, &d->hostsfile->v[i])));
	s = arena_dup(a, buf_slice(&b));
	buf_release(&b);
	return s;
}

/* Only a filter that asks servers needs the module. */
static int open_resolver(struct dns *d, const struct resolver_setup *setup, struct err *err)
{
	static const struct module_file file = {"dns", DNS_MODULE_VERSION, "The resolver of the filter dns", "libc-ares2"};
	static const struct dns_host host = {DNS_HOST(MODULE_HOST_FILL)};

	d->module = (const struct dns_module *)module_open(&file, err);
	if (d->module)
		d->resolver = d->module->open(&host, setup, err);
	return d->resolver ? 0 : -1;
}

static void dns_close(void *self)
{
	struct dns *d = self;

	if (d->module)
		d->module->close(d->resolver);
	ttl_cache_free(d->hits);
	ttl_cache_free(d->failures);
}

static int dns_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct dns *d = self;
	struct resolver_setup setup = {0};
	int asks = read_nameserver(d, ctx->arena, &setup, err);

	if (asks < 0 || open_looks(d, ctx->arena, err) || open_hosts(d, ctx, err))
		return -1;
	if (!(d->timeout > 0 && d->timeout < 1e6))
		return err_set(err, "'timeout' is a number of seconds above 0");
	if (!(d->hit_ttl >= 0 && d->hit_ttl < 1e9 && d->failed_ttl >= 0 && d->failed_ttl < 1e9))
		return err_set(err, "'hit_cache_ttl' and 'failed_cache_ttl' are numbers of seconds");
	setup.timeout_ns = (int64_t)(d->timeout * 1e9);
	setup.retries = (unsigned)d->retries;
	d->origin = origin_of(d, &setup, asks, ctx->arena);
	if (asks && open_resolver(d, &setup, err))
		return -1;
	if (d->hit_size)
		d->hits = ttl_cache_new((size_t)d->hit_size, (int64_t)(d->hit_ttl * 1e9));
	if (d->failed_size)
		d->failures = ttl_cache_new((size_t)d->failed_size, (int64_t)(d->failed_ttl * 1e9));
	return 0;
}

static void take_cache(struct ttl_cache **mine, struct ttl_cache **former)
{
	ttl_cache_free(*mine);
	*mine = *former;
	*former = NULL;
}

static void dns_adopt(void *self, void *former)
{
	struct dns *d = self, *f = former;

	if (!str_eq(d->origin, f->origin))
		return;
	if (d->hit_size == f->hit_size && d->hit_ttl == f->hit_ttl)
		take_cache(&d->hits, &f->hits);
	if (d->failed_size == f->failed_size && d->failed_ttl == f->failed_ttl)
		take_cache(&d->failures, &f->failures);
}

/* ---- one value ---- */

enum fit {
	FIT,
	FIT_ABSENT, /* no field: the next step */
	FIT_NOT,    /* nothing to ask about: the end */
};

/* What a step has to ask about, and whether it stands in a list. */
static enum fit value_of(const struct look *l, const struct event *ev, struct str *raw, bool *in_list)
{
	const struct value *v = event_get(ev, l->ref);
	struct ip ip;

	*in_list = false;
	if (!v || v->type == V_NULL)
		return FIT_ABSENT;
	if (v->type == V_LIST) {
		if (v->list->n != 1)
			return FIT_NOT;
		*in_list = true;
		v = &v->list->v[0];
	}
	if (v->type != V_STRING)
		return FIT_NOT;
	*raw = value_str(v);
	if (str_chr(*raw, '\0') >= 0)
		return FIT_NOT;
	return l->reverse && !ip_parse(*raw, &ip) ? FIT_NOT : FIT;
}

/* A name and an address may be the same text. */
static struct str cache_key(struct arena *a, bool reverse, struct str raw)
{
	return arena_printf(a, "%c%.*s", reverse ? 'r' : 'f', STR_ARG(raw));
}

static bool is_ascii(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

/* RFC 5890: what is asked for instead of a name with other letters. false: such a name cannot be. */
static bool name_to_ascii(struct arena *a, struct str name, struct str *out)
{
	char *z;

	*out = name;
	if (is_ascii(name))
		return true;
	if (idn2_to_ascii_8z(arena_dupz(a, name), &z, IDN2_TRANSITIONAL | IDN2_NFC_INPUT) != IDN2_OK)
		return false;
	*out = arena_dup(a, str_z(z));
	idn2_free(z);
	return true;
}

static struct str name_to_unicode(struct arena *a, struct str name)
{
	char *z;
	struct str out = name;

	if (str_find(name, STR("xn--")) < 0 || idn2_to_unicode_8z8z(arena_dupz(a, name), &z, 0) != IDN2_OK)
		return out;
	out = arena_dup(a, str_z(z));
	idn2_free(z);
	return out;
}

/* What is known without a name server. */
static bool known_here(const struct dns *d, bool reverse, struct str text, struct str *answer)
{
	struct key k = key_make(text);
	struct ip ip;

	if (!reverse && ip_parse(text, &ip)) {
		*answer = text;
		return true;
	}
	for (unsigned i = 0; i < d->nhosts; i++) {
		const struct value *v = map_find(reverse ? &d->hosts[i].name : &d->hosts[i].address, &k);

		if (v) {
			*answer = value_str(v);
			return true;
		}
	}
	return false;
}

/* ---- questions ---- */

static struct asked *asked_new(void)
{
	struct asked *w = xzalloc(sizeof(*w));

	arena_init(&w->arena, NULL);
	w->index = map_new(&w->arena, 16);
	return w;
}

static struct question *question_new(struct asked *w, bool reverse, struct str text)
{
	struct question *q = arena_alloc(&w->arena, sizeof(*q));

	q->reverse = reverse;
	q->text = text;
	q->then = NULL;
	return q;
}

static struct question *question_find(const struct asked *w, struct arena *a, bool reverse, struct str text)
{
	struct value *v = map_find_str(w->index, cache_key(a, reverse, text));

	return v ? w->questions.ask[v->i] : NULL;
}

static struct question *question_of(struct asked *w, struct arena *a, bool reverse, struct str text)
{
	struct question *q = question_find(w, a, reverse, text);
	struct str key;

	if (q)
		return q;
	key = cache_key(&w->arena, reverse, text);
	if (w->questions.n == w->cap) {
		unsigned cap = w->cap ? w->cap * 2 : 16;

		w->questions.ask = arena_grow(&w->arena, w->questions.ask, w->cap * sizeof(*w->questions.ask), cap * sizeof(*w->questions.ask));
		w->cap = cap;
	}
	map_push(&w->arena, w->index, key_make(key), v_int(w->questions.n));
	q = question_new(w, reverse, str_from(key, 1));
	w->questions.ask[w->questions.n++] = q;
	return q;
}

/* What a step will be asked about, as far as that is known before any answer. */
struct ahead {
	struct str text;	/* its answer, where it is known here */
	struct question *question;
};

/* Puts the questions of the event into w. false: none is needed. */
static bool gather(struct dns *d, struct asked *w, struct event *ev, const struct clock *clock)
{
	struct ahead *ahead = arena_zalloc(ev->arena, d->nlooks * sizeof(*ahead) + 1);
	int64_t now_ns = clock_mono(clock);
	bool any = false;

	for (unsigned i = 0; i < d->nlooks; i++) {
		const struct look *l = &d->look[i];
		struct str raw, key, text;
		bool in_list;
		enum fit fit = value_of(l, ev, &raw, &in_list);
		struct ip ip;

		if (l->after >= 0 && ahead[l->after].question) {
			struct question *first = ahead[l->after].question;

			if (!first->then)
				first->then = question_new(w, true, STR(""));
			continue;
		}
		if (l->after >= 0 && ahead[l->after].text.p) {
			raw = ahead[l->after].text;
			fit = ip_parse(raw, &ip) ? FIT : FIT_NOT;
		}
		if (fit == FIT_ABSENT)
			continue;
		if (fit == FIT_NOT)
			break;
		key = cache_key(ev->arena, l->reverse, raw);
		if (d->failures && ttl_cache_get(d->failures, key, now_ns, NULL))
			break;
		if (d->hits && ttl_cache_get(d->hits, key, now_ns, &text)) {
			ahead[i].text = arena_dup(ev->arena, text);
			continue;
		}
		if (!name_to_ascii(ev->arena, raw, &text))
			break;
		if (known_here(d, l->reverse, text, &ahead[i].text))
			continue;
		if (!d->resolver)
			break;
		ahead[i].question = question_of(w, ev->arena, l->reverse, text);
		any = true;
	}
	return any;
}

/* ---- the steps, with all answers there ---- */

static void put(struct dns *d, struct event *ev, const struct look *l, bool in_list, struct str answer)
{
	struct value *v = event_get(ev, l->ref), a = v_str(answer);
	struct list *both;

	if (d->action == ACTION_REPLACE && !in_list) {
		(void)filter_set(ev, l->ref, a);
		return;
	}
	both = list_new(ev->arena, 2);
	if (d->action == ACTION_APPEND)
		list_push(ev->arena, both, in_list ? v->list->v[0] : *v);
	list_push(ev->arena, both, a);
	(void)filter_set(ev, l->ref, v_list(both));
}

static enum step fail(struct dns *d, struct str key, int64_t now_ns)
{
	if (d->failures)
		ttl_cache_put(d->failures, key, STR(""), now_ns);
	return STEP_PASS;
}

/* The question that stands for the step. */
static const struct question *question_for(const struct dns *d, const struct asked *w, struct arena *a, const struct question *const *of, const struct look *l, struct str text)
{
	if (l->after >= 0 && of[l->after])
		return of[l->after]->then;
	return w ? question_find(w, a, l->reverse, text) : NULL;
}

/* w: NULL where nothing was asked. */
static enum step apply(struct dns *d, struct event *ev, const struct asked *w, const struct clock *clock)
{
	const struct question **of = arena_zalloc(ev->arena, d->nlooks * sizeof(*of) + 1);
	int64_t now_ns = clock_mono(clock);

	for (unsigned i = 0; i < d->nlooks; i++) {
		const struct look *l = &d->look[i];
		const char *what = l->reverse ? "reverse" : "resolve";
		struct str raw, key, text, answer;
		bool in_list;
		enum fit fit = value_of(l, ev, &raw, &in_list);

		if (fit == FIT_ABSENT) {
			log_warn("filter", "dns: nothing to %s in the missing field '%.*s'", what, STR_ARG(l->ref->text));
			continue;
		}
		if (fit == FIT_NOT) {
			log_debug("filter", "dns: cannot %s the value of '%.*s'", what, STR_ARG(l->ref->text));
			return STEP_PASS;
		}
		key = cache_key(ev->arena, l->reverse, raw);
		if (d->failures && ttl_cache_get(d->failures, key, now_ns, NULL))
			return STEP_PASS;
		if (d->hits && ttl_cache_get(d->hits, key, now_ns, &answer)) {
			put(d, ev, l, in_list, arena_dup(ev->arena, answer));
			continue;
		}
		if (!name_to_ascii(ev->arena, raw, &text)) {
			log_warn("filter", "dns: the value of '%.*s' cannot be a name", STR_ARG(l->ref->text));
			return STEP_PASS;
		}
		if (!known_here(d, l->reverse, text, &answer)) {
			of[i] = question_for(d, w, ev->arena, of, l, text);
			if (!of[i] || of[i]->outcome == RESOLVED_NOTHING)
				return fail(d, key, now_ns);
			if (of[i]->outcome == RESOLVED_TIMEOUT) {
				filter_failed(ev, d->tags);
				return fail(d, key, now_ns);
			}
			answer = str_z(of[i]->answer);
		}
		answer = arena_dup(ev->arena, answer);
		if (l->reverse)
			answer = name_to_unicode(ev->arena, answer);
		if (d->hits)
			ttl_cache_put(d->hits, key, answer, now_ns);
		put(d, ev, l, in_list, answer);
	}
	return STEP_OK;
}

/* ---- the waiting step ---- */

static enum step dns_ask(void *self, struct event *ev, struct wait *wait, unsigned *slot, struct step_ctx *ctx)
{
	struct dns *d = self;

	if (!wait->data)
		wait->data = asked_new();
	*slot = 0;
	return gather(d, wait->data, ev, ctx->clock) ? STEP_WAIT : apply(d, ev, NULL, ctx->clock);
}

static void dns_start(void *self, struct wait *wait)
{
	struct dns *d = self;
	struct asked *w = wait->data;

	w->started = true;
	d->module->ask(d->resolver, &w->questions, wait);
}

static enum step dns_finish(void *self, struct event *ev, struct wait *wait, unsigned slot, struct step_ctx *ctx)
{
	return apply(self, ev, wait->data, ctx->clock);
}

static void dns_wait_release(void *self, struct wait *wait)
{
	struct dns *d = self;
	struct asked *w = wait->data;

	if (!w)
		return;
	if (w->started)
		d->module->settle(d->resolver, &w->questions);
	arena_release(&w->arena);
	free(w);
	wait->data = NULL;
}

static const char *const actions[] = {"append", "replace", NULL};

#define AT(member) offsetof(struct dns, member)
static const struct option options[] = {
	{"resolve", OPT_LIST, AT(resolve), .doc = "fields that hold a name, which becomes an address"},
	{"reverse", OPT_LIST, AT(reverse), .doc = "fields that hold an address, which becomes a name"},
	{"action", OPT_ENUM, AT(action), .def = "append", .choices = actions, .doc = "whether the answer stands behind the value or in its place"},
	{"nameserver", OPT_ANY, AT(nameserver),
	 .doc = "servers to ask: addresses, also with a port (\"192.0.2.1:5353\"), or a hash with `address`, `search` and `ndots`; default: those of "
		"/etc/resolv.conf; [] or only `hostsfile`: none"},
	{"timeout", OPT_FLOAT, AT(timeout), .def = "0.5", .doc = "seconds that one server has for an answer"},
	{"max_retries", OPT_INT, AT(retries), .def = "2", .min = 0, .max = 100, .doc = "how often all servers are asked again when none answered"},
	{"hit_cache_size", OPT_INT, AT(hit_size), .def = "0", .min = 0, .max = 10000000, .doc = "answers that are remembered; 0: none"},
	{"hit_cache_ttl", OPT_FLOAT, AT(hit_ttl), .def = "60", .doc = "for how many seconds"},
	{"failed_cache_size", OPT_INT, AT(failed_size), .def = "0", .min = 0, .max = 10000000,
	 .doc = "values without an answer that are remembered, and not asked about again; 0: none"},
	{"failed_cache_ttl", OPT_FLOAT, AT(failed_ttl), .def = "5", .doc = "for how many seconds"},
	{"hostsfile", OPT_LIST, AT(hostsfile), .doc = "files like /etc/hosts that are looked into before it; read at the start and at a reload"},
	{"tag_on_timeout", OPT_LIST, AT(tags), .def = "[\"_dnstimeout\"]", .doc = "tags of an event for which no server answered"},
	{0},
};
#undef AT

FILTER(dns, .size = sizeof(struct dns), .options = options, .doc = "names to addresses and addresses to names, by name servers and hosts files",
       .open = dns_open, .close = dns_close,
       .filter = {.ask = dns_ask, .start = dns_start, .finish = dns_finish, .wait_release = dns_wait_release, .adopt = dns_adopt})
