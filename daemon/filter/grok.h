/*
 * grok.h - what others may look at in a grok filter: how often its patterns were tried and matched.
 */
#ifndef WEIR_FILTER_GROK_H
#define WEIR_FILTER_GROK_H

#include "filter/grok_compile.h"

/* Calls fn for each pattern of a grok instance, in the order in which they are tried. Work thread only. */
void grok_each_pattern(const void *self, void (*fn)(void *arg, struct str field, const struct grok_pattern *p), void *arg);

#endif
