/*
 * postfix_delivery.c - a message's way through the queue: pickup, cleanup's message-id, the queue manager, the delivery agents, bounce. Work thread.
 *
 *	to=<a@b>, orig_to=<c>, relay=mx.example.org[192.0.2.1]:25, conn_use=2, delay=0.45, delays=0.1/0/0.2/0.15, dsn=2.0.0, status=sent (reply)
 *
 * The reply is the remote side's text and stands last.
 */
#include "parse/postfix.h"

/* "mx.example.org[192.0.2.1]:25", "local", "mail[private/dovecot-lmtp]", "none" */
static void put_relay(struct record *r, struct str relay)
{
	struct postfix_peer p;
	struct str s = relay;

	rec_str(r, F_POSTFIX_RELAY, relay);
	if (postfix_take_peer(&s, &p) && s.len == 0)
		postfix_put_destination(r, &p);
}

/* delays=0.44/0.01/0/0 */
static bool put_delays(struct record *r, struct str s)
{
	static const enum field_id f[] = {F_POSTFIX_DELAYS_RECEIVE, F_POSTFIX_DELAYS_QUEUE_MANAGER,
					  F_POSTFIX_DELAYS_CONNECT, F_POSTFIX_DELAYS_TRANSMIT};
	struct str part;

	for (int i = 0; i < 4; i++) {
		part = s;
		if (i < 3 && !scan_until(&s, '/', &part))
			return false;
		if (!rec_num_float(r, f[i], part))
			return false;
	}
	return true;
}

/* Ends at a blank or at what closes a sentence. */
static struct str id_word(struct str s)
{
	size_t n = 0;

	while (n < s.len &&
	       (ch_alnum(s.p[n]) || s.p[n] == '-' || s.p[n] == '_' || s.p[n] == '.' || s.p[n] == '/' || s.p[n] == '@'))
		n++;
	while (n && s.p[n - 1] == '.')
		n--;
	return str_sub(s, 0, n);
}

/* A reply may name the message's id at the next hop: "250 2.0.0 Ok: queued as 3F2A1B004C". */
static void put_queued_as(struct record *r, struct str reason)
{
	/* The last is Exim's. */
	static const struct str marks[] = {STR_INIT("queued as "), STR_INIT("forwarded as "), STR_INIT("250 OK id=")};
	struct str head;

	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
		if (scan_until_str(&reason, marks[i], &head)) {
			rec_str(r, F_POSTFIX_QUEUED_AS, id_word(reason));
			return;
		}
}

/* " (in reply to RCPT TO command)" at the end. */
static void put_reply_stage(struct record *r, struct str *s)
{
	static const struct str open = STR_INIT(" (in reply to "), close = STR_INIT(" command)");
	struct str stage = *s, head;

	if (s->len == 0 || s->p[s->len - 1] != ')' || !scan_until_last(&stage, open, &head))
		return;
	if (str_ends(stage, close))
		stage.len -= close.len;
	else
		stage.len--;
	rec_str(r, F_POSTFIX_STAGE, stage);
	*s = head;
}

/*
 * What the agent met, where it names the server itself:
 *	host mx.example.org[192.0.2.1] said: 550 5.1.1 no such user (in reply to RCPT TO command)
 *	host mx.example.org[192.0.2.1] refused to talk to me: 554 go away
 *	connect to mx.example.org[192.0.2.1]:25: Connection refused
 *	lost connection with mx.example.org[192.0.2.1] while receiving the initial server greeting
 *	conversation with mx.example.org[192.0.2.1] timed out while sending RCPT TO
 *	SASL authentication failed; server mx.example.org[192.0.2.1] said: 535 5.7.8 Error: authentication failed
 *	SASL authentication failed; cannot authenticate to server mx.example.org[192.0.2.1]: no mechanism available
 *	TLS is required, but was not offered by host mx.example.org[192.0.2.1]
 *	delivery temporarily suspended: connect to mx.example.org[192.0.2.1]:25: Connection timed out
 * false: something else. *said is what the server answered, or why.
 */
