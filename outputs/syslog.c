/*
 * syslog.c - output `syslog`: events as syslog messages over UDP, TCP or TLS.
 *
 *	<PRI>Nov 23 07:57:05 HOST APP[PROCID]: MSG			rfc3164
 *	<PRI>1 2026-11-23T07:57:05.000+00:00 HOST APP PROCID MSGID SD MSG	rfc5424
 *
 * A message is one line: line feeds in its text become "\n" (two characters), as in Logstash, and control characters in its header "?". On streams it ends
 * with a line feed, or its length stands in front of it (RFC 6587 3.4.1, RFC 5425 4.3).
 */
#include "outputs/net_link.h"

#include "pipeline/optvalue.h"

enum protocol { PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_TLS };
static const char *const protocols[] = {"tcp", "udp", "ssl-tcp", NULL};

enum { RFC_3164, RFC_5424 };
static const char *const rfcs[] = {"rfc3164", "rfc5424", NULL};

enum { FRAMING_LINE, FRAMING_OCTETS };
static const char *const framings[] = {"line", "octet_counting", NULL};

enum { PRI_DEFAULT = 13, PRI_MAX = 191, FACILITY_USER = 1, SEVERITY_NOTICE = 5, FIRST_MISCOUNTED = 10, SECOND_CLOCK = 15 };

/* RFC 5424 6.2.1. The second ones of a name can only be had by `priority`. */
static const char *const facilities[] = {
	"kernel", "user-level", "mail", "daemon", "security/authorization", "syslogd", "line printer", "network news", "uucp", "clock",
	"security/authorization", "ftp", "ntp", "log audit", "log alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5",
	"local6", "local7", NULL,
};
static const char *const severities[] = {"emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug", NULL};

struct syslog_output {
	struct queue_options queue;
	struct str host;
	int64_t port;
	int protocol, rfc, framing;
	bool use_labels;
	const struct tmpl *priority, *facility, *severity, *sourcehost, *appname, *procid, *msgid, *message, *structured_data;
	struct tls_options tls;
	const struct list *revoked_check;

	const struct tmpl *stamp;
	bool by_message; /* no codec says what the text is */
};

/* ---- the configuration ---- */

/* Without a codec, or with plain and no format, the text is `message`. */
static bool codec_says_nothing(const struct plugin_ctx *ctx)
{
	for (size_t i = 0; ctx->written && i < ctx->written->n; i++) {
		const struct ast_attr *a = &ctx->written->attr[i];

		if (!str_eq(a->name, STR("codec")))
			continue;
		if (a->value->kind != AST_PLUGIN)
			return str_eq(a->value->text, STR("plain"));
		if (!str_eq(a->value->plugin->name, STR("plain")))
			return false;
		for (size_t k = 0; k < a->value->plugin->n; k++)
			if (str_eq(a->value->plugin->attr[k].name, STR("format")))
				return false;
	}
	return true;
}

static int number_of(struct str name, const char *const *names)
{
	for (int i = 0; names[i]; i++)
		if (str_eqz(name, names[i]))
			return i;
	return -1;
}

/* What is spelt wrong would be sent as something else without a word. */
static void check_label(struct plugin_ctx *ctx, const char *option, const struct tmpl *t, const char *const *names)
{
	struct str text = tmpl_text(t);
	int n = number_of(text, names);

	if (!tmpl_is_const(t))
		return;
	if (n == -1)
		plugin_warn(ctx, "'%s': there is no '%.*s', the default is taken", option, STR_ARG(text));
	else if (names == facilities && n >= FIRST_MISCOUNTED)
		plugin_warn(ctx, "'%.*s' is sent as facility %d, its number in RFC 5424; Logstash sends %d", STR_ARG(text), n, n < SECOND_CLOCK ? n - 1 : n - 2);
}

