/*
 * http.c - `input { http { port => 8080 } }`: the body of each request, read by the codec of its content type.
 *
 * The io half is http_server.c; here are the options, and on the work thread what an event learns of its request.
 */
#include "base/log.h"
#include "base/utf8.h"
#include "filter/digest.h"
#include "input/decorate.h"
#include "input/http_server.h"
#include "input/listen.h"
#include "pipeline/options.h"
#include "pipeline/optvalue.h"
#include "pipeline/tls_options.h"

#include <stdlib.h>

struct http_codec {
	struct str type; /* "application/json" */
	struct codec *codec;
};

struct http_input {
	struct str host, user, password;
	int64_t port, max_content_length, response_code;
	const struct map *additional_codecs, *response_headers;
	const struct ref *remote_host_target, *request_headers_target;
	struct tls_options tls;

	struct http_codec *codecs;
	size_t n_codecs;
	struct str headers; /* of answers */
	struct str token;
	bool ecs;
	const struct ref *version, *user_agent, *domain, *url_port, *method, *path, *bytes, *mime_type;
};

/* ---- the configuration ---- */

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

static int make_headers(struct http_input *h, struct plugin_ctx *ctx, struct err *err)
{
	struct buf b;
	int rc = 0;

	buf_init(&b, HTTP_HEAD_MAX);
	for (uint32_t i = 0; h->response_headers && i < h->response_headers->n; i++) {
		struct str name = key_str(&h->response_headers->e[i].key), value = optvalue_text(ctx->arena, &h->response_headers->e[i].val);

		if (!name.len || has_control(name) || has_control(value) || str_chr(name, ':') >= 0 || str_ieq(name, STR("content-length")))
			rc = err_set(err, "'%.*s' cannot be a header of the answers", STR_ARG(name));
		buf_str(&b, name);
		buf_lit(&b, ": ");
		buf_str(&b, value);
		buf_lit(&b, "\r\n");
	}
	if (b.over)
		rc = err_set(err, "'response_headers' are too long");
	h->headers = arena_dup(ctx->arena, buf_slice(&b));
	buf_release(&b);
	if (rc)
		option_blame(ctx, "response_headers");
	return rc;
}

static int make_token(struct http_input *h, struct plugin_ctx *ctx, struct err *err)
{
	struct str pair, code;

	if (!h->user.p != !h->password.p) {
		option_blame(ctx, h->user.p ? "user" : "password");
		return err_set(err, "'user' and 'password' go together");
	}
	if (!h->user.p)
		return 0;
	pair = arena_printf(ctx->arena, "%.*s:%.*s", STR_ARG(h->user), STR_ARG(h->password));
	code = digest_base64(ctx->arena, pair.p, pair.len);
	h->token = arena_printf(ctx->arena, "Basic %.*s", STR_ARG(code));
	return 0;
}

static void close_codecs(struct http_input *h)
{
	for (size_t i = 0; i < h->n_codecs; i++)
		if (h->codecs[i].codec->plugin->close)
			h->codecs[i].codec->plugin->close(h->codecs[i].codec->self);
	h->n_codecs = 0;
}

static int make_codecs(struct http_input *h, struct plugin_ctx *ctx, struct err *err)
{
	const struct map *m = h->additional_codecs;

	h->codecs = arena_zalloc(ctx->arena, (m && m->n ? m->n : 1) * sizeof(*h->codecs));
	for (uint32_t i = 0; m && i < m->n; i++) {
		const char *name = arena_dupz(ctx->arena, optvalue_text(ctx->arena, &m->e[i].val));
		struct codec *c;

		option_blame(ctx, "additional_codecs");
		if (!plugin_find(PLUGIN_CODEC, str_z(name))) {
			close_codecs(h);
			return err_set(err, "there is no codec '%s'", name);
		}
		c = codec_default(name, ctx);
		if (!c) {
			close_codecs(h);
			return err_set(err, "the codec '%s' cannot be used without options", name);
		}
		if (!c->plugin->codec.next) {
			close_codecs(h);
			return err_set(err, "the codec '%s' only writes", name);
		}
		h->codecs[h->n_codecs++] = (struct http_codec){key_str(&m->e[i].key), c};
	}
	return 0;
}

