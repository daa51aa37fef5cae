/*
 * story_ask.c - what clients asked, each question once (see story_int.h).
 *
 * Several logs may tell of one question: a query log and dnstap, the log of the resolver that was asked and that of the one it handed the question on
 * to, or only the line about the answer.
 */
#include "tool/story_int.h"

enum {
	SAME_QUERY_MS = 10000,
	SAME_LINE_MS = 1500,
	ANSWER_MS = 60000,
	EARLY_MS = 18, /* BIND's log reads up to that much early beside another clock */
	HANDED_MS = 58,
	CLOCKS_MS = 1000,
	SERVERS = 16,
};

static int64_t port_of(const struct event *ev)
{
	const struct value *p = event_get(ev, field_ref(F_SOURCE_PORT));

	return value_is(p, V_INT) ? p->i : -1;
}

/* The same query told by a query log and by dnstap, or sent once more after a time-out, is one. */
static struct lookup *find_same(struct lookup *list, const struct lookup *l)
{
	for (; list && l->time_ms - list->time_ms <= SAME_QUERY_MS; list = list->next) {
		/* One socket asks for A and AAAA. */
		if (!str_eq(list->from, l->from) || !str_eq(list->type, l->type))
			continue;
		if (list->port >= 0 && list->port == l->port)
			return list;
		if ((list->port < 0 || l->port < 0) && !list->twice && !str_eq(list->told_by, l->told_by) && l->time_ms - list->time_ms <= SAME_LINE_MS) {
			list->twice = true;
			return list;
		}
	}
	return NULL;
}

static struct lookup *put(struct story *st, struct lookup **list, const struct lookup *l)
{
	struct lookup *k = arena_alloc(&st->arena, sizeof(*k));

	*k = *l;
	k->from = keep(st, l->from);
	k->to = keep(st, l->to);
	k->type = keep(st, l->type);
	k->told_by = keep(st, l->told_by);
	k->next = *list;
	return *list = k;
}

struct lookup *story_lookup(struct story *st, struct lookups *x, const struct store_hit *hit, bool *is_new)
{
	const struct event *ev = &hit->ev;
	struct str action = text(ev, F_EVENT_ACTION);
	bool query = str_eq(action, STR("dns-client-query")), answer = str_eq(action, STR("dns-client-response"));
	struct lookup l = {.from = text(ev, F_SOURCE_IP), .to = text(ev, F_DESTINATION_IP), .type = text(ev, F_DNS_QUESTION_TYPE), .time_ms = hit->time_ms,
			   .port = port_of(ev), .told_by = text(ev, F_WEIR_PARSE_FORMAT)};
	struct lookup **list = query ? &x->asked : &x->answered, *have;

	*is_new = false;
	if (str_eq(action, STR("dns-forwarder-query")) || str_eq(action, STR("dns-resolver-query")))
		(void)put(st, &x->handed, &l);
	if ((!query && !answer) || !l.from.len)
		return NULL;
	have = find_same(*list, &l);
	if (have)
		return have;
	*is_new = true;
	return put(st, list, &l);
}

static bool same_type(const struct lookup *a, const struct lookup *b)
{
	return str_eq(a->type, b->type) || !a->type.len || !b->type.len;
}

/* Logs of answers alone: an answer that has no question stands for it. */
static void ask_answered(struct lookups *x)
{
	struct lookup *first = x->asked, *more = NULL, *next;

	for (struct lookup *a = x->answered; a; a = next) {
		struct lookup *q;

		next = a->next;
		while (first && first->time_ms > a->time_ms + CLOCKS_MS)
			first = first->next;
		for (q = first; q && q->time_ms >= a->time_ms - ANSWER_MS; q = q->next)
			if (str_eq(q->from, a->from) && same_type(q, a))
				break;
		if (q && q->time_ms >= a->time_ms - ANSWER_MS)
			continue;
		a->next = more;
		more = a;
	}
	x->answered = NULL;
	for (; more; more = next) {
		struct lookup **at = &x->asked;

		next = more->next;
		while (*at && (*at)->time_ms > more->time_ms)
			at = &(*at)->next;
		more->next = *at;
		*at = more;
	}
}

/* dnsmasq tells of its client's address, dnstap of the two servers'. */
static bool is_handed(const struct lookup *f, const struct lookup *q)
{
	bool both = f->to.len && q->to.len;

	if (!same_type(f, q) || (both && !str_eq(f->to, q->to)))
		return false;
	return str_eq(f->told_by, STR("dnsmasq")) ? !str_eq(f->from, q->from) : f->from.len ? str_eq(f->from, q->from) : both;
}

/* Who asked is a server that was asked the same just before. */
static bool is_passed_on(const struct lookup *asked, const struct lookup *q)
{
	return same_type(asked, q) && str_eq(asked->to, q->from) && !str_eq(asked->from, q->from);
}

struct servers {
	struct str ip[SERVERS];
	unsigned n;
};

static bool is_server(const struct servers *s, struct str ip)
{
	for (unsigned i = 0; i < s->n; i++)
		if (str_eq(s->ip[i], ip))
			return true;
	return false;
}

static struct servers servers_of(const struct lookups *x)
{
	struct servers s = {.n = 0};

	for (const struct lookup *q = x->asked; q && s.n < SERVERS; q = q->next)
		if (q->to.len && !str_eq(q->to, q->from) && !is_server(&s, q->to))
			s.ip[s.n++] = q->to;
	return s;
}

static void mark_copies(struct lookups *x)
{
	struct servers servers = servers_of(x);
	const struct lookup *handed = x->handed, *asked = x->asked;

	for (struct lookup *q = x->asked; q; q = q->next) {
		while (handed && handed->time_ms > q->time_ms + EARLY_MS)
			handed = handed->next;
		for (const struct lookup *f = handed; f && !q->copy && f->time_ms >= q->time_ms - HANDED_MS; f = f->next)
			q->copy = is_handed(f, q);
		if (q->copy || !is_server(&servers, q->from))
			continue;
		while (asked && asked->time_ms > q->time_ms + CLOCKS_MS)
			asked = asked->next;
		for (const struct lookup *a = asked; a && !q->copy && a->time_ms >= q->time_ms - SAME_QUERY_MS; a = a->next)
			q->copy = is_passed_on(a, q);
	}
}

static void turn_round(struct lookups *x)
{
	struct lookup *oldest = NULL, *next;

	for (struct lookup *q = x->asked; q; q = next) {
		next = q->next;
		q->next = oldest;
		oldest = q;
	}
	x->asked = oldest;
}

void story_settle_lookups(struct lookups *x)
{
	ask_answered(x);
	mark_copies(x);
	turn_round(x);
}
