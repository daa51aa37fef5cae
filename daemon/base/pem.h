/*
 * pem.h - certificates of authorities from several files, as one text for a TLS library. Any thread.
 */
#ifndef WEIR_BASE_PEM_H
#define WEIR_BASE_PEM_H

#include "base/buf.h"
#include "base/err.h"

enum { PEM_BYTES_MAX = 4 * 1024 * 1024 }; /* for buf_init */

/* Appends the file. -1 and err. */
int pem_append(struct buf *b, struct str path, struct err *err);
/* -1 and err where no certificate is in it. */
int pem_check(const struct buf *b, struct err *err);

#endif
