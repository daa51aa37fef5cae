/*
 * email.h - what the files of the email output share.
 *
 *	email.c          options; work thread: an event as a message
 *	email_send.c     out thread: SMTP by libcurl, or a sendmail program
 *	mail_message.c   pure: headers and parts
 *	mustache.c       pure: the template of an HTML body
 *
 * An item is head, message. The head is the envelope, FROM LF RECIPIENT LF RECIPIENT LF ...; attachments are read when it is sent.
 */
#ifndef WEIR_OUTPUTS_EMAIL_H
#define WEIR_OUTPUTS_EMAIL_H

#include "outputs/curl_link.h"

struct mustache;

/* The instance. */
struct email_output {
	struct queue_options queue;
	const struct tmpl *to, *from, *replyto, *cc, *bcc, *subject, *body, *htmlbody;
	struct str via, address, domain, username, password, authentication, template_file, sendmail_path;
	int64_t port;
	bool use_tls;
	const struct list *attachments, *ca_files;
	int verification;
	/* made by open() */
	struct mustache *html;
};

void *email_start(const void *self, const struct plugin_ctx *ctx, struct err *err);
void email_stop(void *conn);
void *email_link_open(void *conn);
void email_link_close(void *link);
void email_wake(void *conn);
enum send_result email_send(void *conn, void *link, struct pack *p, uint32_t from, uint32_t to, struct send_ctx *ctx);
void email_describe(const struct pack *p, const struct pack_item *it, struct str *index, struct str *id);

#endif