static int decide_tls(struct syslog_output *s, struct plugin_ctx *ctx, struct err *err)
{
	const struct list *l = s->revoked_check;

	s->tls.enabled = s->protocol == PROTOCOL_TLS;
	for (uint32_t i = 0; l && i < l->n; i++)
		s->tls.revoked_all |= str_eq(optvalue_text(ctx->arena, &l->v[i]), STR("chain"));
	/* Logstash looks at the server's certificate only where it is told to. */
	if (s->tls.enabled && !option_given(ctx, "ssl_verify") && !option_given(ctx, "ssl_verification_mode")) {
		s->tls.verification = TLS_VERIFY_NONE;
		plugin_warn(ctx, "anybody's certificate is accepted, as Logstash does where nothing is said: 'ssl_verification_mode => full' looks at it");
	}
	return tls_options_open(&s->tls, TLS_CLIENT, ctx, err);
}

static int syslog_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct syslog_output *s = self;

	if (s->rfc == RFC_3164 && s->structured_data && tmpl_text(s->structured_data).len) {
		option_blame(ctx, "structured_data");
		return err_set(err, "'structured_data' is of rfc5424 only");
	}
	if (s->framing == FRAMING_OCTETS && s->protocol == PROTOCOL_UDP) {
		option_blame(ctx, "framing");
		return err_set(err, "a datagram is a frame by itself: 'framing' is for tcp and ssl-tcp");
	}
	check_label(ctx, "facility", s->facility, facilities);
	check_label(ctx, "severity", s->severity, severities);
	s->by_message = codec_says_nothing(ctx);
	s->stamp = tmpl_compile(ctx->arena, s->rfc == RFC_3164 ? STR("%{+MMM dd HH:mm:ss}") : STR("%{+yyyy-MM-dd'T'HH:mm:ss.SSSZZ}"));
	return decide_tls(s, ctx, err);
}

static void syslog_close(void *self)
{
	tls_options_close(&((struct syslog_output *)self)->tls);
}

/* ---- an event ---- */

/* One rendering: the templates fail where Logstash's do. */
struct line {
	struct syslog_output *s;
	const struct event *ev;
	struct render_ctx *ctx;
	struct buf *out;
	bool failed;
};

static struct str text_of(struct line *l, const struct tmpl *t)
{
	struct str text;

	if (!l->failed && tmpl_render(t, l->ev, l->ctx->scratch, l->ctx->clock, &text, &l->ctx->err) == 0)
		return text;
	l->failed = true;
	return STR("");
}

static int label(struct line *l, const struct tmpl *t, const char *const *names, int instead)
{
	int n = number_of(text_of(l, t), names);

	return n == -1 ? instead : n;
}

static unsigned priority(struct line *l)
{
	uint64_t n;

	if (l->s->use_labels)
		return (unsigned)(label(l, l->s->facility, facilities, FACILITY_USER) * 8 + label(l, l->s->severity, severities, SEVERITY_NOTICE));
	return str_u64(str_trim(text_of(l, l->s->priority)), PRI_MAX, &n) ? (unsigned)n : PRI_DEFAULT;
}

/* A part of the header, whatever the event holds, ends no line. */
static void put(struct line *l, const struct tmpl *t)
{
	struct str s = text_of(l, t);

	for (size_t i = 0; i < s.len; i++)
		buf_ch(l->out, (unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f ? '?' : s.p[i]);
}

static void put_header(struct line *l)
{
	struct syslog_output *s = l->s;

	buf_printf(l->out, "<%u>%s", priority(l), s->rfc == RFC_5424 ? "1 " : "");
	put(l, s->stamp);
	buf_ch(l->out, ' ');
	put(l, s->sourcehost);
	buf_ch(l->out, ' ');
	put(l, s->appname);
	if (s->rfc == RFC_3164) {
		buf_ch(l->out, '[');
		put(l, s->procid);
		buf_lit(l->out, "]: ");
		return;
	}
	buf_ch(l->out, ' ');
	put(l, s->procid);
	buf_ch(l->out, ' ');
	put(l, s->msgid);
	buf_ch(l->out, ' ');
	if (s->structured_data && tmpl_text(s->structured_data).len)
		put(l, s->structured_data);
	else
		buf_ch(l->out, '-');
	buf_ch(l->out, ' ');
}

static bool is_trailing(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0';
}

/* Without what is blank at its end; a line feed, or a carriage return and one, as two characters. */
static void put_text(struct buf *out, struct str s)
{
	while (s.len && is_trailing(s.p[s.len - 1]))
		s.len--;
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '\r' && i + 1 < s.len && s.p[i + 1] == '\n')
			continue;
		if (s.p[i] == '\n')
			buf_lit(out, "\\n");
		else
			buf_ch(out, s.p[i]);
	}
}

