#include "tool/story.h"

#include "event/fields.h"

#include <stdlib.h>

/* ---- reading events ---- */

static struct str text(const struct event *ev, enum field_id f)
{
	const struct value *v = event_get(ev, field_ref(f));

	return value_is(v, V_STRING) ? value_str(v) : (struct str){0};
}

static bool is(const struct event *ev, enum field_id f, const char *word)
{
	return str_eqz(text(ev, f), word);
}

/* The n-th text of a field that is one or a list of them. */
static bool nth_text(const struct event *ev, enum field_id f, uint32_t n, struct str *out)
{
	const struct value *v = event_get(ev, field_ref(f));

	if (value_is(v, V_LIST))
		v = n < v->list->n ? &v->list->v[n] : NULL;
	else if (n)
		v = NULL;
	if (!value_is(v, V_STRING))
		return false;
	*out = value_str(v);
	return true;
}

static struct str keep(struct story *st, struct str s)
{
	return s.len ? arena_dup(&st->arena, s) : (struct str){0};
}

static void count(struct story *st, struct tallies *t, struct str s)
{
	if (!s.len)
		return;
	for (unsigned i = 0; i < t->n; i++)
		if (str_eq(t->t[i].text, s)) {
			t->t[i].n++;
			return;
		}
	if (t->n == STORY_WORDS)
		t->more++;
	else
		t->t[t->n++] = (struct tally){keep(st, s), 1};
}

static void note_time(struct story *st, const struct store_hit *hit)
{
	if (!st->found || hit->time_ms < st->first_ms)
		st->first_ms = hit->time_ms;
	if (!st->found || hit->time_ms > st->last_ms)
		st->last_ms = hit->time_ms;
	st->found = true;
}

enum { EVIDENCE_STEP = 5, SAME_QUERY_MS = 10000, SAME_LINE_MS = 1500 };

/* A few of each step. */
static void prove(struct story *st, const struct store_hit *hit, unsigned step)
{
	unsigned same = 0;
	struct evidence *e;

	for (unsigned i = 0; i < st->nevidence; i++) {
		const struct store_hit *have = &st->evidence[i].hit;

		if (have->row == hit->row && str_eq(have->file, hit->file))
			return;
		same += st->evidence[i].step == step;
	}
	if (same == EVIDENCE_STEP || st->nevidence == STORY_EVIDENCE)
		return;
	e = &st->evidence[st->nevidence++];
	*e = (struct evidence){.hit = *hit, .step = step};
	event_copy(&e->hit.ev, &hit->ev, &st->arena);
	memcpy(e->hit.ev.id, hit->ev.id, sizeof(hit->ev.id));
	e->hit.ev.id_len = hit->ev.id_len;
	e->hit.json = keep(st, hit->json);
}

/* Every event under a key. fn false ends the walk. */
static void each(struct story *st, enum key_kind kind, struct str key, bool (*fn)(struct story *st, const struct store_hit *hit, void *arg),
		 void *arg)
{
	struct store_find f = {.since_ms = st->since_ms, .until_ms = st->until_ms, .kind = kind, .key = key};
	struct store_cursor *c = store_find(st->store, &f, &st->err);
	struct store_hit hit;
	struct arena a;
	bool go = true;

	if (!c)
		return;
	arena_init(&a, NULL);
	while (go && store_next(c, &a, &hit, &st->err) == 1) {
		go = fn(st, &hit, arg);
		arena_clear(&a);
	}
	arena_release(&a);
	store_cursor_free(&c);
}

/* ---- chains ---- */

/* What a link event said last of a pair. */
struct bond {
	struct str a, b;
	int64_t sequence; /* of a cause: what was said last counts */
	int told;	  /* of one chain: as often as it was said, less how often it was taken back */
	bool same; /* one chain; else b is a cause of a */
	bool on;
};

/* What a link event said of an event that is in another chain, or in none, by itself. */
struct move {
	struct str event, chain;
	int64_t sequence;
	bool on;
	int64_t confidence; /* -1: not said */
	struct str rule;
};

struct moves {
	struct story *st;
	struct move *m;
	size_t n, cap;
};

struct chain {
	struct str id;
	bool cut, read;
	struct chain *one; /* union-find */
};

struct chains {
	struct story *st;
	struct chain chain[STORY_CHAINS];
	unsigned n;
	struct str at; /* whose events are being read */
	struct bond *bond;
	size_t nbonds, cap;
};

