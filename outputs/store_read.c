#include "outputs/store_read.h"

#include "outputs/store_day.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

enum { SCAN = 256, DAYS_MAX = 100000 };

struct day {
	char name[STORE_NAME_MAX]; /* without its end */
	int64_t day;
	unsigned part;
	struct store_day *file; /* NULL: could not be read */
	struct err why;		/* then */
	bool seen;
	bool told; /* that it is damaged, or why it could not be read */
	int64_t tail_batch; /* of store_tail */
	unsigned cursors;
	bool gone;
};

struct store {
	char *dir;
	struct day **day; /* oldest first */
	size_t n;
	struct err complaint;
	bool has_complaint;
	/* store_tail */
	struct id_set tail;
	size_t tail_at;
	struct day *tail_day;
	bool tail_set;
	struct buf json;
	struct arena arena;
};

static void complain(struct store *s, const struct err *err)
{
	if (!s->has_complaint)
		s->complaint = *err;
	s->has_complaint = true;
}

const char *store_complaint(struct store *s)
{
	bool has = s->has_complaint;

	s->has_complaint = false;
	for (size_t i = 0; !has && i < s->n; i++) {
		struct day *d = s->day[i];
		const char *damage = d->told ? NULL : d->file ? store_day_damage(d->file) : d->why.text;

		if (!damage)
			continue;
		d->told = true;
		return damage;
	}
	return has ? s->complaint.text : NULL;
}

/* Damage the day file tells of itself, once. */
static void complain_of(struct store *s, const struct day *d, const struct err *err)
{
	if (!d->file || !store_day_damage(d->file))
		complain(s, err);
}

/* ---- day files ---- */

static int by_day(const void *a, const void *b)
{
	const struct day *x = *(struct day *const *)a, *y = *(struct day *const *)b;

	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	return x->part < y->part ? -1 : x->part > y->part;
}

static void day_free(struct day *d)
{
	store_day_close(&d->file);
	free(d);
}

static void path_of(const struct store *s, const struct day *d, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/%s.db", s->dir, d->name);
}

static struct day *find_day(struct store *s, int64_t day, unsigned part)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->day[i]->day == day && s->day[i]->part == part && !s->day[i]->gone)
			return s->day[i];
	return NULL;
}

static void add_day(struct store *s, struct str name, int64_t day, unsigned part)
{
	struct day *d = xzalloc(sizeof(*d));
	char path[PATH_MAX];

	d->day = day;
	d->part = part;
	d->seen = true;
	name.len -= 3; /* ".db" */
	memcpy(d->name, name.p, name.len < sizeof(d->name) ? name.len : sizeof(d->name) - 1);
	path_of(s, d, path);
	d->file = store_day_open(path, &d->why);
	s->day = xrealloc(s->day, (s->n + 1) * sizeof(struct day *));
	s->day[s->n++] = d;
}

/* Day files that are not there any more, as far as nobody walks through them. */
static void drop_gone(struct store *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct day *d = s->day[i];

		d->gone |= !d->seen;
		if (d->gone && d->cursors == 0 && d != s->tail_day)
			day_free(d);
		else
			s->day[n++] = d;
	}
	s->n = n;
}

int store_refresh(struct store *s, struct err *err)
{
	DIR *dir = opendir(s->dir);
	char path[PATH_MAX];
	struct dirent *e;
	struct err why;

	if (!dir)
		return errno == ENOENT ? err_set(err, "there is no store in '%s'", s->dir) : err_sys(err, "cannot read folder '%s'", s->dir);
	for (size_t i = 0; i < s->n; i++)
		s->day[i]->seen = false;
	while ((e = readdir(dir))) {
		struct str name = str_z(e->d_name), rest;
		struct day *d;
		int64_t day;
		unsigned part;

		if (!store_name_parse(name, &day, &part, &rest) || rest.len || name.len >= STORE_NAME_MAX || s->n >= DAYS_MAX)
			continue;
		d = find_day(s, day, part);
		if (d)
			path_of(s, d, path);
		if (d && d->file && !store_day_replaced(d->file, path)) {
			d->seen = true;
			if (store_day_refresh(d->file, &why) == -1)
				complain_of(s, d, &why);
		} else if (d && !d->file) {
			d->seen = true;
			d->file = store_day_open(path, &d->why);
		} else {
			add_day(s, name, day, part);
		}
	}
	closedir(dir);
	drop_gone(s);
	if (s->n)
		qsort(s->day, s->n, sizeof(struct day *), by_day);
	return 0;
}

struct store *store_open(const char *data_dir, struct err *err)
{
	struct store *s = xzalloc(sizeof(*s));
	char dir[PATH_MAX];
	int n = snprintf(dir, sizeof(dir), "%s/store", data_dir);