static enum render_result put_message(struct line *l)
{
	enum render_result r;
	struct buf text;

	if (l->s->by_message) {
		put_text(l->out, text_of(l, l->s->message));
		return RENDER_OK;
	}
	buf_init(&text, PACK_BYTES_MAX);
	r = render_by_codec(l->ev, &text, l->ctx);
	put_text(l->out, buf_slice(&text));
	buf_release(&text);
	return r;
}

static enum render_result syslog_render(void *self, const struct event *ev, struct pack *p, struct render_ctx *ctx)
{
	struct syslog_output *s = self;
	struct buf line, *b = pack_begin(p);
	struct line l = {s, ev, ctx, &line, false};
	enum render_result r;
	size_t head = 0;

	buf_init(&line, PACK_BYTES_MAX);
	put_header(&l);
	r = put_message(&l);
	if (s->framing == FRAMING_OCTETS) {
		buf_u64(b, line.len);
		buf_ch(b, ' ');
		head = b->len - p->begun;
	}
	buf_str(b, buf_slice(&line));
	if (s->protocol != PROTOCOL_UDP && s->framing == FRAMING_LINE)
		buf_ch(b, '\n');
	if (r == RENDER_OK && !l.failed && (line.over || b->over))
		err_set(&ctx->err, "larger than %d bytes", PACK_BYTES_MAX);
	if (l.failed || line.over || b->over)
		r = RENDER_DEAD;
	buf_release(&line);
	if (r == RENDER_OK)
		pack_end(p, head, s->protocol != PROTOCOL_UDP && s->framing == FRAMING_LINE, 0);
	return r;
}

/* ---- sending ---- */

static void *syslog_start(const void *self, const struct plugin_ctx *ctx, struct err *err)
{
	const struct syslog_output *s = self;

	return net_conn_new(s->host, (int)s->port, s->protocol == PROTOCOL_UDP, &s->tls);
}

static enum send_result syslog_send(void *conn, void *link, struct pack *p, uint32_t from, uint32_t to, struct send_ctx *ctx)
{
	return net_is_stream(conn) ? net_send_stream(conn, link, p, from, to, ctx) : net_send_datagrams(conn, link, p, from, to, ctx);
}

static void syslog_renew(void *conn, const void *self)
{
	net_conn_renew(conn, &((const struct syslog_output *)self)->tls);
}