static struct chain *chain_of(struct chains *c, struct str id)
{
	for (unsigned i = 0; i < c->n; i++)
		if (str_eq(c->chain[i].id, id))
			return &c->chain[i];
	if (c->n == STORY_CHAINS || !id.len)
		return NULL;
	c->chain[c->n] = (struct chain){.id = keep(c->st, id), .cut = id.p[0] == 'Z', .one = &c->chain[c->n]};
	return &c->chain[c->n++];
}

static void bond(struct chains *c, struct str a, struct str b, bool same, bool on, int64_t sequence)
{
	struct chain *x = chain_of(c, a), *y = chain_of(c, b);

	if (!x || !y)
		return;
	for (size_t i = 0; i < c->nbonds; i++) {
		struct bond *o = &c->bond[i];

		if (o->same != same || !((str_eq(o->a, a) && str_eq(o->b, b)) || (same && str_eq(o->a, b) && str_eq(o->b, a))))
			continue;
		o->told += on ? 1 : -1;
		if (same) {
			o->on = o->told > 0;
		} else if (sequence >= o->sequence) {
			o->sequence = sequence;
			o->on = on;
		}
		return;
	}
	if (c->nbonds == c->cap) {
		c->cap = c->cap ? 2 * c->cap : 256;
		c->bond = xrealloc(c->bond, c->cap * sizeof(*c->bond));
	}
	c->bond[c->nbonds++] = (struct bond){x->id, y->id, sequence, on ? 1 : -1, same, on};
}

/* ---- events that changed their chain ---- */

static int64_t sequence_of(const struct event *ev)
{
	const struct value *v = event_get(ev, field_ref(F_EVENT_SEQUENCE));

	return value_is(v, V_INT) ? v->i : INT64_MIN;
}

static int64_t confidence_of(const struct event *ev)
{
	const struct value *v = event_get(ev, field_ref(F_WEIR_CAUSE_CONFIDENCE));

	return value_is(v, V_INT) ? v->i : -1;
}

static bool take_moves(struct story *st, const struct store_hit *hit, void *arg)
{
	const struct event *ev = &hit->ev;
	struct moves *m = arg;
	struct str id, chain = text(ev, F_WEIR_CHAIN_ID), rule = text(ev, F_WEIR_CAUSE_RULE);
	bool on = is(ev, F_EVENT_ACTION, "link");

	if (!is(ev, F_EVENT_MODULE, "link") || (!on && !is(ev, F_EVENT_ACTION, "unlink")) || !nth_text(ev, F_WEIR_LINK_EVENT_ID, 0, &id))
		return true;
	chain = keep(st, chain);
	rule = keep(st, rule);
	for (uint32_t i = 0; nth_text(ev, F_WEIR_LINK_EVENT_ID, i, &id); i++) {
		if (m->n == m->cap) {
			m->cap = m->cap ? 2 * m->cap : 64;
			m->m = xrealloc(m->m, m->cap * sizeof(*m->m));
		}
		m->m[m->n++] = (struct move){keep(st, id), chain, sequence_of(ev), on, confidence_of(ev), rule};
	}
	return true;
}

static int by_event(const void *a, const void *b)
{
	const struct move *x = a, *y = b;
	int d = str_cmp(x->event, y->event);

	return d ? d : x->sequence != y->sequence ? (x->sequence < y->sequence ? -1 : 1) : 0;
}

/* What was said last of each event of the chain. */
static void moves_of_chain(struct story *st, struct moves *m, struct str chain)
{
	size_t n = 0;

	*m = (struct moves){.st = st};
	each(st, KEY_CHAIN, chain, take_moves, m);
	for (size_t i = 0; i < m->n; i++) /* link events that name it as a cause are of other chains */
		if (str_eq(m->m[i].chain, chain))
			m->m[n++] = m->m[i];
	m->n = n;
	if (n > 1)
		qsort(m->m, n, sizeof(*m->m), by_event);
	n = 0;
	for (size_t i = 0; i < m->n; i++)
		if (i + 1 == m->n || !str_eq(m->m[i].event, m->m[i + 1].event))
			m->m[n++] = m->m[i];
	m->n = n;
}