	s->dir = xstrdupz(str_z(dir));
	buf_init(&s->json, 0);
	arena_init(&s->arena, NULL);
	if (n < 0 || (size_t)n >= sizeof(dir) - STORE_NAME_MAX - 8)
		err_set(err, "'%.64s...' is too long a path", data_dir);
	else if (store_refresh(s, err) == 0)
		return s;
	store_close(&s);
	return NULL;
}

void store_close(struct store **sp)
{
	struct store *s = *sp;

	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		day_free(s->day[i]);
	id_set_release(&s->tail);
	buf_release(&s->json);
	arena_release(&s->arena);
	free(s->day);
	free(s->dir);
	free(s);
	*sp = NULL;
}

/* ---- a hit ---- */

/* Event id of a file: 1 and hit filled where q matches; 0. What cannot be read is complained about and passed over. */
static int look(struct store *s, struct day *d, int64_t id, const struct query *q, struct arena *scratch, struct buf *json, struct arena *a,
		struct store_hit *hit)
{
	struct event ev;
	struct err err;
	char ev_id[32];
	uint8_t len = 0;
	int r = store_day_get(d->file, id, json, ev_id, &len, &err);

	if (r == 1) {
		arena_clear(scratch);
		r = store_event(&ev, scratch, buf_slice(json), &err) == -1 ? -1 : 1;
	}
	if (r == -1)
		complain_of(s, d, &err);
	if (r != 1)
		return 0;
	memcpy(ev.id, ev_id, len);
	ev.id_len = len;
	if (q && !query_match(q, &ev, scratch))
		return 0;
	*hit = (struct store_hit){.time_ms = store_id_ms(id), .row = id, .file = str_z(d->name)};
	hit->json = arena_dup(a, buf_slice(json));
	(void)store_event(&hit->ev, a, hit->json, NULL);
	memcpy(hit->ev.id, ev_id, len);
	hit->ev.id_len = len;
	return 1;
}

/* ---- cursors ---- */

enum walk_state { WALK_NEW, WALK_SET, WALK_SCAN, WALK_END };

struct walk {
	struct day *day;
	enum walk_state state;
	int64_t from, to;  /* what is left of the file */
	int64_t next;	   /* the next event to look at; WALK_NEW: none lies before it */
	struct id_set set;
	size_t at;	   /* of set: how many are done */
	int64_t scan[SCAN];
	int nscan, scan_at;
};

struct store_cursor {
	struct store *store;
	struct arena arena; /* query and plan */
	const struct query *query;
	struct query_plan plan;
	bool down;
	struct walk *walk;
	size_t n;
	struct arena scratch;
	struct buf json;
};

static void walk_fail(struct store_cursor *c, struct walk *w, const struct err *err)
{
	complain_of(c->store, w->day, err);
	w->state = WALK_END;
}

static void scan_more(struct store_cursor *c, struct walk *w)
{
	struct err err;

	w->scan_at = 0;
	w->nscan = w->from > w->to ? 0 : store_day_scan(w->day->file, w->from, w->to, c->down, w->scan, SCAN, &err);
	if (w->nscan < 0 && store_day_damage(w->day->file)) {
		/* Behind the page that cannot be read there are others. */
		store_day_rest(w->day->file, w->from, w->to, &w->set);
		w->state = WALK_SET;
		w->at = 0;
	} else if (w->nscan < 0) {
		walk_fail(c, w, &err);
	} else if (w->nscan == 0) {
		w->state = WALK_END;
	} else if (c->down) {
		w->to = w->scan[w->nscan - 1] - 1;
	} else {
		w->from = w->scan[w->nscan - 1] + 1;
	}
}

/* The next number of the file into w->next, or its end. */
static void walk_next(struct store_cursor *c, struct walk *w)
{
	if (w->state == WALK_SCAN && w->scan_at == w->nscan)
		scan_more(c, w);
	if (w->state == WALK_SCAN) {
		w->next = w->scan[w->scan_at++];
	} else if (w->state == WALK_SET && w->at < w->set.n) {
		w->next = w->set.id[c->down ? w->set.n - 1 - w->at : w->at];
		w->at++;
	} else {
		w->state = WALK_END;
	}
}

/* Only now the index of the file is asked: a search for the newest ten does not touch last month. */
static void walk_begin(struct store_cursor *c, struct walk *w)
{
	struct err err;

	if (store_day_find(w->day->file, c->plan.keys, w->from, w->to, &w->set, &err) == -1) {
		walk_fail(c, w, &err);
		return;
	}
	w->state = w->set.all ? WALK_SCAN : WALK_SET;
	if (w->set.all)
		id_set_release(&w->set);
	walk_next(c, w);
}

static int64_t id_from_ms(int64_t ms)
{
	return ms <= 0 ? 0 : store_id(ms, 0);
}

