/*
 * email_send.c - the send half of the email output: a mail for each item, by SMTP (libcurl) or a sendmail program.
 *
 * 4xx, a connection that does not come about or breaks: again, without end. 5xx is the mail's own: a dead letter. Where the server does not let
 * us in (credentials, TLS) or the program is not there, somebody must repair it, and the mails wait.
 *
 * If the server refuses a recipient for good, the mail goes to the others, and the log says so.
 */
#include "outputs/email.h"

#include "base/child.h"
#include "base/file.h"
#include "base/log.h"
#include "outputs/mail_message.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	CONNECT_TIMEOUT_S = 10,
	MAIL_TIMEOUT_S = 300,
	LOW_SPEED_S = 60,
	ATTACHMENTS_MAX = 32 * 1024 * 1024,
	EX_USAGE = 64,
	EX_NOHOST = 68,
	NOT_FOUND = 127,
};

struct email_conn {
	struct arena arena;
	struct curl_links links;
	struct curl_tls trust;
	const char *url, *username, *password, *login; /* login: NULL, or "AUTH=PLAIN" */
	const char *sendmail; /* NULL: SMTP */
	const char **attachment; /* NULL-terminated */
	bool tls;
};

struct email_link {
	struct curl_link curl;
	struct email_conn *conn;
	struct buf message; /* with what has to be appended */
	struct str rest;    /* of the message that is being sent */
	struct arena scratch;
};

/* ---- life ---- */

static void build_smtp(struct email_conn *c, const struct email_output *m)
{
	bool bare6 = str_chr(m->address, ':') >= 0 && !str_starts(m->address, STR("["));

	c->url = arena_dupz(&c->arena, arena_printf(&c->arena, "%s://%s%.*s%s:%d/%.*s", m->port == 465 ? "smtps" : "smtp", bare6 ? "[" : "",
						    STR_ARG(m->address), bare6 ? "]" : "", (int)m->port, STR_ARG(m->domain)));
	c->tls = m->use_tls;
	c->username = m->username.len ? arena_dupz(&c->arena, m->username) : NULL;
	c->password = arena_dupz(&c->arena, m->password);
	if (m->authentication.len)
		c->login = str_ieq(m->authentication, STR("plain")) ? "AUTH=PLAIN" : str_ieq(m->authentication, STR("login")) ? "AUTH=LOGIN" : "AUTH=CRAM-MD5";
}

void *email_start(const void *self, const struct plugin_ctx *ctx, struct err *err)
{
	const struct email_output *m = self;
	struct email_conn *c = xzalloc(sizeof(*c));
	struct curl_tls_options tls = {.ca_files = m->ca_files, .verify = m->verification == 0};
	uint32_t n = m->attachments ? m->attachments->n : 0;

	arena_init(&c->arena, NULL);
	curl_links_init(&c->links);
	if (curl_tls_init(&c->trust, &c->arena, &tls, err) == -1) {
		email_stop(c);
		return NULL;
	}
	if (str_eq(m->via, STR("sendmail")))
		c->sendmail = arena_dupz(&c->arena, m->sendmail_path);
	else
		build_smtp(c, m);
	c->attachment = arena_zalloc(&c->arena, (n + 1) * sizeof(*c->attachment));
	for (uint32_t i = 0; i < n; i++)
		c->attachment[i] = arena_dupz(&c->arena, value_str(&m->attachments->v[i]));
	return c;
}

void email_stop(void *conn)
{
	struct email_conn *c = conn;

	curl_links_release(&c->links);
	arena_release(&c->arena);
	free(c);
}

static size_t give(char *p, size_t size, size_t n, void *arg)
{
	struct email_link *l = arg;
	struct str piece = str_sub(l->rest, 0, size * n);

	memcpy(p, piece.p, piece.len);
	l->rest = str_from(l->rest, piece.len);
	return piece.len;
}

static void set_smtp(struct email_link *l)
{
	const struct email_conn *c = l->conn;
	CURL *e = l->curl.easy;

	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(e, CURLOPT_URL, c->url);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
	curl_easy_setopt(e, CURLOPT_TIMEOUT, (long)MAIL_TIMEOUT_S);
	curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (long)LOW_SPEED_S);
	curl_easy_setopt(e, CURLOPT_USE_SSL, c->tls ? (long)CURLUSESSL_ALL : (long)CURLUSESSL_NONE);
	curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(e, CURLOPT_READFUNCTION, give);
	curl_easy_setopt(e, CURLOPT_READDATA, l);
	if (c->username) {
		curl_easy_setopt(e, CURLOPT_USERNAME, c->username);
		curl_easy_setopt(e, CURLOPT_PASSWORD, c->password);
	}
	if (c->login)
		curl_easy_setopt(e, CURLOPT_LOGIN_OPTIONS, c->login);
	curl_tls_apply(&c->trust, e);
}

