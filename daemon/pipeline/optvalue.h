/*
 * optvalue.h - what a written value means for an option of some type: for options.c, and the units for settings.
 */
#ifndef WEIR_PIPELINE_OPTVALUE_H
#define WEIR_PIPELINE_OPTVALUE_H

#include "base/err.h"
#include "config/ast.h"
#include "event/value.h"

/*
 * The second value of an option that was written before: hashes merge (values under one key become a list),
 * lists are joined, different scalars become a list. NULL and err where the two do not fit.
 */
struct ast_value *optvalue_merge(struct arena *a, struct ast_value *first, struct ast_value *second, struct err *err);
/* As written, shortened: for messages. */
struct str optvalue_show(struct arena *a, const struct ast_value *v);

/* Any value; hashes in the order of Java's HashMap. */
struct value optvalue_any(struct arena *a, const struct ast_value *v);
/* A hash from { }, or from a list of keys and values, which keeps its order. -1 and err. */
int optvalue_hash(struct arena *a, const struct ast_value *v, struct map **out, struct err *err);
/* A scalar is a list of one, a hash a list of pairs. */
struct list *optvalue_list(struct arena *a, const struct ast_value *v);
/* Text as Ruby's Array#inspect and to_s give it: strings plain on the outside, quoted within lists and maps. */
struct str optvalue_text(struct arena *a, const struct value *v);

/* The following take exactly one scalar, alone or in a list of one. -1 and err. */
int optvalue_string(struct arena *a, const struct ast_value *v, struct str *out, struct err *err);
int optvalue_int(struct arena *a, const struct ast_value *v, int64_t *out, struct err *err);
int optvalue_float(struct arena *a, const struct ast_value *v, double *out, struct err *err);
int optvalue_bool(struct arena *a, const struct ast_value *v, bool *out, struct err *err);
int optvalue_bytes(struct arena *a, const struct ast_value *v, int64_t *out, struct err *err);
int optvalue_duration(struct arena *a, const struct ast_value *v, int64_t *out, struct err *err);
/* "64 KiB", "10mb", "4096": KiB is 1024 bytes, kB and k 1000. */
bool text_bytes(struct str s, int64_t *out);
/* "10s", "1.5m", "250ms", "10" (seconds) in nanoseconds. */
bool text_duration(struct str s, int64_t *out);

#endif
