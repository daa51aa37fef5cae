/*
 * file.h - a whole file into a buffer. Any thread.
 */
#ifndef WEIR_BASE_FILE_H
#define WEIR_BASE_FILE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* NAME in the folder of the program that runs; empty where that is not known. */
struct str file_beside_program(struct arena *a, const char *name);
/* Appends what is in the file. -1 and err where it cannot be read, or is larger than the buffer may become. */
int file_append(struct buf *b, struct str path, struct err *err);

#endif
