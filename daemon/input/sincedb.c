#include "input/sincedb.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "input/sincedb_disk.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>

/* A span of lines that is under way. */
struct mark {
	struct ack ack; /* first: mark_done() casts */
	struct record *record;
	struct mark *next;
	uint64_t start;
	bool ended;
};

struct sincedb {
	struct sincedb *next; /* of all there are */
	char *path, *seen_path, *name;
	uint8_t ordinal;      /* among those of the same path */
	bool device;	      /* of path: nothing is kept */
	bool owned;
	int64_t clean_after_ns;
	struct record **table;
	size_t size, n; /* size: a power of two */
	char **known;	/* paths of what was read, sorted */
	size_t nknown;
	size_t marks;
	int64_t written_ns;
	bool dirty, seen_dirty, uncommitted;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of everything here that acks touch */
static struct sincedb *all;

/* ---- the table; its owner's thread, but for `refs` ---- */

static size_t slot_of(const struct sincedb *db, uint64_t inode)
{
	return (size_t)hash_bytes(&inode, sizeof(inode)) & (db->size - 1);
}

static void grow(struct sincedb *db)
{
	struct record **old = db->table;
	size_t size = db->size;

	db->size = size ? 2 * size : 64;
	db->table = xzalloc(sizeof(*db->table) * db->size);
	for (size_t i = 0; i < size; i++)
		while (old[i]) {
			struct record *r = old[i];
			size_t to = slot_of(db, r->key.inode);

			old[i] = r->next;
			r->next = db->table[to];
			db->table[to] = r;
		}
	free(old);
}

static void insert(struct sincedb *db, struct record *r)
{
	size_t to;

	if (db->n >= db->size)
		grow(db);
	to = slot_of(db, r->key.inode);
	r->next = db->table[to];
	db->table[to] = r;
	db->n++;
}

/* With the lock held. */
static void unref_locked(struct record *r)
{
	if (--r->refs)
		return;
	free(r->path);
	free(r);
}

/* With the lock held. */
static void take_out(struct record *r)
{
	struct sincedb *db = r->db;
	struct record **at = &db->table[slot_of(db, r->key.inode)];

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	db->n--;
	db->dirty = db->seen_dirty = true;
	r->gone = true;
	unref_locked(r);
}

void record_ref(struct record *r)
{
	pthread_mutex_lock(&lock);
	r->refs++;
	pthread_mutex_unlock(&lock);
}

void record_unref(struct record *r)
{
	pthread_mutex_lock(&lock);
	unref_locked(r);
	pthread_mutex_unlock(&lock);
}

struct record *sincedb_find(struct sincedb *db, dev_t dev, ino_t ino)
{
	struct record *r;

	/* Another input of the same sincedb may hand over what it had (hand_over). */
	pthread_mutex_lock(&lock);
	r = db->n ? db->table[slot_of(db, ino)] : NULL;
	while (r && !file_key_is(&r->key, dev, ino))
		r = r->next;
	pthread_mutex_unlock(&lock);
	return r;
}

static struct record *find_key(struct sincedb *db, const struct file_key *k)
{
	struct record *r = db->n ? db->table[slot_of(db, k->inode)] : NULL;

	while (r && !(r->key.inode == k->inode && r->key.major == k->major && r->key.minor == k->minor))
		r = r->next;
	return r;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

bool sincedb_knew(const struct sincedb *db, const char *path)
{
	return db->nknown && bsearch(&path, db->known, db->nknown, sizeof(*db->known), by_text);
}

void sincedb_each(struct sincedb *db, void (*fn)(void *arg, struct record *r), void *arg)
{
	struct record **every;
	size_t n = 0;

	pthread_mutex_lock(&lock);
	every = xmalloc(sizeof(struct record *) * (db->n + 1));
	for (size_t i = 0; i < db->size; i++)
		for (struct record *r = db->table[i]; r; r = r->next) {
			r->refs++;
			every[n++] = r;
		}
	pthread_mutex_unlock(&lock);
	for (size_t i = 0; i < n; i++) {
		if (!every[i]->gone)
			fn(arg, every[i]);
		record_unref(every[i]);
	}
	free(every);
}

static struct record *new_record(struct sincedb *db, const struct file_key *k)
{
	struct record *r = xzalloc(sizeof(*r));

