/*
 * pipeline.h - what the runtime asks of an input `pipeline`.
 */
#ifndef WEIR_INPUT_PIPELINE_H
#define WEIR_INPUT_PIPELINE_H

#include "pipeline/plan.h"

/* The address that it listens on; .p NULL: it is another input. */
struct str pipeline_input_address(const struct plan_plugin *pp);

#endif