static void add_walks(struct store_cursor *c, int64_t since_ms, int64_t until_ms)
{
	struct store *s = c->store;
	int64_t from = id_from_ms(since_ms), to = until_ms == INT64_MAX ? INT64_MAX : id_from_ms(until_ms) - 1;

	c->walk = xzalloc((s->n ? s->n : 1) * sizeof(*c->walk));
	for (size_t i = 0; i < s->n; i++) {
		struct walk w = {.day = s->day[i], .from = from, .to = to};
		int64_t first, last;

		if (!w.day->file || w.day->gone || !store_day_span(w.day->file, &first, &last))
			continue;
		/* Newer ones may come while the cursor runs: the end stays open, but the file is not asked before its turn. */
		if (first > w.from)
			w.from = first;
		if (last < w.to)
			w.to = last;
		if (w.from > w.to)
			continue;
		w.next = c->down ? w.to : w.from;
		w.day->cursors++;
		c->walk[c->n++] = w;
	}
}

struct store_cursor *store_find(struct store *s, const struct store_find *f, struct err *err)
{
	struct store_cursor *c = xzalloc(sizeof(*c));
	int64_t since = f->since_ms, until = f->until_ms;
	struct query *key = NULL;

	c->store = s;
	c->down = f->newest_first;
	arena_init(&c->arena, NULL);
	arena_init(&c->scratch, NULL);
	buf_init(&c->json, 0);
	if (f->kind != KEY_NONE) {
		key = query_of_key(&c->arena, f->kind, f->key, err);
		if (!key) {
			store_cursor_free(&c);
			return NULL;
		}
	}
	/* The tree of the caller is only read. */
	c->query = key && f->query ? query_and(&c->arena, key, (struct query *)(uintptr_t)f->query) : key ? key : f->query;
	query_plan(&c->arena, c->query, &c->plan);
	if (until == 0)
		until = INT64_MAX;
	if (c->plan.since_ms > since)
		since = c->plan.since_ms;
	if (c->plan.until_ms < until)
		until = c->plan.until_ms;
	add_walks(c, since, until);
	return c;
}

static struct walk *best(struct store_cursor *c)
{
	struct walk *b = NULL;

	for (size_t i = 0; i < c->n; i++) {
		struct walk *w = &c->walk[i];

		if (w->state != WALK_END && (!b || (c->down ? w->next > b->next : w->next < b->next)))
			b = w;
	}
	return b;
}

int store_next(struct store_cursor *c, struct arena *a, struct store_hit *hit, struct err *err)
{
	struct walk *w;

	(void)err;
	while ((w = best(c))) {
		int64_t id = w->next;

		if (w->state == WALK_NEW) {
			walk_begin(c, w);
			continue;
		}
		walk_next(c, w);
		if (look(c->store, w->day, id, c->query, &c->scratch, &c->json, a, hit))
			return 1;
	}
	return 0;
}

void store_cursor_free(struct store_cursor **cp)
{
	struct store_cursor *c = *cp;

	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++) {
		c->walk[i].day->cursors--;
		id_set_release(&c->walk[i].set);
	}
	free(c->walk);
	arena_release(&c->arena);
	arena_release(&c->scratch);
	buf_release(&c->json);
	free(c);
	*cp = NULL;
}

/* ---- what comes in ---- */

int store_tail_from_now(struct store *s, struct err *err)
{
	if (store_refresh(s, err) == -1)
		return -1;
	for (size_t i = 0; i < s->n; i++)
		if (s->day[i]->file) {
			int64_t no = store_day_last_batch(s->day[i]->file, err);

			if (no == -1 && !store_day_damage(s->day[i]->file))
				return -1;
			s->day[i]->tail_batch = no == -1 ? INT64_MAX : no;
		}
	s->tail_set = true;
	s->tail_at = s->tail.n = 0;
	return 0;
}

/* The next transaction of any file. false: none. */
static bool next_batch(struct store *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct day *d = s->day[i];
		struct err err;
		int64_t no;

		if (!d->file || d->gone)
			continue;
		no = store_day_batch(d->file, d->tail_batch, &s->tail, &err);
		if (no == -1)
			complain_of(s, d, &err);
		if (no <= 0)
			continue;
		d->tail_batch = no;
		s->tail_day = d;
		s->tail_at = 0;
		return true;
	}
	return false;
}

static int tail_step(struct store *s, const struct query *q, struct arena *a, struct store_hit *hit)
{
	for (;;) {
		while (s->tail_day && s->tail_at < s->tail.n)
			if (look(s, s->tail_day, s->tail.id[s->tail_at++], q, &s->arena, &s->json, a, hit))
				return 1;
		s->tail_day = NULL;
		if (!next_batch(s))
			return 0;
	}
}

int store_tail(struct store *s, const struct query *q, struct arena *a, struct store_hit *hit, struct err *err)
{
	int r;

	if (!s->tail_set && store_tail_from_now(s, err) == -1)
		return -1;
	r = tail_step(s, q, a, hit);
	if (r)
		return r;
	if (store_refresh(s, err) == -1)
		return -1;
	return tail_step(s, q, a, hit);
}