	r->db = db;
	r->refs = 1;
	r->key = *k;
	r->last = &r->first;
	return r;
}

static void identify(struct record *r)
{
	if (r->seen_ms)
		return;
	r->seen_ms = clock_wall(&clock_system) / 1000000;
	bug_on(getrandom(r->who, sizeof(r->who), 0) != sizeof(r->who));
	r->db->uncommitted = r->db->seen_dirty = true;
}

struct record *sincedb_add(struct sincedb *db, dev_t dev, ino_t ino, const char *path)
{
	struct file_key k = file_key(dev, ino);
	struct record *r = sincedb_find(db, dev, ino);

	pthread_mutex_lock(&lock);
	if (r)
		take_out(r);
	r = new_record(db, &k);
	r->path = xstrdupz(str_z(path));
	r->changed_ns = clock_wall(&clock_system);
	identify(r);
	insert(db, r);
	db->dirty = true;
	pthread_mutex_unlock(&lock);
	return r;
}

void sincedb_remove(struct record *r)
{
	pthread_mutex_lock(&lock);
	if (!r->gone)
		take_out(r);
	pthread_mutex_unlock(&lock);
}

uint8_t sincedb_ordinal(const struct sincedb *db)
{
	return db->ordinal;
}

/* ---- the window ---- */

/* With the lock held. */
static void settle(struct record *r)
{
	uint64_t done;

	while (r->first && r->first->ended) {
		struct mark *m = r->first;

		r->first = m->next;
		free(m);
		r->db->marks--;
		unref_locked(r);
	}
	if (!r->first)
		r->last = &r->first;
	/* In the middle of a read `read` is still the one before: behind, never ahead. */
	done = r->first ? r->first->start : r->read;
	if (done <= r->done)
		return;
	r->done = done;
	r->changed_ns = clock_wall(&clock_system);
	r->db->dirty = true;
	if (r->archive)
		r->db->seen_dirty = true;
}

static void finish_locked(struct sincedb *db);

/* Any thread. */
static void mark_done(struct ack *a)
{
	struct mark *m = (struct mark *)a;
	struct record *r = m->record;
	struct sincedb *db = r->db;

	pthread_mutex_lock(&lock);
	m->ended = true;
	/* Its own reference: the marks hold theirs, and the last of them may go in here. */
	r->refs++;
	settle(r);
	unref_locked(r);
	if (!db->owned && db->marks == 0)
		finish_locked(db);
	pthread_mutex_unlock(&lock);
}

struct ack *record_span(struct record *r, uint64_t start)
{
	struct mark *m = xzalloc(sizeof(*m));