static void make_refs(struct http_input *h, struct plugin_ctx *ctx)
{
	struct arena *a = ctx->arena;

	h->ecs = ctx->ecs != ECS_DISABLED;
	if (!h->remote_host_target)
		h->remote_host_target = ref_compile(a, h->ecs ? STR("[host][ip]") : STR("host"), NULL);
	if (!h->request_headers_target)
		h->request_headers_target = ref_compile(a, h->ecs ? STR("[@metadata][input][http][request][headers]") : STR("headers"), NULL);
	h->version = ref_compile(a, STR("[http][version]"), NULL);
	h->user_agent = ref_compile(a, STR("[user_agent][original]"), NULL);
	h->domain = ref_compile(a, STR("[url][domain]"), NULL);
	h->url_port = ref_compile(a, STR("[url][port]"), NULL);
	h->method = ref_compile(a, STR("[http][method]"), NULL);
	h->path = ref_compile(a, STR("[url][path]"), NULL);
	h->bytes = ref_compile(a, STR("[http][request][body][bytes]"), NULL);
	h->mime_type = ref_compile(a, STR("[http][request][mime_type]"), NULL);
}

static int http_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct http_input *h = self;
	struct pos pos = ctx->pos;

	if (h->response_code != 200 && h->response_code != 201 && h->response_code != 202 && h->response_code != 204) {
		option_blame(ctx, "response_code");
		return err_set(err, "'response_code' is 200, 201, 202 or 204");
	}
	make_refs(h, ctx);
	if (make_headers(h, ctx, err) == -1 || make_token(h, ctx, err) == -1 || make_codecs(h, ctx, err) == -1)
		return -1;
	ctx->pos = pos;
	if (tls_options_open(&h->tls, TLS_SERVER, ctx, err) == 0)
		return 0;
	close_codecs(h);
	return -1;
}

static void http_close(void *self)
{
	struct http_input *h = self;

	close_codecs(h);
	tls_options_close(&h->tls);
}

/* ---- an event; work thread ---- */

static struct codec *codec_of(void *self, const struct source *s)
{
	const struct http_input *h = self;
	const struct http_request *req = s->extra;
	struct str type;

	if (!req)
		return NULL;
	type = http_mime_type(req->head.content_type);
	for (size_t i = 0; i < h->n_codecs; i++)
		if (str_ieq(h->codecs[i].type, type))
			return h->codecs[i].codec;
	return NULL;
}

/* Text of a request as text of an event: the request may go before it. */
static struct value text_value(struct event *ev, struct str s)
{
	return v_str(utf8_valid(s) ? arena_dup(ev->arena, s) : utf8_scrub(ev->arena, s));
}

static struct str field_name(struct event *ev, struct str header)
{
	struct str name = arena_dup(ev->arena, header);
	char *p = (char *)name.p;

	for (size_t i = 0; i < name.len; i++)
		p[i] = p[i] == '-' ? '_' : ch_lower(p[i]);
	return name;
}

static void put(struct event *ev, struct map *m, const char *name, struct value v)
{
	map_set(ev->arena, m, key_make(str_z(name)), v);
}

/* Accept, Host and User-Agent have names of their own, and are null where the client sent none. */
static struct map *header_map(const struct http_input *h, struct event *ev, const struct http_head *head)
{
	static const struct {
		const char *header, *field;
	} own[] = {{"accept", "http_accept"}, {"host", "http_host"}, {"user_agent", "http_user_agent"}};
	struct map *m = map_new(ev->arena, 16);
	struct str headers = head->headers, name, value;

	for (size_t i = 0; i < 3; i++)
		put(ev, m, own[i].field, v_null());
	while (http_header_next(&headers, &name, &value)) {
		struct str field = field_name(ev, name);
		size_t i = 0;

		/* Whoever asks for a password does not hand it on. */
		if (h->token.p && str_eq(field, STR("authorization")))
			continue;
		while (i < 3 && !str_eqz(field, own[i].header))
			i++;
		map_set(ev->arena, m, key_make(i < 3 ? str_z(own[i].field) : field), text_value(ev, value));
	}
	put(ev, m, "request_method", text_value(ev, head->method));
	put(ev, m, "request_path", text_value(ev, head->target));
	put(ev, m, "http_version", head->minor ? v_lit("HTTP/1.1") : v_lit("HTTP/1.0"));
	return m;
}