static const struct option options[] = {
	{"host", OPT_STRING, offsetof(struct syslog_output, host), .flags = OPT_REQUIRED, .doc = "name or address of the syslog server"},
	{"port", OPT_INT, offsetof(struct syslog_output, port), .flags = OPT_REQUIRED, .min = 1, .max = 65535, .doc = "its port"},
	{"protocol", OPT_ENUM, offsetof(struct syslog_output, protocol), .def = "udp", .choices = protocols, .doc = "udp, tcp, or ssl-tcp: TLS"},
	{"rfc", OPT_ENUM, offsetof(struct syslog_output, rfc), .def = "rfc3164", .choices = rfcs, .doc = "which header a message gets"},
	{"framing", OPT_ENUM, offsetof(struct syslog_output, framing), .flags = OPT_WEIR, .def = "line", .choices = framings, .doc = "of streams: a line feed behind each message, or its length in front of it"},
	{"use_labels", OPT_BOOL, offsetof(struct syslog_output, use_labels), .def = "true", .doc = "facility and severity make the priority; else the option priority is it"},
	{"priority", OPT_TMPL, offsetof(struct syslog_output, priority), .def = "\"%{syslog_pri}\"", .doc = "a number from 0 to 191; anything else is 13"},
	{"facility", OPT_TMPL, offsetof(struct syslog_output, facility), .def = "\"user-level\"", .doc = "name of the facility, as the input syslog labels it; a name that is none is user-level"},
	{"severity", OPT_TMPL, offsetof(struct syslog_output, severity), .def = "\"notice\"", .doc = "name of the severity; a name that is none is notice"},
	{"sourcehost", OPT_TMPL, offsetof(struct syslog_output, sourcehost), .def = "\"%{host}\"", .doc = "host in the header"},
	{"appname", OPT_TMPL, offsetof(struct syslog_output, appname), .def = "\"LOGSTASH\"", .doc = "program in the header"},
	{"procid", OPT_TMPL, offsetof(struct syslog_output, procid), .def = "\"-\"", .doc = "process id in the header"},
	{"msgid", OPT_TMPL, offsetof(struct syslog_output, msgid), .def = "\"-\"", .doc = "message id, rfc5424 only"},
	{"structured_data", OPT_TMPL, offsetof(struct syslog_output, structured_data), .doc = "structured data, rfc5424 only"},
	{"message", OPT_TMPL, offsetof(struct syslog_output, message), .def = "\"%{message}\"", .doc = "text of the message, where no codec says what it is"},
	{"timestamp", OPT_OBSOLETE, .instead = "rfc", .doc = "the stamp is the event's @timestamp, in UTC"},
	{"reconnect_interval", OPT_IGNORED, .doc = "weird waits 1 to 30 seconds, longer with each try"},
	TLS_FILE_OPTIONS(struct syslog_output, tls, 0),
	TLS_CLIENT_OPTIONS(struct syslog_output, tls, OPT_WEIR),
	TLS_OLD_FILE_OPTIONS(struct syslog_output, tls, "ssl_verification_mode"),
	{"ssl_crl_path", OPT_PATH, offsetof(struct syslog_output, tls.revoked), .doc = "PEM file of revoked certificates; each authority needs a list"},
	{"ssl_crl_check", OPT_LIST, offsetof(struct syslog_output, revoked_check), .doc = "leaf: only the server's certificate is looked for in it (default); chain: all of its chain"},
	{"ssl_crl", OPT_PATH, offsetof(struct syslog_output, tls.revoked), .flags = OPT_DEPRECATED, .instead = "ssl_crl_path", .doc = "older name of ssl_crl_path"},
	{"ssl_crl_check_all", OPT_BOOL, offsetof(struct syslog_output, tls.revoked_all), .flags = OPT_DEPRECATED, .instead = "ssl_crl_check", .doc = "true: as ssl_crl_check => chain"},
	QUEUE_OPTIONS(struct syslog_output, queue, "1"),
	{0},
};

static const struct output_ops ops = {
	.queue_offset = offsetof(struct syslog_output, queue),
	.pack_bytes = NET_PACK_BYTES,
	.ordered = true,
	.render = syslog_render,
	.start = syslog_start,
	.stop = net_conn_free,
	.link_open = net_link_open,
	.link_close = net_link_close,
	.send = syslog_send,
	.renew = syslog_renew,
};

OUTPUT(syslog, .size = sizeof(struct syslog_output), .options = options, .open = syslog_open, .close = syslog_close, .output = &ops,
       .default_codec = "plain", .doc = "sends events as syslog messages over UDP, TCP or TLS")
