#include "tool/story_int.h"

#include <stdlib.h>

/* ---- reading events ---- */

void story_count(struct story *st, struct tallies *t, struct str s)
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

void story_note_time(struct story *st, const struct store_hit *hit)
{
	if (!st->found || hit->time_ms < st->first_ms)
		st->first_ms = hit->time_ms;
	if (!st->found || hit->time_ms > st->last_ms)
		st->last_ms = hit->time_ms;
	st->found = true;
}

enum { EVIDENCE_STEP = 5, RESOLVERS_ASKED = 8 };

/* A few of each step. */
void story_prove(struct story *st, const struct store_hit *hit, unsigned step)
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
void story_each(struct story *st, enum key_kind kind, struct str key, bool (*fn)(struct story *st, const struct store_hit *hit, void *arg),
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

/* ---- the subject ---- */

/* An event of the name: whoever asked, and the chain. */
struct mention {
	struct str event;
	struct move said; /* by itself */
	struct lookup *lookup; /* a client's query, or the answer to it */
	bool query;
};

struct start {
	struct chains *chains;
	struct mention *mention;
	size_t n, cap;
};

/* An address that changed hands is another asker. */
static struct asker *find_asker(struct story *st, struct str ip, struct str who)
{
	struct asker *a;

	for (unsigned i = 0; i < st->naskers; i++)
		if (str_eq(st->asker[i].ip, ip) && str_eq(st->asker[i].who, who))
			return &st->asker[i];
	if (st->naskers == STORY_ASKERS)
		return NULL;
	a = &st->asker[st->naskers++];
	*a = (struct asker){.ip = keep(st, ip), .who = who};
	return a;
}

/* Whose questions they were. */
static void count_askers(struct story *st)
{
	story_settle_lookups(&st->asked);
	for (struct lookup *l = st->asked.asked; l; l = l->next) {
		l->asker = find_asker(st, l->from, l->host);
		if (!l->asker)
			continue;
		l->asker->n += !l->copy;
		l->asker->copies += l->copy;
	}
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
	bool is_new;

	if (is(ev, F_EVENT_MODULE, "link") || !str_eq(text(ev, F_DNS_QUESTION_NAME), st->subject))
		return true;
	story_note_time(st, hit);
	m.lookup = story_lookup(st, &st->asked, hit, &is_new);
	if (is_new)
		m.lookup->host = story_who_is(st, ev);
	if (str_eq(action, STR("dns-resolver-query"))) {
		st->resolver_queries++;
		story_count(st, &st->resolvers, text(ev, F_HOST_NAME));
	} else if (str_eq(action, STR("dns-resolver-fetch"))) {
		st->hints++;
		story_count(st, &st->resolvers, text(ev, F_HOST_NAME));
	} else if (!m.query) {
		st->answers++;
	}
	if (str_ends(action, STR("query")) || str_ends(action, STR("fetch")))
		story_prove(st, hit, 0);
	m.event = keep(st, str_n(ev->id, ev->id_len));
	m.said = (struct move){.chain = keep(st, text(ev, F_WEIR_CHAIN_ID)), .confidence = moves_confidence(ev), .rule = keep(st, text(ev, F_WEIR_CAUSE_RULE))};
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 64;
		s->mention = xrealloc(s->mention, s->cap * sizeof(*s->mention));
	}
	s->mention[s->n++] = m;
	return true;
}

/* Where nobody's question is in the store. */
static bool take_proof(struct story *st, const struct store_hit *hit, void *arg)
{
	(void)arg;
	if (!is(&hit->ev, F_EVENT_MODULE, "link"))
		story_prove(st, hit, 0);
	return st->nevidence < EVIDENCE_STEP;
}

/* The chains that the mentions are in by now. */
static void settle_mentions(struct story *st, struct start *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct mention *m = &s->mention[i];

		if (m->event.len)
			moves_settle(st, m->event, &m->said);
		if (!m->said.chain.len)
			continue;
		(void)chains_get(s->chains, m->said.chain);
		if (m->lookup && m->lookup->copy)
			continue;
		if (!m->query || m->said.chain.p[0] == 'C')
			note_cause(st, m->said.confidence, m->said.rule);
	}
}