	ack_init(&m->ack, mark_done);
	m->record = r;
	m->start = start;
	pthread_mutex_lock(&lock);
	r->refs++;
	r->db->marks++;
	*r->last = m;
	r->last = &m->next;
	pthread_mutex_unlock(&lock);
	return &m->ack;
}

void record_read(struct record *r, uint64_t offset)
{
	pthread_mutex_lock(&lock);
	r->read = offset;
	settle(r);
	pthread_mutex_unlock(&lock);
}

void record_whole(struct record *r, uint64_t size)
{
	pthread_mutex_lock(&lock);
	r->whole = size;
	r->db->dirty = true;
	pthread_mutex_unlock(&lock);
}

uint64_t record_position(struct record *r)
{
	uint64_t v;

	pthread_mutex_lock(&lock);
	v = r->read;
	pthread_mutex_unlock(&lock);
	return v;
}

bool record_settled(struct record *r)
{
	bool v;

	pthread_mutex_lock(&lock);
	settle(r);
	v = !r->first && r->done == r->read;
	pthread_mutex_unlock(&lock);
	return v;
}

void record_place(struct record *r, uint64_t offset)
{
	pthread_mutex_lock(&lock);
	r->read = r->done = offset;
	r->placed = true;
	r->db->dirty = true;
	pthread_mutex_unlock(&lock);
}

void record_use(struct record *r, void *user)
{
	pthread_mutex_lock(&lock);
	r->user = user;
	pthread_mutex_unlock(&lock);
}

void record_set_archive(struct record *r)
{
	pthread_mutex_lock(&lock);
	r->archive = true;
	pthread_mutex_unlock(&lock);
}

void record_rename(struct record *r, const char *path)
{
	if (r->path && strcmp(r->path, path) == 0)
		return;
	pthread_mutex_lock(&lock);
	free(r->path);
	r->path = xstrdupz(str_z(path));
	r->db->dirty = true;
	pthread_mutex_unlock(&lock);
}

void record_head(struct record *r, struct str head)
{
	if (head.len <= r->head_len)
		return;
	pthread_mutex_lock(&lock);
	/* Without any of its bytes a file that was renamed over a crash would not be known again: before its first line leaves. */
	r->db->uncommitted |= r->head_len == 0;
	r->head_len = (uint32_t)head.len;
	r->head_hash = head_hash(head);
	r->db->seen_dirty = true;
	pthread_mutex_unlock(&lock);
}

/* ---- writing ---- */

/* What nobody reads and nothing came from for so long is forgotten. With the lock held. */
static void clean(struct sincedb *db)
{
	int64_t now = clock_wall(&clock_system);

	for (size_t i = 0; i < db->size; i++) {
		struct record *next;

		for (struct record *r = db->table[i]; r; r = next) {
			next = r->next;
			if (db->clean_after_ns <= 0)
				continue;
			/* A file that is there stays known however quiet it is. */
			if (r->user && now - r->changed_ns > db->clean_after_ns / 2)
				r->changed_ns = now;
			else if (db->owned && !r->user && !r->first && now - r->changed_ns > db->clean_after_ns)
				take_out(r);
		}
	}
}

static bool same_files(const struct sincedb *a, const struct sincedb *b)
{
	if (a->device != b->device || (!a->device && strcmp(a->path, b->path) != 0))
		return false;
	return a->seen_path && b->seen_path ? strcmp(a->seen_path, b->seen_path) == 0 : !a->device;
}

/* Of two that were read from the same line, or are the same file: who reads it knows, else who changed last. */
static bool knows_better(const struct record *a, const struct record *b)
{
	if (!a->user != !b->user)
		return a->user;
	return a->changed_ns != b->changed_ns ? a->changed_ns > b->changed_ns : a < b;
}

/* With the lock held. Another input with the same sincedb says more of this file. */
static bool outdone(const struct record *r)
{
	for (struct sincedb *db = all; db; db = db->next) {
		struct record *other = db != r->db && same_files(db, r->db) ? find_key(db, &r->key) : NULL;

		if (other && knows_better(other, r))
			return true;
	}
	return false;
}

static void render(struct sincedb *db, struct buf *positions, struct buf *seen);

/* With the lock held. */
static void render_all(struct sincedb *db, struct buf *positions, struct buf *seen)
{
	for (struct sincedb *some = all; some; some = some->next)
		if (some == db || same_files(some, db))
			render(some, positions, seen);
}

/* With the lock held. */
static void render(struct sincedb *db, struct buf *positions, struct buf *seen)
{
	for (size_t i = 0; i < db->size; i++)
		for (struct record *r = db->table[i]; r; r = r->next) {
			struct sincedb_line p = {r->key, r->done, r->changed_ns, r->path ? str_z(r->path) : (struct str){0}};
			struct seen_line s = {.key = r->key, .seen_ms = r->seen_ms, .changed_ms = r->changed_ns / 1000000,
					      .head_len = r->head_len, .head_hash = r->head_hash, .plain = r->archive ? r->done : 0};

			if (outdone(r))
				continue;
			/* Of an archive Logstash knows all or nothing. */
			if (r->archive)
				p.offset = r->whole && !r->first && r->done == r->read ? r->whole : 0;
			memcpy(s.who, r->who, sizeof(s.who));
			if (r->placed)
				sincedb_line_write(positions, &p);
			if (r->seen_ms)
				seen_line_write(seen, &s);
		}
}

static bool save(const struct sincedb *db, const char *path, struct str text)
{
	if (positions_replace(path, db->ordinal, text) == 0)
		return true;
	if ((errno == EACCES || errno == EPERM || errno == EROFS) && positions_overwrite(path, text) == 0)
		return true;
	log_warn("input", "%s: cannot write '%s': %s: after a crash lines since the last write would be read again", db->name, path, strerror(errno));
	return false;
}

/* What there is to write is rendered under the lock, and written without it unless this is the end. */
static void write_out(struct sincedb *db, bool keep_lock)
{
	struct buf positions, seen;
	int64_t now = clock_wall(&clock_system);
	bool old = db->clean_after_ns > 0 && db->n && now - db->written_ns > db->clean_after_ns / 2;
	bool dirty = (db->dirty || old) && !db->device, seen_dirty = (db->seen_dirty || old) && db->seen_path;

	if (!dirty && !seen_dirty)
		return;
	db->written_ns = now;
	clean(db);
	db->dirty = db->seen_dirty = false;
	buf_init(&positions, 0);
	buf_init(&seen, 0);
	render_all(db, &positions, &seen);
	if (!keep_lock)
		pthread_mutex_unlock(&lock);
	/* First who the files are, then how far they were read. */
	seen_dirty = seen_dirty && !save(db, db->seen_path, buf_slice(&seen));
	dirty = dirty && !save(db, db->path, buf_slice(&positions));
	buf_release(&positions);
	buf_release(&seen);
	if (!keep_lock)
		pthread_mutex_lock(&lock);
	/* What failed is tried again with the next write. */
	db->dirty |= dirty;
	db->seen_dirty |= seen_dirty;
}

void sincedb_write(struct sincedb *db)
{
	pthread_mutex_lock(&lock);
	write_out(db, false);
	pthread_mutex_unlock(&lock);
}

void sincedb_commit(struct sincedb *db)
{
	if (!db->uncommitted)
		return;
	/* Tried once: a full disk must not stop the reading. */
	db->uncommitted = false;
	sincedb_write(db);
}

/* ---- reading ---- */

static struct record *find_or_make(struct sincedb *db, const struct file_key *k)
{
	struct record *r = find_key(db, k);

