/*
 * file_turn.c - reading, file after file, and what becomes of a file that was read (see file_watch.h).
 *
 * A file's turn ends at the size it had when the turn began, or after file_chunk_count pieces: one that grows as fast as it is read
 * keeps no other waiting.
 */
#include "base/log.h"
#include "input/file_watch_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { LOOP_BYTES = 512 * 1024 }; /* read in one turn of the loop */

static void queue_up(struct watch *w, struct tail *t)
{
	t->due = true;
	t->next_due = NULL;
	*w->due_last = t;
	w->due_last = &t->next_due;
}

void turn_offer(struct watch *w, struct tail *t)
{
	if (t->due || t == w->current)
		return;
	if (t->state == TAIL_IGNORED) {
		if (w->c.mode == FILE_READ || t->size == t->from)
			return;
		t->state = TAIL_READING;
		if (!t->rec->placed)
			record_place(t->rec, t->from);
	}
	if (t->state != TAIL_READING)
		return;
	if (t->stuck && t->size == t->stuck)
		return;
	/* An archive of no bytes is one that is about to be written. */
	if (t->archive ? t->size : w->c.mode == FILE_READ || t->size != tail_position(t))
		queue_up(w, t);
}

void tail_shut(struct watch *w, struct tail *t)
{
	_Atomic uint64_t *open = &w->inlet->count.open;

	if (t->fd != -1) {
		w->open--;
		/* Relaxed: a gauge with one writer. */
		atomic_store_explicit(open, w->open, memory_order_relaxed);
	}
	tail_close(t);
}

/* ---- the beginning of a turn ---- */

enum { LOOK_FOR_QUIET = 1024 };

/* Some file is closed for another one, better one that has nothing to read. A hand goes round, so that it is rarely the same one. */
static bool make_room(struct watch *w)
{
	struct tail *busy = NULL;

	if (w->open < w->c.max_open)
		return true;
	for (size_t i = 0; i < w->nentries && !(busy && i > LOOK_FOR_QUIET); i++) {
		struct tail *t = w->entry[w->hand++ % w->nentries]->tail;

		if (!t || t->fd == -1 || t == w->current || t->st.framer.skipping)
			continue;
		if (!t->due) {
			tail_shut(w, t);
			return true;
		}
		if (!busy)
			busy = t;
	}
	if (busy) {
		tail_shut(w, busy);
		return true;
	}
	log_warn("input", "%s: %llu files are open, all of them renamed or in the middle of a long line: others wait", w->inlet->name,
		 (unsigned long long)w->open);
	return false;
}

static void give_up(struct watch *w, struct tail *t, const char *why)
{
	count_add(&w->inlet->count.refused, 1);
	log_error("input", "%s: cannot read '%s' on: %s", w->inlet->name, t->path, why);
	tail_shut(w, t);
	t->state = TAIL_DONE;
}

static void failed(struct watch *w, struct tail *t, int error)
{
	if (t->archive && t->checking)
		give_up(w, t, "the archive is damaged, nothing of it was read");
	else if (t->archive)
		give_up(w, t, "the archive is damaged or not complete");
	else if (w->c.exit_after_read || !t->entry)
		give_up(w, t, strerror(error));
	else {
		/* A file system that is away may come back. */
		complain(w, t->entry, error, strerror(error));
		tail_shut(w, t);
	}
}

static bool open_file(struct watch *w, struct tail *t)
{
	int e;

	if (!t->entry || !make_room(w))
		return false;
	if (tail_open(t, t->entry->path) == 0) {
		w->open++;
		count_add(&w->inlet->count.connections, 1);
		/* Relaxed: a gauge with one writer. */
		atomic_store_explicit(&w->inlet->count.open, w->open, memory_order_relaxed);
		t->entry->complained = 0;
		return true;
	}
	e = errno;
	if (t->archive && e == EINVAL) {
		give_up(w, t, "it is no gzip archive");
	} else if (e != ENOENT && e != ESTALE) {
		/* What comes and goes is seen at the next look at names. */
		complain(w, t->entry, e, strerror(e));
		if (w->c.exit_after_read)
			t->state = TAIL_DONE;
	}
	return false;
}

/* false: there is nothing to read of it now. */
static bool begin(struct watch *w, struct tail *t)
{
	struct stat st;

	if (t->state != TAIL_READING || (t->fd == -1 && !open_file(w, t)))
		return false;
	if (fstat(t->fd, &st) == -1)
		return false;
	t->size = (uint64_t)st.st_size;
	if ((!t->archive && t->size < tail_position(t)) || !tail_same(t)) {
		log_info("input", "%s: '%s' was truncated or written anew: read from its beginning", w->inlet->name, t->path);
		tail_restart(t);
		if (t->archive) {
			/* Its decompressor is in the middle of what was there. */
			tail_shut(w, t);
			return false;
		}
	}
	/* The ids of its lines must be known before the first of them leaves. */
	sincedb_commit(w->db);
	t->limit = t->size;
	t->left = w->c.turn_bytes;
	return t->archive || w->c.mode == FILE_READ || t->limit > tail_position(t);
}

/* ---- the end of a file, in mode read ---- */