static void copy_field(struct event *ev, const struct map *m, const char *name, const struct ref *to)
{
	const struct value *v = map_find_str(m, str_z(name));

	if (value_is(v, V_STRING))
		(void)event_set(ev, to, *v);
}

/* "example.org:8080", "[2001:db8::1]:8080", or a name alone. */
static void set_url(const struct http_input *h, struct event *ev, const struct map *m)
{
	const struct value *v = map_find_str(m, STR("http_host"));
	struct str host, digits;
	ptrdiff_t colon;
	uint64_t port;

	if (!value_is(v, V_STRING))
		return;
	host = value_str(v);
	colon = str_rchr(host, ':');
	digits = colon < 0 ? STR("") : str_from(host, (size_t)colon + 1);
	if (colon > 0 && digits.len && str_u64(digits, UINT32_MAX, &port)) {
		struct str name = str_sub(host, 0, (size_t)colon);

		if (name.len > 2 && name.p[0] == '[' && name.p[name.len - 1] == ']')
			name = str_sub(name, 1, name.len - 2);
		if (str_chr(name, ':') < 0 || host.p[0] == '[') {
			(void)event_set(ev, h->url_port, v_int((int64_t)port));
			host = name;
		}
	}
	(void)event_set(ev, h->domain, v_str(host));
}

static void decorate(void *self, struct event *ev, const struct span *sp)
{
	const struct http_input *h = self;
	const struct http_request *req = sp->source->extra;
	struct map *m;
	struct str ip;
	int port = 0;

	if (!req)
		return;
	m = header_map(h, ev, &req->head);
	if (h->ecs) {
		copy_field(ev, m, "http_version", h->version);
		copy_field(ev, m, "http_user_agent", h->user_agent);
		set_url(h, ev, m);
		copy_field(ev, m, "request_method", h->method);
		copy_field(ev, m, "request_path", h->path);
		copy_field(ev, m, "content_length", h->bytes);
		copy_field(ev, m, "content_type", h->mime_type);
	}
	/* As Logstash does it: over what the event brought along. */
	(void)event_set(ev, h->request_headers_target, v_map(m));
	ip = decorate_address(ev, &sp->source->peer, &port);
	if (ip.p)
		(void)event_set(ev, h->remote_host_target, v_str(ip));
}

/* ---- io ---- */

static struct http_framing framing(struct str type, const struct codec *c)
{
	struct http_framing f = {.type = xstrdupz(type), .framing = c->framing};

	f.delimiter_len = c->delimiter.len < sizeof(f.delimiter) ? c->delimiter.len : 0;
	if (f.delimiter_len)
		memcpy(f.delimiter, c->delimiter.p, f.delimiter_len);
	else
		f.framing = FRAME_CHUNK;
	return f;
}

static int io_open(struct inlet *in, const void *self, struct err *err)
{
	const struct http_input *h = self;
	struct tcp_limits limits = tcp_default_limits;
	struct http_server_config c = {.body_max = (size_t)h->max_content_length, .status = (int)h->response_code, .n_framings = h->n_codecs + 1};
	int fd = listen_socket(h->host, (int)h->port, SOCK_STREAM, err);

	if (fd == -1)
		return -1;
	in->port = socket_port(fd);
	limits.handshake_ns = h->tls.handshake_ms * 1000000;
	log_info("input", "%s: listening on tcp port %d, HTTP%s", in->name, in->port, h->tls.context ? " and TLS" : "");
	c.headers = xstrdupz(h->headers);
	c.token = h->token.p ? xstrdupz(h->token) : NULL;
	c.framing = xzalloc(c.n_framings * sizeof(*c.framing));
	c.framing[0] = framing(STR(""), &(struct codec){.framing = in->framing, .delimiter = str_n(in->delimiter, in->delimiter_len)});
	for (size_t i = 0; i < h->n_codecs; i++)
		c.framing[i + 1] = framing(h->codecs[i].type, h->codecs[i].codec);
	in->io = http_server_new(in, fd, &limits, &c);
	tcp_server_tls(http_server_tcp(in->io), h->tls.context);
	return 0;
}

