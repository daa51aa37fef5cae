/*
 * receipts.h - what of a connection's frames has ended, for inputs whose peers are told: the finished prefix, in the frames' order.
 *
 * Each span of a connection has a receipt (pipeline/ack.h), which bears a number of the protocol's own: of the last frame put into the
 * span. It is set before the batch can leave the loop's thread, so that the number is final when the span ends, on whatever thread that
 * is. The loop is then woken, and takes the numbers of all spans before which nothing is under way any more.
 *
 * A connection, the server and the loop may all be gone when a span ends: a desk outlives them until the last of its receipts has.
 */
#ifndef WEIR_INPUT_RECEIPTS_H
#define WEIR_INPUT_RECEIPTS_H

#include "pipeline/ack.h"

#include <stdbool.h>
#include <uv.h>

struct desk;	 /* one for each server */
struct receipts; /* one for each connection */

/* Loop thread, all of it. ready(arg): some connection may have something to take. */
struct desk *desk_new(uv_loop_t *loop, void (*ready)(void *arg), void *arg);
/* ready is called no more; closed(arg) when the handle is. */
void desk_close(struct desk *d, void (*closed)(void *arg), void *arg);

struct receipts *receipts_new(struct desk *d);
/* The connection is gone. NULL is accepted. */
void receipts_close(struct receipts *r);
/* For a new span; number 0 until it is set. */
struct ack *receipts_begin(struct receipts *r);
/* While the span is not handed over yet. */
void receipts_set(struct ack *receipt, uint64_t number);
/* Up to max numbers, oldest first, of spans that have ended before all that are under way. */
size_t receipts_take(struct receipts *r, uint64_t *numbers, size_t max);
/* Spans that have not been taken. */
size_t receipts_open(const struct receipts *r);

#endif
