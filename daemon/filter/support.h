/*
 * support.h - what many filters do at their end: tags for a failure, a field set.
 */
#ifndef WEIR_FILTER_SUPPORT_H
#define WEIR_FILTER_SUPPORT_H

#include "pipeline/plugin.h"

/* Tags the event as an option tag_on_failure says; NULL tags nothing. */
static inline enum step filter_failed(struct event *ev, const struct list *tags)
{
	for (uint32_t i = 0; tags && i < tags->n; i++)
		if (tags->v[i].type == V_STRING)
			event_tag(ev, value_str(&tags->v[i]));
	return STEP_PASS;
}

/* false where Logstash raises an exception. */
static inline bool filter_set(struct event *ev, const struct ref *ref, struct value v)
{
	int rc = event_set(ev, ref, v);

	return rc == EVENT_OK || rc == EVENT_LIST_KEY;
}

/* Ruby's truth: all but nil and false. */
static inline bool filter_truth(const struct value *v)
{
	return v && v->type != V_NULL && !(v->type == V_BOOL && !v->b);
}

#endif
