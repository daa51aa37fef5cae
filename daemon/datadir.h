/*
 * datadir.h - the data folder: made with mode 0700, one weird at a time.
 *
 * Main thread, at start and end.
 */
#ifndef WEIR_DATADIR_H
#define WEIR_DATADIR_H

#include "base/err.h"

/*
 * Makes the folder (and its parents) where it is missing and takes its lock. Returns the descriptor that holds it until the process ends,
 * or -1 and err ("'/var/lib/weir' is in use: weird is already running as pid 4711").
 */
int datadir_lock(const char *path, struct err *err);

#endif
