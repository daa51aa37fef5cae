/*
 * postfix.h - what the parts of the format postfix share: postfix.c (dispatch, warnings, the small daemons), postfix_smtpd.c (smtpd, cleanup's verdicts),
 * postfix_postscreen.c, postfix_tls.c, postfix_delivery.c (queue manager and delivery agents). Work thread.
 *
 * Texts that the remote side chooses (HELO, addresses, headers, replies) stand amid the line. Each function here reads from the end
 * that Postfix wrote, and takes an address with its quotes in view; what can be read in two ways is left out.
 */
#ifndef WEIR_PARSE_POSTFIX_H
#define WEIR_PARSE_POSTFIX_H

#include "parse/format.h"

/* Who wrote the line; POSTFIX_ANY where the header's name was cut to "postfix". */
enum postfix_daemon {
	POSTFIX_NONE,
	POSTFIX_ANY,
	POSTFIX_SMTPD,
	POSTFIX_POSTSCREEN,
	POSTFIX_CLEANUP,
	POSTFIX_QMGR,
	POSTFIX_SMTP,
	POSTFIX_LMTP,
	POSTFIX_FULL, /* pickup, bounce, local ...: an unknown text of theirs is no match */
	POSTFIX_OTHER, /* whatever they say is a message of a daemon */
};

/* "mx7.example.org[192.0.2.7]:25": name and addr as written, port empty where none is. */
struct postfix_peer {
	struct str name, addr, port;
};

bool postfix_take_peer(struct str *s, struct postfix_peer *p);
/* Into source.*, destination.*: "unknown" is neither name nor address. */
void postfix_put_source(struct record *r, const struct postfix_peer *p);
void postfix_put_destination(struct record *r, const struct postfix_peer *p);
/* Both at once. */
bool postfix_source(struct record *r, struct str *s);
bool postfix_destination(struct record *r, struct str *s);

/* Where the text alone tells it: the name may have been cut. */
void postfix_said_by(struct record *r, const char *daemon);

/* "<a@b>", "<\"a b\"@c>": what stands between; quotes hide a '>'. */
bool postfix_take_angle(struct str *s, struct str *out);
/* "3F2A1B004C" or "4Xk9Yz1qRmz3v2" and the ": " behind it. */
bool postfix_take_queue_id(struct str *s, struct str *id);
/* "550 5.7.1 text", "5.7.1 text", "550 text": error.code, postfix.dsn, and *s stands at the text. */
void postfix_take_reply(struct record *r, struct str *s);

/*
 * "reject", "hold", "milter-reject": postfix.action, and whether it refuses: the others let pass, or decide later. content: of the message itself, not of
 * a client's command.
 */
void postfix_put_verdict(struct record *r, struct str action, bool content);

/* Behind "QUEUEID: " or "NOQUEUE: ". */
enum format_result postfix_smtpd_queue(struct record *r, struct str s);
enum format_result postfix_delivery_queue(struct record *r, enum postfix_daemon d, struct str s);
/* Lines without a queue id. */
enum format_result postfix_smtpd_line(struct record *r, struct str s);
enum format_result postfix_smtpd_warning(struct record *r, struct str s);
enum format_result postfix_postscreen_line(struct record *r, struct str s);
enum format_result postfix_smtp_line(struct record *r, struct str s);
/* What smtp and lmtp note of a message, behind its queue id; false: nothing of the kind. */
bool postfix_delivery_note(struct record *r, struct str s);
/* The look-up that a text reports as failed: dns.question.name and .type. */
void postfix_put_lookup(struct record *r, struct str s);
/* "Anonymous TLS connection established from ...", "SSL_accept error from ..." */
enum format_result postfix_tls_line(struct record *r, struct str s);

#endif
