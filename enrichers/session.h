/*
 * session.h - what identity must remember between the lines of one VPN session, and between a DHCPINFORM and its answer.
 *
 * A VPN tells in separate lines that a user was let in, which inner address they got, and that the session ended; what joins the lines is
 * the server with the outer address and port, or the session's own number. Fixed capacity; the session not heard of for longest goes
 * first (its addresses then end by their lease time only). One thread.
 */
#ifndef WEIR_ENRICHERS_SESSION_H
#define WEIR_ENRICHERS_SESSION_H

#include "base/ip.h"
#include "event/value.h"

enum { SESSION_INNER = 4, SESSION_KEY = 160, INFORMS = 64 };

struct session {
	struct session *next, *newer, *older;
	uint8_t key_len;
	char key[SESSION_KEY];
	struct str user; /* proven; owned */
	struct ip inner[SESSION_INNER];
	unsigned ninner;
};

struct inform {
	uint64_t host;
	struct ip ip;
	int64_t t;
};

struct sessions {
	struct session **slot;
	size_t slots, n, max;
	struct session *newest, *oldest;
	struct inform inform[INFORMS]; /* a ring */
	unsigned at;
};

void sessions_init(struct sessions *s, size_t max);
void sessions_release(struct sessions *s);
void sessions_adopt(struct sessions *s, struct sessions *former);

/* The one that a line of server `host` belongs to, made if it is new. NULL where the line has nothing to tell sessions apart by. */
struct session *sessions_get(struct sessions *s, struct str host, struct str ip, const struct value *port, struct str id, struct str connection);
/* By the key that a lease was given with: after a restart. */
struct session *sessions_by_key(struct sessions *s, struct str key);
void sessions_end(struct sessions *s, struct session *session);
static inline struct str session_key(const struct session *s)
{
	return str_n(s->key, s->key_len);
}
void session_user(struct session *s, struct str user);
/* The oldest goes where there are too many. */
void session_add(struct session *s, const struct ip *inner);

/* A client that has its address from elsewhere asked a server for the rest. */
void sessions_inform(struct sessions *s, struct str host, const struct ip *ip, int64_t t);
/* The same client asks for the address itself now. */
void sessions_inform_over(struct sessions *s, struct str host, const struct ip *ip);
/* Is an ACK at t the answer to an INFORM? */
bool sessions_informed(struct sessions *s, struct str host, const struct ip *ip, int64_t t, int64_t within_ns);

#endif
