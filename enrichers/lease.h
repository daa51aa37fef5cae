/*
 * lease.h - who had an address, and when: what lease lines prove, kept per address and asked by the event's own time.
 *
 * A row holds what was said about one address, in order of event time, whatever order it was received in: somebody was given it
 * (GIVEN, and again while it is renewed), it was given back or taken (ENDED), somebody was seen using it (SEEN, which proves nothing about others). An
 * interval is read out of these when it is asked for: from the giving to the first of its end, the lease time behind the last renewal, and the next
 * giving to somebody else. So a line that comes late, or twice, or from another server of the pair gives the same answer.
 *
 * Times are nanoseconds of event time since 1970, saturated. Fixed capacity; the row not used for longest goes first, counted. One thread.
 */
#ifndef WEIR_ENRICHERS_LEASE_H
#define WEIR_ENRICHERS_LEASE_H

#include "base/buf.h"
#include "base/ip.h"
#include "base/ts.h"

enum { LEASE_MARKS = 16 /* per address: the oldest goes */, LEASE_TEXT = 255 };

/* Rows in state.db belong to steps of this name, followed by the step's own. */
#define IDENTITY_STEP "identity "

enum lease_kind { LEASE_DHCP, LEASE_VPN, LEASE_STATIC };

/* Somebody. Texts are borrowed by who asks and copied by who keeps. */
struct holder {
	enum lease_kind kind;
	bool has_mac;
	uint8_t mac[6];
	struct str client_id; /* DUID, option 61: where there is no MAC */
	struct str host;      /* name that the client claims, or that a reservation gives */
	struct str user;
	struct str session;   /* VPN: what ends with it (server and outer address) */
};

enum lease_mark_kind { LEASE_GIVEN, LEASE_ENDED, LEASE_SEEN };

struct lease_mark {
	int64_t from;  /* of GIVEN the first time; of the others the moment */
	int64_t last;  /* GIVEN: the latest renewal */
	int64_t until; /* GIVEN: last + lease time */
	int64_t lease_ns; /* as somebody said it; 0: nobody did, and `until` is assumed */
	int64_t renew_ns; /* longest time between two renewals, from a minute on */
	uint8_t kind;
	struct holder who; /* ENDED: the MAC that gave it back, or nobody: for all */
	char event_id[32]; /* of the line that gave it */
};

struct lease_row {
	struct lease_row *newer, *older;
	struct ip ip;
	uint8_t n, cap;
	struct lease_mark *mark; /* n of them by `from`, room for cap: most addresses have one or two */
};

/* Where a MAC was given an address last. */
struct lease_mac {
	uint8_t mac[6];
	bool used;
	struct ip ip;
};

struct leases {
	struct lease_mac *mac; /* `slots` of them; two that meet in one replace each other */
	/* `slots` of both, a power of two, at most half used; a row lies at its hash or behind it. Of most addresses nothing is known: the marks say so. */
	uint16_t *mark; /* of the hash; 0: free */
	struct lease_row **slot;
	size_t slots, rows, max_rows;
	struct lease_row *newest, *oldest;
	uint64_t evicted, cut; /* rows; marks */
	int64_t default_ns;    /* lease time where nobody says one */
};

/* What lease_at() found. Valid until the table changes. */
struct lease_answer {
	const struct lease_mark *mark;
	int64_t since, until; /* as far as is known now */
	bool assumed;
	uint8_t confidence; /* 0..100 */
};

void leases_init(struct leases *l, size_t max_rows, int64_t default_ns);
void leases_release(struct leases *l);
/* Takes over the other's rows; it is empty then. */
void leases_adopt(struct leases *l, struct leases *former);

/*
 * lease_ns: 0 where the line says none. The row, for whoever keeps it on disk. event_id may be empty.
 */
struct lease_row *lease_given(struct leases *l, const struct ip *ip, int64_t t, int64_t lease_ns, const struct holder *who, struct str event_id);
/* The giving or renewal at t lasts so long, as another line says. The row; NULL where none is known, or a later renewal said its own time. */
struct lease_row *lease_lasts(struct leases *l, const struct ip *ip, int64_t t, int64_t lease_ns);
/* who NULL: whoever has it. Noted also where nothing is known of the address: the giving may be received later. */
struct lease_row *lease_ended(struct leases *l, const struct ip *ip, int64_t t, const struct holder *who);
struct lease_row *lease_seen(struct leases *l, const struct ip *ip, int64_t t, const struct holder *who, struct str event_id);

bool lease_at(const struct leases *l, const struct ip *ip, int64_t t, struct lease_answer *out);
/* The interval of the i-th mark, if that is a GIVEN or SEEN. */
bool lease_interval(const struct lease_row *r, unsigned i, struct lease_answer *out);
/* What the holder of this MAC had at t: for addresses that are made of it. */
bool lease_by_mac(const struct leases *l, const uint8_t mac[6], int64_t t, struct lease_answer *out);
void lease_forget_static(struct lease_row *r);
/* It will be asked for soon. */
void lease_hint(const struct leases *l, const struct ip *ip);
struct lease_row *lease_find(const struct leases *l, const struct ip *ip);

/* A row as bytes and back, for the state on disk. false: not ours (an older form, a torn one). */
void lease_row_write(const struct lease_row *r, struct buf *out);
bool lease_row_read(struct leases *l, const struct ip *ip, struct str bytes);

static inline int64_t lease_time(struct ts t)
{
	if (t.s > 9000000000)
		return INT64_MAX / 2;
	if (t.s < -9000000000)
		return INT64_MIN / 2;
	return t.s * 1000000000 + t.ns;
}

/* "F6-80-5F-1D-D1-95" (or with colons). */
bool mac_parse(struct str s, uint8_t out[6]);
size_t mac_format(const uint8_t mac[6], char out[18]);

#endif
