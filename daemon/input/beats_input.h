/*
 * beats_input.h - what the inputs beats, elastic_agent and lumberjack share: the server, the answers, and what the input adds to events.
 */
#ifndef WEIR_INPUT_BEATS_INPUT_H
#define WEIR_INPUT_BEATS_INPUT_H

#include "input/beats_decode.h"
#include "input/input.h"
#include "pipeline/tls_options.h"

struct beats_input {
	struct str host;
	int64_t port, inactivity_ns, max_connections, max_frame;
	const struct list *enrich; /* NULL: codec_metadata and source_metadata */
	bool add_hostname, include_codec_tag, ssl_peer_metadata;
	struct tls_options tls;

	/* By open(). */
	bool legacy; /* lumberjack: the fields and nothing else */
	bool codec_tag, source_metadata, peer_metadata;
	struct str tag; /* of events whose line the codec read */
	struct beats_decoder decoder;
	const struct ref *ip, *host_name, *beat_hostname;
	const struct ref *file[2], *offset[2], *sender[3], *message;
	const struct ref *peer_status, *peer_protocol, *peer_subject, *peer_cipher;
};

/* The rest of the plug-in's open(). */
int beats_input_open(struct beats_input *b, struct plugin_ctx *ctx, struct err *err);
void beats_input_close(void *self);
struct codec *beats_input_around(void *self, struct codec *inner, bool given, struct plugin_ctx *ctx, struct err *err);
void beats_input_decorate(void *self, struct event *ev, const struct span *sp);
void beats_input_decorated(void *self, struct event *ev, const struct span *sp);

/* Of beats and elastic_agent, which are one plug-in under two names. */
extern const struct option beats_options[];
int beats_open(void *self, struct plugin_ctx *ctx, struct err *err);

extern const struct input_ops beats_input_ops;

#endif