static int io_start(struct inlet *in, struct err *err)
{
	return http_server_start(in->io, err);
}

static void io_pause(struct inlet *in)
{
	http_server_pause(in->io);
}

static void io_resume(struct inlet *in)
{
	http_server_resume(in->io);
}

/* A certificate may have been renewed: for the connections to come. */
static void io_renew(struct inlet *in, const void *self)
{
	tcp_server_tls(http_server_tcp(in->io), ((const struct http_input *)self)->tls.context);
}

static void io_stop(struct inlet *in)
{
	http_server_stop(in->io, inlet_all_closed, in);
}

static void io_release(struct inlet *in)
{
	http_server_free(in->io);
}

static const struct input_ops ops = {.endless = true, .open = io_open, .start = io_start, .pause = io_pause, .resume = io_resume, .renew = io_renew,
				     .stop = io_stop, .release = io_release};

static const struct option options[] = {
	{"host", OPT_STRING, offsetof(struct http_input, host), .def = "\"0.0.0.0\"", .doc = "address to listen on; 0.0.0.0 and :: mean both families"},
	{"port", OPT_INT, offsetof(struct http_input, port), .def = "8080", .min = 0, .max = 65535, .doc = "port to listen on"},
	{"user", OPT_STRING, offsetof(struct http_input, user), .doc = "name that requests must bear (Basic)"},
	{"password", OPT_PASSWORD, offsetof(struct http_input, password), .doc = "and its password"},
	{"additional_codecs", OPT_HASH, offsetof(struct http_input, additional_codecs), .def = "{ \"application/json\" => \"json\" }", .doc = "codecs by content type; all other bodies are the option codec's"},
	{"response_headers", OPT_HASH, offsetof(struct http_input, response_headers), .def = "{ \"Content-Type\" => \"text/plain\" }", .doc = "headers of the answers"},
	{"response_code", OPT_INT, offsetof(struct http_input, response_code), .def = "200", .doc = "status of an accepted request: 200, 201, 202 or 204"},
	{"remote_host_target_field", OPT_REF, offsetof(struct http_input, remote_host_target), .doc = "field that gets the client's address; default: host, or [host][ip] with ECS"},
	{"request_headers_target_field", OPT_REF, offsetof(struct http_input, request_headers_target), .doc = "field that gets the headers; default: headers, or [@metadata][input][http][request][headers] with ECS"},
	{"max_content_length", OPT_BYTES, offsetof(struct http_input, max_content_length), .def = "104857600", .min = 1, .max = 1073741824, .doc = "largest body, before and after decompression; a larger one is refused: 413"},
	{"threads", OPT_IGNORED, .doc = "weird has its own threads"},
	{"max_pending_requests", OPT_IGNORED, .doc = "what is not whole yet counts against memory.max"},
	TLS_OPTIONS(struct http_input, tls, 0),
	TLS_SERVER_OPTIONS(struct http_input, tls, 0, "none"),
	TLS_KEYSTORE_OPTIONS(struct http_input, tls, 0),
	TLS_OLDER_SERVER_OPTIONS(struct http_input, tls),
	{"verify_mode", OPT_ENUM, offsetof(struct http_input, tls.peer), .flags = OPT_DEPRECATED, .choices = tls_peer_old_words, .instead = "ssl_client_authentication", .doc = "older name of ssl_client_authentication"},
	{"keystore", OPT_PATH, offsetof(struct http_input, tls.keystore), .flags = OPT_DEPRECATED, .instead = "ssl_keystore_path", .doc = "older name of ssl_keystore_path"},
	{"keystore_password", OPT_PASSWORD, offsetof(struct http_input, tls.keystore_password), .flags = OPT_DEPRECATED, .instead = "ssl_keystore_password", .doc = "older name of ssl_keystore_password"},
	{0},
};

INPUT(http, .size = sizeof(struct http_input), .options = options, .doc = "bodies of HTTP requests", .default_codec = "plain", .open = http_open,
      .close = http_close, .codec_of = codec_of, .decorate = decorate, .input = &ops)
