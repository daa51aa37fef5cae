#include "outputs/store_salvage.h"

/* Numbers of batches and segments follow each other; so many in a row are tried where a page of them cannot be read. */
enum { MISSES_MAX = 4096 };

static void take_events(sqlite3 *db, const char *sql, struct id_set *out)
{
	sqlite3_stmt *s = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK)
		while (sqlite3_step(s) == SQLITE_ROW)
			id_set_add(out, sqlite3_column_int64(s, 0));
	sqlite3_finalize(s);
}

static void take_blob(sqlite3_stmt *s, struct id_set *out)
{
	const char *p = sqlite3_column_blob(s, 1);
	struct str blob = str_n(p, p ? (size_t)sqlite3_column_bytes(s, 1) : 0);
	int64_t id = 0;

	while (store_take_id(&blob, &id))
		id_set_add(out, id);
}

static void take_lists(sqlite3 *db, const char *sql, struct id_set *out)
{
	sqlite3_stmt *s = NULL;
	int64_t after = 0;
	int rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);

	for (int misses = 0; s && rc != SQLITE_DONE && misses < MISSES_MAX;) {
		sqlite3_bind_int64(s, 1, after);
		rc = sqlite3_step(s);
		if (rc == SQLITE_ROW) {
			after = sqlite3_column_int64(s, 0);
			take_blob(s, out);
			misses = 0;
		} else {
			after++;
			misses++;
		}
		sqlite3_reset(s);
	}
	sqlite3_finalize(s);
}

void store_salvage(sqlite3 *db, struct id_set *out)
{
	out->n = 0;
	out->all = false;
	/* Each ends at the first page that cannot be read. */
	take_events(db, "SELECT id FROM event ORDER BY id", out);
	take_events(db, "SELECT id FROM event ORDER BY id DESC", out);
	take_lists(db, "SELECT no, ids FROM batch WHERE no > ? ORDER BY no LIMIT 1", out);
	take_lists(db, "SELECT no, ids FROM segment WHERE no > ? ORDER BY no LIMIT 1", out);
	id_set_sort(out);
}
