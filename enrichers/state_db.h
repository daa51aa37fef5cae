/*
 * state_db.h - what enrichers remember, on disk: DATA/state.db (SQLite, WAL), written by a thread of its own.
 *
 * A table is a set of (key, value) pairs of bytes, named by pipeline and step. The work thread hands over what changed and goes on; the
 * newest value of a key replaces one that is not written yet, so what waits is bounded by the number of keys. Written at most 250 ms later; a
 * crash costs no more than that, and a value is whole or the former one. A file that cannot be read is set aside (state.db.corrupt), said once,
 * and begun anew: an enricher that forgets is better than a weird that does not start.
 */
#ifndef WEIR_ENRICHERS_STATE_DB_H
#define WEIR_ENRICHERS_STATE_DB_H

#include "base/err.h"
#include "base/str.h"

struct state_db;

/* The file is opened, and the thread started, when the first table is asked for. data_dir is copied. */
struct state_db *state_db_new(struct str data_dir);
/* Writes what waits. NULL is fine. */
void state_db_free(struct state_db *db);
/* Waits until everything handed over so far is in the file (or cannot be written). */
void state_db_sync(struct state_db *db);

/* The number of a table, for the calls below; -1 and err where the file cannot be opened. Main thread. */
int state_db_table(struct state_db *db, struct str pipeline, struct str step, struct err *err);
/* Every pair of the table; main thread, before the first put. */
int state_db_load(struct state_db *db, int table, void (*fn)(void *arg, struct str key, struct str value), void *arg, struct err *err);
/* Every pair of every table of DATA/state.db, for another process; read-only. -1 and err where there is none, or where it is damaged: of that fn gets what can be read. */
int state_db_read(const char *data_dir, void (*fn)(void *arg, struct str step, struct str key, struct str value), void *arg, struct err *err);
/* Any thread; copies both. value.p NULL: the key goes. */
void state_db_put(struct state_db *db, int table, struct str key, struct str value);

#endif