	if (!r) {
		r = new_record(db, k);
		insert(db, r);
	}
	return r;
}

static bool expired(const struct sincedb *db, int64_t changed_ns)
{
	return db->clean_after_ns > 0 && clock_wall(&clock_system) - changed_ns > db->clean_after_ns;
}

static bool read_position(struct sincedb *db, struct str text)
{
	struct sincedb_line l;
	struct record *r;

	if (!sincedb_line_read(text, &l))
		return false;
	if (l.changed_ns < 0)
		l.changed_ns = clock_wall(&clock_system);
	if (expired(db, l.changed_ns))
		return true;
	r = find_or_make(db, &l.key);
	r->placed = true;
	r->read = r->done = l.offset;
	r->changed_ns = l.changed_ns;
	free(r->path);
	r->path = l.path.len ? xstrdupz(l.path) : NULL;
	return true;
}

static bool read_seen(struct sincedb *db, struct str text)
{
	struct seen_line l;
	struct record *r;

	if (!seen_line_read(text, &l) || l.seen_ms == 0 || l.head_len > HEAD_BYTES)
		return false;
	r = find_key(db, &l.key);
	if (!r && expired(db, l.changed_ms * 1000000))
		return true;
	r = find_or_make(db, &l.key);
	if (!r->placed)
		r->changed_ns = l.changed_ms * 1000000;
	r->seen_ms = l.seen_ms;
	memcpy(r->who, l.who, sizeof(r->who));
	r->head_len = l.head_len;
	r->head_hash = l.head_hash;
	if (l.plain) {
		/* The sincedb says 0 of an archive that is not read to its end, and its size of one that is. */
		r->archive = true;
		r->whole = r->placed ? r->done : 0;
		r->read = r->done = l.plain;
	}
	return true;
}

static void load(struct sincedb *db, const char *path, bool (*one)(struct sincedb *db, struct str text))
{
	size_t len, bad = 0;
	char *text = positions_read(db->name, path, &len);
	struct str rest = str_n(text, len), line;

	while (rest.len) {
		if (!str_cut(&rest, '\n', &line)) {
			line = rest;
			rest.len = 0;
		}
		if (str_trim(line).len && !one(db, line))
			bad++;
	}
	if (bad)
		log_warn("input", "%s: %zu lines of '%s' are no positions: passed over", db->name, bad, path);
	free(text);
}

/* Paths are kept, and records of Logstash's get an identity. */
static void note_known(struct sincedb *db)
{
	db->known = xmalloc(sizeof(*db->known) * (db->n + 1));
	for (size_t i = 0; i < db->size; i++)
		for (struct record *r = db->table[i]; r; r = r->next) {
			if (r->path && r->placed)
				db->known[db->nknown++] = xstrdupz(str_z(r->path));
			identify(r);
		}
	qsort(db->known, db->nknown, sizeof(*db->known), by_text);
}

/* ---- life ---- */

/* An object whose owner has left and whose last lines are still under way. */
static struct sincedb *adopt(const char *path)
{
	struct sincedb *db = all;