/* A look-up of an address is a chain of its own until a connection is met in it: what it was for is known only then. What has a chain otherwise came of a look-up. */
static void count_caused(struct story *st, struct start *s)
{
	bool reverse = story_is_reverse(st);

	chains_spread_met(s->chains);
	for (size_t i = 0; i < s->n; i++) {
		struct lookup *l = s->mention[i].lookup;
		const struct chain *c = l && s->mention[i].said.chain.len ? chains_get(s->chains, s->mention[i].said.chain) : NULL;

		if (!c)
			continue;
		st->met |= c->met;
		if ((reverse && !c->met) || l->caused || l->copy || !l->asker)
			continue;
		l->caused = true;
		l->asker->caused++;
	}
}

/* Others ask him: what he asks may be theirs. */
static void find_resolvers(struct story *st)
{
	for (unsigned i = 0, n = 0; i < st->naskers && n < RESOLVERS_ASKED; i++) {
		struct asker *a = &st->asker[i];

		if (!a->n)
			continue;
		a->resolver = story_any(st, arena_printf(&st->arena, "event.action:dns-client-query destination.ip:\"%.*s\" NOT source.ip:\"%.*s\"", STR_ARG(a->ip), STR_ARG(a->ip)).p);
		n++;
	}
}

static void tell_of_chain(struct story *st, struct chain *c)
{
	struct members x = {.chain = c};

	moves_of_chain(st, &x.moves, c->id);
	story_each(st, KEY_CHAIN, c->id, story_take_member, &x);
	x.moved = true;
	for (size_t i = 0; i < x.moves.n; i++)
		if (x.moves.m[i].on)
			story_each(st, KEY_ID, x.moves.m[i].event, story_take_member, &x);
	free(x.moves.m);
}

