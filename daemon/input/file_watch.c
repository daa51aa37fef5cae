#include "input/file_watch_int.h"
#include "base/hash.h"
#include "base/log.h"
#include "input/glob.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* A file without a name is let go when nothing came for so long, and a name without a file is forgotten. */
enum { AFTERLIFE_S = 60, SPARE_DESCRIPTORS = 256 };

static const int64_t afterlife_ns = AFTERLIFE_S * INT64_C(1000000000);

/* ---- names ---- */

static struct watched **slot_of(const struct watch *w, struct str path)
{
	struct watched **at = &w->table[hash_bytes(path.p, path.len) & (w->table_size - 1)];

	while (*at && !str_eqz(path, (*at)->path))
		at = &(*at)->chain;
	return at;
}

static void grow_table(struct watch *w)
{
	free(w->table);
	w->table_size = w->table_size ? 2 * w->table_size : 64;
	w->table = xzalloc(sizeof(*w->table) * w->table_size);
	for (size_t i = 0; i < w->nentries; i++) {
		w->entry[i]->chain = NULL;
		*slot_of(w, str_z(w->entry[i]->path)) = w->entry[i];
	}
}

static void add_entry(struct watch *w, struct str path, bool literal)
{
	struct watched *e = xzalloc(sizeof(*e) + path.len + 1);

	memcpy(e->path, path.p, path.len);
	e->literal = literal;
	if (w->nentries == w->entries_cap) {
		w->entries_cap = w->entries_cap ? 2 * w->entries_cap : 64;
		w->entry = xrealloc(w->entry, sizeof(*w->entry) * w->entries_cap);
	}
	w->entry[w->nentries++] = e;
	if (w->nentries > w->table_size)
		grow_table(w);
	else
		*slot_of(w, path) = e;
}

/* Names whose file is gone for good leave the list, which keeps its order. */
static void sweep_entries(struct watch *w, int64_t now)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->nentries; i++) {
		struct watched *e = w->entry[i], **at = &w->table[hash_bytes(e->path, strlen(e->path)) & (w->table_size - 1)];

		if (e->tail || !e->gone_ns || now - e->gone_ns < afterlife_ns) {
			w->entry[kept++] = e;
			continue;
		}
		while (*at != e)
			at = &(*at)->chain;
		*at = e->chain;
		free(e);
	}
	w->nentries = kept;
}

/* ---- patterns ---- */

struct search {
	struct watch *w;
	bool literal;
};

static bool excluded(const struct watch *w, struct str path)
{
	struct str name = str_from(path, (size_t)(str_rchr(path, '/') + 1));

	for (size_t i = 0; i < w->c.nexcludes; i++)
		if (glob_match(w->c.exclude[i], name))
			return true;
	return false;
}

bool is_wanted(const struct watch *w, const char *path)
{
	for (size_t i = 0; i < w->c.npatterns; i++)
		if (glob_match_path(w->c.pattern[i], str_z(path)))
			return !excluded(w, str_z(path));
	return false;
}

static bool on_found(void *arg, const char *z)
{
	struct search *s = arg;
	struct watch *w = s->w;
	struct str path = str_z(z);

	if (excluded(w, path) || (w->table_size && *slot_of(w, path)))
		return true;
	if (w->nentries < WATCH_FILES) {
		add_entry(w, path, s->literal);
		return true;
	}
	if (!w->told_full)
		log_warn("input", "%s: more than %d files fit the patterns: the others are not read", w->inlet->name, WATCH_FILES);
	w->told_full = true;
	return false;
}

static void on_trouble(void *arg, const char *folder)
{
	struct watch *w = ((struct search *)arg)->w;

	if (!w->told_folder)
		log_warn("input", "%s: cannot list '%s': %s: its files are not read", w->inlet->name, folder, strerror(errno));
	w->told_folder = true;
	count_add(&w->inlet->count.refused, 1);
}

static int by_path(const void *a, const void *b)
{
	return strcmp((*(struct watched *const *)a)->path, (*(struct watched *const *)b)->path);
}

static int by_path_down(const void *a, const void *b)
{
	return by_path(b, a);
}

