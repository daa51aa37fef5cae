#include "examine.h"

#include "flow.h"
#include "loaded.h"

#include <stdlib.h>

static struct loaded *examine(const struct program_settings *entry, struct flow *flow, struct diag *d)
{
	struct program_settings s = *entry;
	struct loaded *l;
	struct pos pos;
	struct err err;

	s.pipeline.clock = &clock_system;
	s.pipeline.elsewhere = true;
	l = loaded_new(&s, d);
	if (l && flow_add(flow, l->plan, &pos, &err))
		diag_error(d, pos, "%s", err.text);
	return l;
}

int examine_pipelines(const struct pipeline_list *list, struct diag *d, examine_fn *tell, void *arg)
{
	struct loaded **loaded = xzalloc((list->n + 1) * sizeof(struct loaded *));
	struct flow flow;
	int rc = 0;

	flow_init(&flow);
	for (size_t i = 0; i < list->n; i++) {
		const struct program_settings *s = &list->entry[i].settings;
		struct diag own, *to = d ? d : &own;
		bool ok;

		diag_init(&own);
		loaded[i] = examine(s, &flow, to);
		ok = loaded[i] && !to->errors;
		tell(arg, s->pipeline.pipeline_id, ok ? loaded[i]->plan : NULL, to);
		diag_release(&own);
		rc = ok ? rc : -1;
	}
	flow_release(&flow);
	for (size_t i = 0; i < list->n; i++) {
		if (d)
			loaded_free_shown(loaded[i], d);
		else
			loaded_free(loaded[i]);
	}
	free(loaded);
	return rc;
}
