/*
 * dead_letter.c - the file of dead letters. Any thread; one mutex, since letters are rare.
 *
 * A line is written with one write(2); where the disk takes only a part of it, the file is cut back, so that it never holds
 * half a line. Segments are numbered upwards; their sum is bounded.
 */
#include "outputs/dead_letter.h"

#include "base/arena.h"
#include "base/log.h"
#include "base/ts.h"
#include "event/json.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEGMENTS = 4, LINE_MAX_BYTES = 512 * 1024 * 1024, NAME_MAX_BYTES = 64, LINE_KEEP = 64 * 1024 };

struct file {
	struct dead_letters d; /* first */
	const struct clock *clock;
	pthread_mutex_t lock;
	int dir, fd;
	size_t max, segment;
	size_t size;	/* of the current file */
	uint64_t total; /* of the older ones */
	unsigned oldest, newest; /* numbers of segments; oldest > newest: none */
	struct buf line;
	struct dead_letter_stats st;
};

static const char current[] = "dead-letter.ndjson";

static void segment_name(char out[NAME_MAX_BYTES], unsigned n)
{
	snprintf(out, NAME_MAX_BYTES, "dead-letter.%06u.ndjson", n);
}

static size_t file_size(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) ? (size_t)st.st_size : 0;
}

static uint64_t count_lines(int dir, const char *name)
{
	char *b = xmalloc(65536);
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint64_t n = 0;
	ssize_t got;

	while (fd != -1 && (got = read(fd, b, 65536)) > 0)
		for (const char *p = b; (p = memchr(p, '\n', (size_t)(b + got - p))); p++)
			n++;
	if (fd != -1)
		close(fd);
	free(b);
	return n;
}

/* Under lock. */
static void forget_oldest(struct file *f)
{
	char name[NAME_MAX_BYTES];
	uint64_t lines;

	segment_name(name, f->oldest++);
	lines = count_lines(f->dir, name);
	f->total -= file_size(f->dir, name) < f->total ? file_size(f->dir, name) : f->total;
	if (unlinkat(f->dir, name, 0) == 0 && lines) {
		f->st.forgotten += lines;
		log_warn("dead-letter", "full: the %" PRIu64 " oldest dead letters are gone", lines);
	}
}

/* Under lock: the current file becomes a segment, and the oldest goes until there is room for `need` more. */
static void rotate(struct file *f, size_t need)
{
	char name[NAME_MAX_BYTES];

	if (f->fd != -1)
		close(f->fd);
	f->fd = -1;
	if (f->size) {
		segment_name(name, f->newest + 1);
		if (renameat(f->dir, current, f->dir, name) == 0) {
			f->newest++;
			f->total += f->size;
		}
		f->size = 0;
	}
	while (f->oldest <= f->newest && f->total + need > f->max)
		forget_oldest(f);
}

