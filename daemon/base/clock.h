/*
 * clock.h - the only source of time. Tests hold a virtual one.
 *
 * All values are nanoseconds. Wall time counts from 1970-01-01T00:00:00Z.
 */
#ifndef WEIR_BASE_CLOCK_H
#define WEIR_BASE_CLOCK_H

#include <stdint.h>

struct clock {
	int64_t (*wall_ns)(const struct clock *c);
	int64_t (*mono_ns)(const struct clock *c);
	int64_t wall_now_ns, mono_now_ns; /* of a virtual clock */
};

extern const struct clock clock_system;

/* A clock that stands at wall_ns until moved with clock_advance(). */
void clock_virtual_init(struct clock *c, int64_t wall_ns);
void clock_advance(struct clock *c, int64_t by_ns);

static inline int64_t clock_wall(const struct clock *c)
{
	return c->wall_ns(c);
}

static inline int64_t clock_mono(const struct clock *c)
{
	return c->mono_ns(c);
}

#endif
