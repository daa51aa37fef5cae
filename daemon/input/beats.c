/*
 * beats.c - `input { beats { port => 5044 } }`: Filebeat and its kin, and whatever else speaks Lumberjack, version 2 or 1.
 *
 * An event is acknowledged when all that became of it has its verdict from every output: what a Beat has not heard of it sends again, so
 * nothing is lost when weird, its machine or an output goes away. Events are made as Logstash's plug-in makes them (beats_decode.h); where that
 * closes the connection because a frame is no JSON object, and gets it again for ever, the frame becomes an event with a tag.
 */
#include "input/beats_input.h"

enum { OPTION_INCLUDE_CODEC_TAG, OPTION_PEER_METADATA };

/* What is wanted of "codec_metadata", "source_metadata" ... -1: no such thing. */
static int read_enrich(struct beats_input *b, struct err *err)
{
	for (uint32_t i = 0; b->enrich && i < b->enrich->n; i++) {
		const struct value *v = &b->enrich->v[i];
		struct str word = v->type == V_STRING ? value_str(v) : STR("");
		bool all = str_eqz(word, "all");

		if (all || str_eqz(word, "codec_metadata"))
			b->codec_tag = true;
		if (all || str_eqz(word, "source_metadata"))
			b->source_metadata = true;
		if (all || str_eqz(word, "ssl_peer_metadata"))
			b->peer_metadata = true;
		if (str_eqz(word, "none") && b->enrich->n > 1)
			return err_set(err, "enrich: 'none' stands alone");
		if (!all && !str_eqz(word, "codec_metadata") && !str_eqz(word, "source_metadata") && !str_eqz(word, "ssl_peer_metadata") &&
		    !str_eqz(word, "none"))
			return err_set(err, "enrich: '%.*s' is none of codec_metadata, source_metadata, ssl_peer_metadata, all, none", STR_ARG(word));
	}
	return 0;
}

int beats_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct beats_input *b = self;

	b->codec_tag = b->source_metadata = !b->enrich;
	if (read_enrich(b, err))
		return -1;
	if (!plugin_given(ctx, OPTION_INCLUDE_CODEC_TAG))
		b->include_codec_tag = b->codec_tag;
	if (plugin_given(ctx, OPTION_PEER_METADATA))
		b->peer_metadata = b->ssl_peer_metadata;
	return beats_input_open(b, ctx, err);
}

const struct option beats_options[] = {
	[OPTION_INCLUDE_CODEC_TAG] = {"include_codec_tag", OPT_BOOL, offsetof(struct beats_input, include_codec_tag), .flags = OPT_DEPRECATED, .def = "true", .instead = "enrich", .doc = "the tag beats_input_codec_..._applied, or beats_input_raw_event where there was no message"},
	[OPTION_PEER_METADATA] = {"ssl_peer_metadata", OPT_BOOL, offsetof(struct beats_input, ssl_peer_metadata), .flags = OPT_DEPRECATED, .def = "false", .instead = "enrich", .doc = "what there is to tell of the peer's certificate"},
	{"port", OPT_INT, offsetof(struct beats_input, port), .flags = OPT_REQUIRED, .min = 0, .max = 65535, .doc = "port to listen on"},
	{"host", OPT_STRING, offsetof(struct beats_input, host), .def = "\"0.0.0.0\"", .doc = "address to listen on; 0.0.0.0 and :: mean both families"},
	{"client_inactivity_timeout", OPT_DURATION, offsetof(struct beats_input, inactivity_ns), .def = "60", .doc = "a connection without a word in either direction is closed; 0: never"},
	{"enrich", OPT_LIST, offsetof(struct beats_input, enrich), .doc = "what is added: codec_metadata (the tag; [event][original]), source_metadata (the sender's address), ssl_peer_metadata (his certificate), all, none; default: the first two"},
	{"add_hostname", OPT_BOOL, offsetof(struct beats_input, add_hostname), .flags = OPT_DEPRECATED, .def = "false", .instead = "mutate { copy => ... }", .doc = "[beat][hostname] becomes host too, where there is none"},
	{"max_connections", OPT_INT, offsetof(struct beats_input, max_connections), .flags = OPT_WEIR, .def = "4096", .min = 1, .max = 65536, .doc = "connections at once; more are refused, counted"},
	{"max_frame", OPT_BYTES, offsetof(struct beats_input, max_frame), .flags = OPT_WEIR, .def = "33554432", .min = 1024, .max = 268435456, .doc = "longest event; a connection that sends a longer one is closed"},
	TLS_OPTIONS(struct beats_input, tls, 0),
	TLS_SERVER_OPTIONS(struct beats_input, tls, 0, "none"),
	TLS_OLDER_SERVER_OPTIONS(struct beats_input, tls),
	{"executor_threads", OPT_IGNORED, 0, .doc = "one thread reads all connections"},
	{"event_loop_threads", OPT_IGNORED, 0, .doc = "one thread reads all connections"},
	{"congestion_threshold", OPT_OBSOLETE, .instead = "a sender waits while outputs are full", .doc = "seconds until a blocked pipeline refuses connections"},
	{"target_field_for_codec", OPT_OBSOLETE, .instead = "message, or else line, goes through the codec", .doc = "field for the codec"},
	{0},
};

INPUT(beats, .size = sizeof(struct beats_input), .options = beats_options, .doc = "Filebeat and other Beats, logstash-forwarder: acknowledged when delivered",
      .default_codec = "plain", .open = beats_open, .close = beats_input_close, .around = beats_input_around, .decorate = beats_input_decorate,
      .decorated = beats_input_decorated, .input = &beats_input_ops)
