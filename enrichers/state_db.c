#include "enrichers/state_db.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { COMMIT_MS = 250, RETRY_MS = 2000, SLOTS = 4096 };

/* Waits to be written. */
struct change {
	struct change *next; /* of the slot */
	struct change *then; /* in the order they came */
	int table;
	struct str key, value; /* value.p NULL: remove */
	char *longer;	       /* a value that has grown out of bytes; or NULL */
	size_t room;	       /* for a value in bytes, behind the key */
	char bytes[];
};

struct state_db {
	char *path;
	sqlite3 *sql;
	sqlite3_stmt *put, *remove;
	pthread_t thread;
	bool started;

	pthread_mutex_t lock;
	pthread_cond_t changed; /* something waits, or the end */
	pthread_cond_t written;
	struct change *slot[SLOTS];
	struct change *first, **last;
	uint64_t handed, done; /* batches of changes */
	bool ending, failing;
};

struct state_db *state_db_new(struct str data_dir)
{
	struct state_db *db = xzalloc(sizeof(*db));
	size_t n = data_dir.len + sizeof("/state.db");

	db->path = xmalloc(n);
	(void)snprintf(db->path, n, "%.*s/state.db", STR_ARG(data_dir));
	pthread_mutex_init(&db->lock, NULL);
	pthread_cond_init(&db->changed, NULL);
	pthread_cond_init(&db->written, NULL);
	db->last = &db->first;
	return db;
}

/* ---- the file ---- */

static int sql_err(struct state_db *db, struct err *err, const char *what)
{
	return err_set(err, "cannot %s '%s': %s", what, db->path, db->sql ? sqlite3_errmsg(db->sql) : "out of memory");
}

static void close_file(struct state_db *db)
{
	sqlite3_finalize(db->put);
	sqlite3_finalize(db->remove);
	db->put = db->remove = NULL;
	sqlite3_close(db->sql);
	db->sql = NULL;
}

