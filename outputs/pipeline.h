/*
 * pipeline.h - what the runtime asks of an output `pipeline`.
 */
#ifndef WEIR_OUTPUTS_PIPELINE_H
#define WEIR_OUTPUTS_PIPELINE_H

#include "pipeline/plan.h"

/* The addresses that it sends to; NULL: it is another output. */
const struct list *pipeline_output_addresses(const struct plan_plugin *pp);

#endif
