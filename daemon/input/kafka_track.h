/*
 * kafka_track.h - which messages of each partition have their verdict: where the group's next reader would have to begin.
 *
 *	partition   7 done | 8 under way | 9 done | 10 done | 11 under way        next reader: 8
 *
 * A window for each partition, of the messages under way in their order; when the first of them are done, the offset behind them is told. A partition that
 * is taken away, or begins anew, gets a new window: what is left of the old one ends without a word, and whoever has the partition
 * then reads these messages again. Any thread, but for new and end.
 */
#ifndef WEIR_INPUT_KAFKA_TRACK_H
#define WEIR_INPUT_KAFKA_TRACK_H

#include "base/str.h"
#include "pipeline/ack.h"

struct kafka_track;

/* store: messages before `next` have their verdict. Called on whichever thread let go last, in order for each partition; must not call back. */
typedef void kafka_store_fn(void *arg, const char *topic, int32_t partition, int64_t next);

struct kafka_track *kafka_track_new(kafka_store_fn *store, void *arg);
/* store is not called any more. What is under way keeps what it needs. */
void kafka_track_end(struct kafka_track *t);

/* A message that was read; offsets of a partition rise. The reference is the caller's. */
struct ack *kafka_track_message(struct kafka_track *t, struct str topic, int32_t partition, int64_t offset);
void kafka_track_revoke(struct kafka_track *t, const char *topic, int32_t partition);
/* Messages under way of partitions that are still ours. */
size_t kafka_track_open(struct kafka_track *t);
/* Until there are none; false: after timeout_ns there still were. */
bool kafka_track_wait(struct kafka_track *t, int64_t timeout_ns);

#endif
