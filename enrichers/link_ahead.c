/*
 * link_ahead.c - reads an event before its turn, so that the rows it needs are near when it comes (see link_int.h).
 *
 * An event asks for some ten rows in tables of tens of MB: one after the other that is a microsecond of waiting for memory. So the event is
 * read while filters before this one still work on it (filter_ops.ahead); at the first call the buckets of all keys are fetched, at
 * the next one the rows that they name. Where there are no such filters both happen right before the rows are used, which still fetches them together.
 */
#include "link_int.h"

static void want(struct ahead *a, enum link_table table, uint64_t key)
{
	a->want[a->n].table = table;
	a->want[a->n++].key = key;
}

static void want_question(const struct link_state *st, struct ahead *a)
{
	const struct seen *s = &a->seen;
	uint64_t client = ip_key(&s->ip);
	struct ip reversed;

	want(a, T_LOOK, look_key(s->name_hash, client));
	want(a, T_CLIENT, client);
	if (s->id >= 0)
		want(a, T_REQUEST, request_key(s->host, s->id));
	if (s->qtype == QT_PTR && name_reverse(s->name, &reversed))
		want(a, T_REV, ip_key(&reversed));
	if (!s->names)
		return;
	want(a, T_FETCH, key_of(s->name_hash, s->host));
	for (unsigned i = 0; i < a->names.n; i++)
		want(a, T_SUFFIX, key_of(a->names.hash[i], s->host));
}

static void see(struct link *l, struct event *ev)
{
	struct ahead *a = &l->ahead;

	a->ev = ev;
	a->n = a->stage = 0;
	a->ours = link_read(l, ev, &a->seen);
	if (!a->ours)
		return;
	if (a->seen.kind == SEEN_CQ) {
		if (l->st->names == INDEX_SUFFIXES) {
			name_hashes(a->seen.name, &a->names);
			a->seen.names = &a->names;
			a->seen.name_hash = a->names.hash[0];
		} else {
			a->seen.name_hash = name_hash(a->seen.name);
		}
		want_question(l->st, a);
	} else if (a->seen.service != SV_NONE) {
		want(a, T_CONN, conn_key(&a->seen));
		want(a, T_REV, ip_key(&a->seen.ip));
	}
}

static void come_near(const struct link_state *st, struct ahead *a)
{
	if (a->stage < 2)
		a->stage++;
	else
		return;
	for (unsigned i = 0; i < a->n; i++) {
		if (a->stage == 1)
			ltable_hint(&st->t[a->want[i].table], a->want[i].key);
		else
			ltable_hint_row(&st->t[a->want[i].table], a->want[i].key);
	}
}

void link_ahead(void *self, struct event *ev)
{
	struct link *l = self;

	if (l->ahead.ev != ev)
		see(l, ev);
	if (l->ahead.ours)
		come_near(l->st, &l->ahead);
}
