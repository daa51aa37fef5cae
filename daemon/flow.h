/*
 * flow.h - which pipeline sends to which: what cannot be is refused, and the order in which they start and stop.
 *
 * An address may have one listener in the whole process, and events must not come back to a pipeline that they left: two full queues would
 * wait for each other. Borrows the plans. One thread.
 */
#ifndef WEIR_FLOW_H
#define WEIR_FLOW_H

#include "base/err.h"
#include "pipeline/plan.h"

struct flow {
	const struct plan **plan;
	size_t n;
};

/* Nothing is in it. */
void flow_init(struct flow *f);
void flow_release(struct flow *f);
/* Adds a plan. -1: it is not added, err says why, and *pos where in its configuration. */
int flow_add(struct flow *f, const struct plan *plan, struct pos *pos, struct err *err);
/* order[0 .. n-1]: indices of the plans as they were added; who sends stands before who receives. */
void flow_order(const struct flow *f, size_t *order);

#endif