static const struct move *move_find(const struct moves *m, const struct event *ev)
{
	struct move want = {.event = str_n(ev->id, ev->id_len)};
	size_t lo = 0, hi = m->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (str_cmp(m->m[mid].event, want.event) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < m->n && str_eq(m->m[lo].event, want.event) ? &m->m[lo] : NULL;
}

/* Where an event ended up: the chain it says itself, or what link events said of it since. */
static void settle(struct story *st, struct str event, struct move *m)
{
	struct moves all = {.st = st};

	each(st, KEY_ID, event, take_moves, &all);
	if (all.n > 1)
		qsort(all.m, all.n, sizeof(*all.m), by_event);
	for (size_t i = 0; i < all.n; i++) {
		if (!str_eq(all.m[i].event, event))
			continue;
		if (all.m[i].on)
			*m = all.m[i];
		else if (str_eq(all.m[i].chain, m->chain))
			m->chain = (struct str){0};
	}
	free(all.m);
}

/* What one event says of chains. It is met under each chain that it names; what is counted is so under its own. */
static void read_bonds(struct chains *c, const struct event *ev)
{
	struct str id = text(ev, F_WEIR_CHAIN_ID), other;
	bool link = is(ev, F_EVENT_MODULE, "link"), unlink = link && is(ev, F_EVENT_ACTION, "unlink");
	bool same = link && (is(ev, F_EVENT_ACTION, "same-chain") || (unlink && id.len && id.p[0] != 'Z'));
	int64_t sequence = link ? sequence_of(ev) : INT64_MIN;

	if (!id.len || (link && event_get(ev, field_ref(F_WEIR_LINK_EVENT_ID))))
		return;
	(void)chain_of(c, id);
	for (uint32_t i = 0; nth_text(ev, F_WEIR_CAUSE_CHAIN_ID, i, &other); i++)
		if (!same || str_eq(id, c->at))
			bond(c, id, other, same, !unlink, sequence);
}

static bool take_bond(struct story *st, const struct store_hit *hit, void *arg)
{
	(void)st;
	read_bonds(arg, &hit->ev);
	return true;
}

static struct chain *root_of(struct chain *c)
{
	while (c->one != c)
		c = c->one = c->one->one;
	return c;
}

/* From the chains that are there to all that hang together with them, and which of them are one. */
static void follow(struct chains *c)
{
	for (unsigned i = 0; i < c->n; i++)
		if (!c->chain[i].read) {
			c->chain[i].read = true;
			c->at = c->chain[i].id;
			each(c->st, KEY_CHAIN, c->chain[i].id, take_bond, c);
		}
	for (size_t i = 0; i < c->nbonds; i++)
		if (c->bond[i].same && c->bond[i].on) {
			struct chain *a = root_of(chain_of(c, c->bond[i].a)), *b = root_of(chain_of(c, c->bond[i].b));

			a->one = b;
		}
}

static void chains_free(struct chains *c)
{
	if (c)
		free(c->bond);
	free(c);
}

/* ---- visitors ---- */

/* "145.111.137.185.in-addr.arpa" and ip6.arpa: the address, where the name is a whole one. */
static bool reverse_ip(struct str name, struct ip *out)
{
	static const struct str v4 = STR_INIT(".in-addr.arpa"), v6 = STR_INIT(".ip6.arpa");
	uint8_t b[16];
	struct str label;

	if (str_ends(name, v4)) {
		struct str rest = str_sub(name, 0, name.len - v4.len + 1);

		for (int i = 3; i >= 0; i--) {
			uint64_t v;

			if (!str_cut(&rest, '.', &label) || !str_u64(label, 255, &v))
				return false;
			b[i] = (uint8_t)v;
		}
		*out = ip_v4(b);
		return rest.len == 0;
	}
	if (!str_ends(name, v6) || name.len != 63 + v6.len)
		return false;
	for (int i = 0; i < 32; i++) {
		uint64_t v;

		if (!str_hex64(str_sub(name, (size_t)(62 - 2 * i), 1), &v))
			return false;
		b[i / 2] = (uint8_t)(i % 2 ? b[i / 2] | v : v << 4);
	}
	memcpy(out->b, b, 16);
	return true;
}

static struct str reverse_name(struct story *st, const struct ip *ip)
{
	static const char hex[] = "0123456789abcdef";
	char *p;

	if (ip_is_v4(ip))
		return arena_printf(&st->arena, "%u.%u.%u.%u.in-addr.arpa", ip->b[15], ip->b[14], ip->b[13], ip->b[12]);
	p = arena_bytes(&st->arena, 72);
	for (int i = 0; i < 32; i++) {
		p[2 * i] = hex[ip->b[15 - i / 2] >> (i % 2 ? 4 : 0) & 15];
		p[2 * i + 1] = '.';
	}
	memcpy(p + 64, "ip6.arpa", 8);
	return str_n(p, 72);
}

static struct visitor *visitor_of(struct story *st, const struct ip *ip)
{
	char out[IP_TEXT];
	struct visitor *v;

	for (unsigned i = 0; i < st->nvisitors; i++)
		if (ip_eq(&st->visitor[i]->ip, ip))
			return st->visitor[i];
	if (st->nvisitors == STORY_ADDRESSES) {
		st->more_visitors++;
		return NULL;
	}
	v = st->visitor[st->nvisitors++] = arena_zalloc(&st->arena, sizeof(*v));
	v->ip = *ip;
	v->text = arena_dup(&st->arena, str_n(out, ip_format(ip, out)));
	v->reverse = reverse_name(st, ip);
	return v;
}

static struct str who_is(struct story *st, const struct event *ev)
{
	struct str user = text(ev, F_SOURCE_USER_NAME), host = text(ev, F_SOURCE_DOMAIN);

	if (!event_get(ev, field_ref(F_WEIR_IDENTITY_KIND)))
		return (struct str){0};
	if (user.len && host.len)
		return arena_printf(&st->arena, "%.*s, %.*s", STR_ARG(user), STR_ARG(host));
	return keep(st, user.len ? user : host);
}

static struct str service_of(struct story *st, const struct event *ev)
{
	struct str type = text(ev, F_SERVICE_TYPE), provider = text(ev, F_EVENT_PROVIDER), host = text(ev, F_HOST_NAME);

	if (!provider.len)
		provider = type;
	if (type.len && !str_eq(type, provider) && !str_starts(provider, type))
		return arena_printf(&st->arena, "%.*s/%.*s on %.*s", STR_ARG(type), STR_ARG(provider), STR_ARG(host));
	return arena_printf(&st->arena, "%.*s on %.*s", STR_ARG(provider), STR_ARG(host));
}

struct visit {
	struct visitor *v;
	uint64_t screened; /* postscreen's connections */
	struct tallies screens;
};

static void failed_login(struct story *st, struct visitor *v, const struct event *ev, bool mail)
{
	struct str method = text(ev, F_POSTFIX_SASL_METHOD), user = text(ev, F_USER_NAME);

	v->auth_failed++;
	if (mail)
		count(st, &v->failures, method.len ? arena_printf(&st->arena, "SASL %.*s", STR_ARG(method)) : STR("SASL"));
	else
		count(st, &v->failures, STR("ssh"));
	count(st, &v->users, user.len ? user : text(ev, F_POSTFIX_SASL_USER));
}

static bool take_visit(struct story *st, const struct store_hit *hit, void *arg)
{
	const struct event *ev = &hit->ev;
	struct visit *x = arg;
	struct visitor *v = x->v;
	struct str action = text(ev, F_EVENT_ACTION), source = text(ev, F_SOURCE_IP);
	bool failure = is(ev, F_EVENT_OUTCOME, "failure"), mark = true;
	struct ip ip;

	/* Its address may stand in the event in another role. */
	if (!ip_parse(source, &ip) || !ip_eq(&ip, &v->ip))
		return true;
	if (!v->who.len)
		v->who = who_is(st, ev);
	if (str_eq(action, STR("smtp-connect")) && is(ev, F_EVENT_PROVIDER, "postscreen")) {
		x->screened++;
		count(st, &x->screens, service_of(st, ev));
	} else if (str_eq(action, STR("smtp-connect")) || str_eq(action, STR("ssh-connect"))) {
		v->connections++;
		count(st, &v->services, service_of(st, ev));
		count(st, &st->log_hosts, text(ev, F_HOST_NAME));
	} else if (str_eq(action, STR("smtp-auth")) && failure) {
		failed_login(st, v, ev, true);
	} else if (str_eq(action, STR("smtp-auth"))) {
		v->auth_ok++;
	} else if (str_eq(action, STR("ssh-login")) && failure) {
		failed_login(st, v, ev, false);
	} else if (str_eq(action, STR("ssh-login"))) {
		v->auth_ok++;
	} else if (str_eq(action, STR("smtp-reject"))) {
		v->rejected++;
	} else if (str_eq(action, STR("mail-accepted"))) {
		v->messages++;
	} else {
		mark = false;
	}
	if (!mark)
		return true;
	if (!v->first_ms || hit->time_ms < v->first_ms)
		v->first_ms = hit->time_ms;
	if (hit->time_ms > v->last_ms)
		v->last_ms = hit->time_ms;
	note_time(st, hit);
	prove(st, hit, 2);
	return true;
}

static void visit(struct story *st, struct visitor *v)
{
	struct visit x = {.v = v};

	each(st, KEY_IP, v->text, take_visit, &x);
	/* What postscreen lets pass connects to smtpd, too. */
	if (v->connections == 0 && x.screened) {
		v->connections = x.screened;
		v->services = x.screens;
	}
}

/* ---- look-ups ---- */

static struct str asking_host(struct story *st, const struct event *ev)
{
	struct str host = text(ev, F_SOURCE_DOMAIN);

	return host.len ? host : keep(st, text(ev, F_SOURCE_IP));
}

/* The same query told by a query log and by dnstap, or sent once more after a time-out, is one look-up. */
static bool told_before(struct story *st, struct visitor *v, const struct store_hit *hit)
{
	const struct event *ev = &hit->ev;
	const struct value *p = event_get(ev, field_ref(F_SOURCE_PORT));
	struct lookup l = {.from = text(ev, F_SOURCE_IP), .time_ms = hit->time_ms, .port = value_is(p, V_INT) ? p->i : -1,
			   .told_by = text(ev, F_WEIR_PARSE_FORMAT)};
	struct lookup *have = v->lookup;

	for (; have && l.time_ms - have->time_ms <= SAME_QUERY_MS; have = have->older) {
		if (!str_eq(have->from, l.from))
			continue;
		if (have->port >= 0 && have->port == l.port)
			return true;
		if ((have->port < 0 || l.port < 0) && !have->twice && !str_eq(have->told_by, l.told_by) &&
		    l.time_ms - have->time_ms <= SAME_LINE_MS)
			return have->twice = true;
	}
	have = arena_alloc(&st->arena, sizeof(*have));
	*have = l;
	have->from = keep(st, l.from);
	have->told_by = keep(st, l.told_by);
	have->older = v->lookup;
	v->lookup = have;
	return false;
}

/* A PTR query of a client for a whole reverse name. */
static bool take_lookup(struct story *st, const struct store_hit *hit, void *arg)
{
	const struct event *ev = &hit->ev;
	struct visitor *v;
	struct ip ip;

	(void)arg;
	if (!is(ev, F_EVENT_ACTION, "dns-client-query") || !is(ev, F_DNS_QUESTION_TYPE, "PTR") || !reverse_ip(text(ev, F_DNS_QUESTION_NAME), &ip))
		return true;
	v = visitor_of(st, &ip);
	if (!v || told_before(st, v, hit))
		return true;
	v->lookups++;
	count(st, &st->lookup_hosts, asking_host(st, ev));
	note_time(st, hit);
	prove(st, hit, 1);
	return true;
}

static bool rr_text(const struct value *rr, const char *key, struct str *out)
{
	const struct value *v = rr->type == V_MAP ? map_find_str(rr->map, str_z(key)) : NULL;

	if (!value_is(v, V_STRING))
		return false;
	*out = value_str(v);
	return true;
}

/* A delegation of a reverse zone to this server, and to whom else. */
static void read_delegation(struct story *st, const struct event *ev, struct str server)
{
	const struct value *list = event_get(ev, field_ref(F_WEIR_DNS_AUTHORITIES));
	struct str name, type, data;

	for (uint32_t i = 0; value_is(list, V_LIST) && i < list->list->n && !st->cut.len; i++) {
		const struct value *rr = &list->list->v[i];

		if (rr_text(rr, "name", &name) && rr_text(rr, "type", &type) && rr_text(rr, "data", &data) && str_eq(type, STR("NS")) &&
		    str_ieq(data, server) && str_ends(name, STR(".arpa")))
			st->cut = keep(st, name);
	}
	for (uint32_t i = 0; st->cut.len && i < list->list->n; i++) {
		const struct value *rr = &list->list->v[i];

		if (rr_text(rr, "name", &name) && rr_text(rr, "type", &type) && rr_text(rr, "data", &data) && str_eq(type, STR("NS")) &&
		    str_eq(name, st->cut))
			count(st, &st->servers, data);
	}
}

static void note_name(struct story *st, struct str name)
{
	for (unsigned i = 0; i < st->nnames; i++)
		if (str_eq(st->name[i].text, name)) {
			st->name[i].n++;
			return;
		}
	if (st->nnames < STORY_NAMES)
		st->name[st->nnames++] = (struct tally){keep(st, name), 1};
}

struct members {
	const struct chain *chain;
	struct moves moves;
	bool moved; /* now those that say another chain, or none */
};

/* An event of one of the chains: of a cut (what was chased), or of a connection (the look-up, the lines). */
static bool take_member(struct story *st, const struct store_hit *hit, void *arg)
{
	const struct event *ev = &hit->ev;
	const struct members *x = arg;
	const struct chain *c = x->chain;
	struct str name = text(ev, F_DNS_QUESTION_NAME);
	const struct move *move;
	struct ip ip;

	if (is(ev, F_EVENT_MODULE, "link") || str_eq(text(ev, F_WEIR_CHAIN_ID), c->id) == x->moved)
		return true;
	move = move_find(&x->moves, ev);
	if (move ? !move->on : x->moved)
		return true;
	if (c->cut) {
		if (is(ev, F_EVENT_ACTION, "dns-resolver-query") || is(ev, F_EVENT_ACTION, "dns-resolver-fetch")) {
			st->chase_queries++;
			note_name(st, name);
			note_time(st, hit);
			prove(st, hit, 0);
		}
		return true;
	}
	for (unsigned i = 0; !st->cut.len && i < st->nnames; i++)
		read_delegation(st, ev, st->name[i].text);
	if (!st->cut.len && st->kind == STORY_NAME)
		read_delegation(st, ev, st->subject);
	if (is(ev, F_DNS_QUESTION_TYPE, "PTR") && reverse_ip(name, &ip))
		(void)visitor_of(st, &ip);
	else if (str_starts(text(ev, F_EVENT_ACTION), STR("smtp-")) || str_starts(text(ev, F_EVENT_ACTION), STR("ssh-")))
		if (ip_parse(text(ev, F_SOURCE_IP), &ip))
			(void)visitor_of(st, &ip);
	return true;
}

/* ---- the subject ---- */

/* An event of the name: whoever asked, and the chain. */
struct mention {
	struct str event;
	struct move said; /* by itself */
	struct asker *asker;
	bool query;
};

struct start {
	struct chains *chains;
	struct mention *mention;
	size_t n, cap;
};

static struct asker *ask_counted(struct story *st, const struct event *ev)
{
	struct str ip = text(ev, F_SOURCE_IP);
	struct asker *a = NULL;

	if (!ip.len)
		return NULL;
	for (unsigned i = 0; i < st->naskers; i++)
		if (str_eq(st->asker[i].ip, ip))
			a = &st->asker[i];
	if (!a) {
		if (st->naskers == STORY_ASKERS)
			return NULL;
		a = &st->asker[st->naskers++];
		*a = (struct asker){.ip = keep(st, ip)};
	}
	if (!a->who.len)
		a->who = who_is(st, ev);
	a->n++;
	return a;
}

static void note_cause(struct story *st, int64_t confidence, struct str rule)
{
	if (confidence <= st->confidence)
		return;
	st->confidence = confidence;
	st->rule = keep(st, rule);
}

static bool take_subject(struct story *st, const struct store_hit *hit, void *arg)
{
	const struct event *ev = &hit->ev;
	struct start *s = arg;
	struct str action = text(ev, F_EVENT_ACTION);
	struct mention m = {.query = str_eq(action, STR("dns-client-query"))};

	if (is(ev, F_EVENT_MODULE, "link") || !str_eq(text(ev, F_DNS_QUESTION_NAME), st->subject))
		return true;
	note_time(st, hit);
	if (m.query) {
		m.asker = ask_counted(st, ev);
	} else if (str_eq(action, STR("dns-resolver-query"))) {
		st->resolver_queries++;
		count(st, &st->resolvers, text(ev, F_HOST_NAME));
	} else if (str_eq(action, STR("dns-resolver-fetch"))) {
		st->hints++;
		count(st, &st->resolvers, text(ev, F_HOST_NAME));
	} else {
		st->answers++;
	}
	if (str_ends(action, STR("query")) || str_ends(action, STR("fetch")))
		prove(st, hit, 0);
	m.event = keep(st, str_n(ev->id, ev->id_len));
	m.said = (struct move){.chain = keep(st, text(ev, F_WEIR_CHAIN_ID)), .confidence = confidence_of(ev), .rule = keep(st, text(ev, F_WEIR_CAUSE_RULE))};
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 64;
		s->mention = xrealloc(s->mention, s->cap * sizeof(*s->mention));
	}
	s->mention[s->n++] = m;
	return true;
}

