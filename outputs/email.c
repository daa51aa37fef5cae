/*
 * email.c - output `email`: an event as a mail. Options and the render half, on the work thread.
 *
 * Two letters \n in the body are a line end, as in Logstash.
 */
#include "outputs/email.h"

#include "outputs/mail_message.h"
#include "outputs/mustache.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

enum { TEMPLATE_MAX = 1024 * 1024, RECIPIENTS_MAX = 1000 };

/* ---- open ---- */

static int read_template(struct email_output *m, struct arena *a, struct err *err)
{
	char *path = arena_dupz(a, m->template_file), *text = arena_bytes(a, TEMPLATE_MAX);
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f)
		return err_sys(err, "cannot read '%s'", path);
	n = fread(text, 1, TEMPLATE_MAX, f);
	if (ferror(f) || n == TEMPLATE_MAX) {
		fclose(f);
		return err_set(err, "cannot read '%s', or it has more than %d bytes", path, TEMPLATE_MAX);
	}
	fclose(f);
	m->html = mustache_compile(a, str_n(text, n), err);
	return m->html ? 0 : err_prefix(err, "'%s': ", path);
}

static int email_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct email_output *m = self;

	if (!str_trim(tmpl_text(m->to)).len)
		return err_set(err, "'to' is empty");
	if (!str_eq(m->via, STR("smtp")) && !str_eq(m->via, STR("sendmail")))
		return err_set(err, "'via' is smtp or sendmail, not '%.*s'", STR_ARG(str_sub(m->via, 0, 64)));
	if (m->password.len && !m->username.len)
		return err_set(err, "'password' needs 'username'");
	if (m->authentication.len && !str_ieq(m->authentication, STR("plain")) && !str_ieq(m->authentication, STR("login")) &&
	    !str_ieq(m->authentication, STR("cram_md5")))
		return err_set(err, "'authentication' is plain, login or cram_md5, not '%.*s'", STR_ARG(str_sub(m->authentication, 0, 64)));
	if (!m->template_file.len || plugin_file_absent(ctx, m->template_file))
		return 0;
	return read_template(m, ctx->arena, err);
}

/* ---- an event ---- */

static int rendered(const struct tmpl *t, const struct event *ev, struct render_ctx *ctx, struct str *out)
{
	*out = (struct str){0};
	return t ? tmpl_render(t, ev, ctx->scratch, ctx->clock, out, &ctx->err) : 0;
}

/* The addresses of a list become lines of the envelope. */
static int envelope(struct buf *b, struct str list, unsigned *n, struct err *err)
{
	struct str address;
	int r;

	while ((r = mail_next_address(&list, &address)) == 1) {
		if (++*n > RECIPIENTS_MAX)
			return err_set(err, "more than %d recipients", RECIPIENTS_MAX);
		buf_str(b, address);
		buf_ch(b, '\n');
	}
	return r == 0 ? 0 : err_set(err, "there is something that is no address of mail");
}

static struct str with_line_ends(struct arena *a, struct str s)
{
	char *p = arena_bytes(a, s.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		bool end = s.p[i] == '\\' && i + 1 < s.len && s.p[i + 1] == 'n';

		p[n++] = end ? '\n' : s.p[i];
		i += end;
	}
	return str_n(p, n);
}

/* The same for each try, so that whoever gets it twice can see that. */
static void message_id(struct buf *b, const struct event *ev, struct str domain)
{
	unsigned char random[12];

	buf_lit(b, "Message-ID: <");
	if (ev->id_len) {
		buf_add(b, ev->id, ev->id_len);
	} else {
		if (getrandom(random, sizeof(random), 0) != sizeof(random))
			memset(random, 0, sizeof(random));
		for (size_t i = 0; i < sizeof(random); i++)
			buf_printf(b, "%02x", random[i]);
	}
	buf_printf(b, ".weir@%.*s>\r\n", STR_ARG(domain));
}

struct parts {
	struct str to, from, replyto, cc, bcc, subject, body, html;
};

static int render_parts(const struct email_output *m, const struct event *ev, struct render_ctx *ctx, struct parts *t)
{
	if (rendered(m->to, ev, ctx, &t->to) == -1 || rendered(m->from, ev, ctx, &t->from) == -1 ||
	    rendered(m->replyto, ev, ctx, &t->replyto) == -1 || rendered(m->cc, ev, ctx, &t->cc) == -1 ||
	    rendered(m->bcc, ev, ctx, &t->bcc) == -1 || rendered(m->subject, ev, ctx, &t->subject) == -1 ||
	    rendered(m->body, ev, ctx, &t->body) == -1 || rendered(m->htmlbody, ev, ctx, &t->html) == -1)
		return -1;
	t->body = with_line_ends(ctx->scratch, t->body);
	if (!t->html.len)
		t->html = (struct str){0};
	return 0;
}

