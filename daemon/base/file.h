/*
 * file.h - a whole file into a buffer. Any thread.
 */
#ifndef WEIR_BASE_FILE_H
#define WEIR_BASE_FILE_H

#include "base/buf.h"
#include "base/err.h"

/* Appends what is in the file. -1 and err where it cannot be read, or is larger than the buffer may become. */
int file_append(struct buf *b, struct str path, struct err *err);

#endif