/* The chains that the mentions are in by now. */
static void settle_mentions(struct story *st, struct start *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct mention *m = &s->mention[i];

		if (m->event.len)
			settle(st, m->event, &m->said);
		if (!m->said.chain.len)
			continue;
		(void)chain_of(s->chains, m->said.chain);
		if (m->asker)
			m->asker->caused++;
		if (!m->query || m->said.chain.p[0] == 'C')
			note_cause(st, m->said.confidence, m->said.rule);
	}
}

/* Membership only holds from what is a cause to what it caused. */
static bool causes(struct chains *c, const struct chain *cut, const struct chain *member)
{
	for (size_t i = 0; i < c->nbonds; i++) {
		const struct bond *b = &c->bond[i];

		if (!b->same && b->on && root_of(chain_of(c, b->a)) == root_of((struct chain *)cut) &&
		    root_of(chain_of(c, b->b)) == root_of((struct chain *)member))
			return true;
	}
	return false;
}

static void tell_of_chain(struct story *st, const struct chain *c)
{
	struct members x = {.chain = c};

	moves_of_chain(st, &x.moves, c->id);
	each(st, KEY_CHAIN, c->id, take_member, &x);
	x.moved = true;
	for (size_t i = 0; i < x.moves.n; i++)
		if (x.moves.m[i].on)
			each(st, KEY_ID, x.moves.m[i].event, take_member, &x);
	free(x.moves.m);
}

