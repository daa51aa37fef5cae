/*
 * decode.h - what the codecs share: a frame as one `message`, and a frame as JSON documents.
 *
 * The state of a source holds the frame between feed() and the last next(). Text that had to be converted lives in the
 * arena of the event that got it; an event made of an element of an array never points into another event's arena.
 * Work thread.
 */
#ifndef WEIR_CODEC_DECODE_H
#define WEIR_CODEC_DECODE_H

#include "codec/charset.h"
#include "event/json.h"
#include "pipeline/plugin.h"

struct decoder {
	struct charset charset;
	const struct ref *original; /* [event][original], or NULL where it is not wanted */
	const struct ref *target;   /* JSON: below this field; NULL: the event itself */
};

struct decode_state {
	struct str frame;
	enum { DECODE_EMPTY, DECODE_FRESH, DECODE_ARRAY } stage;
	struct json_array array;
	bool converted;
	struct buf text; /* an array in another charset, converted */
};

/* Of codecs that keep the raw line under ECS: original = true. */
int decoder_open(struct decoder *d, struct plugin_ctx *ctx, struct str charset, bool original, struct err *err);
void decoder_close(struct decoder *d);

void decode_feed(struct decode_state *s, struct str frame);
void decode_release(struct decode_state *s);

/* Makes ev an event received at ctx->now_ns with one field. text is borrowed. */
void decode_message(struct event *ev, struct str text, const struct decode_ctx *ctx);
/* [event][original] where it is wanted. A field that is there already stays: the sender's own. */
void decode_keep_original(const struct decoder *d, struct event *ev, struct str text);

/* next() of plain and line. */
int decode_text(struct decoder *d, struct decode_state *s, struct event *ev, const struct decode_ctx *ctx);
/* next() of json and json_lines: an object is an event, an array an event for each element, anything else a message with a tag. */
int decode_json(struct decoder *d, struct decode_state *s, struct event *ev, const struct decode_ctx *ctx);

#endif
