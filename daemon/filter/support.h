/*
 * support.h - what many filters do: tags for a failure, a field set, references of a list, a child made.
 */
#ifndef WEIR_FILTER_SUPPORT_H
#define WEIR_FILTER_SUPPORT_H

#include "event/tmpl.h"
#include "pipeline/plugin.h"

/* Tags the event as an option tag_on_failure says; NULL tags nothing. */
static inline enum step filter_failed(struct event *ev, const struct list *tags)
{
	for (uint32_t i = 0; tags && i < tags->n; i++)
		if (tags->v[i].type == V_STRING)
			event_tag(ev, value_str(&tags->v[i]));
	return STEP_PASS;
}

/* step_stops() for a value that Logstash's filter cannot bear: "'message' holds 5, which is no text". */
enum step filter_stops_at(struct step_ctx *ctx, const struct event *ev, const struct ref *source, const struct value *v);

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

/* The fields that a list of an option names, one reference each. NULL and err. */
static inline const struct ref **filter_refs(struct arena *a, const struct list *l, struct err *err)
{
	const struct ref **r = arena_alloc(a, (l ? l->n : 0) * sizeof(struct ref *) + 1);

	for (uint32_t i = 0; l && i < l->n; i++) {
		r[i] = ref_compile(a, value_text(a, &l->v[i]), err);
		if (!r[i])
			return NULL;
	}
	return r;
}

/* A text for each element of an option's list. */
static inline const struct tmpl **filter_tmpls(struct arena *a, const struct list *l)
{
	const struct tmpl **t = arena_alloc(a, (l ? l->n : 0) * sizeof(struct tmpl *) + 1);

	for (uint32_t i = 0; l && i < l->n; i++)
		t[i] = tmpl_compile(a, value_text(a, &l->v[i]));
	return t;
}

/* Fills a child that the executor made ready with all fields of its parent. */
static inline void filter_child(struct event *child, const struct event *parent)
{
	struct event copy;

	event_copy(&copy, parent, child->arena);
	child->root = copy.root;
	child->meta = copy.meta;
}

#endif