static void tell_of_chains(struct story *st, struct chains *c, bool (*wanted)(struct chains *c, struct chain *x, void *arg), void *arg)
{
	/* Cuts first: the names of their servers lead to the zone. */
	for (int cuts = 1; cuts >= 0; cuts--)
		for (unsigned i = 0; i < c->n; i++)
			if (c->chain[i].cut == (cuts == 1) && wanted(c, &c->chain[i], arg)) {
				if (cuts)
					count(st, &st->chains, c->chain[i].id);
				tell_of_chain(st, &c->chain[i]);
			}
}

struct beginnings {
	struct chain *first[64];
	unsigned n;
};

/* One of the chains it began with, or a cause of one. */
static bool leads_to(struct chains *c, struct chain *x, void *arg)
{
	const struct beginnings *b = arg;

	for (unsigned i = 0; i < b->n; i++)
		if (root_of(x) == root_of(b->first[i]) || causes(c, b->first[i], x))
			return true;
	return false;
}

/* Or what was caused by one. */
static bool comes_of(struct chains *c, struct chain *x, void *arg)
{
	const struct beginnings *b = arg;

	for (unsigned i = 0; i < b->n; i++)
		if (root_of(x) == root_of(b->first[i]) || causes(c, x, b->first[i]))
			return true;
	return false;
}

