/*
 * story_int.h - what the files of the story share.
 *
 *	story.c		whom it is about; a name's or an address's story
 *	story_chain.c	chains, and events that changed theirs
 *	story_visit.c	visitors, look-ups, the members of a chain
 *	story_ask.c	what clients asked, each question once
 *	story_list.c	names that ask whether an address is in a block list
 */
#ifndef WEIR_TOOL_STORY_INT_H
#define WEIR_TOOL_STORY_INT_H

#include "event/fields.h"
#include "tool/story.h"

/* ---- reading events ---- */

static inline struct str text(const struct event *ev, enum field_id f)
{
	const struct value *v = event_get(ev, field_ref(f));

	return value_is(v, V_STRING) ? value_str(v) : (struct str){0};
}

static inline bool is(const struct event *ev, enum field_id f, const char *word)
{
	return str_eqz(text(ev, f), word);
}

/* The n-th text of a field that is one or a list of them. */
static inline bool nth_text(const struct event *ev, enum field_id f, uint32_t n, struct str *out)
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

static inline struct str keep(struct story *st, struct str s)
{
	return s.len ? arena_dup(&st->arena, s) : (struct str){0};
}

/* story.c */
void story_count(struct story *st, struct tallies *t, struct str s);
void story_note_time(struct story *st, const struct store_hit *hit);
/* A few of each step. */
void story_prove(struct story *st, const struct store_hit *hit, unsigned step);
/* Every event under a key. fn false ends the walk. */
void story_each(struct story *st, enum key_kind kind, struct str key, bool (*fn)(struct story *st, const struct store_hit *hit, void *arg),
		void *arg);

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
	bool met; /* an event of a connection is in it */
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

/* story_chain.c */
/* NULL: there is no room for another, or it has no id. */
struct chain *chains_get(struct chains *c, struct str id);
struct chain *chain_root(struct chain *c);
/* From the chains that are there to all that hang together with them, and which of them are one. */
void chains_follow(struct chains *c);
/* Membership only holds from what is a cause to what it caused. */
bool chains_cause(struct chains *c, const struct chain *cut, const struct chain *member);
/* Those that are one chain with such a one, or caused by it, are met, too. */
void chains_spread_met(struct chains *c);
void chains_free(struct chains *c);
/* What was said last of each event of the chain; m->m is the caller's to free. */
void moves_of_chain(struct story *st, struct moves *m, struct str chain);
const struct move *move_find(const struct moves *m, const struct event *ev);
/* Where an event ended up: the chain it says itself (m), or what link events said of it since. */
void moves_settle(struct story *st, struct str event, struct move *m);
/* -1: the event says none. */
int64_t moves_confidence(const struct event *ev);

/* ---- visitors ---- */

struct members {
	struct chain *chain;
	struct moves moves;
	bool moved; /* now those that say another chain, or none */
};

/* An event of one of the chains: of a cut (what was chased), or of a connection (the look-up, the lines). */

/* story_visit.c */
/* "145.111.137.185.in-addr.arpa" and ip6.arpa: the address, where the name is a whole one. */
bool story_reverse_ip(struct str name, struct ip *out);
/* NULL where there is no room for another. */
struct visitor *story_visitor(struct story *st, const struct ip *ip);
struct str story_who_is(struct story *st, const struct event *ev);
/* A line of one of the site's services about somebody who connected. */
bool story_of_a_service(const struct event *ev);
void story_visit(struct story *st, struct visitor *v);
/* For story_each(): look-ups; members of a chain (arg: struct members). */
bool story_take_lookup(struct story *st, const struct store_hit *hit, void *arg);
bool story_take_member(struct story *st, const struct store_hit *hit, void *arg);
/* When all look-ups have been taken. */
void story_count_lookups(struct story *st);

/* ---- what was asked ---- */

/* story_ask.c */
/* The client's query or answer of the event among those for the same name, put there where it is new; NULL where it is neither (the handing on of one is noted). */
struct lookup *story_lookup(struct story *st, struct lookups *x, const struct store_hit *hit, bool *is_new);
/* When all have been taken: an answer without a question stands for it, and what a resolver handed on to another one is a copy. The oldest is first then. */
void story_settle_lookups(struct lookups *x);

/* ---- block lists ---- */

/* story_list.c */
/* "145.111.137.185.zen.example.org": the address, and in which list it is looked up. false: the name is not of that form. */
bool story_listed_ip(struct str name, struct ip *ip, struct str *zone);
/* Whose lists the name lies under ("spamhaus.org"), of the operators that are widely known; empty: none's. */
struct str story_list_operator(struct str name);
/* What the store has about the subject's being such a name; nothing where it is none. */
void story_about_list(struct story *st);

#endif