	while (db && (db->owned || db->device || strcmp(db->path, path) != 0))
		db = db->next;
	return db;
}

static bool ordinal_taken(const struct sincedb *db, uint8_t n)
{
	for (const struct sincedb *other = all; other; other = other->next)
		if (other->ordinal == n && same_files(other, db))
			return true;
	return false;
}

static uint8_t free_ordinal(const struct sincedb *db)
{
	uint8_t n = 0;

	while (n < UINT8_MAX && ordinal_taken(db, n))
		n++;
	return n;
}

/* A symbolic link stays one: what it points to is replaced. */
static char *real_path(const char *path)
{
	char *real = realpath(path, NULL), *copy = xstrdupz(str_z(real ? real : path));

	free(real);
	return copy;
}

struct sincedb *sincedb_open(const struct sincedb_config *c)
{
	char *path = real_path(c->path);
	struct sincedb *db;
	struct stat st;
	bool device = stat(path, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode));

	pthread_mutex_lock(&lock);
	db = device ? NULL : adopt(path);
	if (db) {
		free(db->name);
		db->name = xstrdupz(str_z(c->name));
		db->clean_after_ns = c->clean_after_ns;
		db->owned = true;
		pthread_mutex_unlock(&lock);
		free(path);
		return db;
	}
	db = xzalloc(sizeof(*db));
	db->path = path;
	db->seen_path = c->seen_path ? xstrdupz(str_z(c->seen_path)) : NULL;
	db->name = xstrdupz(str_z(c->name));
	db->device = device;
	db->owned = true;
	db->clean_after_ns = c->clean_after_ns;
	db->ordinal = free_ordinal(db);
	if (!device)
		load(db, path, read_position);
	if (db->seen_path)
		load(db, db->seen_path, read_seen);
	note_known(db);
	db->next = all;
	all = db;
	pthread_mutex_unlock(&lock);
	return db;
}

/* Its record stays where its owner may hold on to it. */
static void learn(struct record *r, const struct record *from)
{
	if (r->user || r->first)
		return;
	r->read = from->read;
	r->done = from->done;
	r->whole = from->whole;
	r->archive = from->archive;
	r->placed = from->placed;
	r->changed_ns = from->changed_ns;
}

/* What only this one knows goes on with another input of the same sincedb. */
static void hand_over(struct sincedb *db, struct sincedb *heir)
{
	for (size_t i = 0; i < db->size; i++)
		while (db->table[i]) {
			struct record *r = db->table[i], *have = find_key(heir, &r->key);

			r->refs++;
			take_out(r);
			if (have) {
				if (knows_better(r, have))
					learn(have, r);
				unref_locked(r);
				continue;
			}
			r->db = heir;
			r->gone = false;
			insert(heir, r);
		}
	heir->dirty = heir->seen_dirty = true;
}

static void finish_locked(struct sincedb *db)
{
	struct sincedb **at = &all, *heir;

	write_out(db, true);
	while (*at != db)
		at = &(*at)->next;
	*at = db->next;
	heir = all;
	while (heir && !same_files(heir, db))
		heir = heir->next;
	if (heir)
		hand_over(db, heir);
	for (size_t i = 0; i < db->size; i++)
		while (db->table[i])
			take_out(db->table[i]);
	for (size_t i = 0; i < db->nknown; i++)
		free(db->known[i]);
	free(db->known);
	free(db->table);
	free(db->path);
	free(db->seen_path);
	free(db->name);
	free(db);
}

void sincedb_close(struct sincedb **pp)
{
	struct sincedb *db = *pp;

	*pp = NULL;
	if (!db)
		return;
	pthread_mutex_lock(&lock);
	db->owned = false;
	if (db->marks == 0)
		finish_locked(db);
	else
		write_out(db, true);
	pthread_mutex_unlock(&lock);
}
