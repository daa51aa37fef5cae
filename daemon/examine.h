/*
 * examine.h - pipelines as they would run, compiled only: weird -t, --explain, weir check.
 */
#ifndef WEIR_EXAMINE_H
#define WEIR_EXAMINE_H

#include "config/settings.h"

/*
 * The pipelines that base names, or with pipelines_path those of that file. Nothing is opened. -1: some could not run, d says why. out: NULL, or where the
 * plans are written to.
 */
int examine_pipelines(const struct program_settings *base, const char *pipelines_path, struct diag *d, struct buf *out);

#endif
