#include "pipeline/bus.h"

#include "base/err.h"

#include <pthread.h>
#include <stdlib.h>

/* Lives as long as somebody listens or sends there. */
struct bus_address {
	struct bus_address *next;
	struct bus_listener *listener;
	struct bus_line *lines;
	size_t len;
	char name[];
};

struct bus {
	pthread_mutex_t lock;
	struct bus_address *addresses;
	struct budget *budget;
};

struct bus *bus_new(struct budget *budget)
{
	struct bus *bus = xzalloc(sizeof(*bus));

	pthread_mutex_init(&bus->lock, NULL);
	bus->budget = budget;
	return bus;
}

void bus_free(struct bus *bus)
{
	if (!bus)
		return;
	bug_on(bus->addresses);
	pthread_mutex_destroy(&bus->lock);
	free(bus);
}

struct budget *bus_budget(struct bus *bus)
{
	return bus->budget;
}

/* ---- under the lock ---- */

static struct bus_address *address_get(struct bus *bus, struct str name)
{
	struct bus_address *a;

	for (a = bus->addresses; a; a = a->next)
		if (str_eq(str_n(a->name, a->len), name))
			return a;
	a = xzalloc(sizeof(*a) + name.len);
	a->len = name.len;
	if (name.len)
		memcpy(a->name, name.p, name.len);
	a->next = bus->addresses;
	bus->addresses = a;
	return a;
}

static void address_let_go(struct bus *bus, struct bus_address *a)
{
	struct bus_address **at = &bus->addresses;

	if (a->listener || a->lines)
		return;
	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	free(a);
}

static void wake_lines(struct bus_address *a)
{
	for (struct bus_line *l = a->lines; l; l = l->next)
		l->wake(l);
}

/* ---- who receives ---- */

bool bus_listen(struct bus *bus, struct str address, struct bus_listener *l)
{
	struct bus_address *a;
	bool ok;

	pthread_mutex_lock(&bus->lock);
	a = address_get(bus, address);
	ok = !a->listener;
	if (ok) {
		a->listener = l;
		l->at = a;
		wake_lines(a);
	}
	pthread_mutex_unlock(&bus->lock);
	return ok;
}

void bus_unlisten(struct bus *bus, struct bus_listener *l)
{
	pthread_mutex_lock(&bus->lock);
	if (l->at) {
		l->at->listener = NULL;
		address_let_go(bus, l->at);
		l->at = NULL;
	}
	pthread_mutex_unlock(&bus->lock);
}

void bus_room(struct bus *bus, const struct bqueue *queue)
{
	pthread_mutex_lock(&bus->lock);
	for (struct bus_address *a = bus->addresses; a; a = a->next)
		if (a->listener && a->listener->queue == queue)
			wake_lines(a);
	pthread_mutex_unlock(&bus->lock);
}

/* ---- who sends ---- */

void bus_attach(struct bus *bus, struct str address, struct bus_line *l)
{
	pthread_mutex_lock(&bus->lock);
	l->at = address_get(bus, address);
	l->next = l->at->lines;
	l->at->lines = l;
	pthread_mutex_unlock(&bus->lock);
}

void bus_detach(struct bus *bus, struct bus_line *l)
{
	struct bus_line **at;

	pthread_mutex_lock(&bus->lock);
	if (l->at) {
		for (at = &l->at->lines; *at != l; at = &(*at)->next)
			;
		*at = l->next;
		address_let_go(bus, l->at);
		l->at = NULL;
	}
	pthread_mutex_unlock(&bus->lock);
}

static void set_source(struct batch *b, struct source *source)
{
	for (uint32_t i = 0; i < b->nspans; i++) {
		if (source)
			source_ref(source);
		source_unref(b->span[i].source);
		b->span[i].source = source;
	}
}

enum bus_answer bus_push(struct bus *bus, struct bus_line *l, struct batch *b, bool force)
{
	/* Once it is pushed the batch may be gone. */
	uint32_t events = b->nframes;
	struct bus_listener *to;
	enum bus_answer answer = BUS_NOBODY;

	pthread_mutex_lock(&bus->lock);
	to = l->at->listener;
	if (to) {
		set_source(b, to->source);
		if (force ? bqueue_push_last(to->queue, b) : bqueue_push(to->queue, b)) {
			answer = BUS_TAKEN;
			to->came(to, events);
		} else {
			answer = BUS_FULL;
			set_source(b, NULL);
		}
	}
	pthread_mutex_unlock(&bus->lock);
	return answer;
}

bool bus_has_listener(struct bus *bus, struct bus_line *l)
{
	bool has;

	pthread_mutex_lock(&bus->lock);
	has = l->at->listener != NULL;
	pthread_mutex_unlock(&bus->lock);
	return has;
}
