#include "outputs/store_file.h"

#include "outputs/postings.h"
#include "outputs/store_format.h"
#include "query/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	COLUMN_MAX = 8192, /* of a message in its own column; the document has all of it */
	ID_TRIES = 1000,
	CACHE_KIB = 8192,
	CHECKPOINT_PAGES = 4096,
	RECOVER_BATCHES = 1 << 20,
};

struct store_file {
	sqlite3 *db;
	char *path;
	struct doc_packer *packer;
	struct doc_reader *reader; /* while keys are made up for */
	sqlite3_stmt *add_event, *add_batch, *add_segment, *add_posting, *add_dictionary, *get_event;
	int64_t next_batch, next_segment;
	unsigned dictionaries;
	uint32_t seq;
	/* without a segment */
	struct postings *postings;
	int64_t events, first, last;
	int64_t *event_id; /* by their number in the segment */
	size_t nevent_id;
	struct arena arena;
	struct buf ids;
	/* of the transaction */
	struct row *row;
	size_t nrows;
};

/* An event on its way into a transaction. */
struct row {
	int64_t id;
	const struct store_doc *doc;
	struct event ev;
};

/* ---- results ---- */

static enum store_result result_of(struct store_file *f, struct err *err)
{
	int rc = sqlite3_errcode(f->db);

	err_set(err, "cannot write to '%s': %s", f->path, sqlite3_errmsg(f->db));
	if (!sqlite3_get_autocommit(f->db))
		sqlite3_exec(f->db, "ROLLBACK", NULL, NULL, NULL);
	return rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB ? STORE_CORRUPT : STORE_AGAIN;
}