static bool open_current(struct file *f)
{
	if (f->fd != -1)
		return true;
	f->fd = openat(f->dir, current, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (f->fd == -1)
		return false;
	f->size = file_size(f->dir, current);
	return true;
}

static void member(struct buf *b, const char *name, struct str text)
{
	buf_printf(b, ",\"%s\":", name);
	json_write_string(b, text);
}

static void write_line(struct file *f, const struct letter *l)
{
	char when[TS_TEXT_MAX];
	struct buf *b = &f->line;

	buf_clear(b);
	buf_lit(b, "{\"time\":\"");
	buf_add(b, when, ts_format(ts_from_ns(clock_wall(f->clock) / 1000000 * 1000000), when));
	buf_lit(b, "\"");
	member(b, "reason", l->reason);
	if (l->status) {
		buf_lit(b, ",\"status\":");
		buf_i64(b, l->status);
	}
	if (l->index.len)
		member(b, "index", l->index);
	if (l->id.len)
		member(b, "id", l->id);
	if (l->origin.len)
		member(b, "origin", l->origin);
	buf_lit(b, ",\"document\":");
	if (l->json && l->document.len)
		buf_str(b, l->document);
	else
		json_write_string(b, l->document);
	buf_lit(b, "}\n");
}

static bool file_put(struct dead_letters *d, const struct letter *l)
{
	struct file *f = (struct file *)d;
	bool ok = false;
	ssize_t n;

	pthread_mutex_lock(&f->lock);
	write_line(f, l);
	if (!f->line.over && open_current(f)) {
		if (f->size && f->size + f->line.len > f->segment) {
			rotate(f, f->segment);
			open_current(f);
		}
		n = f->fd == -1 ? -1 : write(f->fd, f->line.p, f->line.len);
		ok = n == (ssize_t)f->line.len;
		if (ok)
			f->size += f->line.len;
		else if (n > 0)
			(void)!ftruncate(f->fd, (off_t)f->size);
	}
	if (!ok)
		log_error("dead-letter", "cannot write '%s': %s", current, strerror(errno));
	f->st.written += ok;
	f->st.failed += !ok;
	if (f->line.cap > LINE_KEEP)
		buf_release(&f->line);
	pthread_mutex_unlock(&f->lock);
	return ok;
}

static void file_sync(struct dead_letters *d)
{
	struct file *f = (struct file *)d;

	pthread_mutex_lock(&f->lock);
	if (f->fd != -1 && fdatasync(f->fd) == -1)
		log_error("dead-letter", "cannot sync '%s': %s", current, strerror(errno));
	pthread_mutex_unlock(&f->lock);
}

/* Which segments an earlier run left. */
static void find_segments(struct file *f)
{
	DIR *dir = fdopendir(openat(f->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *e;

	f->oldest = 1;
	f->newest = 0;
	while (dir && (e = readdir(dir))) {
		struct str s = str_z(e->d_name), digits;
		uint64_t n;

		if (!str_starts(s, STR("dead-letter.")) || !str_ends(s, STR(".ndjson")) || s.len != 25)
			continue;
		digits = str_sub(s, 12, 6);
		if (!str_u64(digits, 999999, &n) || n == 0)
			continue;
		f->oldest = f->newest == 0 || n < f->oldest ? (unsigned)n : f->oldest;
		f->newest = n > f->newest ? (unsigned)n : f->newest;
		f->total += file_size(f->dir, e->d_name);
	}
	if (dir)
		closedir(dir);
}

struct dead_letters *dead_letter_file_new(struct str data_dir, size_t max_bytes, const struct clock *clock,
					  struct err *err)
{
	char *path = xstrdupz(data_dir);
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct file *f;

	if (dir == -1)
		err_sys(err, "cannot open folder '%s'", path);
	free(path);
	if (dir == -1)
		return NULL;
	f = xzalloc(sizeof(*f));
	f->d = (struct dead_letters){file_put, file_sync};
	f->clock = clock ? clock : &clock_system;
	f->dir = dir;
	f->fd = -1;
	f->max = max_bytes ? max_bytes : DEAD_LETTER_MAX;
	f->segment = f->max / SEGMENTS;
	buf_init(&f->line, LINE_MAX_BYTES);
	pthread_mutex_init(&f->lock, NULL);
	find_segments(f);
	return &f->d;
}

void dead_letter_file_stats(struct dead_letters *d, struct dead_letter_stats *out)
{
	struct file *f = (struct file *)d;

	pthread_mutex_lock(&f->lock);
	*out = f->st;
	out->bytes = f->total + f->size;
	pthread_mutex_unlock(&f->lock);
}

void dead_letter_file_reopen(struct dead_letters *d)
{
	struct file *f = (struct file *)d;

	pthread_mutex_lock(&f->lock);
	if (f->fd != -1)
		close(f->fd);
	f->fd = -1;
	f->size = 0;
	pthread_mutex_unlock(&f->lock);
}

void dead_letter_file_free(struct dead_letters **dp)
{
	struct file *f = (struct file *)*dp;

	if (!f)
		return;
	if (f->fd != -1)
		close(f->fd);
	close(f->dir);
	buf_release(&f->line);
	pthread_mutex_destroy(&f->lock);
	free(f);
	*dp = NULL;
}
