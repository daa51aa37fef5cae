/*
 * file_find.c - which file a name is: one that is read already, one that the sincedb knows, or a new one (see file_watch.h).
 *
 * Logstash knows a file by its inode and, at a start, its path. Its first bytes say more (sincedb.h): whether an inode is still the same file, also after a
 * rename that happened while nobody was looking. Where only Logstash's own lines are there, it is done as Logstash does.
 */
#include "base/log.h"
#include "input/file_watch_int.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

void complain(struct watch *w, struct watched *e, int error, const char *what)
{
	if (e->complained == error)
		return;
	e->complained = error;
	count_add(&w->inlet->count.refused, 1);
	log_warn("input", "%s: cannot read '%s': %s", w->inlet->name, e->path, what);
}

static int64_t mtime_ns(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

static bool is_same(const struct tail *t, const struct stat *st)
{
	return t->dev == st->st_dev && t->ino == st->st_ino;
}

static void note(struct tail *t, const struct stat *st)
{
	t->size = (uint64_t)st->st_size;
	t->mtime_ns = mtime_ns(st);
}

/* ---- a file without its name ---- */

bool find_inode(const char *was, const struct file_key *k, char *path)
{
	const char *slash = strrchr(was, '/');
	size_t len = slash ? (size_t)(slash - was) : 0;
	struct dirent *e;
	struct stat st;
	bool found = false;
	DIR *d;

	if (!slash || len + 2 + NAME_MAX >= PATH_MAX)
		return false;
	memcpy(path, was, len + 1);
	path[len ? len : 1] = 0;
	d = opendir(path);
	if (!d)
		return false;
	while (!found && (e = readdir(d))) {
		if (e->d_ino != k->inode)
			continue;
		(void)snprintf(path + len, (size_t)PATH_MAX - len, "/%s", e->d_name);
		found = stat(path, &st) == 0 && S_ISREG(st.st_mode) && file_key_is(k, st.st_dev, st.st_ino);
	}
	closedir(d);
	return found;
}

static void append_detached(struct watch *w, struct tail *t)
{
	struct tail **at = &w->detached;

	while (*at)
		at = &(*at)->next_detached;
	*at = t;
	t->next_detached = NULL;
	t->entry = NULL;
	t->stuck = 0;
	t->detached_ns = clock_mono(&clock_system);
}

static void remove_detached(struct watch *w, struct tail *t)
{
	struct tail **at = &w->detached;

	while (*at != t)
		at = &(*at)->next_detached;
	*at = t->next_detached;
}

static void open_detached(struct watch *w, struct tail *t, const char *path)
{
	if (tail_open(t, path) == -1)
		return;
	w->open++;
	count_add(&w->inlet->count.connections, 1);
	count_add(&w->inlet->count.open, 1);
}

void watched_detach(struct watch *w, struct watched *e)
{
	struct tail *t = e->tail;
	char path[PATH_MAX];

	if (!t)
		return;
	e->tail = NULL;
	append_detached(w, t);
	/* It was closed for a while: its new name is wanted to read what came since. */
	if (t->state == TAIL_READING && t->fd == -1 && find_inode(e->path, &t->rec->key, path))
		open_detached(w, t, path);
}

struct renamed {
	struct watch *w;
	size_t n;
};

/* "app.log" became "app.log.1" while weird was down: what was not read of it is read now, as lines of app.log. */
static void look_renamed(void *arg, struct record *r)
{
	struct renamed *s = arg;
	char path[PATH_MAX];
	const char *name, *was;
	struct stat st;
	struct tail *t;

	if (r->user || !r->placed || !r->path || r->archive || !is_wanted(s->w, r->path) || !find_inode(r->path, &r->key, path))
		return;
	if (stat(path, &st) == -1 || (uint64_t)st.st_size <= record_position(r))
		return;
	name = strrchr(path, '/') + 1;
	was = strrchr(r->path, '/') + 1;
	/* Of a record that Logstash wrote nothing but the name can tell. */
	if (r->head_len ? !tail_is_record(path, r) : strncmp(name, was, strlen(was)) != 0)
		return;
	t = tail_new(&s->w->tail, r, r->path, &st);
	note(t, &st);
	append_detached(s->w, t);
	open_detached(s->w, t, path);
	s->n++;
}

void find_renamed(struct watch *w)
{
	struct renamed s = {w, 0};

	sincedb_each(w->db, look_renamed, &s);
	if (s.n)
		log_info("input", "%s: %zu files were renamed since they were read last: their rest is read, too", w->inlet->name, s.n);
}

/* ---- a name that has a file ---- */

static bool is_archive(const struct watch *w, const char *path)
{
	struct str s = str_z(path);

	return w->c.mode == FILE_READ && (str_ends(s, STR(".gz")) || str_ends(s, STR(".gzip")));
}

/* A record with the file's inode is that file's. */
static bool belongs(const struct record *r, const char *path, uint64_t size, bool archive)
{
	if (r->archive && !archive)
		return false;
	if (r->head_len ? !tail_is_record(path, r) : r->path && strcmp(r->path, path) != 0)
		return false;
	if (!r->placed)
		return true;
	return archive ? !r->whole || r->whole == size : r->read <= size;
}

/* Where a file begins that the sincedb does not know. What was there before weird is passed over, if so told; a file that took the place of a known one
 * was not there before. */
static uint64_t first_position(struct watch *w, bool initial, bool successor, uint64_t size)
{
	return w->c.mode == FILE_TAIL && w->c.start == START_END && initial && !successor ? size : 0;
}

static void place_archive(struct tail *t, uint64_t size)
{
	struct record *r = t->rec;

	if (!r->archive) {
		/* Of Logstash's line: all or nothing. */
		bool whole = size && r->read == size;

		record_set_archive(r);
		record_place(r, 0);
		if (whole)
			record_whole(r, size);
	}
	t->from = r->read;
}

static void associate(struct watch *w, struct watched *e, const struct stat *st, bool initial)
{
	struct record *r = sincedb_find(w->db, st->st_dev, st->st_ino);
	bool archive = is_archive(w, e->path), successor = false;
	uint64_t size = (uint64_t)st->st_size;
	int64_t age = clock_wall(&clock_system) - mtime_ns(st);
	struct tail *t;

	if (r && !belongs(r, e->path, size, archive)) {
		successor = r->placed && r->path && strcmp(r->path, e->path) == 0;
		r = NULL;
	}
	if (!r) {
		successor = successor || (initial && sincedb_knew(w->db, e->path));
		r = sincedb_add(w->db, st->st_dev, st->st_ino, e->path);
	}
	record_rename(r, e->path);
	t = tail_new(&w->tail, r, e->path, st);
	note(t, st);
	t->entry = e;
	e->tail = t;
	t->archive = archive;
	if (w->c.ignore_older_ns > 0 && age > w->c.ignore_older_ns) {
		/* Not placed: should the option go, it is as if it had never been found. */
		t->state = TAIL_IGNORED;
		t->from = r->placed ? r->read : size;
		return;
	}
	if (!r->placed)
		record_place(r, first_position(w, initial, successor, size));
	t->from = r->read;
	if (archive)
		place_archive(t, size);
	t->checking = archive && w->c.check_archives && t->from == 0;
	/* Mode read: one that was read before is neither read nor completed again. */
	if (w->c.mode == FILE_READ && size && (archive ? r->whole == size : r->read >= size))
		t->state = TAIL_DONE;
}

/* The file is read already, under another name: which of the two counts? */
static void take_over(struct watch *w, struct watched *e, struct tail *t)
{
	struct stat st;

	if (!t->entry) {
		remove_detached(w, t);
	} else {
		/* Both are names of it (a link): the first one. */
		if (stat(t->entry->path, &st) == 0 && is_same(t, &st))
			return;
		t->entry->tail = NULL;
	}
	t->entry = e;
	e->tail = t;
	free(t->path);
	t->path = xstrdupz(str_z(e->path));
	record_rename(t->rec, e->path);
}

static void not_regular(struct watch *w, struct watched *e, const struct stat *st)
{
	watched_detach(w, e);
	/* Of what a pattern finds only files are meant. */
	if (!e->literal)
		return;
	if (S_ISDIR(st->st_mode))
		complain(w, e, EISDIR, "it is a directory; name its files, as in 'DIRECTORY/*.log'");
	else
		complain(w, e, ENXIO, "it is no regular file");
}

void watched_look(struct watch *w, struct watched *e, bool initial)
{
	struct record *r;
	struct stat st;

	if (stat(e->path, &st) == -1) {
		if (errno != ENOENT && errno != ENOTDIR) {
			complain(w, e, errno, strerror(errno));
			return;
		}
		if (!e->gone_ns)
			e->gone_ns = clock_mono(&clock_system);
		e->complained = 0;
		watched_detach(w, e);
		return;
	}
	e->gone_ns = 0;
	if (!S_ISREG(st.st_mode)) {
		not_regular(w, e, &st);
		return;
	}
	if (e->tail && is_same(e->tail, &st)) {
		note(e->tail, &st);
		return;
	}
	watched_detach(w, e);
	e->complained = 0;
	r = sincedb_find(w->db, st.st_dev, st.st_ino);
	if (r && r->user)
		take_over(w, e, r->user);
	else
		associate(w, e, &st, initial);
	if (e->tail && !initial)
		log_debug("input", "%s: new file '%s'", w->inlet->name, e->path);
}