static bool put_attempt(struct record *r, struct str s, struct str *said)
{
	struct postfix_peer p;
	struct str all = s, dsn;

	scan_lit(&s, "delivery temporarily suspended: ");
	if (scan_lit(&s, "host ") || scan_lit(&s, "SASL authentication failed; server ")) {
		if (!postfix_take_peer(&s, &p) ||
		    (!scan_lit(&s, " said: ") && !scan_lit(&s, " refused to talk to me: ")))
			return false;
		put_reply_stage(r, &s);
		*said = s;
		if (s.len > 3 && ch_digit(s.p[0]) && ch_digit(s.p[1]) && ch_digit(s.p[2]) &&
		    (s.p[3] == ' ' || s.p[3] == '-'))
			rec_str(r, F_ERROR_CODE, str_sub(s, 0, 3));
		/* The line's own dsn= is the better one. */
		if (rec_get(r, F_POSTFIX_DSN).type == V_NONE) {
			dsn = s;
			postfix_take_reply(r, &dsn);
		}
	} else if (scan_lit(&s, "connect to ")) {
		if (!postfix_take_peer(&s, &p) || !scan_lit(&s, ": "))
			return false;
		*said = s;
	} else if (scan_lit(&s, "SASL authentication failed; cannot authenticate to server ")) {
		if (!postfix_take_peer(&s, &p) || !scan_lit(&s, ": "))
			return false;
		*said = all;
	} else if (scan_lit(&s, "TLS is required, but was not offered by host ") ||
		   scan_lit(&s, "TLS is required, but host ")) {
		if (!postfix_take_peer(&s, &p))
			return false;
		*said = all;
	} else if (scan_lit(&s, "lost connection with ") || scan_lit(&s, "conversation with ")) {
		*said = all;
		if (!postfix_take_peer(&s, &p) || !scan_lit(&s, " "))
			return false;
	} else {
		return false;
	}
	if (rec_get(r, F_DESTINATION_IP).type == V_NONE)
		postfix_put_destination(r, &p);
	return true;
}

static bool succeeded(struct str status)
{
	return str_eq(status, STR("sent")) || str_eq(status, STR("deliverable"));
}

/* "(text)" behind the status. */
static void put_reason(struct record *r, struct str status, struct str s)
{
	struct str said;

	if (!scan_lit(&s, " ("))
		return;
	if (s.len && s.p[s.len - 1] == ')')
		s.len--;
	rec_str(r, F_POSTFIX_REASON, s);
	if (succeeded(status)) {
		put_queued_as(r, s);
		return;
	}
	rec_str(r, F_EVENT_REASON, s);
	if (!put_attempt(r, s, &said))
		postfix_put_lookup(r, s);
}

/* An address; without brackets (a relay's rewritten lines) up to the comma. */
static bool take_address(struct str *s, struct str *out)
{
	ptrdiff_t comma;

	if (s->len && s->p[0] == '<')
		return postfix_take_angle(s, out);
	comma = str_chr(*s, ',');
	if (comma <= 0)
		return false;
	*out = str_sub(*s, 0, (size_t)comma);
	*s = str_from(*s, (size_t)comma);
	return true;
}

/* The fields between the recipient and the status, in any order. */
static bool delivery_pairs(struct record *r, struct str *s)
{
	struct str v;
	bool relay = false;

	while (scan_lit(s, ", ")) {
		if (scan_lit(s, "status="))
			return relay;
		if (scan_lit(s, "orig_to=")) {
			if (!take_address(s, &v))
				return false;
			rec_str(r, F_POSTFIX_ORIG_TO, v);
			continue;
		}
		if (scan_lit(s, "relay=")) {
			ptrdiff_t at = str_find(*s, STR(", "));

			if (at <= 0)
				return false;
			put_relay(r, str_sub(*s, 0, (size_t)at));
			*s = str_from(*s, (size_t)at);
			relay = true;
			continue;
		}
		v = str_sub(*s, 0, (size_t)(str_chr(*s, ',') < 0 ? (ptrdiff_t)s->len : str_chr(*s, ',')));
		*s = str_from(*s, v.len);
		if (scan_lit(&v, "delay=")) {
			if (!rec_num_float(r, F_POSTFIX_DELAY, v))
				return false;
		} else if (scan_lit(&v, "delays=")) {
			if (!put_delays(r, v))
				return false;
		} else if (scan_lit(&v, "dsn=")) {
			rec_str(r, F_POSTFIX_DSN, v);
		} else if (scan_lit(&v, "conn_use=")) {
			rec_raw(r, "conn_use", v);
		} else if (scan_lit(&v, "tls=")) {
			rec_raw(r, "tls", v);
		} else if (str_chr(v, '=') <= 0) {
			return false;
		}
	}
	return false;
}

