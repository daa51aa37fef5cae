#include "base/clock.h"

#include <time.h>

static int64_t read_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t system_wall(const struct clock *c)
{
	(void)c;
	return read_clock(CLOCK_REALTIME);
}

static int64_t system_mono(const struct clock *c)
{
	(void)c;
	return read_clock(CLOCK_MONOTONIC);
}

static int64_t virtual_wall(const struct clock *c)
{
	return c->wall_now_ns;
}

static int64_t virtual_mono(const struct clock *c)
{
	return c->mono_now_ns;
}

const struct clock clock_system = {.wall_ns = system_wall, .mono_ns = system_mono};

void clock_virtual_init(struct clock *c, int64_t wall_ns)
{
	*c = (struct clock){virtual_wall, virtual_mono, wall_ns, 1000000000};
}

void clock_advance(struct clock *c, int64_t by_ns)
{
	c->wall_now_ns += by_ns;
	c->mono_now_ns += by_ns;
}
