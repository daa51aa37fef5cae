/*
 * lumberjack.c - `input { lumberjack { ... } }`: logstash-forwarder over TLS, as Logstash's older plug-in made its events of it: `line` through
 * the codec, the other fields beside it, no tags and no metadata. Acknowledged as beats does it.
 */
#include "input/beats_input.h"

static int lumberjack_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct beats_input *b = self;

	b->legacy = b->tls.enabled = true;
	return beats_input_open(b, ctx, err);
}

static const struct option options[] = {
	{"port", OPT_INT, offsetof(struct beats_input, port), .flags = OPT_REQUIRED, .min = 0, .max = 65535, .doc = "port to listen on"},
	{"host", OPT_STRING, offsetof(struct beats_input, host), .def = "\"0.0.0.0\"", .doc = "address to listen on; 0.0.0.0 and :: mean both families"},
	{"client_inactivity_timeout", OPT_DURATION, offsetof(struct beats_input, inactivity_ns), .flags = OPT_WEIR, .def = "600", .doc = "a connection without a word in either direction is closed; 0: never"},
	{"max_connections", OPT_INT, offsetof(struct beats_input, max_connections), .flags = OPT_WEIR, .def = "4096", .min = 1, .max = 65536, .doc = "connections at once; more are refused, counted"},
	{"max_frame", OPT_BYTES, offsetof(struct beats_input, max_frame), .flags = OPT_WEIR, .def = "33554432", .min = 1024, .max = 268435456, .doc = "longest event; a connection that sends a longer one is closed"},
	{"ssl_certificate", OPT_PATH, offsetof(struct beats_input, tls.certificate), .flags = OPT_REQUIRED, .doc = "PEM file of our certificate, its chain behind it; read anew at each reload"},
	{"ssl_key", OPT_PATH, offsetof(struct beats_input, tls.key), .flags = OPT_REQUIRED, .doc = "PEM file of its key"},
	{"ssl_key_passphrase", OPT_PASSWORD, offsetof(struct beats_input, tls.key_passphrase), .doc = "what the key is encrypted with"},
	{"ssl_certificate_authorities", OPT_LIST, offsetof(struct beats_input, tls.authorities), .flags = OPT_WEIR, .doc = "PEM files, or folders with hashed names: clients must show a certificate of one of these"},
	TLS_SERVER_OPTIONS(struct beats_input, tls, OPT_WEIR, "none"),
	{"max_clients", OPT_OBSOLETE, .instead = "max_connections", .doc = "clients at once"},
	{"congestion_threshold", OPT_OBSOLETE, .instead = "a sender waits while outputs are full", .doc = "seconds until a blocked pipeline refuses connections"},
	{0},
};

INPUT(lumberjack, .size = sizeof(struct beats_input), .options = options, .doc = "logstash-forwarder over TLS; newer senders: beats",
      .default_codec = "plain", .open = lumberjack_open, .close = beats_input_close, .around = beats_input_around, .decorate = beats_input_decorate,
      .decorated = beats_input_decorated, .input = &beats_input_ops)
