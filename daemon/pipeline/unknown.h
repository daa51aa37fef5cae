/*
 * unknown.h - what stands in a lenient plan where a filter is named that weird does not have.
 *
 * It changes nothing of the event but for the tag _unknown_filter, and counts it (weir_unknown_filter_events_total): events go on,
 * and whoever looks at them sees that a step is missing. Inputs and outputs are never replaced so: without them events would be lost.
 */
#ifndef WEIR_PIPELINE_UNKNOWN_H
#define WEIR_PIPELINE_UNKNOWN_H

#include "pipeline/plugin.h"

/* A filter of that name, in a; to be opened without options. */
const struct plugin *unknown_filter(struct arena *a, struct str name);

#endif
