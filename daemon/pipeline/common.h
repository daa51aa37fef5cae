/*
 * common.h - the options that every filter and input has, compiled: add_field, remove_field, add_tag, remove_tag, in
 * Logstash's order. They run on success only.
 *
 * Work thread; immutable.
 */
#ifndef WEIR_PIPELINE_COMMON_H
#define WEIR_PIPELINE_COMMON_H

#include "pipeline/options.h"

struct common_actions;

/* NULL where there is nothing to do. */
struct common_actions *common_compile(struct arena *a, const struct common_options *o);
/* Returns -1 and err where Logstash raises an exception (a malformed reference in a name). */
int common_run(const struct common_actions *c, struct event *ev, const struct clock *clock, struct err *err);
/* Inputs: type (where the event has none), tags, add_field. */
struct common_actions *common_compile_input(struct arena *a, const struct common_options *o);

#endif