static struct beginnings begin_with(struct chains *c)
{
	struct beginnings b = {.n = 0};

	for (unsigned i = 0; i < c->n && b.n < sizeof(b.first) / sizeof(*b.first); i++)
		b.first[b.n++] = &c->chain[i];
	return b;
}

static void about_name(struct story *st, struct chains *c)
{
	struct start s = {.chains = c};
	struct beginnings b;

	each(st, KEY_NAME, st->subject, take_subject, &s);
	settle_mentions(st, &s);
	b = begin_with(c);
	follow(c);
	tell_of_chains(st, c, leads_to, &b);
	/* Everybody whose look-up went through the delegation, with or without a chain of its own. */
	if (st->cut.len) {
		struct str below = arena_printf(&st->arena, "*.%.*s", STR_ARG(st->cut));

		each(st, KEY_NAME, below, take_lookup, NULL);
	} else {
		for (unsigned i = 0; i < st->nvisitors; i++)
			each(st, KEY_NAME, st->visitor[i]->reverse, take_lookup, NULL);
	}
	for (unsigned i = 0; i < st->nvisitors; i++)
		visit(st, st->visitor[i]);
	free(s.mention);
}

static bool take_chain(struct story *st, const struct store_hit *hit, void *arg)
{
	struct chains *c = arg;

	if (text(&hit->ev, F_WEIR_CHAIN_ID).len && !is(&hit->ev, F_EVENT_MODULE, "link")) {
		(void)chain_of(c, text(&hit->ev, F_WEIR_CHAIN_ID));
		note_cause(st, confidence_of(&hit->ev), text(&hit->ev, F_WEIR_CAUSE_RULE));
	}
	return true;
}

