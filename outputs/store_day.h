/*
 * store_day.h - one day file of the store, read: which of its events have a key, and an event by its number.
 *
 * Events that have no segment yet are read once and get their keys in memory here, so that a search sees them like all others. One thread.
 *
 * A file with a damaged page is read as far as it goes: where its keys cannot be read every event that can be found (store_salvage.h) gets them in memory, and
 * an event that cannot be read is missing. store_day_damage() says so.
 */
#ifndef WEIR_OUTPUTS_STORE_DAY_H
#define WEIR_OUTPUTS_STORE_DAY_H

#include "outputs/store_format.h"
#include "query/query.h"

struct store_day;

/* Sorted, each once. all: more than is worth holding; look at every event. */
struct id_set {
	int64_t *id;
	size_t n, cap;
	bool all;
};

void id_set_release(struct id_set *s);
void id_set_add(struct id_set *s, int64_t id);
/* In order, each once. */
void id_set_sort(struct id_set *s);

/* NULL and err: it cannot be read. */
struct store_day *store_day_open(const char *path, struct err *err);
void store_day_close(struct store_day **d);
/* The path names another file now. */
bool store_day_replaced(const struct store_day *d, const char *path);
/* What is wrong with the file, for the user to know; NULL: nothing was met yet. */
const char *store_day_damage(const struct store_day *d);
/* What came since: segments, and newest events. -1 and err. */
int store_day_refresh(struct store_day *d, struct err *err);

/* The first and the last event; false: there is none. */
bool store_day_span(struct store_day *d, int64_t *first, int64_t *last);
/* Events in [from, to] that the plan names; what `out` held is overwritten. -1 and err. */
int store_day_find(struct store_day *d, const struct key_plan *plan, int64_t from, int64_t to, struct id_set *out, struct err *err);
/* Up to n numbers of events in [from, to], in order (down: the largest first). How many; -1 and err: a page of them cannot be read, store_day_rest() goes on. */
int store_day_scan(struct store_day *d, int64_t from, int64_t to, bool down, int64_t *ids, int n, struct err *err);
/* All events of a damaged file in [from, to]. */
void store_day_rest(struct store_day *d, int64_t from, int64_t to, struct id_set *out);
/* The document's text into json (overwritten), its _id into ev_id. 1; 0: it is not there, or damaged; -1 and err. */
int store_day_get(struct store_day *d, int64_t id, struct buf *json, char ev_id[32], uint8_t *ev_id_len, struct err *err);

/* The number of the newest transaction, 0 where there is none; -1 and err. */
int64_t store_day_last_batch(struct store_day *d, struct err *err);
/* The first transaction behind `after`: its number and its events. 0: none; -1 and err. */
int64_t store_day_batch(struct store_day *d, int64_t after, struct id_set *out, struct err *err);

#endif
