/*
 * mail_message.h - a message of RFC 5322 with parts of MIME, written into a buffer. Pure.
 *
 *	From: ..., Subject: =?UTF-8?B?...?= ...
 *	Content-Type: multipart/mixed; boundary="=_weir_mixed"        only with attachments
 *	  multipart/alternative; boundary="=_weir_alternative"        only with HTML
 *	    text/plain, text/html
 *	  application/octet-stream ...                                 attachments
 *
 * Lines end in CR LF. Nothing that comes from an event can end a header or a part: line ends in headers become blanks, and a text that
 * holds the beginning of a boundary is written as base64.
 */
#ifndef WEIR_OUTPUTS_MAIL_MESSAGE_H
#define WEIR_OUTPUTS_MAIL_MESSAGE_H

#include "base/buf.h"
#include "base/ts.h"

enum { MAIL_ADDRESS_MAX = 320 };

/* "Subject: text"; what is not ASCII as encoded words (RFC 2047). */
void mail_header(struct buf *out, const char *name, struct str text);
/* "To: A <a@b>, c@d": names that are not ASCII as encoded words. Nothing where there is no address. */
void mail_address_header(struct buf *out, const char *name, struct str list);
/* "Date: Thu, 26 Nov 2026 14:41:14 +0000" */
void mail_date(struct buf *out, struct ts ts);
/* Headers of MIME, an empty line, the texts. html .p NULL: plain text alone. mixed: mail_attachment() and mail_end() follow. */
void mail_body(struct buf *out, struct str text, struct str html, bool mixed);
void mail_attachment(struct buf *out, struct str name, struct str content);
void mail_end(struct buf *out);

/*
 * The next address of "A <a@b>, \"x, y\" <c@d>, e@f" (*list moves behind it); 1: *out is it, bare; 0: there are no more; -1: there stands
 * something that is none.
 */
int mail_next_address(struct str *list, struct str *out);

#endif