static void write_message(const struct email_output *m, const struct event *ev, const struct parts *t, struct buf *b, struct render_ctx *ctx)
{
	struct buf html;

	mail_date(b, ts_from_ns(clock_wall(ctx->clock)));
	message_id(b, ev, m->domain);
	mail_address_header(b, "From", t->from);
	mail_address_header(b, "Reply-To", t->replyto);
	mail_address_header(b, "To", t->to);
	mail_address_header(b, "Cc", t->cc);
	mail_header(b, "Subject", t->subject);
	buf_init(&html, PACK_BYTES_MAX);
	if (m->html)
		mustache_render(m->html, &ev->root, ctx->scratch, &html);
	mail_body(b, t->body, m->html ? buf_slice(&html) : t->html, m->attachments && m->attachments->n);
	b->over |= html.over;
	buf_release(&html);
}

static enum render_result email_render(void *self, const struct event *ev, struct pack *p, struct render_ctx *ctx)
{
	const struct email_output *m = self;
	struct buf *b = pack_begin(p);
	struct parts t;
	struct str from, rest;
	unsigned n = 0;
	size_t head;

	if (render_parts(m, ev, ctx, &t) == -1)
		return RENDER_DEAD;
	rest = t.from;
	if (mail_next_address(&rest, &from) != 1) {
		err_set(&ctx->err, "'from' is no address of mail for this event");
		return RENDER_DEAD;
	}
	buf_str(b, from);
	buf_ch(b, '\n');
	if (envelope(b, t.to, &n, &ctx->err) == -1 || envelope(b, t.cc, &n, &ctx->err) == -1 || envelope(b, t.bcc, &n, &ctx->err) == -1)
		return RENDER_DEAD;
	if (!n) {
		err_set(&ctx->err, "there is no recipient for this event");
		return RENDER_DEAD;
	}
	head = b->len - p->begun;
	write_message(m, ev, &t, b, ctx);
	if (b->over) {
		err_set(&ctx->err, "larger than %d bytes", PACK_BYTES_MAX);
		return RENDER_DEAD;
	}
	pack_end(p, head, 0, 0);
	return RENDER_OK;
}

static const char *const verifications[] = {"full", "none", NULL};

#define AT(m) offsetof(struct email_output, m)

static const struct option options[] = {
	{"to", OPT_TMPL, AT(to), .flags = OPT_REQUIRED, .doc = "addresses, with commas between them; may hold %{...}, as the texts below"},
	{"from", OPT_TMPL, AT(from), .def = "\"logstash.alert@example.com\"", .doc = "address of the sender"},
	{"replyto", OPT_TMPL, AT(replyto), .doc = "where answers go"},
	{"cc", OPT_TMPL, AT(cc), .doc = "further addresses"},
	{"bcc", OPT_TMPL, AT(bcc), .doc = "further addresses that the message does not name"},
	{"subject", OPT_TMPL, AT(subject), .def = "\"\"", .doc = "header Subject"},
	{"body", OPT_TMPL, AT(body), .def = "\"\"", .doc = "plain text; \\n in it is a line end"},
	{"htmlbody", OPT_TMPL, AT(htmlbody), .def = "\"\"", .doc = "the same as HTML; fields stand in it as they are"},
	{"template_file", OPT_PATH, AT(template_file), .doc = "file with a template of Mustache for the HTML, instead of htmlbody"},
	{"attachments", OPT_LIST, AT(attachments), .doc = "files that go along, as they are when it is sent"},
	{"via", OPT_STRING, AT(via), .def = "\"smtp\"", .doc = "smtp, or sendmail"},
	{"address", OPT_STRING, AT(address), .def = "\"localhost\"", .doc = "the mail server"},
	{"port", OPT_INT, AT(port), .def = "25", .min = 1, .max = 65535, .doc = "its port; 465 speaks TLS from the beginning"},
	{"domain", OPT_STRING, AT(domain), .def = "\"localhost\"", .doc = "who says hello"},
	{"username", OPT_STRING, AT(username), .doc = "for authentication"},
	{"password", OPT_PASSWORD, AT(password), .doc = "its password"},
	{"authentication", OPT_STRING, AT(authentication), .doc = "plain, login or cram_md5; else what the server offers"},
	{"use_tls", OPT_BOOL, AT(use_tls), .def = "false", .doc = "STARTTLS, and nothing without it"},
	{"ssl_certificate_authorities", OPT_LIST, AT(ca_files), .flags = OPT_WEIR, .doc = "PEM files of authorities to trust instead of the system's"},
	{"ssl_verification_mode", OPT_ENUM, AT(verification), .flags = OPT_WEIR, .def = "full", .choices = verifications, .doc = "none: any server is believed"},
	{"sendmail_path", OPT_PATH, AT(sendmail_path), .flags = OPT_WEIR, .def = "\"/usr/sbin/sendmail\"", .doc = "the program with via sendmail"},
	{"contenttype", OPT_IGNORED},
	{"debug", OPT_IGNORED},
	QUEUE_OPTIONS(struct email_output, queue, "2"),
	{0},
};

static const struct output_ops ops = {
	.queue_offset = AT(queue),
	.pack_items = 50,
	.render = email_render,
	.start = email_start,
	.stop = email_stop,
	.link_open = email_link_open,
	.link_close = email_link_close,
	.send = email_send,
	.wake = email_wake,
	.describe = email_describe,
};

OUTPUT(email, .size = sizeof(struct email_output), .options = options, .open = email_open, .output = &ops,
       .doc = "sends an event as a mail")
