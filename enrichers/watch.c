#include "enrichers/watch.h"

#include "base/arena.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

enum { FOLDER_FILES = 64 };
#define EVERY_NS INT64_C(3000000000)

/* One load under way, or one unload: closing 60 MB takes its time, too. The thread writes object and err before `done`. */
struct watch_job {
	const struct watch_conf *conf;
	void *former; /* unload this, nothing else */
	const void *current;
	void *object;
	struct err err;
	pthread_t thread;
	_Atomic bool done;
};

static uint64_t mix(uint64_t h, uint64_t v)
{
	for (unsigned b = 0; b < 64; b += 8)
		h = (h ^ (v >> b & 0xff)) * 0x100000001b3;
	return h;
}

/* Another file under the name, another size or another time make another number. */
static uint64_t state_of_one(const struct stat *st)
{
	uint64_t h = mix(mix(mix(0xcbf29ce484222325, st->st_dev), st->st_ino), st->st_mode);

	return mix(mix(mix(h, (uint64_t)st->st_size), (uint64_t)st->st_mtim.tv_sec), (uint64_t)st->st_mtim.tv_nsec);
}

static uint64_t state_of_folder(const char *path, const char *suffix)
{
	uint64_t sum = 0;
	DIR *d = opendir(path);
	struct dirent *e;
	struct stat st;

	/* A sum: the order in which a folder is read means nothing. */
	for (unsigned n = 0; d && n < FOLDER_FILES && (e = readdir(d));)
		if (str_ends(str_z(e->d_name), str_z(suffix)) && fstatat(dirfd(d), e->d_name, &st, 0) == 0) {
			sum += state_of_one(&st);
			n++;
		}
	if (d)
		closedir(d);
	return sum;
}

static uint64_t state_of(const struct watch_conf *c)
{
	uint64_t h = 0;

	for (unsigned i = 0; i < c->n; i++) {
		struct stat st;

		if (stat(c->path[i], &st) == -1)
			h = mix(h, 0);
		else if (S_ISDIR(st.st_mode) && c->suffix)
			h = mix(h, state_of_folder(c->path[i], c->suffix));
		else
			h = mix(h, state_of_one(&st));
	}
	return h;
}

static void prepare(struct watch *w, const struct watch_conf *conf)
{
	bug_on(conf->n > WATCH_PATHS);
	/* The state before the load: what is written while it runs is a change. */
	*w = (struct watch){.conf = *conf, .received_ns = INT64_MIN, .next_ns = INT64_MIN, .seen = state_of(conf)};
}

int watch_init(struct watch *w, const struct watch_conf *conf, struct err *err)
{
	prepare(w, conf);
	w->object = conf->load(conf->arg, NULL, err);
	return w->object ? 0 : -1;
}

static void *run_job(void *arg)
{
	struct watch_job *j = arg;

	pthread_setname_np(pthread_self(), "weird-load");
	if (j->former)
		j->conf->unload(j->former);
	else
		j->object = j->conf->load(j->conf->arg, j->current, &j->err);
	/* Release: who sees it sees the object. */
	atomic_store_explicit(&j->done, true, memory_order_release);
	return NULL;
}

/* former NULL: load. */
static void start_job(struct watch *w, void *former)
{
	struct watch_job *j = xzalloc(sizeof(*j));
	int rc;

	j->conf = &w->conf;
	j->former = former;
	j->current = w->object;
	rc = pthread_create(&j->thread, NULL, run_job, j);
	if (rc == 0) {
		w->job = j;
		return;
	}
	errno = rc;
	err_sys(&j->err, "cannot start a thread that reads what was replaced");
	log_error(w->conf.group, "%s", j->err.text);
	free(j);
	if (former)
		w->conf.unload(former);
}

void watch_begin(struct watch *w, const struct watch_conf *conf)
{
	prepare(w, conf);
	start_job(w, NULL);
}

/* true: there is a new object. */
static bool end_job(struct watch *w)
{
	struct watch_job *j = w->job;
	void *object = NULL, *former = w->object;

	pthread_join(j->thread, NULL);
	w->job = NULL;
	if (!j->former) {
		object = j->object;
		if (!object)
			log_error(w->conf.group, "%s; %s", j->err.text, former ? "what was read before stays in use" : "it is done without");
	}
	free(j);
	if (!object)
		return false;
	w->object = object;
	if (former)
		start_job(w, former);
	return true;
}

bool watch_look(struct watch *w, const struct clock *clock)
{
	int64_t now;
	uint64_t state;

	/* Acquire: pairs with the thread's release. */
	if (w->job)
		return atomic_load_explicit(&w->job->done, memory_order_acquire) && end_job(w);
	now = clock_mono(clock);
	if (now < w->next_ns)
		return false;
	w->next_ns = now + EVERY_NS;
	state = state_of(&w->conf);
	if (state == w->seen)
		return false;
	w->seen = state;
	start_job(w, NULL);
	return false;
}

void watch_release(struct watch *w)
{
	if (w->job) {
		pthread_join(w->job->thread, NULL);
		if (w->job->object)
			w->conf.unload(w->job->object);
		free(w->job);
		w->job = NULL;
	}
	if (w->object)
		w->conf.unload(w->object);
	w->object = NULL;
}
