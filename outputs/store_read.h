/*
 * store_read.h - reading the embedded store, from any process, while weird writes.
 *
 *	struct store *s = store_open("/var/lib/weird", &err);
 *	struct store_find f = {.kind = KEY_IP, .key = STR("10.20.0.100"), .newest_first = true};
 *	struct store_cursor *c = store_find(s, &f, &err);
 *
 *	while (store_next(c, &arena, &hit, &err) == 1)
 *		... hit.ev ...
 *
 * Events come in the order of @timestamp (to the millisecond, then as they arrived), over all day files. Nothing is locked between two calls: a
 * reader that stops to think does not hold up the writer. What is committed while a cursor runs may or may not be seen by it.
 *
 * One thread at a time. hash_init(), fields_init() and keys_init() come first.
 */
#ifndef WEIR_OUTPUTS_STORE_READ_H
#define WEIR_OUTPUTS_STORE_READ_H

#include "query/query.h"

struct store;
struct store_cursor;

/* Opens DATA/store read-only; it may still be empty. NULL and err where there is no such folder, or it cannot be read. */
struct store *store_open(const char *data_dir, struct err *err);
void store_close(struct store **s);
/* Sees day files that were made or removed since. */
int store_refresh(struct store *s, struct err *err);
/*
 * What could not be read, for the user to know: each thing once, one a call; NULL: nothing (more). A day file with damaged pages is read as far as it goes, and
 * named here.
 */
const char *store_complaint(struct store *s);

struct store_find {
	int64_t since_ms, until_ms; /* [since, until) of @timestamp in ms since 1970; until 0: no end */
	enum key_kind kind;	    /* KEY_NONE: any event */
	struct str key;		    /* as a person writes it: "10.0.0.1", "10.0.0.0/8", "al*", "*.example.org" */
	const struct query *query;  /* NULL: all */
	bool newest_first;
};

struct store_hit {
	struct event ev; /* in the arena given; ev.id is its _id */
	struct str json; /* the document as it was stored; in the arena */
	int64_t time_ms; /* of @timestamp, as it is ordered */
	int64_t row;	 /* which it is in its file */
	struct str file; /* "2026-11-24"; lives as long as the store */
};

/* Borrows f->query for as long as the cursor lives. NULL and err: the key cannot be one. */
struct store_cursor *store_find(struct store *s, const struct store_find *f, struct err *err);
/* 1: hit is filled, its event lives in `a` (which the caller clears when he likes); 0: no more; -1 and err. */
int store_next(struct store_cursor *c, struct arena *a, struct store_hit *hit, struct err *err);
void store_cursor_free(struct store_cursor **c);

/* ---- what comes in ---- */

/* From now on: the next call of store_tail() begins with what arrives after this one. */
int store_tail_from_now(struct store *s, struct err *err);
/*
 * The next event in the order of arrival that matches q (NULL: any). 1: hit; 0: none at the moment; -1 and err. Also sees new day files.
 */
int store_tail(struct store *s, const struct query *q, struct arena *a, struct store_hit *hit, struct err *err);

#endif
