/*
 * drop.c - the filter `drop`: the event ends here, always or by chance. Work thread.
 */
#include "pipeline/plugin.h"

struct drop {
	int64_t percentage;
	uint64_t draw; /* xorshift64: a sample, nothing that anybody may not foresee */
};

static int drop_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct drop *d = self;

	if (d->percentage < 0 || d->percentage > 100)
		return err_set(err, "percentage is 0 to 100, not %lld", (long long)d->percentage);
	d->draw = (uint64_t)clock_wall(ctx->settings->clock) | 1;
	return 0;
}

static enum step drop_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	struct drop *d = self;

	if (d->percentage < 100) {
		d->draw ^= d->draw << 13;
		d->draw ^= d->draw >> 7;
		d->draw ^= d->draw << 17;
		if ((int64_t)(d->draw % 100) >= d->percentage)
			return STEP_PASS;
	}
	return STEP_DROP;
}

static const struct option options[] = {
	{"percentage", OPT_INT, offsetof(struct drop, percentage), .def = "100", .doc = "how many of a hundred events are dropped"},
	{0},
};

FILTER(drop, .size = sizeof(struct drop), .options = options, .doc = "ends events", .open = drop_open,
       .filter = {.run = drop_run})
