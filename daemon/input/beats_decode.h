/*
 * beats_decode.h - what is in the frames of Beats and logstash-forwarder, as a codec around the configured one: JSON or key/value pairs are
 * fields of the event, and the line among them (`message`; `line` of logstash-forwarder) goes through that codec. Work thread.
 */
#ifndef WEIR_INPUT_BEATS_DECODE_H
#define WEIR_INPUT_BEATS_DECODE_H

#include "pipeline/plugin.h"

enum beats_event {
	BEATS_LINE,   /* there was a line for the codec */
	BEATS_FIELDS, /* there was none */
	BEATS_BROKEN, /* no JSON object: the frame is the event's message, tagged _jsonparsefailure */
};

/* Of an input's instance. */
struct beats_decoder {
	bool line_only; /* `message` is a field like any other */
	struct codec *inner;
	enum beats_event last; /* what the last event was made of */
};

/* In arena. inner is closed with it; nothing can go wrong. */
struct codec *beats_codec(struct arena *arena, struct beats_decoder *d, struct codec *inner);

#endif
