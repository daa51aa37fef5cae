#include "outputs/store_write.h"

#include "base/log.h"
#include "base/metrics.h"
#include "outputs/store_format.h"
#include "outputs/store_keep.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PARTS_OF_MAX = 4,	   /* a day goes on in another file at this part of max_size */
	PART_BYTES_MIN = 1 << 20,
	KEEP_EVERY_S = 600,
	CORRUPT_NAMES = 100,
};

static const int64_t day_ms = 86400000;

struct store_writer {
	struct store_writer *next;
	unsigned refs;
	char *dir;
	int lock_fd;
	pthread_mutex_t lock;
	/* under lock */
	const struct clock *clock;
	struct store_limits limits;
	struct doc_packer *packer;
	struct store_file *file;
	int64_t day;
	unsigned part;
	char path[PATH_MAX];
	int64_t keep_next_ns;
	uint64_t keep_next_bytes; /* of the open file */
	struct store_counts counts;
	struct series *series;
};

/* Of the process. */
static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static struct store_writer *all;

/* ---- what goes ---- */

static uint64_t part_bytes(const struct store_writer *w)
{
	uint64_t n = w->limits.max_bytes / PARTS_OF_MAX;

	return !w->limits.max_bytes ? UINT64_MAX : n < PART_BYTES_MIN ? PART_BYTES_MIN : n;
}

static void publish(const struct store_writer *w)
{
	series_set(w->series, M_STORE_BYTES, w->counts.bytes);
	series_set(w->series, M_STORE_REMOVED_AGE, w->counts.files_expired);
	series_set(w->series, M_STORE_REMOVED_SIZE, w->counts.files_removed);
	series_set(w->series, M_STORE_CORRUPT, w->counts.files_corrupt);
}

static void tidy(struct store_writer *w)
{
	int64_t today = clock_wall(w->clock) / 1000000 / day_ms;
	struct store_keep keep = {
		.oldest_day = w->limits.retention_days ? today - w->limits.retention_days : INT64_MIN,
		.max_bytes = w->limits.max_bytes,
		.current_day = w->day,
		.current_part = w->file ? w->part : 0,
	};
	struct store_kept kept;
	struct err err;

	w->keep_next_ns = clock_mono(w->clock) + KEEP_EVERY_S * INT64_C(1000000000);
	w->keep_next_bytes = w->file ? store_file_bytes(w->file) + part_bytes(w) / 16 : 0;
	if (store_keep(w->dir, &keep, &kept, &err) == -1)
		log_error("store", "%s", err.text);
	w->counts.bytes = kept.bytes;
	w->counts.files_expired += kept.removed_old;
	w->counts.files_removed += kept.removed_size;
	publish(w);
	if (kept.removed_old)
		log_info("store", "%u day files older than %" PRId64 " days removed, %" PRIu64 " MB", kept.removed_old, w->limits.retention_days,
			 kept.removed_bytes / 1000000);
	if (kept.removed_size)
		log_warn("store", "%u day files removed because all together were larger than max_size, %" PRIu64 " MB", kept.removed_size,
			 kept.removed_bytes / 1000000);
}

/* ---- the day file ---- */

/* Puts the file and its log out of the way; false where even that cannot be done. */
static bool set_aside(struct store_writer *w, const struct err *why)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char from[PATH_MAX + 8], to[PATH_MAX + 24];
	ptrdiff_t cause = str_find(str_z(why->text), STR("': "));
	unsigned n = 0;
	bool ok = true;

	do
		snprintf(to, sizeof(to), n ? "%s.corrupt.%u" : "%s.corrupt", w->path, n);
	while (access(to, F_OK) == 0 && ++n < CORRUPT_NAMES);
	log_error("store", "'%s' is damaged (%s): set aside as '%s', a new one is begun", w->path,
		  why->text + (cause >= 0 ? cause + 3 : 0), to);
	w->counts.files_corrupt++;
	publish(w);
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		snprintf(from, sizeof(from), "%s%s", w->path, ends[i]);
		if (n)
			snprintf(to, sizeof(to), "%s.corrupt.%u%s", w->path, n, ends[i]);
		else
			snprintf(to, sizeof(to), "%s.corrupt%s", w->path, ends[i]);
		ok &= rename(from, to) == 0 || errno == ENOENT;
	}
	return ok;
}

static void close_file(struct store_writer *w, bool ended)
{
	struct err err = {""};

	store_file_close(&w->file, ended, &err);
	if (err.text[0])
		log_warn("store", "%s; its newest events get their keys when it is opened again", err.text);
}

static enum store_result open_part(struct store_writer *w, struct err *err)
{
	char name[STORE_NAME_MAX];
	enum store_result r;
	int n;

	store_name(w->day, w->part, name);
	n = snprintf(w->path, sizeof(w->path), "%s/%s", w->dir, name);
	if (n < 0 || (size_t)n >= sizeof(w->path)) {
		err_set(err, "'%s' is too long a path", w->dir);
		return STORE_AGAIN;
	}
	r = store_file_open(w->path, w->packer, &w->file, err);
	if (r == STORE_CORRUPT && set_aside(w, err))
		r = store_file_open(w->path, w->packer, &w->file, err);
	return r == STORE_WRITTEN ? r : STORE_AGAIN;
}

/* The file of that day, open. */
static enum store_result take_day(struct store_writer *w, int64_t day, struct err *err)
{
	int64_t today = clock_wall(w->clock) / 1000000 / day_ms;
	enum store_result r;
	bool moved;
	int part;

