/*
 * bundled.h - the names of the plug-ins that Logstash has: those that its packages of release 9 bring, and those of older ones that configurations
 * still name. Whether weir has them too is the registry's to say.
 */
#ifndef WEIR_PIPELINE_BUNDLED_H
#define WEIR_PIPELINE_BUNDLED_H

#include "pipeline/plugin.h"

/* All of a kind, NULL-terminated, sorted. */
const char *const *bundled_all(enum plugin_kind kind);
bool bundled_has(enum plugin_kind kind, struct str name);

#endif
