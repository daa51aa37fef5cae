#include "filter/errand.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct errands {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t settled;
	struct errand *first, **last;
	bool over;
	int fd;
	void (*run)(struct errands *e, void *arg);
	void *arg;
};

static void *thread_main(void *arg)
{
	struct errands *e = arg;

	e->run(e, e->arg);
	return NULL;
}

struct errands *errands_new(const char *thread, void (*run)(struct errands *e, void *arg), void *arg, struct err *err)
{
	struct errands *e = xzalloc(sizeof(*e));

	e->last = &e->first;
	e->run = run;
	e->arg = arg;
	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->settled, NULL);
	e->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (e->fd != -1 && pthread_create(&e->thread, NULL, thread_main, e) == 0) {
		(void)pthread_setname_np(e->thread, thread);
		return e;
	}
	err_set(err, "cannot start the thread '%s'", thread);
	if (e->fd != -1)
		close(e->fd);
	pthread_cond_destroy(&e->settled);
	pthread_mutex_destroy(&e->lock);
	free(e);
	return NULL;
}

/* Under the lock. */
static void wake(struct errands *e)
{
	uint64_t one = 1;
	ssize_t n;

	do
		n = write(e->fd, &one, sizeof(one));
	while (n == -1 && errno == EINTR);
}

void errands_free(struct errands *e)
{
	if (!e)
		return;
	pthread_mutex_lock(&e->lock);
	e->over = true;
	wake(e);
	pthread_mutex_unlock(&e->lock);
	pthread_join(e->thread, NULL);
	close(e->fd);
	pthread_cond_destroy(&e->settled);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

void errands_give(struct errands *e, struct errand *x, struct wait *w)
{
	*x = (struct errand){.wait = w};
	pthread_mutex_lock(&e->lock);
	*e->last = x;
	e->last = &x->next;
	wake(e);
	pthread_mutex_unlock(&e->lock);
}

void errands_settle(struct errands *e, struct errand *x)
{
	pthread_mutex_lock(&e->lock);
	while (!x->settled)
		pthread_cond_wait(&e->settled, &e->lock);
	pthread_mutex_unlock(&e->lock);
}

int errands_fd(const struct errands *e)
{
	return e->fd;
}

struct errand *errands_take(struct errands *e)
{
	struct errand *x;
	uint64_t n;

	pthread_mutex_lock(&e->lock);
	x = e->first;
	if (x) {
		e->first = x->next;
		if (!e->first)
			e->last = &e->first;
	} else if (!e->over) {
		/* The end stays readable. */
		(void)!read(e->fd, &n, sizeof(n));
	}
	pthread_mutex_unlock(&e->lock);
	return x;
}

bool errands_over(struct errands *e)
{
	bool over;

	pthread_mutex_lock(&e->lock);
	over = e->over;
	pthread_mutex_unlock(&e->lock);
	return over;
}

void errands_answered(struct errands *e, struct errand *x)
{
	x->wait->done(x->wait);
	pthread_mutex_lock(&e->lock);
	x->settled = true;
	pthread_cond_broadcast(&e->settled);
	pthread_mutex_unlock(&e->lock);
}
