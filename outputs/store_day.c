#include "outputs/store_day.h"

#include "outputs/postings.h"
#include "outputs/store_doc.h"
#include "outputs/store_salvage.h"

#include <stdlib.h>
#include <sys/stat.h>

enum {
	SET_MAX = 1000000,	/* beyond it walking in order of time finds something sooner */
	FEW = 64,		/* so few are looked at one by one */
	DOC_MAX = 512 * 1024 * 1024,
};

struct segment {
	int64_t no, first, last;
};

struct store_day {
	sqlite3 *db;
	char *path;
	dev_t device;
	ino_t inode;
	struct doc_reader *reader;
	sqlite3_stmt *get, *exact, *range, *up, *down, *batch, *span, *segments, *segment_ids, *dictionary, *last_batch;
	struct segment *segment;
	size_t nsegments;
	int64_t indexed;    /* last batch that has a segment */
	int64_t tail_from;  /* what `indexed` was when tail was begun */
	int64_t tail_batch; /* last batch in tail */
	struct postings *tail;
	struct id_set ids; /* of the segment that is looked at */
	struct err damage; /* the first that was met */
	bool damaged, no_index;
	struct id_set rest; /* all that can be found in a damaged file, once that was looked for */
	bool has_rest;
	struct arena arena;
	struct buf json;
};

/* ---- sets ---- */

void id_set_release(struct id_set *s)
{
	free(s->id);
	*s = (struct id_set){0};
}

static void set_clear(struct id_set *s)
{
	s->n = 0;
	s->all = false;
}

void id_set_add(struct id_set *s, int64_t id)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 256;
		s->id = xrealloc(s->id, s->cap * sizeof(*s->id));
	}
	s->id[s->n++] = id;
}

