#include "input/beats_input.h"
#include "base/hash.h"
#include "base/log.h"
#include "input/decorate.h"
#include "input/listen.h"
#include "input/tcp_server.h"
#include "pipeline/event_id.h"
#include "pipeline/options.h"

/* ---- events: work thread ---- */

static const struct ref *one_of(struct plugin_ctx *ctx, struct str disabled, struct str ecs)
{
	return ref_compile(ctx->arena, ctx->ecs == ECS_DISABLED ? disabled : ecs, NULL);
}

int beats_input_open(struct beats_input *b, struct plugin_ctx *ctx, struct err *err)
{
	b->ip = one_of(ctx, STR("[@metadata][ip_address]"), STR("[@metadata][input][beats][host][ip]"));
	b->host_name = one_of(ctx, STR("host"), STR("[@metadata][input][beats][host][name]"));
	b->beat_hostname = ref_compile(ctx->arena, STR("[beat][hostname]"), NULL);
	b->file[0] = ref_compile(ctx->arena, STR("[log][file][path]"), NULL);
	b->file[1] = ref_compile(ctx->arena, STR("source"), NULL);
	b->offset[0] = ref_compile(ctx->arena, STR("[log][offset]"), NULL);
	b->offset[1] = ref_compile(ctx->arena, STR("offset"), NULL);
	b->sender[0] = ref_compile(ctx->arena, STR("[agent][id]"), NULL);
	b->sender[1] = ref_compile(ctx->arena, STR("[host][name]"), NULL);
	b->sender[2] = b->beat_hostname;
	b->message = ref_compile(ctx->arena, STR("message"), NULL);
	b->peer_status = ref_compile(ctx->arena, STR("[@metadata][tls_peer][status]"), NULL);
	b->peer_protocol = one_of(ctx, STR("[@metadata][tls_peer][protocol]"), STR("[@metadata][input][beats][tls][version_protocol]"));
	b->peer_subject = one_of(ctx, STR("[@metadata][tls_peer][subject]"), STR("[@metadata][input][beats][tls][client][subject]"));
	b->peer_cipher = one_of(ctx, STR("[@metadata][tls_peer][cipher_suite]"), STR("[@metadata][input][beats][tls][cipher]"));
	/* As older versions of the plug-in have it: who names authorities means that clients need a certificate. */
	if (!option_given(ctx, "ssl_client_authentication") && b->tls.peer == TLS_PEER_NONE && b->tls.authorities && b->tls.authorities->n)
		b->tls.peer = TLS_PEER_REQUIRED;
	if (b->peer_metadata && (!b->tls.enabled || b->tls.peer == TLS_PEER_NONE))
		plugin_warn(ctx, "there is nothing to tell of the peer's certificate: 'ssl_client_authentication' asks for none");
	return tls_options_open(&b->tls, TLS_SERVER, ctx, err);
}

void beats_input_close(void *self)
{
	tls_options_close(&((struct beats_input *)self)->tls);
}

/* codec => plain { ecs_compatibility => disabled } */
static struct codec *plain_codec(struct plugin_ctx *ctx)
{
	struct ast_value disabled = {.kind = AST_STRING, .pos = ctx->pos, .text = STR("disabled")};
	struct ast_attr attr = {.name = STR("ecs_compatibility"), .pos = ctx->pos, .value = &disabled};
	struct ast_plugin named = {.name = STR("plain"), .pos = ctx->pos, .n = 1, .attr = &attr};
	struct ast_value v = {.kind = AST_PLUGIN, .pos = ctx->pos, .plugin = &named};

	return codec_bind(&v, ctx);
}

struct codec *beats_input_around(void *self, struct codec *inner, bool given, struct plugin_ctx *ctx, struct err *err)
{
	struct beats_input *b = self;

	if (inner->plugin->codec.due) {
		err_set(err, "the codec %s joins lines, which here come from many files at once: let the Beat join them", inner->plugin->name);
		return NULL;
	}
	if (!given && !b->legacy && !b->codec_tag) {
		/* As Logstash has it: who wants nothing of the codec's gets no [event][original] either. */
		if (inner->plugin->close)
			inner->plugin->close(inner->self);
		inner = plain_codec(ctx);
		if (!inner) {
			err_set(err, "there is no codec plain");
			return NULL;
		}
	}
	b->tag = arena_printf(ctx->arena, "beats_input_codec_%s_applied", inner->plugin->name);
	b->decoder.line_only = b->legacy;
	return beats_codec(ctx->arena, &b->decoder, inner);
}

static void set_copy(struct event *ev, const struct ref *r, struct str s)
{
	(void)event_set(ev, r, v_str(arena_dup(ev->arena, s)));
}

/* The event may outlive the connection. */
static void tell_peer(const struct beats_input *b, struct event *ev, const struct tls_peer *peer)
{
	set_copy(ev, b->peer_status, peer->verified ? STR("verified") : STR("unverified"));
	if (!peer->verified)
		return;
	set_copy(ev, b->peer_protocol, peer->protocol);
	set_copy(ev, b->peer_subject, peer->subject);
	set_copy(ev, b->peer_cipher, peer->cipher);
}