static void tell_of_chains(struct story *st, struct chains *c, bool (*wanted)(struct chains *c, struct chain *x, void *arg), void *arg)
{
	/* Cuts first: the names of their servers lead to the zone. */
	for (int cuts = 1; cuts >= 0; cuts--)
		for (unsigned i = 0; i < c->n; i++)
			if (c->chain[i].cut == (cuts == 1) && wanted(c, &c->chain[i], arg)) {
				if (cuts)
					story_count(st, &st->chains, c->chain[i].id);
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
		if (chain_root(x) == chain_root(b->first[i]) || chains_cause(c, b->first[i], x))
			return true;
	return false;
}

/* Or what was caused by one. */
static bool comes_of(struct chains *c, struct chain *x, void *arg)
{
	const struct beginnings *b = arg;

	for (unsigned i = 0; i < b->n; i++)
		if (chain_root(x) == chain_root(b->first[i]) || chains_cause(c, x, b->first[i]))
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
	struct ip ip;

	story_each(st, KEY_NAME, st->subject, take_subject, &s);
	count_askers(st);
	if (st->found && story_reverse_ip(st->subject, &ip))
		(void)story_visitor(st, &ip);
	settle_mentions(st, &s);
	b = begin_with(c);
	chains_follow(c);
	tell_of_chains(st, c, leads_to, &b);
	count_caused(st, &s);
	/* Everybody whose look-up went through the delegation, with or without a chain of its own. */
	if (st->cut.len) {
		struct str below = arena_printf(&st->arena, "*.%.*s", STR_ARG(st->cut));

		story_each(st, KEY_NAME, below, story_take_lookup, NULL);
	} else {
		for (unsigned i = 0; i < st->nvisitors; i++)
			story_each(st, KEY_NAME, st->visitor[i]->reverse, story_take_lookup, NULL);
	}
	story_count_lookups(st);
	if (st->found)
		story_about_list(st);
	for (unsigned i = 0; i < st->nvisitors; i++)
		story_visit(st, st->visitor[i]);
	find_resolvers(st);
	if (st->nevidence == 0)
		story_each(st, KEY_NAME, st->subject, take_proof, NULL);
	free(s.mention);
}

/* The chains of its connections, and of look-ups of its name; not of what it asked or answered itself. */
static bool take_chain(struct story *st, const struct store_hit *hit, void *arg)
{
	struct chains *c = arg;
	struct ip ip, reversed;
	bool about = ip_parse(text(&hit->ev, F_SOURCE_IP), &ip) && ip_eq(&ip, &st->visitor[0]->ip) && story_of_a_service(&hit->ev);

	if (!about && !(story_reverse_ip(text(&hit->ev, F_DNS_QUESTION_NAME), &reversed) && ip_eq(&reversed, &st->visitor[0]->ip)))
		return true;
	if (text(&hit->ev, F_WEIR_CHAIN_ID).len && !is(&hit->ev, F_EVENT_MODULE, "link")) {
		(void)chains_get(c, text(&hit->ev, F_WEIR_CHAIN_ID));
		note_cause(st, moves_confidence(&hit->ev), text(&hit->ev, F_WEIR_CAUSE_RULE));
	}
	return true;
}

static bool take_met(struct story *st, const struct store_hit *hit, void *arg)
{
	struct str id = text(&hit->ev, F_WEIR_CHAIN_ID);
	const struct chain *c = id.len && is(&hit->ev, F_EVENT_ACTION, "dns-client-query") ? chains_get(arg, id) : NULL;

	st->met |= c && c->met;
	return !st->met;
}

static void about_address(struct story *st, struct chains *c, const struct ip *ip)
{
	struct visitor *v = story_visitor(st, ip);
	struct beginnings b;

	st->subject = v->text;
	story_each(st, KEY_NAME, v->reverse, story_take_lookup, NULL);
	story_count_lookups(st);
	story_visit(st, v);
	story_each(st, KEY_IP, v->text, take_chain, c);
	story_each(st, KEY_NAME, v->reverse, take_chain, c);
	b = begin_with(c);
	chains_follow(c);
	tell_of_chains(st, c, comes_of, &b);
	chains_spread_met(c);
	story_each(st, KEY_NAME, v->reverse, take_met, c);
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
		m->has_ip = story_reverse_ip(name, &ip) && is(ev, F_WEIR_CHAIN_KIND, "connection");
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

/* ---- what the store has besides ---- */

static uint64_t count_events(struct story *st, struct str query, int64_t since_ms, int64_t until_ms)
{
	struct query_context ctx = {NULL};
	struct query_error e;
	struct store_find f = {.since_ms = since_ms, .until_ms = until_ms, .query = query_parse(&st->arena, query, &ctx, &e)};
	struct store_cursor *c = f.query ? store_find(st->store, &f, &st->err) : NULL;
	struct store_hit hit;
	struct arena a;
	uint64_t n = 0;

	if (!c)
		return 0;
	arena_init(&a, NULL);
	for (; store_next(c, &a, &hit, &st->err) == 1; n++)
		arena_clear(&a);
	arena_release(&a);
	store_cursor_free(&c);
	return n;
}

/* field:text, in quotes where it needs them. */
static struct str query_for(struct story *st, const char *field, struct str s)
{
	bool plain = s.len > 0 && s.p[0] != '-';
	size_t n = 0;
	char *p = arena_bytes(&st->arena, 2 * s.len + 1);

	for (size_t i = 0; i < s.len; i++) {
		plain &= ch_alnum(s.p[i]) || s.p[i] == '.' || s.p[i] == '-' || s.p[i] == '_';
		if (s.p[i] == '"' || s.p[i] == '\\')
			p[n++] = '\\';
		p[n++] = s.p[i];
	}
	return arena_printf(&st->arena, plain ? "%s%.*s" : "%s\"%.*s\"", field, (int)n, p);
}

static void look_elsewhere(struct story *st, struct str said, int64_t since_ms, int64_t until_ms)
{
	static const char *const ways[] = {"name:", "user:", "host:", "chain:", "id:", ""};
	bool address = st->kind == STORY_ADDRESS;

	for (unsigned i = 0; i < (address ? 1 : sizeof(ways) / sizeof(*ways)); i++) {
		/* A bare address is whoever has it and whoever says it. */
		struct str query = address ? st->subject : query_for(st, ways[i], said);
		uint64_t n = count_events(st, query, since_ms, until_ms);

		if (n > st->elsewhere) {
			st->elsewhere = n;
			st->search = query;
		}
	}
}

/* Nobody is to think that the store does not know what `weir search` finds. */
static void nothing_found(struct story *st, struct str said)
{
	look_elsewhere(st, said, st->since_ms, st->until_ms);
	if (st->search.len || (st->since_ms <= 0 && st->until_ms == INT64_MAX))
		return;
	look_elsewhere(st, said, 0, INT64_MAX);
	st->other_times = st->search.len > 0;
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
			story_each(st, KEY_CHAIN, subject, take_meant, &m);
		else if (str_chr(subject, '.') < 0)
			story_each(st, KEY_ID, subject, take_meant, &m);
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
	if (!st->found)
		nothing_found(st, subject);
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

bool story_is_reverse(const struct story *st)
{
	struct ip ip;

	return story_reverse_ip(st->subject, &ip);
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