static void about_address(struct story *st, struct chains *c, const struct ip *ip)
{
	struct visitor *v = visitor_of(st, ip);
	struct beginnings b;

	st->subject = v->text;
	each(st, KEY_NAME, v->reverse, take_lookup, NULL);
	visit(st, v);
	each(st, KEY_IP, v->text, take_chain, c);
	each(st, KEY_NAME, v->reverse, take_chain, c);
	b = begin_with(c);
	follow(c);
	tell_of_chains(st, c, comes_of, &b);
}

/* ---- whom it is about ---- */

static bool is_chain_id(struct str s)
{
	if (s.len != 14 || (s.p[0] != 'C' && s.p[0] != 'Z'))
		return false;
	for (size_t i = 1; i < s.len; i++)
		if (!ch_alnum(s.p[i]))
			return false;
	return true;
}

struct meant {
	struct str name;
	struct ip ip;
	bool has_ip;
};

/* What an event, or the events of a chain, are about. */
static bool take_meant(struct story *st, const struct store_hit *hit, void *arg)
{
	struct meant *m = arg;
	const struct event *ev = &hit->ev;
	struct str name = text(ev, F_DNS_QUESTION_NAME);
	struct ip ip;

	if (is(ev, F_EVENT_MODULE, "link"))
		return true;
	if (name.len) {
		m->has_ip = reverse_ip(name, &ip) && is(ev, F_WEIR_CHAIN_KIND, "connection");
		if (m->has_ip)
			m->ip = ip;
		else
			m->name = keep(st, name);
		return false;
	}
	m->has_ip = ip_parse(text(ev, F_SOURCE_IP), &m->ip);
	return !m->has_ip;
}