void *email_link_open(void *conn)
{
	struct email_link *l = xzalloc(sizeof(*l));

	l->conn = conn;
	arena_init(&l->scratch, NULL);
	buf_init(&l->message, 2 * (size_t)PACK_BYTES_MAX);
	curl_link_init(&l->curl, &l->conn->links, 4096, NULL);
	l->curl.cut_answer = true;
	if (!l->conn->sendmail)
		set_smtp(l);
	return l;
}

void email_link_close(void *link)
{
	struct email_link *l = link;

	curl_link_release(&l->curl);
	buf_release(&l->message);
	arena_release(&l->scratch);
	free(l);
}

void email_wake(void *conn)
{
	curl_links_wake(&((struct email_conn *)conn)->links);
}

/* ---- attachments ---- */

/* A mail that tells of something bad does not wait for a file: what cannot be read is told in its place. */
static void attach(struct email_link *l)
{
	struct buf content;
	struct err err;

	for (const char **path = l->conn->attachment; *path; path++) {
		struct str name = str_z(*path);
		ptrdiff_t slash = str_rchr(name, '/');

		buf_init(&content, ATTACHMENTS_MAX);
		if (file_append(&content, name, &err) == -1) {
			log_warn("output", "'email': cannot read attachment '%s', or it has more than %d bytes: sent without it", *path, ATTACHMENTS_MAX);
			buf_clear(&content);
			buf_lit(&content, "this file could not be read\n");
		}
		mail_attachment(&l->message, slash < 0 ? name : str_from(name, (size_t)slash + 1), buf_slice(&content));
		buf_release(&content);
	}
	mail_end(&l->message);
}

static struct str whole_message(struct email_link *l, struct str message)
{
	if (!*l->conn->attachment)
		return message;
	buf_clear(&l->message);
	buf_str(&l->message, message);
	attach(l);
	return buf_slice(&l->message);
}

/* ---- SMTP ---- */

struct outcome {
	enum verdict verdict;
	int status;
	bool all; /* it says something of the server, not of this mail */
};

static struct outcome judge(struct email_link *l, CURLcode r, struct send_ctx *ctx)
{
	curl_off_t sent = 0;
	long code = 0;

	curl_easy_getinfo(l->curl.easy, CURLINFO_RESPONSE_CODE, &code);
	curl_easy_getinfo(l->curl.easy, CURLINFO_SIZE_UPLOAD_T, &sent);
	if (r == CURLE_OK)
		return (struct outcome){VERDICT_DELIVERED, (int)code, false};
	err_set(&ctx->err, "'%s': %s", l->conn->url, curl_link_error(&l->curl, r));
	ctx->maybe_sent |= sent > 0;
	if (r == CURLE_LOGIN_DENIED || r == CURLE_USE_SSL_FAILED || r == CURLE_PEER_FAILED_VERIFICATION || code == 530 || code == 535 || code == 538)
		return (struct outcome){VERDICT_HOLD, (int)code, true};
	/* The answer to a command of this mail; a 5xx in the place of a greeting is the server's own. */
	if (code >= 500 && code < 600 && (r == CURLE_SEND_ERROR || sent > 0))
		return (struct outcome){VERDICT_DEAD, (int)code, false};
	if (code >= 400 && code < 500 && code != 421 && (r == CURLE_SEND_ERROR || sent > 0))
		return (struct outcome){VERDICT_RETRY, (int)code, false};
	return (struct outcome){VERDICT_RETRY, (int)code, true};
}

static CURLcode transfer(struct email_link *l, struct str message, bool some, const struct send_ctx *ctx)
{
	l->rest = message;
	curl_easy_setopt(l->curl.easy, CURLOPT_MAIL_RCPT_ALLLOWFAILS, (long)some);
	curl_easy_setopt(l->curl.easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)message.len);
	return curl_link_perform(&l->curl, ctx);
}

static struct outcome smtp(struct email_link *l, struct str envelope, struct str message, struct send_ctx *ctx)
{
	struct curl_slist *to = NULL;
	struct outcome o;
	struct str from = STR(""), address;
	CURLcode r;