static int try_open(struct state_db *db, struct err *err)
{
	static const char set_up[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=5000;"
				     "CREATE TABLE IF NOT EXISTS step (id INTEGER PRIMARY KEY, pipeline TEXT, step TEXT, UNIQUE (pipeline, step));"
				     "CREATE TABLE IF NOT EXISTS state (step INTEGER, key BLOB, value BLOB, PRIMARY KEY (step, key)) WITHOUT ROWID;";
	int fd = open(db->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	/* SQLite would make it for everybody to read. */
	if (fd == -1)
		return err_sys(err, "cannot open '%s'", db->path);
	close(fd);
	if (sqlite3_open_v2(db->path, &db->sql, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return sql_err(db, err, "open");
	if (sqlite3_exec(db->sql, set_up, NULL, NULL, NULL) != SQLITE_OK)
		return sql_err(db, err, "use");
	if (sqlite3_prepare_v2(db->sql, "INSERT INTO state VALUES (?,?,?) ON CONFLICT (step, key) DO UPDATE SET value=excluded.value", -1,
			       &db->put, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(db->sql, "DELETE FROM state WHERE step=? AND key=?", -1, &db->remove, NULL) != SQLITE_OK)
		return sql_err(db, err, "use");
	return 0;
}

static bool spoilt(struct state_db *db)
{
	int rc = db->sql ? sqlite3_errcode(db->sql) : SQLITE_OK;

	return rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB;
}

static void set_aside(struct state_db *db)
{
	static const char *const parts[] = {"", "-wal", "-shm"};

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		char from[4200], to[4200];

		(void)snprintf(from, sizeof(from), "%s%s", db->path, parts[i]);
		(void)snprintf(to, sizeof(to), "%s.corrupt%s", db->path, parts[i]);
		(void)rename(from, to);
	}
}

/* A quick look at every page costs milliseconds and finds what would otherwise break a write later. */
static bool healthy(struct state_db *db)
{
	sqlite3_stmt *s = NULL;
	bool ok = sqlite3_prepare_v2(db->sql, "PRAGMA quick_check(1)", -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW &&
		  strcmp((const char *)sqlite3_column_text(s, 0), "ok") == 0;

	sqlite3_finalize(s);
	return ok;
}

static int open_file(struct state_db *db, struct err *err)
{
	int rc = try_open(db, err);

	if (rc == 0 && healthy(db))
		return 0;
	if (rc && !spoilt(db)) {
		close_file(db);
		return -1;
	}
	log_error("state", "'%s' is damaged: set aside as '%s.corrupt', what was remembered is lost", db->path, db->path);
	close_file(db);
	set_aside(db);
	rc = try_open(db, err);
	if (rc)
		close_file(db);
	return rc;
}

/* ---- writing ---- */

static struct change **find(struct state_db *db, int table, struct str key)
{
	struct change **c = &db->slot[(hash_bytes(key.p, key.len) + (uint64_t)table) % SLOTS];

	while (*c && ((*c)->table != table || !str_eq((*c)->key, key)))
		c = &(*c)->next;
	return c;
}

/* With room for a value that may grow a little before it is written. */
static struct change *change_new(int table, struct str key, size_t n)
{
	size_t room = (n + 63) & ~(size_t)63;
	struct change *c = xmalloc(sizeof(*c) + key.len + room);

	*c = (struct change){.table = table, .key = str_n(c->bytes, key.len), .room = room};
	if (key.len)
		memcpy(c->bytes, key.p, key.len);
	return c;
}

static void change_set(struct change *c, struct str value)
{
	char *to = c->bytes + c->key.len;

	c->value = value;
	if (!value.p)
		return;
	if (value.len > c->room)
		to = c->longer = xrealloc(c->longer, value.len);
	if (value.len)
		memcpy(to, value.p, value.len);
	c->value.p = to;
}

static void change_free(struct change *c)
{
	free(c->longer);
	free(c);
}

void state_db_put(struct state_db *db, int table, struct str key, struct str value)
{
	struct change **at, *c;
	bool asleep;

	pthread_mutex_lock(&db->lock);
	asleep = !db->first;
	at = find(db, table, key);
	c = *at;
	if (!c) {
		c = *at = change_new(table, key, value.len);
		*db->last = c;
		db->last = &c->then;
	}
	change_set(c, value);
	db->handed++;
	/* Else it gathers until its time has come: waking it for each row would cost two switches. */
	if (asleep)
		pthread_cond_signal(&db->changed);
	pthread_mutex_unlock(&db->lock);
}

static bool write_one(struct state_db *db, const struct change *c)
{
	sqlite3_stmt *s = c->value.p ? db->put : db->remove;
	int rc;

	sqlite3_bind_int(s, 1, c->table);
	sqlite3_bind_blob(s, 2, c->key.p, (int)c->key.len, SQLITE_STATIC);
	if (c->value.p)
		sqlite3_bind_blob(s, 3, c->value.p, (int)c->value.len, SQLITE_STATIC);
	rc = sqlite3_step(s);
	sqlite3_reset(s);
	return rc == SQLITE_DONE;
}

static int by_key(const void *a, const void *b)
{
	const struct change *p = *(const struct change *const *)a, *q = *(const struct change *const *)b;

	return p->table != q->table ? (p->table > q->table) - (p->table < q->table) : str_cmp(p->key, q->key);
}

/* As the tree has them: each of its pages is come to once. A key comes once, so their order means nothing. */
static const struct change **sorted(const struct change *list, size_t *n)
{
	const struct change **all;
	size_t i = 0;

	*n = 0;
	for (const struct change *c = list; c; c = c->then)
		++*n;
	all = xmalloc((*n + 1) * sizeof(*all));
	for (; list; list = list->then)
		all[i++] = list;
	qsort(all, *n, sizeof(*all), by_key);
	return all;
}

static bool write_all(struct state_db *db, const struct change *list)
{
	const struct change **all;
	bool ok = true;
	size_t n;

	if (sqlite3_exec(db->sql, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
		return false;
	all = sorted(list, &n);
	for (size_t i = 0; i < n && ok; i++)
		ok = write_one(db, all[i]);
	free(all);
	if (!ok)
		goto fail;
	if (sqlite3_exec(db->sql, "COMMIT", NULL, NULL, NULL) == SQLITE_OK)
		return true;
fail:
	(void)sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
	return false;
}

/* Back into the table, where no newer value of the key came meanwhile. Under the lock. */
static void put_back(struct state_db *db, struct change *list)
{
	struct change *next;

	for (; list; list = next) {
		struct change **at = find(db, list->table, list->key);

		next = list->then;
		if (*at) {
			change_free(list);
			continue;
		}
		list->next = list->then = NULL;
		*at = list;
		*db->last = list;
		db->last = &list->then;
	}
}

static void wait_ms(struct state_db *db, int ms)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += (ms % 1000) * 1000000l;
	until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (!db->ending && pthread_cond_timedwait(&db->changed, &db->lock, &until) == 0)
		;
}

static void *run(void *arg)
{
	struct state_db *db = arg;

	pthread_mutex_lock(&db->lock);
	for (;;) {
		struct change *list, *next;
		uint64_t upto;
		bool ok;

		while (!db->first && !db->ending)
			pthread_cond_wait(&db->changed, &db->lock);
		if (!db->first)
			break;
		wait_ms(db, db->failing ? RETRY_MS : COMMIT_MS);
		list = db->first;
		upto = db->handed;
		memset(db->slot, 0, sizeof(db->slot));
		db->first = NULL;
		db->last = &db->first;
		pthread_mutex_unlock(&db->lock);
		ok = write_all(db, list);
		if (!ok)
			log_error("state", "cannot write '%s': %s", db->path, sqlite3_errmsg(db->sql));
		pthread_mutex_lock(&db->lock);
		db->failing = !ok;
		if (!ok && !db->ending) {
			put_back(db, list);
		} else {
			for (; list; list = next) {
				next = list->then;
				change_free(list);
			}
		}
		db->done = upto;
		pthread_cond_broadcast(&db->written);
	}
	pthread_mutex_unlock(&db->lock);
	return NULL;
}

void state_db_sync(struct state_db *db)
{
	uint64_t upto;

	pthread_mutex_lock(&db->lock);
	upto = db->handed;
	while (db->started && db->done < upto)
		pthread_cond_wait(&db->written, &db->lock);
	pthread_mutex_unlock(&db->lock);
}

/* ---- tables ---- */

static int start(struct state_db *db, struct err *err)
{
	if (db->started)
		return 0;
	if (open_file(db, err))
		return -1;
	if (pthread_create(&db->thread, NULL, run, db)) {
		close_file(db);
		return err_set(err, "cannot start the thread that writes '%s'", db->path);
	}
	(void)pthread_setname_np(db->thread, "weir-state");
	db->started = true;
	return 0;
}

int state_db_table(struct state_db *db, struct str pipeline, struct str step, struct err *err)
{
	sqlite3 *own = NULL;
	sqlite3_stmt *s = NULL;
	int id = -1;

	if (start(db, err))
		return -1;
	/* A connection of its own: the thread's is in use after a reload. */
	if (sqlite3_open_v2(db->path, &own, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK) {
		sqlite3_busy_timeout(own, 5000);
		if (sqlite3_prepare_v2(own, "INSERT INTO step (pipeline, step) VALUES (?,?) ON CONFLICT DO UPDATE SET step=step RETURNING id",
				       -1, &s, NULL) == SQLITE_OK) {
			sqlite3_bind_text(s, 1, pipeline.p, (int)pipeline.len, SQLITE_STATIC);
			sqlite3_bind_text(s, 2, step.p, (int)step.len, SQLITE_STATIC);
			if (sqlite3_step(s) == SQLITE_ROW)
				id = sqlite3_column_int(s, 0);
			(void)sqlite3_step(s);
		}
	}
	if (id < 0)
		(void)err_set(err, "cannot use '%s': %s", db->path, own ? sqlite3_errmsg(own) : "out of memory");
	sqlite3_finalize(s);
	sqlite3_close(own);
	return id;
}

int state_db_load(struct state_db *db, int table, void (*fn)(void *arg, struct str key, struct str value), void *arg, struct err *err)
{
	sqlite3 *own = NULL;
	sqlite3_stmt *s = NULL;
	int rc;

	state_db_sync(db); /* a reload reads what the former plan has written */
	rc = sqlite3_open_v2(db->path, &own, SQLITE_OPEN_READONLY, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(own, "SELECT key, value FROM state WHERE step=?", -1, &s, NULL);
	if (rc == SQLITE_OK) {
		sqlite3_busy_timeout(own, 5000);
		sqlite3_bind_int(s, 1, table);
		while ((rc = sqlite3_step(s)) == SQLITE_ROW)
			fn(arg, str_n(sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0)),
			   str_n(sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1)));
	}
	if (rc != SQLITE_DONE)
		(void)err_set(err, "cannot read '%s': %s", db->path, own ? sqlite3_errmsg(own) : "out of memory");
	sqlite3_finalize(s);
	sqlite3_close(own);
	return rc == SQLITE_DONE ? 0 : -1;
}

struct reading {
	sqlite3 *sql;
	void (*fn)(void *arg, struct str step, struct str key, struct str value);
	void *arg;
	struct buf last; /* step and key of the last row */
};

static struct str column_of(sqlite3_stmt *s, int at)
{
	const char *p = sqlite3_column_blob(s, at);

	return str_n(p ? p : "", p ? (size_t)sqlite3_column_bytes(s, at) : 0);
}

/* Rows in the order of their keys; backwards: from the end to the last row that was read. What the last call of SQLite came to. */
static int read_rows(struct reading *r, bool backwards)
{
	static const char up[] = "SELECT state.step, key, value, (SELECT step FROM step WHERE id = state.step) FROM state ORDER BY state.step, key";
	static const char down[] = "SELECT state.step, key, value, (SELECT step FROM step WHERE id = state.step) FROM state ORDER BY state.step DESC, key DESC";
	sqlite3_stmt *s = NULL;
	struct buf at;
	int rc = sqlite3_prepare_v2(r->sql, backwards ? down : up, -1, &s, NULL);

	buf_init(&at, 0);
	while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		buf_clear(&at);
		buf_printf(&at, "%lld ", (long long)sqlite3_column_int64(s, 0));
		buf_str(&at, column_of(s, 1));
		if (backwards && str_eq(buf_slice(&at), buf_slice(&r->last)))
			break;
		r->fn(r->arg, column_of(s, 3), column_of(s, 1), column_of(s, 2));
		if (!backwards) {
			buf_clear(&r->last);
			buf_str(&r->last, buf_slice(&at));
		}
		rc = SQLITE_OK;
	}
	sqlite3_finalize(s);
	buf_release(&at);
	return rc;
}

int state_db_read(const char *data_dir, void (*fn)(void *arg, struct str step, struct str key, struct str value), void *arg, struct err *err)
{
	char path[4200];
	struct reading r = {.fn = fn, .arg = arg};
	struct stat st;
	int rc;

	if ((size_t)snprintf(path, sizeof(path), "%s/state.db", data_dir) >= sizeof(path))
		return err_set(err, "the path '%.60s...' is too long", data_dir);
	if (stat(path, &st) == -1)
		return err_sys(err, "cannot open '%s'", path);
	buf_init(&r.last, 0);
	rc = sqlite3_open_v2(path, &r.sql, SQLITE_OPEN_READONLY, NULL);
	if (rc == SQLITE_OK) {
		sqlite3_busy_timeout(r.sql, 5000);
		rc = read_rows(&r, false);
	}
	if (rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB) {
		(void)err_set(err, "'%s' is damaged (%s): part of it is missing", path, sqlite3_errmsg(r.sql));
		/* What lies behind the page that cannot be read. */
		(void)read_rows(&r, true);
	} else if (rc != SQLITE_DONE) {
		(void)err_set(err, "cannot read '%s': %s", path, r.sql ? sqlite3_errmsg(r.sql) : "out of memory");
	}
	buf_release(&r.last);
	sqlite3_close(r.sql);
	return rc == SQLITE_DONE ? 0 : -1;
}

void state_db_free(struct state_db *db)
{
	if (!db)
		return;
	if (db->started) {
		pthread_mutex_lock(&db->lock);
		db->ending = true;
		pthread_cond_broadcast(&db->changed);
		pthread_mutex_unlock(&db->lock);
		pthread_join(db->thread, NULL);
		close_file(db);
	}
	pthread_cond_destroy(&db->changed);
	pthread_cond_destroy(&db->written);
	pthread_mutex_destroy(&db->lock);
	free(db->path);
	free(db);
}