static bool exec(struct store_file *f, const char *sql)
{
	return sqlite3_exec(f->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static bool step(sqlite3_stmt *s)
{
	int rc = sqlite3_step(s);

	sqlite3_reset(s);
	return rc == SQLITE_DONE;
}

static void bind_text(sqlite3_stmt *s, int at, struct str t)
{
	if (t.len)
		sqlite3_bind_text(s, at, t.p, (int)t.len, SQLITE_STATIC);
	else
		sqlite3_bind_null(s, at);
}

static void bind_blob(sqlite3_stmt *s, int at, struct str t)
{
	sqlite3_bind_blob(s, at, t.len ? t.p : "", (int)t.len, SQLITE_STATIC);
}

/* ---- keys ---- */

struct collect {
	struct postings *postings;
	int64_t event; /* its number in the segment */
};

static void collect_key(void *arg, enum key_kind kind, struct str key)
{
	struct collect *c = arg;
	char bytes[1 + KEY_MAX];

	bytes[0] = (char)kind;
	if (key.len)
		memcpy(bytes + 1, key.p, key.len);
	postings_add(c->postings, str_n(bytes, key.len + 1), c->event);
}

static void collect_event(struct store_file *f, const struct event *ev, int64_t id)
{
	struct collect c = {f->postings, f->events};

	if ((size_t)f->events == f->nevent_id) {
		f->nevent_id = f->nevent_id ? f->nevent_id * 2 : POSTINGS_EVENTS;
		f->event_id = xrealloc(f->event_id, f->nevent_id * sizeof(*f->event_id));
	}
	f->event_id[f->events] = id;
	keys_of_event(ev, &f->arena, collect_key, &c);
	if (f->events == 0 || id < f->first)
		f->first = id;
	if (f->events == 0 || id > f->last)
		f->last = id;
	f->events++;
}

struct segment_writer {
	struct store_file *f;
	int64_t no;
};

static bool write_posting(void *arg, struct str key, const int64_t *events, size_t n)
{
	struct segment_writer *w = arg;
	struct store_file *f = w->f;

	buf_clear(&f->ids);
	store_put_ids(&f->ids, events, n);
	sqlite3_bind_int64(f->add_posting, 1, w->no);
	bind_blob(f->add_posting, 2, key);
	bind_blob(f->add_posting, 3, buf_slice(&f->ids));
	return step(f->add_posting);
}

enum store_result store_file_index(struct store_file *f, struct err *err)
{
	struct segment_writer w = {f, f->next_segment};

	if (f->events == 0)
		return STORE_WRITTEN;
	if (!exec(f, "BEGIN IMMEDIATE") || !postings_each(f->postings, write_posting, &w))
		return result_of(f, err);
	sqlite3_bind_int64(f->add_segment, 1, w.no);
	sqlite3_bind_int64(f->add_segment, 2, f->next_batch - 1);
	sqlite3_bind_int64(f->add_segment, 3, f->events);
	sqlite3_bind_int64(f->add_segment, 4, f->first);
	sqlite3_bind_int64(f->add_segment, 5, f->last);
	buf_clear(&f->ids);
	store_put_ids(&f->ids, f->event_id, (size_t)f->events);
	bind_blob(f->add_segment, 6, buf_slice(&f->ids));
	if (!step(f->add_segment) || !exec(f, "COMMIT"))
		return result_of(f, err);
	f->next_segment++;
	f->events = 0;
	postings_clear(f->postings);
	return STORE_WRITTEN;
}

/* ---- dictionaries ---- */

static bool put_dictionary(struct store_file *f, struct str data)
{
	if (f->dictionaries == STORE_DICTIONARIES_MAX)
		return true;
	sqlite3_bind_int64(f->add_dictionary, 1, f->dictionaries + 1);
	bind_blob(f->add_dictionary, 2, data);
	if (!step(f->add_dictionary))
		return false;
	doc_packer_use(f->packer, ++f->dictionaries, data);
	return true;
}

/* Outside of any transaction, so that what doc bytes name is in the file before them. */
static bool learn(struct store_file *f, const struct store_doc *doc, size_t n)
{
	struct str data;

	for (size_t i = 0; i < n; i++)
		if (doc_packer_learn(f->packer, doc[i].json, &data) && !put_dictionary(f, data))
			return false;
	return true;
}

/* ---- events ---- */

static bool first_text(void *arg, struct str text)
{
	*(struct str *)arg = text;
	return true;
}

static struct str top_text(const struct event *ev, struct str name)
{
	const struct value *v = event_top(ev, name);

	return value_is(v, V_STRING) ? value_str(v) : STR("");
}

static struct str program_of(const struct event *ev)
{
	const struct value *v = event_top(ev, STR("process"));

	v = value_is(v, V_MAP) ? map_find_str(v->map, STR("name")) : NULL;
	return value_is(v, V_STRING) ? value_str(v) : top_text(ev, STR("program"));
}

static struct str cut_text(struct str s)
{
	if (s.len <= COLUMN_MAX)
		return s;
	s.len = COLUMN_MAX;
	while (s.len && (s.p[s.len] & 0xc0) == 0x80)
		s.len--;
	return s;
}

static bool insert_event(struct store_file *f, struct row *r)
{
	struct str host = {0};

	(void)key_values(&r->ev, KEY_HOST, first_text, &host);
	bind_text(f->add_event, 2, r->doc->id);
	bind_text(f->add_event, 3, cut_text(host));
	bind_text(f->add_event, 4, cut_text(program_of(&r->ev)));
	bind_text(f->add_event, 5, cut_text(top_text(&r->ev, STR("message"))));
	bind_blob(f->add_event, 6, doc_pack(f->packer, r->doc->json));
	for (int i = 0; i < ID_TRIES; i++) {
		sqlite3_bind_int64(f->add_event, 1, r->id);
		if (step(f->add_event))
			return true;
		if (sqlite3_errcode(f->db) != SQLITE_CONSTRAINT)
			return false;
		/* The counter went round within one millisecond of events' time. */
		r->id = store_id(store_id_ms(r->id), f->seq++);
	}
	return false;
}

static int by_row_id(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static void read_rows(struct store_file *f, const struct store_doc *doc, size_t n, int64_t received_ms)
{
	struct err err;
	struct ts t;

	if (f->nrows < n) {
		f->row = xrealloc(f->row, n * sizeof(*f->row));
		f->nrows = n;
	}
	for (size_t i = 0; i < n; i++) {
		struct row *r = &f->row[i];
		int64_t ms = received_ms;

		r->doc = &doc[i];
		/* What cannot be read again has no keys but its _id; its bytes are kept all the same. */
		if (store_event(&r->ev, &f->arena, doc[i].json, &err) == -1)
			event_init(&r->ev, &f->arena);
		else if (event_timestamp(&r->ev, &t))
			ms = store_ms_of(t);
		r->ev.id_len = (uint8_t)(doc[i].id.len < sizeof(r->ev.id) ? doc[i].id.len : sizeof(r->ev.id));
		memcpy(r->ev.id, doc[i].id.p ? doc[i].id.p : "", r->ev.id_len);
		r->id = store_id(ms, f->seq++);
	}
	qsort(f->row, n, sizeof(*f->row), by_row_id);
}

static bool insert_batch(struct store_file *f, size_t n, int64_t received_ms)
{
	int64_t *ids = arena_alloc(&f->arena, n * sizeof(*ids));

	for (size_t i = 0; i < n; i++) {
		if (!insert_event(f, &f->row[i]))
			return false;
		ids[i] = f->row[i].id;
	}
	/* Sorted but for one whose number was taken: that one costs ten bytes. */
	buf_clear(&f->ids);
	store_put_ids(&f->ids, ids, n);
	sqlite3_bind_int64(f->add_batch, 1, f->next_batch);
	sqlite3_bind_int64(f->add_batch, 2, received_ms);
	sqlite3_bind_int64(f->add_batch, 3, (int64_t)n);
	bind_blob(f->add_batch, 4, buf_slice(&f->ids));
	return step(f->add_batch);
}

enum store_result store_file_add(struct store_file *f, const struct store_doc *doc, size_t n, int64_t received_ms, struct err *err)
{
	enum store_result r;

	/* First: if it cannot be written nothing new is taken, so what is collected stays bounded. */
	if (f->events >= POSTINGS_EVENTS || postings_bytes(f->postings) >= POSTINGS_BYTES) {
		r = store_file_index(f, err);
		if (r != STORE_WRITTEN)
			return r;
	}
	if (n == 0)
		return STORE_WRITTEN;
	arena_clear(&f->arena);
	read_rows(f, doc, n, received_ms);
	if (!learn(f, doc, n) || !exec(f, "BEGIN IMMEDIATE") || !insert_batch(f, n, received_ms) || !exec(f, "COMMIT"))
		return result_of(f, err);
	f->next_batch++;
	for (size_t i = 0; i < n; i++)
		collect_event(f, &f->row[i].ev, f->row[i].id);
	return STORE_WRITTEN;
}

/* ---- opening ---- */

static bool prepare(struct store_file *f)
{
	static const struct {
		size_t at;
		const char *sql;
	} all[] = {
		{offsetof(struct store_file, add_event), "INSERT INTO event VALUES(?,?,?,?,?,?)"},
		{offsetof(struct store_file, add_batch), "INSERT INTO batch VALUES(?,?,?,?)"},
		{offsetof(struct store_file, add_segment), "INSERT INTO segment VALUES(?,?,?,?,?,?)"},
		{offsetof(struct store_file, add_posting), "INSERT INTO posting VALUES(?,?,?)"},
		{offsetof(struct store_file, add_dictionary), "INSERT INTO dictionary VALUES(?,?)"},
		{offsetof(struct store_file, get_event), "SELECT doc, eid FROM event WHERE id = ?"},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (sqlite3_prepare_v3(f->db, all[i].sql, -1, SQLITE_PREPARE_PERSISTENT, (sqlite3_stmt **)((char *)f + all[i].at), NULL))
			return false;
	return true;
}

/* One number; false where it cannot be read. */
static bool number(struct store_file *f, const char *sql, int64_t *out)
{
	sqlite3_stmt *s;
	int rc;

	if (sqlite3_prepare_v2(f->db, sql, -1, &s, NULL))
		return false;
	rc = sqlite3_step(s);
	*out = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return rc == SQLITE_ROW;
}

static bool make_schema(struct store_file *f)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d", STORE_APPLICATION_ID, STORE_VERSION);
	return exec(f, "BEGIN IMMEDIATE") && exec(f, store_schema) && exec(f, sql) && exec(f, "COMMIT");
}

static bool set_up(struct store_file *f, bool *foreign)
{
	char sql[256];
	int64_t application, version;

	snprintf(sql, sizeof(sql), "PRAGMA cache_size = -%d; PRAGMA wal_autocheckpoint = %d; PRAGMA journal_size_limit = %d", CACHE_KIB,
		 CHECKPOINT_PAGES, 2 * CHECKPOINT_PAGES * 4096);
	if (!exec(f, "PRAGMA journal_mode = WAL") || !exec(f, "PRAGMA synchronous = NORMAL") || !exec(f, sql) ||
	    !number(f, "PRAGMA application_id", &application) || !number(f, "PRAGMA user_version", &version))
		return false;
	*foreign = application != STORE_APPLICATION_ID || version != STORE_VERSION;
	return !*foreign;
}

static bool load_dictionaries(struct store_file *f)
{
	struct str mine = doc_packer_dictionary(f->packer);
	sqlite3_stmt *s;
	int rc;
	bool used = false;

	if (sqlite3_prepare_v2(f->db, "SELECT no, data FROM dictionary ORDER BY no", -1, &s, NULL))
		return false;
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct str data = str_n(sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1));

		f->dictionaries = (unsigned)sqlite3_column_int64(s, 0);
		doc_reader_add(f->reader, f->dictionaries, data);
		doc_packer_use(f->packer, f->dictionaries, data);
		used = true;
	}
	sqlite3_finalize(s);
	if (rc != SQLITE_DONE || f->dictionaries > STORE_DICTIONARIES_MAX)
		return false;
	/* A new file begins with what yesterday's learnt. */
	if (!used)
		doc_packer_number(f->packer, 0);
	return used || !mine.len || put_dictionary(f, mine);
}

/* Keys of an event that a crash left without. A document that cannot be read any more has none. */
static void recollect(struct store_file *f, int64_t id)
{
	struct str blob, eid;
	struct event ev;
	struct err err;
	struct buf json;

	buf_init(&json, 0);
	sqlite3_bind_int64(f->get_event, 1, id);
	if (sqlite3_step(f->get_event) == SQLITE_ROW) {
		blob = str_n(sqlite3_column_blob(f->get_event, 0), (size_t)sqlite3_column_bytes(f->get_event, 0));
		eid = str_n((const char *)sqlite3_column_text(f->get_event, 1), (size_t)sqlite3_column_bytes(f->get_event, 1));
		arena_clear(&f->arena);
		if (doc_unpack(f->reader, blob, INT32_MAX, &json, &err) || store_event(&ev, &f->arena, buf_slice(&json), &err))
			event_init(&ev, &f->arena);
		ev.id_len = (uint8_t)(eid.len < sizeof(ev.id) ? eid.len : sizeof(ev.id));
		memcpy(ev.id, eid.p ? eid.p : "", ev.id_len);
		collect_event(f, &ev, id);
	}
	sqlite3_reset(f->get_event);
	buf_release(&json);
}

static bool recover(struct store_file *f, int64_t from)
{
	sqlite3_stmt *s;
	struct err err;
	int rc;

	if (sqlite3_prepare_v2(f->db, "SELECT no, ids FROM batch WHERE no > ? ORDER BY no", -1, &s, NULL))
		return false;
	sqlite3_bind_int64(s, 1, from);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct str ids = str_n(sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1));
		int64_t id = 0;

		f->next_batch = sqlite3_column_int64(s, 0) + 1;
		while (store_take_id(&ids, &id)) {
			recollect(f, id);
			f->seq = (uint32_t)id + 1;
		}
		if (f->events >= POSTINGS_EVENTS && store_file_index(f, &err) != STORE_WRITTEN)
			break;
	}
	sqlite3_finalize(s);
	return rc == SQLITE_DONE;
}

