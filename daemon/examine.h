/*
 * examine.h - pipelines as they would run, compiled only: weird -t, --explain, weir check.
 */
#ifndef WEIR_EXAMINE_H
#define WEIR_EXAMINE_H

#include "config/pipelines.h"
#include "pipeline/plan.h"

/* One pipeline was looked at. plan NULL: it could not run, and d says why. */
typedef void examine_fn(void *arg, struct str id, const struct plan *plan, const struct diag *d);

/*
 * The pipelines of the list, in its order, and whom they may send to. Nothing is opened, and files that plug-ins name need not be on this machine.
 * d: goes on with what was told before (of the settings, for a list of one); NULL: each pipeline has one of its own. -1: some could not run.
 */
int examine_pipelines(const struct pipeline_list *list, struct diag *d, examine_fn *tell, void *arg);

#endif
