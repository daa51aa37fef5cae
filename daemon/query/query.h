/*
 * query.h - the language in which one asks for events, in the tool and in the page: text -> tree -> does this event match? -> where to look.
 *
 *	sshd AND (user:alice OR ip:10.20.0.0/16) NOT event.outcome:success
 *	name:*.example.org  dns.id:>=10  @timestamp:[2026-11-24 TO 2026-11-25]  "authentication failed"
 *
 * query_parse() is pure and total over any text; query_match() evaluates over an event's tree; query_plan() says which ranges of index keys
 * hold every event that can match. docs/search.md describes the language.
 *
 * A query is immutable and lives in the arena it was parsed into: any thread may read it.
 */
#ifndef WEIR_QUERY_QUERY_H
#define WEIR_QUERY_QUERY_H

#include "base/err.h"
#include "base/ip.h"
#include "base/zone.h"
#include "query/keys.h"

enum {
	QUERY_TEXT_MAX = 64 * 1024,
	QUERY_DEPTH_MAX = 64,
	QUERY_NODES_MAX = 4096,
};

enum query_op {
	QUERY_ALL, /* the empty query */
	QUERY_AND,
	QUERY_OR,
	QUERY_NOT,
	QUERY_TEXT, /* words, one behind the other, in message or dns.question.name */
	QUERY_FIELD,
	QUERY_KEY, /* any field of a kind: ip: user: host: chain: name: id: */
};

enum match_op {
	MATCH_EXISTS, /* field:* */
	MATCH_EQUAL,
	MATCH_WILD,
	MATCH_RANGE,
	MATCH_NET,
};

/* A value as the query has it, read in every way it can be. */
struct literal {
	struct str text;
	bool has_int, has_float, has_time, has_ip;
	int64_t i;
	double f;
	struct ts time;
	struct ts time_end; /* of "2026-11-24": the next midnight */
	struct ip ip;
};

struct match {
	enum match_op op;
	struct literal value;	  /* EQUAL, WILD (its text) */
	struct literal low, high; /* RANGE; text.p NULL: open */
	bool low_open, high_open; /* the end itself does not count */
	struct ip_net net;	  /* NET */
};

struct query {
	enum query_op op;
	uint32_t n;
	struct query **sub;	/* AND, OR, NOT */
	struct str *word;	/* TEXT: n words, with '*' and '?' where they are patterns */
	enum key_kind kind;	/* KEY, or the kind FIELD is indexed under */
	struct str field;	/* FIELD: dotted name */
	struct match match;	/* FIELD, KEY */
	uint32_t column;	/* from 1, where it stands */
};

struct query_error {
	struct err err; /* "'(' is never closed" */
	uint32_t column; /* from 1, in characters */
};

struct query_context {
	const struct zone *zone; /* of times without one; NULL: UTC */
};

/* text is copied. NULL and e where it is malformed. */
struct query *query_parse(struct arena *a, struct str text, const struct query_context *ctx, struct query_error *e);
/* kind:text as if it had been written in a query ("10.0.0.0/8", "*.example.org"); always exact for KEY_CHAIN and KEY_ID. NULL and err: no address. */
struct query *query_of_key(struct arena *a, enum key_kind kind, struct str text, struct err *err);
/* Both must match; either may be NULL. */
struct query *query_and(struct arena *a, struct query *x, struct query *y);

bool query_match(const struct query *q, const struct event *ev, struct arena *scratch);

/*
 * A hint for a query that found nothing: the first field that weir does not write itself and whose name is near one that it does. false: there
 * is none.
 */
bool query_hint(const struct query *q, struct err *hint, uint32_t *column);

/* ---- where to look ---- */

enum plan_op {
	PLAN_ALL,   /* no index helps: every event */
	PLAN_AND,
	PLAN_OR,
	PLAN_RANGE, /* keys [low, high), or low alone where high is empty; the first byte is the kind */
};

struct key_plan {
	enum plan_op op;
	uint32_t n;
	struct key_plan **sub;
	struct str low, high;
};

struct query_plan {
	struct key_plan *keys;	     /* never NULL */
	int64_t since_ms, until_ms;  /* [since, until) of @timestamp that the query itself asks for; INT64_MIN, INT64_MAX */
};

/* Everything that matches q lies in what the plan names; the reverse does not hold: query_match() decides. */
void query_plan(struct arena *a, const struct query *q, struct query_plan *out);

/* Two ways to write a pattern: '*' any run, '?' one character; letters in either case. */
bool wild_match(struct str pattern, struct str text);

#endif
