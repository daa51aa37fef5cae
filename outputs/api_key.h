/*
 * api_key.h - Elasticsearch's API keys: "id:key", its base64 form, or a key of Elastic's cloud ("essu_..."). Any thread.
 */
#ifndef WEIR_OUTPUTS_API_KEY_H
#define WEIR_OUTPUTS_API_KEY_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* Appends "Authorization: ApiKey ...". -1 and err: no key, or it would go over the wire in clear. */
int api_key_header(struct arena *a, struct str key, bool tls, struct buf *header, struct err *err);

#endif
