#include "pipeline/unknown.h"

#include "base/metrics.h"

static enum step unknown_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	(void)self;
	(void)ctx;
	event_tag(ev, STR("_unknown_filter"));
	series_add_shared(metrics_process, M_UNKNOWN_FILTER, 1);
	return STEP_PASS;
}

const struct plugin *unknown_filter(struct arena *a, struct str name)
{
	struct plugin *p = arena_zalloc(a, sizeof(*p));

	p->kind = PLUGIN_FILTER;
	p->name = arena_dupz(a, name);
	p->size = 1;
	p->filter.run = unknown_run;
	return p;
}