static int by_time(const void *a, const void *b)
{
	const struct watched *x = *(struct watched *const *)a, *y = *(struct watched *const *)b;
	int64_t s = x->tail ? x->tail->mtime_ns : 0, t = y->tail ? y->tail->mtime_ns : 0;

	return s < t ? -1 : s > t ? 1 : by_path(a, b);
}

static int by_time_down(const void *a, const void *b)
{
	return by_time(b, a);
}

static void sort_entries(struct watch *w)
{
	int (*const order[2][2])(const void *, const void *) = {{by_time, by_time_down}, {by_path, by_path_down}};

	if (w->nentries)
		qsort(w->entry, w->nentries, sizeof(*w->entry), order[w->c.sort == SORT_PATH][w->c.descending]);
}

static void discover(struct watch *w, bool initial)
{
	size_t before = w->nentries;

	for (size_t i = 0; i < w->c.npatterns; i++) {
		struct search s = {w, !glob_magic(w->c.pattern[i])};
		struct glob_hooks hooks = {on_found, on_trouble, &s};
		size_t had = w->nentries;

		glob_walk(w->c.pattern[i], &hooks);
		if (initial && w->nentries == had)
			log_info("input", "%s: no file fits '%.*s' yet", w->inlet->name, STR_ARG(w->c.pattern[i]));
	}
	if (w->nentries == before)
		return;
	/* By path first, so that of two names of one file it is always the same one that counts. */
	qsort(w->entry + before, w->nentries - before, sizeof(*w->entry), by_path);
	for (size_t i = before; i < w->nentries; i++)
		watched_look(w, w->entry[i], initial);
	sort_entries(w);
}

/* ---- each stat_interval ---- */

/* A file that lost its name: to its end, and a while longer. */
static void look_detached(struct watch *w, int64_t now)
{
	struct tail **at = &w->detached, *t;
	struct stat st;

	while ((t = *at)) {
		bool known = t->fd != -1 && fstat(t->fd, &st) == 0;

		if (known)
			t->size = (uint64_t)st.st_size;
		turn_offer(w, t);
		if (t->due || t == w->current || t->state == TAIL_READ || (known && (now - t->detached_ns < afterlife_ns || now - t->data_ns < afterlife_ns))) {
			at = &t->next_detached;
			continue;
		}
		*at = t->next_detached;
		log_debug("input", "%s: done with '%s', which was renamed or removed", w->inlet->name, t->path);
		if (t->state == TAIL_READING)
			tail_end(t);
		if (known && st.st_nlink == 0)
			sincedb_remove(t->rec);
		tail_shut(w, t);
		tail_free(t);
	}
}

static void close_old(struct watch *w, int64_t now)
{
	if (w->c.close_older_ns <= 0 || w->c.mode == FILE_READ)
		return;
	for (size_t i = 0; i < w->nentries; i++) {
		struct tail *t = w->entry[i]->tail;

		if (t && t->fd != -1 && !t->due && t != w->current && !t->st.framer.skipping && now - t->data_ns > w->c.close_older_ns)
			tail_shut(w, t);
	}
}

static void write_at_interval(struct watch *w, int64_t now)
{
	if (now - w->written_ns < w->c.write_ns)
		return;
	w->written_ns = now;
	sincedb_write(w->db);
}

static void on_timer(uv_timer_t *h)
{
	struct watch *w = h->data;
	int64_t now = clock_mono(&clock_system);

	if (++w->ticks % w->c.discover_every == 0 && !w->c.exit_after_read) {
		sweep_entries(w, now);
		discover(w, false);
	}
	for (size_t i = 0; i < w->nentries; i++)
		watched_look(w, w->entry[i], false);
	look_detached(w, now);
	for (size_t i = 0; i < w->nentries; i++)
		if (w->entry[i]->tail)
			turn_offer(w, w->entry[i]->tail);
	close_old(w, now);
	turn_settle(w);
	write_at_interval(w, now);
	turn_go(w);
}

/* ---- life ---- */

void watch_config_release(struct watch_config *c)
{
	for (size_t i = 0; i < c->npatterns; i++)
		free((char *)c->pattern[i].p);
	for (size_t i = 0; i < c->nexcludes; i++)
		free((char *)c->exclude[i].p);
	free(c->pattern);
	free(c->exclude);
	free(c->sincedb_path);
	free(c->seen_path);
	free(c->completed_log);
}

