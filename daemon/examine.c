#include "examine.h"

#include "config/pipelines.h"
#include "flow.h"
#include "loaded.h"

#include <stdlib.h>

static void explain(const struct loaded *l, const struct pipeline_list *list, struct buf *out)
{
	if (list->n > 1)
		buf_printf(out, "%spipeline  %.*s\n", out->len ? "\n" : "", STR_ARG(l->plan->settings.pipeline_id));
	plan_explain(l->plan, out);
}

int examine_pipelines(const struct program_settings *base, const char *pipelines_path, struct diag *d, struct buf *out)
{
	struct program_settings s = *base;
	struct pipeline_list list = {0};
	struct loaded **loaded;
	struct flow flow;
	struct arena texts;
	unsigned errors = d->errors;

	arena_init(&texts, NULL);
	s.arena = &texts;
	s.pipeline.clock = &clock_system;
	if (pipelines_all(&list, &s, pipelines_path, d))
		list.n = 0;
	loaded = xzalloc((list.n + 1) * sizeof(struct loaded *));
	flow_init(&flow);
	for (size_t i = 0; i < list.n; i++) {
		struct err err;
		struct pos pos;

		loaded[i] = loaded_new(&list.entry[i].settings, d);
		if (!loaded[i])
			continue;
		if (flow_add(&flow, loaded[i]->plan, &pos, &err))
			diag_error(d, pos, "%s", err.text);
		else if (out)
			explain(loaded[i], &list, out);
	}
	flow_release(&flow);
	for (size_t i = 0; i < list.n; i++)
		loaded_free_shown(loaded[i], d);
	free(loaded);
	diag_keep(d, &texts);
	return d->errors == errors ? 0 : -1;
}