	/* What waited over midnight goes into the new day; a clock that stood wrong for once does not name the files of years. */
	if (day > today + 1)
		day = today;
	if (w->file && day < w->day)
		day = w->day;
	moved = w->file && day != w->day;
	if (w->file && !moved) {
		if (store_file_bytes(w->file) < part_bytes(w))
			return STORE_WRITTEN;
		close_file(w, true);
		w->part++;
	} else {
		if (moved)
			close_file(w, true);
		part = store_last_part(w->dir, day);
		w->day = day;
		w->part = part > 0 ? (unsigned)part : 1;
	}
	r = open_part(w, err);
	if (r == STORE_WRITTEN)
		tidy(w);
	return r;
}

static enum store_result add(struct store_writer *w, const struct store_doc *doc, size_t n, int64_t received_ms, struct err *err)
{
	enum store_result r = take_day(w, received_ms / day_ms, err);

	if (r != STORE_WRITTEN)
		return r;
	r = store_file_add(w->file, doc, n, received_ms, err);
	if (r != STORE_CORRUPT)
		return r;
	store_file_close(&w->file, false, &(struct err){""});
	if (!set_aside(w, err) || open_part(w, err) != STORE_WRITTEN)
		return STORE_AGAIN;
	r = store_file_add(w->file, doc, n, received_ms, err);
	return r == STORE_WRITTEN ? r : STORE_AGAIN;
}

enum store_result store_writer_add(struct store_writer *w, const struct store_doc *doc, size_t n, int64_t received_ms, struct err *err)
{
	enum store_result r;

	pthread_mutex_lock(&w->lock);
	r = add(w, doc, n, received_ms, err);
	if (w->file && (clock_mono(w->clock) >= w->keep_next_ns || store_file_bytes(w->file) >= w->keep_next_bytes))
		tidy(w);
	pthread_mutex_unlock(&w->lock);
	return r;
}

void store_writer_limit(struct store_writer *w, const struct store_limits *limits)
{
	pthread_mutex_lock(&w->lock);
	w->limits = *limits;
	pthread_mutex_unlock(&w->lock);
}

void store_writer_counts(struct store_writer *w, struct store_counts *out)
{
	pthread_mutex_lock(&w->lock);
	*out = w->counts;
	pthread_mutex_unlock(&w->lock);
}

/* ---- life ---- */

static int make_folder(const char *dir, struct err *err)
{
	struct stat st;

	if (mkdir(dir, 0700) == -1 && errno != EEXIST)
		return err_sys(err, "cannot make folder '%s'", dir);
	if (stat(dir, &st) == -1)
		return err_sys(err, "cannot read folder '%s'", dir);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, "'%s' is no folder", dir);
	/* Somebody else's eyes: addresses and names of people. */
	if (st.st_mode & 077 && chmod(dir, 0700) == -1)
		return err_sys(err, "cannot set the mode of '%s' to 0700", dir);
	return 0;
}

static int take_lock(const char *dir, struct err *err)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/lock", dir), fd;

	if (n < 0 || (size_t)n >= sizeof(path))
		return err_set(err, "'%s' is too long a path", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd == -1)
		return err_sys(err, "cannot open '%s'", path);
	if (flock(fd, LOCK_EX | LOCK_NB) == -1) {
		err_set(err, "the store in '%s' is written by another process", dir);
		close(fd);
		return -1;
	}
	return fd;
}

static struct store_writer *writer_new(const char *dir, struct err *err)
{
	struct label folder = {"folder", str_z(dir)};
	struct store_writer *w;
	int fd;

	if (make_folder(dir, err) == -1)
		return NULL;
	fd = take_lock(dir, err);
	if (fd == -1)
		return NULL;
	w = xzalloc(sizeof(*w));
	w->dir = xstrdupz(str_z(dir));
	w->lock_fd = fd;
	w->packer = doc_packer_new();
	w->series = series_get(SCOPE_STORE, &folder, 1);
	pthread_mutex_init(&w->lock, NULL);
	return w;
}

/* A file that was there before is looked at now: damage shows at the start, and what a crash left gets its keys. */
static void open_today(struct store_writer *w)
{
	int64_t today = clock_wall(w->clock) / 1000000 / day_ms;
	struct err err;

	/* Where it cannot be opened now the first event tries again, and says why. */
	if (!w->file && store_last_part(w->dir, today) > 0)
		(void)take_day(w, today, &err);
}

struct store_writer *store_writer_get(const char *dir, const struct store_limits *limits, const struct clock *clock, struct err *err)
{
	struct store_writer *w;
	bool first;

	pthread_mutex_lock(&all_lock);
	for (w = all; w && strcmp(w->dir, dir) != 0; w = w->next)
		;
	if (!w) {
		w = writer_new(dir, err);
		if (w) {
			w->next = all;
			all = w;
		}
	}
	first = w && w->refs++ == 0;
	if (first) {
		pthread_mutex_lock(&w->lock);
		w->limits = *limits;
		w->clock = clock;
		open_today(w);
		tidy(w);
		pthread_mutex_unlock(&w->lock);
	}
	pthread_mutex_unlock(&all_lock);
	return w;
}

void store_writer_put(struct store_writer **wp)
{
	struct store_writer *w = *wp, **at = &all;

	*wp = NULL;
	if (!w)
		return;
	pthread_mutex_lock(&all_lock);
	if (--w->refs == 0) {
		while (*at != w)
			at = &(*at)->next;
		*at = w->next;
		close_file(w, false);
		doc_packer_free(&w->packer);
		series_unref(w->series);
		close(w->lock_fd);
		pthread_mutex_destroy(&w->lock);
		free(w->dir);
		free(w);
	}
	pthread_mutex_unlock(&all_lock);
}