	(void)str_cut(&envelope, '\n', &from);
	curl_easy_setopt(l->curl.easy, CURLOPT_MAIL_FROM, arena_dupz(&l->scratch, arena_printf(&l->scratch, "<%.*s>", STR_ARG(from))));
	while (str_cut(&envelope, '\n', &address))
		to = curl_slist_append(to, arena_dupz(&l->scratch, arena_printf(&l->scratch, "<%.*s>", STR_ARG(address))));
	curl_easy_setopt(l->curl.easy, CURLOPT_MAIL_RCPT, to);
	r = transfer(l, message, false, ctx);
	o = judge(l, r, ctx);
	/* Perhaps only one of several is unknown there. */
	if (o.verdict == VERDICT_DEAD && to && to->next && !ctx->maybe_sent) {
		char first[CURL_ERROR_SIZE];

		memcpy(first, l->curl.error, sizeof(first));
		r = transfer(l, message, true, ctx);
		o = judge(l, r, ctx);
		if (o.verdict == VERDICT_DELIVERED)
			log_warn("output", "'email': a mail went to some of its recipients only: %s", first);
	}
	curl_easy_setopt(l->curl.easy, CURLOPT_MAIL_RCPT, NULL);
	curl_slist_free_all(to);
	return o;
}

/* ---- sendmail ---- */

/* Such a program takes lines as this system has them. */
static struct str with_lf(struct arena *a, struct str s)
{
	char *p = arena_bytes(a, s.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] != '\r')
			p[n++] = s.p[i];
	return str_n(p, n);
}

static struct outcome sendmail(struct email_link *l, struct str envelope, struct str message, struct send_ctx *ctx)
{
	const char **argv;
	struct str line = STR("");
	struct buf said;
	size_t n = 0;
	enum child_result r;
	int status = 0;

	for (size_t i = 0; i < envelope.len; i++)
		n += envelope.p[i] == '\n';
	argv = arena_zalloc(&l->scratch, (n + 8) * sizeof(*argv));
	n = 0;
	argv[n++] = l->conn->sendmail;
	argv[n++] = "-i";
	argv[n++] = "-f";
	(void)str_cut(&envelope, '\n', &line);
	argv[n++] = arena_dupz(&l->scratch, line);
	argv[n++] = "--";
	while (str_cut(&envelope, '\n', &line))
		argv[n++] = arena_dupz(&l->scratch, line);
	buf_init(&said, 1024);
	r = child_run(argv, with_lf(&l->scratch, message), &said, 0, ctx->stop, &status, &ctx->err);
	buf_release(&said);
	if (r == CHILD_FAILED)
		return (struct outcome){VERDICT_HOLD, 0, true};
	if (r == CHILD_DONE && status == 0)
		return (struct outcome){VERDICT_DELIVERED, 0, false};
	err_set(&ctx->err, "'%s' ended with status %d", l->conn->sendmail, status);
	/* Those of sysexits.h that speak of the mail: a wrong address, wrong data. */
	if (r == CHILD_DONE && status >= EX_USAGE && status <= EX_NOHOST)
		return (struct outcome){VERDICT_DEAD, 0, false};
	return (struct outcome){status == NOT_FOUND ? VERDICT_HOLD : VERDICT_RETRY, 0, true};
}

/* ---- */

enum send_result email_send(void *conn, void *link, struct pack *p, uint32_t from, uint32_t to, struct send_ctx *ctx)
{
	struct email_conn *c = conn;
	struct email_link *l = link;
	uint8_t rest = VERDICT_RETRY;

	ctx->err.text[0] = 0;
	for (; from < to && !atomic_load_explicit(ctx->stop, memory_order_relaxed); from++) {
		struct pack_item *it = &p->item[from];
		struct str envelope = str_n(p->bytes.p + it->off, it->head), message = whole_message(l, item_document(p, it));
		struct outcome o = c->sendmail ? sendmail(l, envelope, message, ctx) : smtp(l, envelope, message, ctx);

		/* Stopped in the middle: nothing of it counts. */
		if (o.verdict != VERDICT_DELIVERED && atomic_load_explicit(ctx->stop, memory_order_relaxed))
			break;
		if (o.verdict == VERDICT_DEAD)
			pack_note(p, from, VERDICT_DEAD, o.status, 0, str_z(ctx->err.text));
		else
			it->verdict = (uint8_t)o.verdict;
		arena_clear(&l->scratch);
		if (o.all) {
			rest = it->verdict;
			break;
		}
	}
	for (; from < to; from++)
		if (p->item[from].verdict == VERDICT_NONE)
			p->item[from].verdict = rest;
	if (l->message.cap > 4 * 1024 * 1024)
		buf_release(&l->message);
	return SEND_JUDGED;
}

/* Its first recipient. */
void email_describe(const struct pack *p, const struct pack_item *it, struct str *index, struct str *id)
{
	struct str head = str_n(p->bytes.p + it->off, it->head), from;

	if (!str_cut(&head, '\n', &from) || !str_cut(&head, '\n', index))
		*index = STR("");
}
