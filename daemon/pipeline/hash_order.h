/*
 * hash_order.h - where it matters that entries of a hash are taken in the order of Java's HashMap.
 *
 * Logstash does so (and weird with it), whatever order the file has. Who renames a to b and b to c sees nothing of that until it goes wrong.
 */
#ifndef WEIR_PIPELINE_HASH_ORDER_H
#define WEIR_PIPELINE_HASH_ORDER_H

#include "pipeline/plugin.h"

/* Warns, once a hash, where two entries concern each other and the other one of them comes first. o->flags: OPT_FIELDS_IN_TURN, OPT_TEXTS_IN_TURN. */
void hash_order_check(struct plugin_ctx *ctx, const struct option *o, const struct ast_value *hash);

#endif