struct watch *watch_new(struct inlet *in, struct watch_config *c)
{
	struct watch *w = xzalloc(sizeof(*w));

	w->c = *c;
	w->inlet = in;
	w->due_last = &w->due;
	return w;
}

/* Sockets, outputs and the rest of weird need some, too. */
static uint64_t max_open(uint64_t wanted)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == -1 || r.rlim_cur == RLIM_INFINITY)
		return wanted;
	if (r.rlim_cur > 2 * SPARE_DESCRIPTORS && wanted > r.rlim_cur - SPARE_DESCRIPTORS)
		return r.rlim_cur - SPARE_DESCRIPTORS;
	return r.rlim_cur <= 2 * SPARE_DESCRIPTORS && wanted > r.rlim_cur / 2 ? r.rlim_cur / 2 : wanted;
}

/* DATA/plugins/inputs/file, by the user that weird is now. What cannot be made shows when it is written. */
static void make_folders(const char *file)
{
	char part[PATH_MAX];
	size_t len = strlen(file);

	if (len >= sizeof(part))
		return;
	memcpy(part, file, len + 1);
	for (size_t i = 1; i < len; i++)
		if (part[i] == '/') {
			part[i] = 0;
			(void)mkdir(part, 0700);
			part[i] = '/';
		}
}

int watch_start(struct watch *w, struct err *err)
{
	uv_loop_t *uv = loop_uv(w->inlet->loop);
	struct sincedb_config sc = {w->c.sincedb_path, w->c.seen_path, w->inlet->name, w->c.clean_after_ns};
	uint64_t stat_ms = (uint64_t)(w->c.stat_ns / 1000000);

	(void)err;
	w->c.max_open = max_open(w->c.max_open);
	if (w->c.seen_path)
		make_folders(w->c.seen_path);
	w->db = sincedb_open(&sc);
	w->tail = (struct tail_config){w->inlet, w->db, str_n(w->c.delimiter, w->c.delimiter_len), w->c.max_line};
	uv_timer_init(uv, &w->timer);
	uv_idle_init(uv, &w->work);
	w->timer.data = w->work.data = w;
	w->handles = 2;
	w->started = true;
	w->written_ns = clock_mono(&clock_system);
	discover(w, true);
	if (w->c.mode == FILE_TAIL)
		find_renamed(w);
	log_info("input", "%s: %zu files, positions in '%s'", w->inlet->name, w->nentries, w->c.sincedb_path);
	/* Where reading of new files begins is part of what must survive a crash. */
	sincedb_commit(w->db);
	look_detached(w, w->written_ns);
	for (size_t i = 0; i < w->nentries; i++)
		if (w->entry[i]->tail)
			turn_offer(w, w->entry[i]->tail);
	uv_timer_start(&w->timer, on_timer, stat_ms, stat_ms);
	turn_go(w);
	return 0;
}

void watch_pause(struct watch *w)
{
	uv_idle_stop(&w->work);
}

void watch_resume(struct watch *w)
{
	if (!w->inlet->stopping)
		turn_go(w);
}

static void on_closed(uv_handle_t *h)
{
	struct watch *w = h->data;

	if (--w->handles == 0)
		inlet_closed(w->inlet);
}

void watch_stop(struct watch *w)
{
	/* Half lines are read again by the next run. */
	for (size_t i = 0; i < w->nentries; i++)
		if (w->entry[i]->tail)
			tail_shut(w, w->entry[i]->tail);
	for (struct tail *t = w->detached; t; t = t->next_detached)
		tail_shut(w, t);
	uv_close((uv_handle_t *)&w->timer, on_closed);
	uv_close((uv_handle_t *)&w->work, on_closed);
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	if (w->started) {
		turn_settle(w);
		/* While it is known which files are there. */
		sincedb_write(w->db);
	}
	while (w->detached) {
		struct tail *t = w->detached;

		w->detached = t->next_detached;
		tail_free(t);
	}
	for (size_t i = 0; i < w->nentries; i++) {
		tail_free(w->entry[i]->tail);
		free(w->entry[i]);
	}
	sincedb_close(&w->db);
	free(w->entry);
	free(w->table);
	watch_config_release(&w->c);
	free(w);
}