static enum format_result delivery(struct record *r, struct str s)
{
	struct str to, status;
	size_t n = 0;

	if (!take_address(&s, &to) || !delivery_pairs(r, &s))
		return FORMAT_NO_MATCH;
	while (n < s.len && (ch_alpha(s.p[n]) || s.p[n] == '-' || s.p[n] == '_'))
		n++;
	status = str_sub(s, 0, n);
	if (n == 0)
		return FORMAT_NO_MATCH;
	rec_str(r, F_EMAIL_TO_ADDRESS, to);
	rec_str(r, F_POSTFIX_STATUS, status);
	put_reason(r, status, str_from(s, n));
	rec_action(r, "mail-delivery", "email", "info");
	rec_outcome(r, succeeded(status) ? "success" : "failure");
	return FORMAT_MATCH;
}

/* ---- the queue manager ---- */

/* from=<bob@sender-lab.com>, size=891, nrcpt=1 (queue active); from=<a@b>, status=expired, returned to sender */
static enum format_result queued(struct record *r, struct str s)
{
	struct str from, v;

	if (!postfix_take_angle(&s, &from) || !scan_lit(&s, ", "))
		return FORMAT_NO_MATCH;
	rec_str(r, F_EMAIL_SENDER_ADDRESS, from);
	rec_str(r, F_EMAIL_FROM_ADDRESS, from);
	rec_str(r, F_EVENT_PROVIDER, STR("qmgr"));
	if (scan_lit(&s, "status=")) {
		v = s;
		if (scan_until_str(&s, STR(", "), &v))
			rec_str(r, F_POSTFIX_REASON, s);
		rec_str(r, F_POSTFIX_STATUS, v);
		rec_action(r, "mail-expired", "email", "info");
		rec_outcome(r, "failure");
		return FORMAT_MATCH;
	}
	if (!scan_lit(&s, "size=") || !scan_digits(&s, 18, &v))
		return FORMAT_NO_MATCH;
	rec_num(r, F_POSTFIX_SIZE, v);
	if (!scan_lit(&s, ", nrcpt=") || !scan_digits(&s, 9, &v))
		return FORMAT_NO_MATCH;
	rec_num(r, F_POSTFIX_NRCPT, v);
	if (scan_lit(&s, " (queue ") && scan_until(&s, ')', &v))
		rec_raw(r, "queue", v);
	rec_action(r, "mail-queued", "email", "info");
	return FORMAT_MATCH;
}

/* pickup: uid=1000 from=<alice> orig_id=9AA611A804C */
static enum format_result picked_up(struct record *r, struct str s)
{
	struct str uid, from;

	if (!scan_digits(&s, 10, &uid) || !scan_lit(&s, " from=") || !postfix_take_angle(&s, &from))
		return FORMAT_NO_MATCH;
	rec_str(r, F_USER_ID, uid);
	rec_str(r, F_EMAIL_SENDER_ADDRESS, from);
	if (scan_lit(&s, " orig_id="))
		rec_raw(r, "orig_queue_id", s);
	rec_action(r, "mail-accepted", "email", "info");
	rec_str(r, F_EVENT_PROVIDER, STR("pickup"));
	return FORMAT_MATCH;
}

/* cleanup: message-id=<1@sender-lab.com>; resent-message-id=<..>; without brackets, too, and with anything between them */
static enum format_result message_id(struct record *r, struct str s)
{
	if (s.len >= 2 && s.p[0] == '<' && s.p[s.len - 1] == '>')
		s = str_sub(s, 1, s.len - 2);
	rec_str(r, F_EMAIL_MESSAGE_ID, s);
	rec_action(r, "mail-cleanup", "email", "info");
	rec_str(r, F_EVENT_PROVIDER, STR("cleanup"));
	return FORMAT_MATCH;
}