static int by_id(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

void id_set_sort(struct id_set *s)
{
	size_t n = 0;
	bool sorted = true;

	for (size_t i = 1; i < s->n && sorted; i++)
		sorted = s->id[i - 1] < s->id[i];
	if (sorted)
		return;
	qsort(s->id, s->n, sizeof(*s->id), by_id);
	for (size_t i = 0; i < s->n; i++)
		if (n == 0 || s->id[i] != s->id[n - 1])
			s->id[n++] = s->id[i];
	s->n = n;
}

static void set_and(struct id_set *s, const struct id_set *o)
{
	size_t n = 0, k = 0;

	for (size_t i = 0; i < s->n; i++) {
		while (k < o->n && o->id[k] < s->id[i])
			k++;
		if (k < o->n && o->id[k] == s->id[i])
			s->id[n++] = s->id[i];
	}
	s->n = n;
}

static void set_or(struct id_set *s, const struct id_set *o)
{
	if (o->all || s->n + o->n > SET_MAX) {
		s->all = true;
		return;
	}
	for (size_t i = 0; i < o->n; i++)
		id_set_add(s, o->id[i]);
	id_set_sort(s);
}

/* ---- opening ---- */

/* A page that is none, a file that is too short, a disk that gives it no more. */
static bool is_damage(int rc)
{
	return (rc & 0xff) == SQLITE_CORRUPT || rc == SQLITE_NOTADB || rc == SQLITE_IOERR_READ || rc == SQLITE_IOERR_SHORT_READ || rc == SQLITE_IOERR_CORRUPTFS;
}

static int damaged(struct store_day *d, const char *how, struct err *err)
{
	if (!d->damaged)
		err_set(&d->damage, "'%s' is damaged (%s): part of it is missing", d->path, how);
	d->damaged = true;
	return err_set(err, "%s", d->damage.text);
}

static int failed(struct store_day *d, struct err *err)
{
	if (is_damage(sqlite3_extended_errcode(d->db)))
		return damaged(d, sqlite3_errmsg(d->db), err);
	return err_set(err, "cannot read '%s': %s", d->path, sqlite3_errmsg(d->db));
}

const char *store_day_damage(const struct store_day *d)
{
	return d->damaged ? d->damage.text : NULL;
}

static bool prepare(struct store_day *d)
{
	static const struct {
		size_t at;
		const char *sql;
	} all[] = {
		{offsetof(struct store_day, get), "SELECT doc, eid FROM event WHERE id = ?"},
		{offsetof(struct store_day, exact), "SELECT key, events FROM posting WHERE segment = ? AND key = ?"},
		{offsetof(struct store_day, range), "SELECT key, events FROM posting WHERE segment = ? AND key >= ? AND key < ?"},
		{offsetof(struct store_day, up), "SELECT id FROM event WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?"},
		{offsetof(struct store_day, down), "SELECT id FROM event WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT ?"},
		{offsetof(struct store_day, batch), "SELECT no, ids FROM batch WHERE no > ? ORDER BY no LIMIT 1"},
		{offsetof(struct store_day, span), "SELECT (SELECT min(id) FROM event), (SELECT max(id) FROM event)"},
		{offsetof(struct store_day, segments), "SELECT no, batch, first, last FROM segment WHERE no > ? ORDER BY no"},
		{offsetof(struct store_day, segment_ids), "SELECT ids FROM segment WHERE no = ?"},
		{offsetof(struct store_day, dictionary), "SELECT data FROM dictionary WHERE no = ?"},
		{offsetof(struct store_day, last_batch), "SELECT coalesce(max(no), 0) FROM batch"},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (sqlite3_prepare_v3(d->db, all[i].sql, -1, SQLITE_PREPARE_PERSISTENT, (sqlite3_stmt **)((char *)d + all[i].at), NULL))
			return false;
	return true;
}

static void release_db(struct store_day *d)
{
	sqlite3_stmt *s;

	while (d->db && (s = sqlite3_next_stmt(d->db, NULL)))
		sqlite3_finalize(s);
	sqlite3_close(d->db);
	d->db = NULL;
}

/*
 * A file with a log needs a place for the index of that log beside it. In a folder where nothing can be written (a copy, a mount), one
 * without a log is read as what it is: unchanging.
 */
static bool open_db(struct store_day *d, bool unchanging)
{
	char *uri = sqlite3_mprintf(unchanging ? "file:%s?immutable=1" : "file:%s", d->path);
	int rc;

	/* '?', '#' and '%' mean something in a URI; such paths are opened as they are. */
	if (strpbrk(d->path, "?#%"))
		rc = sqlite3_open_v2(d->path, &d->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
	else
		rc = sqlite3_open_v2(uri, &d->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, NULL);
	sqlite3_free(uri);
	if (rc)
		return false;
	sqlite3_busy_timeout(d->db, 2000);
	return prepare(d);
}

static bool has_log(const char *path)
{
	char *wal = sqlite3_mprintf("%s-wal", path);
	struct stat st;
	bool has = stat(wal, &st) == 0 && st.st_size > 0;

	sqlite3_free(wal);
	return has;
}

struct store_day *store_day_open(const char *path, struct err *err)
{
	struct store_day *d = xzalloc(sizeof(*d));
	struct stat st;

	d->path = xstrdupz(str_z(path));
	d->reader = doc_reader_new();
	d->tail = postings_new();
	arena_init(&d->arena, NULL);
	buf_init(&d->json, 0);
	if (stat(path, &st) == -1) {
		err_sys(err, "cannot read '%s'", path);
		store_day_close(&d);
		return NULL;
	}
	d->device = st.st_dev;
	d->inode = st.st_ino;
	if (!open_db(d, false)) {
		int rc = d->db ? sqlite3_errcode(d->db) : SQLITE_NOMEM;
		bool retry = (rc == SQLITE_CANTOPEN || rc == SQLITE_READONLY) && !has_log(path);

		failed(d, err);
		if (retry)
			release_db(d);
		if (!retry || !open_db(d, true)) {
			if (d->damaged)
				err_set(err, "'%s' is damaged (%s): nothing of it can be read", path, sqlite3_errmsg(d->db));
			store_day_close(&d);
			return NULL;
		}
	}
	if (store_day_refresh(d, err) == -1)
		store_day_close(&d);
	return d;
}

void store_day_close(struct store_day **dp)
{
	struct store_day *d = *dp;

	if (!d)
		return;
	release_db(d);
	doc_reader_free(&d->reader);
	postings_free(&d->tail);
	id_set_release(&d->ids);
	id_set_release(&d->rest);
	arena_release(&d->arena);
	buf_release(&d->json);
	free(d->segment);
	free(d->path);
	free(d);
	*dp = NULL;
}

bool store_day_replaced(const struct store_day *d, const char *path)
{
	struct stat st;

	return stat(path, &st) == -1 || st.st_dev != d->device || st.st_ino != d->inode;
}

/* ---- documents ---- */

static struct str column(sqlite3_stmt *s, int at)
{
	const char *p = sqlite3_column_blob(s, at);

	return p ? str_n(p, (size_t)sqlite3_column_bytes(s, at)) : STR("");
}

static int need_dictionary(struct store_day *d, unsigned number, struct err *err)
{
	int rc;

	if (!number || doc_reader_knows(d->reader, number))
		return 0;
	sqlite3_bind_int(d->dictionary, 1, (int)number);
	rc = sqlite3_step(d->dictionary);
	if (rc == SQLITE_ROW)
		doc_reader_add(d->reader, number, column(d->dictionary, 0));
	else if (rc != SQLITE_DONE)
		failed(d, err);
	sqlite3_reset(d->dictionary);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
}

int store_day_get(struct store_day *d, int64_t id, struct buf *json, char ev_id[32], uint8_t *ev_id_len, struct err *err)
{
	struct str doc, eid;
	int rc, r = 0;

	sqlite3_bind_int64(d->get, 1, id);
	rc = sqlite3_step(d->get);
	if (rc == SQLITE_ROW) {
		doc = column(d->get, 0);
		eid = str_sub(column(d->get, 1), 0, 32);
		buf_clear(json);
		*ev_id_len = (uint8_t)eid.len;
		memcpy(ev_id, eid.p, eid.len);
		r = need_dictionary(d, doc_dictionary(doc), err);
		if (r == 0 && doc_unpack(d->reader, doc, DOC_MAX, json, err))
			(void)damaged(d, "a document cannot be unpacked", err);
		else if (r == 0)
			r = 1;
	} else if (rc != SQLITE_DONE) {
		r = failed(d, err);
	}
	/* Its neighbours may be sound. */
	if (r == -1 && is_damage(sqlite3_extended_errcode(d->db)))
		r = 0;
	sqlite3_reset(d->get);
	return r;
}

/* ---- what has no segment yet ---- */

struct collect {
	struct postings *postings;
	int64_t id;
};

static void collect_key(void *arg, enum key_kind kind, struct str key)
{
	struct collect *c = arg;
	char bytes[1 + KEY_MAX];

	bytes[0] = (char)kind;
	if (key.len)
		memcpy(bytes + 1, key.p, key.len);
	postings_add(c->postings, str_n(bytes, key.len + 1), c->id);
}

static int collect_event(struct store_day *d, int64_t id, struct err *err)
{
	struct collect c = {d->tail, id};
	struct event ev;
	char ev_id[32];
	uint8_t len;
	int r = store_day_get(d, id, &d->json, ev_id, &len, err);

	if (r != 1)
		return r;
	arena_clear(&d->arena);
	/* A document that is no object has no keys; searches that walk through all events find it. */
	if (store_event(&ev, &d->arena, buf_slice(&d->json), NULL) == -1)
		event_init(&ev, &d->arena);
	memcpy(ev.id, ev_id, len);
	ev.id_len = len;
	keys_of_event(&ev, &d->arena, collect_key, &c);
	return 0;
}

static int read_segments(struct store_day *d, struct err *err)
{
	int rc;

	sqlite3_bind_int64(d->segments, 1, d->nsegments ? d->segment[d->nsegments - 1].no : 0);
	while ((rc = sqlite3_step(d->segments)) == SQLITE_ROW) {
		if (d->nsegments % 64 == 0)
			d->segment = xrealloc(d->segment, (d->nsegments + 64) * sizeof(*d->segment));
		d->segment[d->nsegments++] = (struct segment){sqlite3_column_int64(d->segments, 0), sqlite3_column_int64(d->segments, 2),
							      sqlite3_column_int64(d->segments, 3)};
		d->indexed = sqlite3_column_int64(d->segments, 1);
	}
	sqlite3_reset(d->segments);
	return rc == SQLITE_DONE ? 0 : failed(d, err);
}

static int read_tail(struct store_day *d, struct err *err)
{
	struct id_set ids = {0};
	int64_t no;
	int r = 0;

	if (d->tail_from != d->indexed) {
		postings_clear(d->tail);
		d->tail_batch = d->tail_from = d->indexed;
	}
	while (r == 0 && (no = store_day_batch(d, d->tail_batch, &ids, err)) > 0) {
		for (size_t i = 0; r == 0 && i < ids.n; i++)
			r = collect_event(d, ids.id[i], err);
		d->tail_batch = no;
	}
	id_set_release(&ids);
	return r == 0 && no == 0 ? 0 : -1;
}

static const struct id_set *rest_of(struct store_day *d)
{
	if (!d->has_rest)
		store_salvage(d->db, &d->rest);
	d->has_rest = true;
	return &d->rest;
}

/* The segments' keys cannot be trusted: all that can be read gets its keys in memory, like what has no segment yet. */
static int index_anew(struct store_day *d, struct err *err)
{
	const struct id_set *all = rest_of(d);
	int r = 0;

	d->no_index = true;
	d->nsegments = 0;
	postings_clear(d->tail);
	for (size_t i = 0; r == 0 && i < all->n; i++)
		r = collect_event(d, all->id[i], err);
	return r;
}

int store_day_refresh(struct store_day *d, struct err *err)
{
	int r;

	if (d->no_index)
		return 0;
	/* One view for both: an event is in a segment or behind the last one. */
	if (sqlite3_exec(d->db, "BEGIN", NULL, NULL, NULL))
		return failed(d, err);
	r = read_segments(d, err);
	if (r == 0)
		r = read_tail(d, err);
	sqlite3_exec(d->db, "COMMIT", NULL, NULL, NULL);
	return r == 0 || !d->damaged ? r : index_anew(d, err);
}

void store_day_rest(struct store_day *d, int64_t from, int64_t to, struct id_set *out)
{
	const struct id_set *all = rest_of(d);

	set_clear(out);
	for (size_t i = 0; i < all->n; i++)
		if (all->id[i] >= from && all->id[i] <= to)
			id_set_add(out, all->id[i]);
}

/* ---- finding ---- */

struct gather {
	struct id_set *set;
	int64_t from, to;
};

static bool gather_tail(void *arg, struct str key, const int64_t *ids, size_t n)
{
	struct gather *g = arg;

	(void)key;
	for (size_t i = 0; i < n; i++)
		if (ids[i] >= g->from && ids[i] <= g->to)
			id_set_add(g->set, ids[i]);
	return g->set->n < SET_MAX;
}

static int load_segment(struct store_day *d, int64_t no, struct err *err)
{
	struct str blob;
	int64_t id = 0;
	int rc;

	set_clear(&d->ids);
	sqlite3_bind_int64(d->segment_ids, 1, no);
	rc = sqlite3_step(d->segment_ids);
	if (rc == SQLITE_ROW) {
		blob = column(d->segment_ids, 0);
		while (store_take_id(&blob, &id))
			id_set_add(&d->ids, id);
	}
	sqlite3_reset(d->segment_ids);
	return rc == SQLITE_ROW ? 0 : failed(d, err);
}

static void gather_blob(const struct store_day *d, struct gather *g, struct str blob)
{
	int64_t event = 0;

	while (store_take_id(&blob, &event)) {
		int64_t id;

		if (event < 0 || (size_t)event >= d->ids.n)
			return;
		id = d->ids.id[event];
		if (id >= g->from && id <= g->to)
			id_set_add(g->set, id);
	}
}

static int find_range(struct store_day *d, const struct key_plan *p, struct gather *g, struct err *err)
{
	sqlite3_stmt *s = p->high.len ? d->range : d->exact;
	int rc = SQLITE_DONE;

	sqlite3_bind_blob(s, 2, p->low.p, (int)p->low.len, SQLITE_STATIC);
	if (p->high.len)
		sqlite3_bind_blob(s, 3, p->high.p, (int)p->high.len, SQLITE_STATIC);
	for (size_t i = 0; i < d->nsegments && g->set->n < SET_MAX && rc == SQLITE_DONE; i++) {
		if (d->segment[i].last < g->from || d->segment[i].first > g->to)
			continue;
		sqlite3_bind_int64(s, 1, d->segment[i].no);
		for (bool loaded = false; (rc = sqlite3_step(s)) == SQLITE_ROW && g->set->n < SET_MAX; loaded = true) {
			if (!loaded && load_segment(d, d->segment[i].no, err) == -1) {
				sqlite3_reset(s);
				return -1;
			}
			gather_blob(d, g, column(s, 1));
		}
		sqlite3_reset(s);
	}
	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		return failed(d, err);
	(void)postings_range(d->tail, p->low, p->high, gather_tail, g);
	g->set->all = g->set->n >= SET_MAX;
	if (!g->set->all)
		id_set_sort(g->set);
	return 0;
}

static int find(struct store_day *d, const struct key_plan *p, int64_t from, int64_t to, struct id_set *out, struct err *err);

static int find_and(struct store_day *d, const struct key_plan *p, int64_t from, int64_t to, struct id_set *out, struct err *err)
{
	struct id_set next = {0};
	int r = 0;

	out->all = true;
	/* What names few events first, words (many) later; as soon as few are left they are looked at one by one. */
	for (int words = 0; words < 2 && r == 0; words++)
		for (uint32_t i = 0; i < p->n && r == 0 && (out->all || out->n > FEW); i++) {
			const struct key_plan *sub = p->sub[i];
			bool is_word = sub->op != PLAN_RANGE || sub->low.p[0] == KEY_WORD;

			if (is_word != words)
				continue;
			set_clear(&next);
			r = find(d, sub, from, to, &next, err);
			if (r || next.all)
				continue;
			if (out->all) {
				struct id_set swap = *out;

				*out = next;
				next = swap;
				out->all = false;
			} else {
				set_and(out, &next);
			}
		}
	id_set_release(&next);
	return r;
}

static int find_or(struct store_day *d, const struct key_plan *p, int64_t from, int64_t to, struct id_set *out, struct err *err)
{
	struct id_set next = {0};
	int r = 0;

	for (uint32_t i = 0; i < p->n && r == 0 && !out->all; i++) {
		set_clear(&next);
		r = find(d, p->sub[i], from, to, &next, err);
		if (r == 0)
			set_or(out, &next);
	}
	id_set_release(&next);
	return r;
}

static int find(struct store_day *d, const struct key_plan *p, int64_t from, int64_t to, struct id_set *out, struct err *err)
{
	struct gather g = {out, from, to};

	set_clear(out);
	switch (p->op) {
	case PLAN_ALL:
		break;
	case PLAN_RANGE:
		return find_range(d, p, &g, err);
	case PLAN_AND:
		return find_and(d, p, from, to, out, err);
	case PLAN_OR:
		return find_or(d, p, from, to, out, err);
	}
	out->all = true;
	return 0;
}

int store_day_find(struct store_day *d, const struct key_plan *plan, int64_t from, int64_t to, struct id_set *out, struct err *err)
{
	int r = find(d, plan, from, to, out, err);

	if (r == 0 || !d->damaged || d->no_index)
		return r;
	return index_anew(d, err) ? -1 : find(d, plan, from, to, out, err);
}

bool store_day_span(struct store_day *d, int64_t *first, int64_t *last)
{
	int rc = sqlite3_step(d->span);
	bool has = rc == SQLITE_ROW && sqlite3_column_type(d->span, 0) != SQLITE_NULL;

	*first = has ? sqlite3_column_int64(d->span, 0) : 0;
	*last = has ? sqlite3_column_int64(d->span, 1) : 0;
	if (rc != SQLITE_ROW && rc != SQLITE_DONE && failed(d, NULL) == -1 && d->damaged) {
		*last = INT64_MAX;
		has = true;
	}
	sqlite3_reset(d->span);
	return has;
}

int store_day_scan(struct store_day *d, int64_t from, int64_t to, bool down, int64_t *ids, int n, struct err *err)
{
	sqlite3_stmt *s = down ? d->down : d->up;
	int have = 0, rc;

	sqlite3_bind_int64(s, 1, from);
	sqlite3_bind_int64(s, 2, to);
	sqlite3_bind_int(s, 3, n);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW && have < n)
		ids[have++] = sqlite3_column_int64(s, 0);
	if (rc != SQLITE_DONE && rc != SQLITE_ROW && have == 0)
		have = failed(d, err);
	sqlite3_reset(s);
	return have;
}

/* ---- transactions ---- */

int64_t store_day_last_batch(struct store_day *d, struct err *err)
{
	int rc = sqlite3_step(d->last_batch);
	int64_t no = rc == SQLITE_ROW ? sqlite3_column_int64(d->last_batch, 0) : failed(d, err);

	sqlite3_reset(d->last_batch);
	return no;
}

int64_t store_day_batch(struct store_day *d, int64_t after, struct id_set *out, struct err *err)
{
	int64_t no = 0, id = 0;
	struct str blob;
	int rc;

	set_clear(out);
	sqlite3_bind_int64(d->batch, 1, after);
	rc = sqlite3_step(d->batch);
	if (rc == SQLITE_ROW) {
		no = sqlite3_column_int64(d->batch, 0);
		blob = column(d->batch, 1);
		while (store_take_id(&blob, &id))
			id_set_add(out, id);
	} else if (rc != SQLITE_DONE) {
		no = failed(d, err);
	}
	sqlite3_reset(d->batch);
	return no;
}