static void complete(struct watch *w, struct tail *t)
{
	struct stat st;
	bool known = fstat(t->fd, &st) == 0;

	if (t->archive && known)
		record_whole(t->rec, (uint64_t)st.st_size);
	tail_end(t);
	tail_shut(w, t);
	t->state = TAIL_READ;
}

static bool log_completed(struct watch *w, const struct tail *t)
{
	int fd = open(w->c.completed_log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	char line[4096 + 2];
	int n = snprintf(line, sizeof(line), "%s\n", t->path);
	bool ok = fd != -1 && n > 0 && (size_t)n < sizeof(line) && write(fd, line, (size_t)n) == n;

	if (!ok)
		log_error("input", "%s: cannot write '%s': %s: '%s' is left as it is", w->inlet->name, w->c.completed_log, strerror(errno), t->path);
	if (fd != -1)
		close(fd);
	return ok;
}

static void remove_completed(struct watch *w, const struct tail *t)
{
	struct stat st;

	/* Only this very file, and only if nothing came behind what was read. */
	if (!t->entry || stat(t->entry->path, &st) == -1 || st.st_dev != t->dev || st.st_ino != t->ino)
		return;
	if ((uint64_t)st.st_size != (t->archive ? t->rec->whole : t->rec->read)) {
		log_warn("input", "%s: '%s' grew after it was read: not removed", w->inlet->name, t->path);
		return;
	}
	if (unlink(t->entry->path) == -1) {
		log_error("input", "%s: cannot remove '%s': %s", w->inlet->name, t->path, strerror(errno));
		return;
	}
	sincedb_remove(t->rec);
}

static void settle(struct watch *w, struct tail *t)
{
	if (t->state != TAIL_READ || !record_settled(t->rec))
		return;
	t->state = TAIL_DONE;
	if (w->c.completed != COMPLETED_DELETE && !log_completed(w, t))
		return;
	if (w->c.completed != COMPLETED_LOG)
		remove_completed(w, t);
}

void turn_settle(struct watch *w)
{
	if (w->c.mode != FILE_READ)
		return;
	for (size_t i = 0; i < w->nentries; i++)
		if (w->entry[i]->tail)
			settle(w, w->entry[i]->tail);
	for (struct tail *t = w->detached; t; t = t->next_detached)
		settle(w, t);
}

static bool all_read(const struct watch *w)
{
	for (size_t i = 0; i < w->nentries; i++)
		if (w->entry[i]->tail && w->entry[i]->tail->state == TAIL_READING && (w->entry[i]->tail->size || !w->entry[i]->tail->archive))
			return false;
	for (struct tail *t = w->detached; t; t = t->next_detached)
		if (t->state == TAIL_READING)
			return false;
	return true;
}

/* ---- reading ---- */

/* At the size it had: is there more by now? */
static bool read_on(struct watch *w, struct tail *t)
{
	struct stat st;

	if (w->c.mode != FILE_READ) {
		tail_rest(t);
		return false;
	}
	if (!t->archive && fstat(t->fd, &st) == 0 && (uint64_t)st.st_size > tail_position(t)) {
		t->limit = (uint64_t)st.st_size;
		return true;
	}
	complete(w, t);
	return false;
}

/* One piece. false: its turn is over. */
static bool piece(struct watch *w, struct tail *t, size_t *budget)
{
	uint64_t max = t->archive ? UINT64_MAX : t->limit - tail_position(t);
	ssize_t n;

	if (t->left && max > t->left)
		max = t->left;
	n = max ? tail_read(t, max) : 0;
	*budget -= n > 0 && (size_t)n < *budget ? (size_t)n : n > 0 ? *budget : 1;
	if (n == -1) {
		failed(w, t, errno);
		return false;
	}
	if (n == 0 || (!t->archive && tail_position(t) >= t->limit))
		return read_on(w, t);
	t->left -= (uint64_t)n < t->left ? (uint64_t)n : t->left;
	if (t->left || tail_in_long_line(t))
		return true;
	queue_up(w, t);
	return false;
}

static struct tail *next_turn(struct watch *w)
{
	struct tail *t = w->due;

	if (!t)
		return NULL;
	w->due = t->next_due;
	if (!w->due)
		w->due_last = &w->due;
	t->due = false;
	return t;
}

static void end_of_reading(struct watch *w)
{
	uv_idle_stop(&w->work);
	if (!w->c.exit_after_read || w->ended || !all_read(w))
		return;
	w->ended = true;
	inlet_ended(w->inlet);
}

static void turn_work(uv_idle_t *h)
{
	struct watch *w = h->data;
	size_t budget = LOOP_BYTES;

	while (budget && !w->inlet->paused) {
		if (!w->current) {
			struct tail *t = next_turn(w);

			if (!t) {
				end_of_reading(w);
				return;
			}
			if (!begin(w, t))
				continue;
			w->current = t;
		}
		if (!piece(w, w->current, &budget))
			w->current = NULL;
	}
}

void turn_go(struct watch *w)
{
	if (w->inlet->paused || w->inlet->stopping)
		return;
	if (w->due || w->current || w->c.exit_after_read)
		uv_idle_start(&w->work, turn_work);
}