/* bounce: sender non-delivery notification: 3F2A1B004C */
static bool notification(struct record *r, struct str s)
{
	static const struct str kinds[] = {
		STR_INIT("sender non-delivery notification: "), STR_INIT("sender delay notification: "),
		STR_INIT("sender delivery status notification: "), STR_INIT("postmaster non-delivery notification: "),
		STR_INIT("postmaster delay notification: ")};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (scan_str(&s, kinds[i])) {
			rec_raw(r, "notification_id", s);
			rec_raw(r, "notification", str_sub(kinds[i], 0, kinds[i].len - 2));
			rec_action(r, "mail-bounce", "email", "info");
			rec_str(r, F_EVENT_PROVIDER, STR("bounce"));
			return true;
		}
	return false;
}

enum format_result postfix_delivery_queue(struct record *r, enum postfix_daemon d, struct str s)
{
	struct str said;

	switch (s.len ? s.p[0] : 0) {
	case 't':
		if (scan_lit(&s, "to="))
			return delivery(r, s);
		break;
	case 'f':
		if (scan_lit(&s, "from="))
			return queued(r, s);
		break;
	case 'm':
		if (scan_lit(&s, "message-id="))
			return message_id(r, s);
		break;
	case 'r':
		if (str_eq(s, STR("removed"))) {
			rec_action(r, "mail-removed", "email", "info");
			return FORMAT_MATCH;
		}
		if (scan_lit(&s, "resent-message-id=")) {
			rec_raw(r, "resent", STR("true"));
			return message_id(r, s);
		}
		break;
	case 'u':
		if (scan_lit(&s, "uid="))
			return picked_up(r, s);
		break;
	case 's':
	case 'p':
		if (notification(r, s))
			return FORMAT_MATCH;
		break;
	case 'U':
		/* Used TLS for mx.example.org[192.0.2.25]:25 */
		if (scan_lit(&s, "Used TLS for ") && postfix_destination(r, &s)) {
			rec_bool(r, F_TLS_ESTABLISHED, true);
			rec_action(r, "smtp-tls", "email", "info");
			return FORMAT_MATCH;
		}
		break;
	case 'S':
	case 'T':
	case 'h':
	case 'l':
	case 'c':
		if (d != POSTFIX_CLEANUP && put_attempt(r, s, &said)) {
			rec_str(r, F_EVENT_REASON, said);
			rec_action(r, "mail-delivery-attempt", "email", "error");
			rec_outcome(r, "failure");
			return FORMAT_MATCH;
		}
		break;
	default:
		break;
	}
	return FORMAT_NO_MATCH;
}

/*
 * What smtp and lmtp note on the way, behind the queue id:
 *	Cannot start TLS: handshake failure
 *	enabling PIX workarounds: disable_esmtp delay_dotcrlf for mx.example.org[192.0.2.1]:25
 */
bool postfix_delivery_note(struct record *r, struct str s)
{
	static const struct str pix = STR_INIT("enabling PIX ");
	struct str all = s, head;
	struct postfix_peer p;

	if (scan_lit(&s, "Cannot start TLS: ")) {
		rec_str(r, F_EVENT_REASON, s);
		rec_action(r, "smtp-tls", "email", "error");
		rec_outcome(r, "failure");
		return true;
	}
	if (!str_starts(s, pix) || !scan_until_last(&s, STR(" for "), &head) || !postfix_take_peer(&s, &p) || s.len)
		return false;
	postfix_put_destination(r, &p);
	rec_str(r, F_EVENT_REASON, all);
	rec_action(r, "daemon-message", "email", "info");
	return true;
}

/* ---- smtp and lmtp without a queue id ---- */

/* connect to mx.example.org[192.0.2.1]:25: Connection timed out */
enum format_result postfix_smtp_line(struct record *r, struct str s)
{
	struct str own = s, how;
	struct postfix_peer p;

	/* host mx.example.org[192.0.2.1]:25 greeted me with my own hostname mail.corp.example */
	if (scan_lit(&own, "host ") && postfix_take_peer(&own, &p) && scan_ch(&own, ' ') && (how = own).len &&
	    (scan_lit(&how, "greeted me with ") || scan_lit(&how, "replied to HELO/EHLO with ")))
		postfix_put_destination(r, &p);
	else if (!put_attempt(r, s, &own))
		return FORMAT_NO_MATCH;
	rec_str(r, F_EVENT_REASON, own);
	rec_action(r, "mail-delivery-attempt", "email", "error");
	rec_outcome(r, "failure");
	return FORMAT_MATCH;
}