static bool resume(struct store_file *f)
{
	int64_t indexed, last, seq;

	if (!number(f, "SELECT coalesce(max(no), 0) FROM segment", &f->next_segment) ||
	    !number(f, "SELECT coalesce(max(batch), 0) FROM segment", &indexed) ||
	    !number(f, "SELECT coalesce(max(no), 0) FROM batch", &last) ||
	    !number(f, "SELECT coalesce(max(id) & 2097151, 0) FROM event", &seq))
		return false;
	f->next_segment++;
	f->next_batch = last + 1;
	f->seq = (uint32_t)seq + 1;
	return recover(f, indexed);
}

/* An empty file under a name that nobody reads, then renamed: whoever opens the other one finds its tables. */
static bool make_file(struct store_file *f, struct err *err)
{
	char *fresh = sqlite3_mprintf("%s.new", f->path);
	int fd = open(fresh, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool ok = false;

	if (fd == -1) {
		err_sys(err, "cannot make '%s'", fresh);
		sqlite3_free(fresh);
		return false;
	}
	close(fd);
	if (sqlite3_open_v2(fresh, &f->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK && exec(f, "PRAGMA journal_mode = MEMORY"))
		ok = make_schema(f);
	if (!ok)
		err_set(err, "cannot write to '%s': %s", fresh, f->db ? sqlite3_errmsg(f->db) : "out of memory");
	sqlite3_close(f->db);
	f->db = NULL;
	if (ok && rename(fresh, f->path) == -1) {
		err_sys(err, "cannot rename '%s'", fresh);
		ok = false;
	}
	if (!ok)
		unlink(fresh);
	sqlite3_free(fresh);
	return ok;
}

static void file_free(struct store_file *f)
{
	sqlite3_finalize(f->add_event);
	sqlite3_finalize(f->add_batch);
	sqlite3_finalize(f->add_segment);
	sqlite3_finalize(f->add_posting);
	sqlite3_finalize(f->add_dictionary);
	sqlite3_finalize(f->get_event);
	sqlite3_close(f->db);
	postings_free(&f->postings);
	doc_reader_free(&f->reader);
	arena_release(&f->arena);
	buf_release(&f->ids);
	free(f->row);
	free(f->event_id);
	free(f->path);
	free(f);
}

enum store_result store_file_open(const char *path, struct doc_packer *packer, struct store_file **out, struct err *err)
{
	struct store_file *f = xzalloc(sizeof(*f));
	enum store_result r = STORE_AGAIN;
	bool foreign = false;

	keys_init();
	f->path = xstrdupz(str_z(path));
	f->packer = packer;
	f->reader = doc_reader_new();
	f->postings = postings_new();
	arena_init(&f->arena, NULL);
	buf_init(&f->ids, 0);
	if (access(path, F_OK) == -1 && !make_file(f, err)) {
		r = STORE_AGAIN;
	} else if (sqlite3_open_v2(path, &f->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL)) {
		err_set(err, "cannot open '%s': %s", path, f->db ? sqlite3_errmsg(f->db) : "out of memory");
	} else {
		sqlite3_busy_timeout(f->db, 2000);
		if (set_up(f, &foreign) && prepare(f) && load_dictionaries(f) && resume(f)) {
			*out = f;
			return STORE_WRITTEN;
		}
		r = result_of(f, err);
		if (foreign || sqlite3_errcode(f->db) == SQLITE_ERROR) {
			err_set(err, "'%s' is no day file of this version of weir", path);
			r = STORE_CORRUPT;
		}
	}
	file_free(f);
	return r;
}

uint64_t store_file_bytes(const struct store_file *f)
{
	char wal[4096];
	struct stat st;
	uint64_t n = 0;

	if (stat(f->path, &st) == 0)
		n = (uint64_t)st.st_size;
	snprintf(wal, sizeof(wal), "%s-wal", f->path);
	if (stat(wal, &st) == 0)
		n += (uint64_t)st.st_size;
	return n;
}

void store_file_close(struct store_file **fp, bool ended, struct err *err)
{
	struct store_file *f = *fp;

	if (!f)
		return;
	(void)store_file_index(f, err);
	/* Fails while somebody reads; then it stays as it is, and the last one to close it tidies up. */
	sqlite3_busy_timeout(f->db, 0);
	if (ended)
		(void)exec(f, "PRAGMA journal_mode = DELETE");
	file_free(f);
	*fp = NULL;
}