void beats_input_decorate(void *self, struct event *ev, const struct span *sp)
{
	struct beats_input *b = self;
	struct inlet *in = sp->source->input;
	const struct value *host;
	struct str ip;
	int port;

	if (b->decoder.last == BEATS_BROKEN)
		count_add(&in->count.malformed, 1);
	if (b->source_metadata) {
		ip = decorate_address(ev, &sp->source->peer, &port);
		if (ip.p)
			(void)event_set(ev, b->ip, v_str(ip));
	}
	if (b->peer_metadata && b->tls.peer != TLS_PEER_NONE && sp->source->tls)
		tell_peer(b, ev, sp->source->tls);
	host = b->add_hostname ? event_get(ev, b->beat_hostname) : NULL;
	if (host)
		decorate_set(ev, b->host_name, value_copy(ev->arena, host, false));
}

/* Behind the configured tags, as in Logstash. */
void beats_input_decorated(void *self, struct event *ev, const struct span *sp)
{
	struct beats_input *b = self;

	if (b->include_codec_tag && b->decoder.last != BEATS_BROKEN)
		event_tag(ev, b->decoder.last == BEATS_LINE ? b->tag : STR("beats_input_raw_event"));
}

/* ---- identity ---- */

/* The first of these fields that is of that type; NULL: none. */
static const struct value *first_of(const struct event *ev, const struct ref *const *refs, unsigned n, enum vtype type)
{
	for (unsigned i = 0; i < n; i++) {
		const struct value *v = event_get(ev, refs[i]);

		if (value_is(v, type))
			return v;
	}
	return NULL;
}

static void add_hash(uint64_t *h, const struct value *v)
{
	/* Any numbers, as long as they stay. */
	const uint64_t key[2] = {*h, 0x9e3779b97f4a7c15u};

	*h = hash_keyed(key, v ? v->s : "", v ? v->len : 0);
}

/*
 * A line of a file that Filebeat sends again is the same event again, and an output that knows ids (elasticsearch) stores it once: when the
 * Beat read it, which Beat, file and text, and where in the file it stood.
 */
static void event_id(struct source *s, const struct batch *batch, const struct span *span, uint32_t frame, uint32_t nth, struct event *ev)
{
	const struct beats_input *b = (*s->instance)->self;
	const struct value *file = first_of(ev, b->file, 2, V_STRING), *offset = first_of(ev, b->offset, 2, V_INT);
	uint64_t h = 0x6265617473u;
	uint8_t who[5];
	struct ts t;

	if (!file || !offset || offset->i < 0 || !event_timestamp(ev, &t)) {
		inlet_event_id(s, batch, span, frame, nth, ev);
		return;
	}
	add_hash(&h, first_of(ev, b->sender, 3, V_STRING));
	add_hash(&h, file);
	add_hash(&h, first_of(ev, &b->message, 1, V_STRING));
	for (int i = 0; i < 5; i++)
		who[i] = (uint8_t)(h >> (8 * i));
	event_id_make(ev, t.s * 1000 + t.ns / 1000000, who, (uint64_t)offset->i);
	if (nth)
		event_id_nth(ev, ':', nth);
}

/* ---- the server ---- */

static uint64_t receipt(const struct framer *f)
{
	return lumberjack_receipt(&f->lumberjack);
}

static void wait_word(const struct framer *f, struct buf *out)
{
	lumberjack_wait(&f->lumberjack, out);
}

static const struct tcp_answers answers = {.receipt = receipt, .answer = lumberjack_answer, .wait = wait_word, .event_id = event_id};

static int io_open(struct inlet *in, const void *self, struct err *err)
{
	const struct beats_input *b = self;
	struct tcp_limits limits = tcp_default_limits;
	int fd = listen_socket(b->host, (int)b->port, SOCK_STREAM, err);

	if (fd == -1)
		return -1;
	/* A fleet may come through one balancer. */
	limits.connections = limits.per_address = (uint32_t)b->max_connections;
	limits.frame_max = (size_t)b->max_frame;
	limits.idle_ns = b->inactivity_ns ? b->inactivity_ns : INT64_MAX;
	in->port = socket_port(fd);
	limits.handshake_ns = b->tls.handshake_ms * 1000000;
	log_info("input", "%s: listening on tcp port %d%s", in->name, in->port, b->tls.context ? ", TLS" : "");
	in->io = tcp_server_new(in, fd, FRAMER_LUMBERJACK, &limits, (struct str){0});
	tcp_server_answers(in->io, &answers);
	tcp_server_tls(in->io, b->tls.context);
	return 0;
}

/* A certificate may have been renewed: for the connections to come. */
static void io_renew(struct inlet *in, const void *self)
{
	tcp_server_tls(in->io, ((const struct beats_input *)self)->tls.context);
}

const struct input_ops beats_input_ops = {.endless = true, .open = io_open, .start = tcp_inlet_start, .renew = io_renew, .pause = tcp_inlet_pause, .resume = tcp_inlet_resume,
					  .stop = tcp_inlet_stop, .span = tcp_server_span, .framed = tcp_server_framed, .release = tcp_inlet_release};