static struct str name_form(struct story *st, struct str s)
{
	char *p;

	if (s.len > 1 && s.p[s.len - 1] == '.')
		s.len--;
	p = arena_bytes(&st->arena, s.len + 1);
	for (size_t i = 0; i < s.len; i++)
		p[i] = ch_lower(s.p[i]);
	return str_n(p, s.len);
}

struct story *story_new(struct store *store, struct str subject, int64_t since_ms, int64_t until_ms, struct err *err)
{
	struct story *st = xzalloc(sizeof(*st));
	struct chains *c = xzalloc(sizeof(*c));
	struct meant m = {.name = {0}};

	arena_init(&st->arena, NULL);
	st->store = store;
	st->since_ms = since_ms;
	st->until_ms = until_ms;
	st->confidence = -1;
	c->st = st;
	m.has_ip = ip_parse(subject, &m.ip);
	if (!m.has_ip) {
		if (is_chain_id(subject))
			each(st, KEY_CHAIN, subject, take_meant, &m);
		else if (str_chr(subject, '.') < 0)
			each(st, KEY_ID, subject, take_meant, &m);
		if (!m.name.len)
			m.name = name_form(st, subject);
	}
	st->kind = m.has_ip ? STORY_ADDRESS : STORY_NAME;
	st->subject = m.name;
	if (m.has_ip)
		about_address(st, c, &m.ip);
	else
		about_name(st, c);
	chains_free(c);
	if (st->err.text[0]) {
		*err = st->err;
		story_free(st);
		return NULL;
	}
	return st;
}

void story_free(struct story *st)
{
	if (!st)
		return;
	arena_release(&st->arena);
	free(st);
}

bool story_any(struct story *st, const char *query)
{
	struct query_context ctx = {NULL};
	struct query_error e;
	struct store_find f = {.since_ms = st->since_ms, .until_ms = st->until_ms, .newest_first = true};
	struct store_cursor *c;
	struct store_hit hit;
	struct arena a;
	bool any;

	f.query = query_parse(&st->arena, str_z(query), &ctx, &e);
	c = f.query ? store_find(st->store, &f, &st->err) : NULL;
	if (!c)
		return false;
	arena_init(&a, NULL);
	any = store_next(c, &a, &hit, &st->err) == 1;
	arena_release(&a);
	store_cursor_free(&c);
	return any;
}
