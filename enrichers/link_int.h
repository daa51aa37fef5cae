/*
 * link_int.h - what the files of the filter `link` share: its state, and who does what.
 *
 *	link.c          the plug-in: options, which event goes where
 *	link_read.c     an event -> struct seen; the chain's fields into the event
 *	link_ahead.c    the same before its turn, so that the rows it needs are near when it comes
 *	link_conn.c     lines of mail and ssh daemons -> connections
 *	link_look.c     queries and answers of clients -> look-ups
 *	link_index.c    look-ups by their names alone
 *	link_match.c    which look-up was made for which connection (rules L0, L1, hops)
 *	link_forward.c  look-ups of names that a reverse look-up gave (L2)
 *	link_fetch.c    what the resolver itself asked, and why (L6, L8, L10)
 *	link_cut.c      delegations: names of their servers, members
 *	link_node.c     chains of connections and look-ups, and their change
 *	link_out.c      link events
 *	link_state.c    tables, hosts, evictions
 *
 * Everything runs on the work thread. A chain is not an object: it is an id that nodes (a connection, a look-up) carry. A node's
 * events are emitted at once with the id it has then; what is found out later is told by link events:
 *
 *	same-chain  weir.chain.id and each of weir.cause.chain_id are one chain        (undone by unlink of the same pair)
 *	link        weir.link.event_id: these events belong to weir.chain.id           (undone by unlink of the same)
 *	link        without it: weir.cause.chain_id are causes (members) of weir.chain.id
 *
 * Which node belongs to which is a function of the set of events and their own times, never of the order in which they came: each arrival makes the
 * rules look again at its neighbourhood, and what comes out otherwise than before is told as above.
 */
#ifndef WEIR_ENRICHERS_LINK_INT_H
#define WEIR_ENRICHERS_LINK_INT_H

#include "base/metrics.h"
#include "event/event.h"
#include "event/fields.h"
#include "link_id.h"
#include "link_name.h"
#include "link_skew.h"
#include "link_table.h"
#include "pipeline/plugin.h"

#define MS INT64_C(1000000)
#define SEC INT64_C(1000000000)
#define NEVER INT64_MIN

enum {
	HOSTS_MAX = 4096,	/* names of hosts that are remembered; the rest share number 0 */
	GROUP_MAX = 64,		/* look-ups, and connections, of one address that are matched with each other */
	MEMBERS = 8,		/* chains named as a cause */
	MESSAGES_MAX = 512,	/* link events that one event gives rise to: all connections and look-ups of a group may pair otherwise */
	IDS_MAX = 64,		/* event ids in one link event */
	EVENT_ID = 32,
	CUTS_OF_LOOK = 4,
	UNDER = 64, /* look-ups under one name that are looked at: the newest */
	INTERVALS = 16,
	AUTH_CUTS = 4,
	SERVERS_OF_CUT = 8,
	NAMELESS = 64,
	RECENT = 256,
	AHEAD_KEYS = 5 + NAME_LABELS,
};

enum service { SV_NONE, SV_SMTPD, SV_POSTSCREEN, SV_SSHD, SV_AUTH /* dovecot, for smtpd: no pid */ };

/* ---- an event, as the rules see it ---- */

enum seen_kind {
	SEEN_NOTHING,
	SEEN_CONNECT,
	SEEN_LINE,	 /* of a connection */
	SEEN_MISMATCH,	 /* a line that precedes its connect by some microseconds */
	SEEN_CLOSE,
	SEEN_AUTH,
	SEEN_CQ,
	SEEN_CR,
	SEEN_FORWARD,
	SEEN_FAILED, /* an answer that was an error, told by a log line */
	SEEN_RQ,
	SEEN_RR,
	SEEN_HINT,
};

enum { QT_OTHER, QT_PTR, QT_A, QT_AAAA, QT_NS, QT_SOA, QT_UNSAID };

struct seen {
	struct event *ev;
	enum seen_kind kind;
	int64_t t, grain; /* the event lies in [t, t + grain] */
	uint16_t host;	  /* who logs; of DNS: the resolver */
	int64_t now;	  /* of receipt */
	enum service service;
	bool failed, accepted; /* a login failed; a message was accepted */
	bool has_ip;
	struct ip ip; /* connection: the peer; DNS: the asker */
	int32_t port; /* -1: not said */
	int32_t id;
	int32_t request; /* id of the client's message that the resolver did it for; -1: not said */
	int64_t pid;
	struct str name; /* question; connection: the peer's name */
	uint64_t name_hash;		 /* of a client's question */
	const struct name_hashes *names; /* of a client's question, where look-ups are found by them; or NULL */
	uint8_t qtype;
	int64_t query_t; /* RR: when it was asked; NEVER */
	struct str rcode;
};

/* ---- nodes ---- */

struct event_ref {
	int64_t t;
	uint32_t next, next_serial;
	uint32_t serial;
	uint8_t len;
	char id[EVENT_ID];
};

struct event_list {
	uint32_t at, serial;
};

/* The part that connections and look-ups have in common. Its `up` is the node it belongs to: an edge that is either told by a link event or by equal ids. */
struct node {
	struct chain_id chain;
	struct chain_id told; /* the other id of the pair that a same-chain event named; "": none was needed */
	struct lref up;
	bool up_is_conn;
	bool fresh; /* made by the event under way: nothing carries its id yet */
	uint8_t moves;
	struct event_list events;
};

enum { NODE_CONN = 1, NODE_LOOK };

struct conn {
	struct lrow row;
	/* What each of its lines asks or changes lies in front, in three lines of the cache. */
	int64_t start, end, first, last; /* start, end: NEVER where not seen */
	int64_t grain;
	int64_t mismatch; /* "hostname X does not resolve" comes before its connect; NEVER */
	int64_t pid;
	struct lref group, next; /* next: older ones of the same address */
	uint16_t host;
	uint8_t service;
	uint8_t confidence; /* of its look-up */
	bool failed, accepted;
	bool sampled; /* for the clocks */
	bool named_by_line; /* name is there: each line asks, and the name lies far behind */
	struct node node;
	struct ip ip;
	uint64_t name_hash;
	struct lref named;  /* the look-up that has its name already */
	struct lref shared; /* a look-up that others claimed, too: told once */
	struct kept_name name; /* what the line calls the peer */
};

struct look {
	struct lrow row; /* by name and client: look_key() */
	/* What tells whether it is the one that is looked for lies in front, in two lines of the cache. */
	int32_t port, id;
	uint16_t host;
	uint8_t qtype;
	uint8_t n;  /* queries */
	bool plain; /* has a query of a source that shows no port */
	bool reverse, failed, retry, hop, search;
	bool recent; /* is in link_state.reverse, or was */
	bool spent;  /* its connection is not known any more */
	int64_t t, last, close; /* first query, last one, answer (NEVER) */
	int64_t grain;
	struct ip client, ip;
	struct node node; /* reverse: its own chain. Else: up is the reverse look-up that gave the name */
	int64_t forward[2]; /* handed on to another resolver at; NEVER */
	struct lref group, next;
	struct lref client_next;
	uint64_t client_key, name_hash;
	struct lref holder; /* not reverse: whose list has its events, too */
	struct lref cut[CUTS_OF_LOOK];
	uint8_t cut_confidence[CUTS_OF_LOOK];
	struct kept_name name;
	uint8_t rule; /* enum rule, of up */
	uint8_t confidence;
	uint8_t sampled; /* for the clocks: 1 as a query, 2 with its answer */
};

struct group {
	struct lrow row;
	struct ip ip;
	struct lref look, conn; /* newest received first */
	uint32_t nlook, nconn;
	uint32_t nauth; /* of nconn: dovecot's, which belong to another connection */
};

enum rule { RULE_NONE, RULE_L0, RULE_L1, RULE_L2, RULE_L6, RULE_L8, RULE_L10, RULE_HOP };

/* What the resolver asked by itself, or a hint that it did. */
struct fetch {
	struct lrow row;
	int64_t t, grain;
	int32_t port, id, request;
	uint16_t host;
	uint8_t qtype;
	bool hint;
	uint8_t nids;
	uint8_t id_len[2];
	char ids[2][EVENT_ID];
	/* Why. */
	struct lref look, cut;
	struct lref root; /* the reverse look-up whose events these are, too */
	struct chain_id chain;
	uint8_t rule, confidence;
	struct kept_name name;
};

struct cut {
	struct lrow row;
	struct chain_id chain;
	int64_t first; /* the oldest referral */
	uint16_t host;
	uint8_t nspan, nservers;
	uint64_t server[SERVERS_OF_CUT]; /* hashes of its first servers' names */
	struct {
		int64_t lo, hi;
	} span[INTERVALS]; /* when it was chased */
	struct kept_name name;
};

struct auth {
	struct lrow row;
	uint8_t n;
	struct {
		struct lref cut;
		int64_t first, last, until;
		bool whole; /* the name itself, not an ancestor of it */
	} of[AUTH_CUTS];
};

/* How look-ups are found without their client: by nothing, by the whole name, by what it lies under on its resolver as well. */
enum name_index { INDEX_NONE, INDEX_WHOLE, INDEX_SUFFIXES };

/* A look-up under a name, or of it. */
struct suffix {
	struct lrow row;
	struct lref look;
};

/* By the id of a client's message on a resolver: a look-up, or what its log says was done for it. */
struct request {
	struct lrow row;
	struct lref look, fetch; /* one of them */
};

/* A name that a reverse look-up gave to a client. */
struct want {
	struct lrow row;
	struct lref look;
	int64_t t;
	bool from_line; /* told by the connection's line only */
};

struct client {
	struct lrow row;
	struct ip ip;
	struct lref look; /* its last look-ups of addresses */
	bool reverses;	  /* makes reverse look-ups */
};

struct skew_row {
	struct lrow row;
	uint16_t host, resolver;
	float told_s; /* by the last clock-skew event */
	struct skew skew;
};

/* ---- link events to be emitted ---- */

enum link_action { LINK_LINK, LINK_UNLINK, LINK_SAME, LINK_CLOCK };

/* What a link event says besides the events it names. */
struct link_about {
	enum link_action action;
	struct chain_id chain;
	struct chain_id cause[MEMBERS];
	uint8_t ncause;
	uint8_t confidence, rule;
	bool cut; /* the chain's kind */
	bool has_ip;
	uint16_t host;
	int64_t t, first, last;
	struct ip ip;
	const char *class;
	struct kept_name name;
	/* LINK_CLOCK: host's clock is so far ahead of other's. */
	uint16_t other;
	float ahead_s;
};

struct link_msg {
	struct link_about a;
	uint8_t nids;
	struct {
		uint8_t len;
		char id[EVENT_ID];
	} ids[IDS_MAX];
};

/* ---- hosts ---- */

enum pair_source { PAIR_LEARNT, PAIR_CONFIGURED };

/* A log host and an address it asks from. */
struct pair {
	struct lrow row;
	struct ip ip;
	uint16_t host;
	uint8_t source;
	uint32_t matches;
	uint64_t ips[8]; /* of the last matches, so that one guesser is one match */
};

struct host {
	struct str name; /* malloc'ed */
	uint32_t matches; /* of all its pairs */
	bool configured;
};

/* ---- all of it ---- */

enum link_table { T_CONN, T_REV, T_LOOK, T_SUFFIX, T_FETCH, T_AUTH, T_CUT, T_WANT, T_CLIENT, T_REQUEST, T_SKEW, T_PAIR, LINK_TABLES };

/* An answer that came before its question and names none. */
struct nameless {
	struct ip client;
	int32_t port;
	int64_t t;
	bool failed;
	uint8_t len;
	char id[EVENT_ID];
};

struct recent {
	struct lref ref[RECENT];
	uint8_t at; /* of 256 */
	bool any;
};

struct link_state {
	unsigned refs;
	struct ltable t[LINK_TABLES];
	struct host host[HOSTS_MAX];
	uint32_t nhosts;
	uint16_t last_host;
	uint32_t host_at[2 * HOSTS_MAX];
	struct event_ref *event;
	uint32_t nevents, event_at, event_serial;
	struct link_msg *msg;
	unsigned nmsgs;
	int64_t sequence;
	struct recent reverse; /* look-ups, for L10 by time alone */
	struct recent hints;   /* that nothing explains yet */
	int64_t fetched; /* the latest time of a question of a resolver: what comes later needs no second look */
	struct nameless nameless[NAMELESS];
	uint8_t nameless_at, nnameless;
	bool forwards; /* a forwarder's lines come in */
	enum name_index names;
	uint32_t sweep; /* a clock's estimate moved: addresses from this row on are matched again; 0: none */
	bool sweeping;
	uint64_t emitted, dropped_msgs, crowded, linked;
	int64_t *score; /* of the matching: (GROUP_MAX + 1)^2 */
};

/* What was read of an event before it came here, and the keys that it will ask for. */
struct ahead {
	const struct event *ev; /* NULL: nothing */
	bool ours;
	struct seen seen;
	struct name_hashes names;
	unsigned n, stage;
	struct {
		enum link_table table;
		uint64_t key;
	} want[AHEAD_KEYS];
};

struct link {
	/* options */
	const struct map *hosts, *resolvers;
	int64_t max_memory;
	/* the rest */
	struct link_state *st;
	struct ref *authorities, *serial, *uid;
	struct key k_name, k_type, k_ttl, k_data;
	struct ip *resolver_ip;
	uint16_t *resolver_host;
	uint32_t nresolvers;
	struct str *alias;
	uint16_t *alias_host;
	uint32_t naliases;
	struct ahead ahead;
	struct series *series;
	unsigned uncounted; /* events since the numbers were shown */
	int64_t counted_s;
};

/* What an event gets: gathered by the rules, written by link_write(). */
struct verdict {
	struct arena *arena; /* of the event */
	struct str chain;    /* in arena; "": none */
	bool cut;
	const char *root, *class;
	uint8_t rule, confidence;
	struct chain_id cause[MEMBERS];
	uint8_t ncause;
	struct str cause_event;
	int64_t lag; /* NEVER */
};

/* Straight from the row into the event: two copies right after each other would wait for the stores between them. */
static inline void verdict_chain(struct verdict *v, const struct chain_id *chain)
{
	v->chain = arena_dup(v->arena, chain_id_str(chain));
}

/* link_read.c */
/* Without the peer's name, which another filter may add until the event's turn comes: link_read_peer(). */
bool link_read(struct link *l, struct event *ev, struct seen *s);
void link_read_peer(struct seen *s);
void link_write(struct event *ev, const struct verdict *v);
const char *rule_name(uint8_t rule);

/* link_ahead.c */
void link_ahead(void *self, struct event *ev);

/* link_state.c */
struct link_state *state_new(int64_t max_memory);
void state_unref(struct link_state *st);
uint16_t state_host(struct link_state *st, struct str name);
void state_unconfigure(struct link_state *st);
void state_metrics(const struct link_state *st, struct series *to);
/* 2: said by the configuration, loopback or learnt; 1: nothing is known; 0: another's. */
int pair_known(struct link_state *st, uint16_t host, const struct ip *client, uint16_t resolver);
/* Of any host. */
bool pair_is_client(struct link_state *st, const struct ip *client);
void pair_configure(struct link_state *st, uint16_t host, const struct ip *ip);
void pair_matched(struct link_state *st, uint16_t host, const struct ip *client, const struct ip *about, int64_t now);
uint64_t key_of(uint64_t a, uint64_t b);
/* Of T_REQUEST. */
uint64_t request_key(uint16_t host, int32_t id);
uint64_t ip_key(const struct ip *ip);
uint32_t ip_network(const struct ip *ip); /* /24, /48 */

/* link_node.c */
void events_add(struct link_state *st, struct event_list *l, const char *id, uint8_t len, int64_t t);
bool events_remove(struct link_state *st, struct event_list *l, const char *id, uint8_t len);
/* Calls fn for each; the list may not change meanwhile. */
void events_each(struct link_state *st, const struct event_list *l, void (*fn)(void *arg, const struct event_ref *e), void *arg);
void node_note(struct link_state *st, struct node *n, const struct seen *s);
struct node *node_up(struct link_state *st, const struct node *n);
/* n hangs below `up` now (at 0: below nobody). Whatever must be told is told. */
void node_hang(struct link_state *st, struct node *n, int kind, struct lref up, bool up_is_conn, const struct link_about *about);
/* What it hangs below may have got another id meanwhile. */
bool node_is_settled(struct link_state *st, const struct node *n);
void node_settle(struct link_state *st, struct node *n, int kind, const struct link_about *about);

/* link_out.c */
struct link_msg *link_tell(struct link_state *st, enum link_action action, const struct chain_id *chain, const struct link_about *about);
/* Of one event. */
void link_tell_event(struct link_state *st, enum link_action action, const struct chain_id *chain, const struct link_about *about, const char *id, uint8_t len);
void link_event(struct link *l, const struct link_msg *m, const struct event *parent, struct event *ev);

/* link_conn.c */
uint64_t conn_key(const struct seen *s);
void conn_seen(struct link *l, const struct seen *s, struct verdict *v);
const char *conn_root(const struct conn *c);

/* link_look.c */
void look_query(struct link *l, const struct seen *s, struct verdict *v);
void look_answer(struct link *l, const struct seen *s, struct verdict *v);
void look_forward(struct link *l, const struct seen *s, struct verdict *v);
void look_verdict(struct link_state *st, struct look *k, struct verdict *v);
/* The chain it belongs to now, if any. */
const struct chain_id *look_chain(struct link_state *st, const struct look *k);
int64_t look_end(const struct look *k);
struct look *look_root(struct link_state *st, struct look *k);

/* link_index.c */
uint64_t look_key(uint64_t name_hash, uint64_t client_key);
/* A forwarder or a resolver tells its own questions: from now on look-ups are found so, too. */
void look_index_names(struct link_state *st, enum name_index how);
/* A new one that is to be found so; h: the hashes of its name, or NULL. */
void look_index_new(struct link_state *st, struct look *k, const struct name_hashes *h, const struct seen *s);
/* Those of the name on any resolver, newest first, as far as they are still known; NULL. Needs INDEX_WHOLE. */
struct named {
	const struct suffix *at;
	unsigned n;
};
struct look *look_named(struct link_state *st, uint64_t name_hash, struct named *it);
struct look *look_named_next(struct link_state *st, struct named *it);

/* link_match.c */
struct group *group_of(struct link_state *st, const struct ip *ip, int64_t now);
void group_add_look(struct link_state *st, struct group *g, struct look *k);
void group_add_conn(struct link_state *st, struct group *g, struct conn *c);
void group_forget(struct link_state *st, struct group *g);
void group_forget_look(struct link_state *st, struct look *k);
void group_forget_conn(struct link_state *st, struct conn *c);
void group_match(struct link *l, struct group *g);
/* A part of what is to be matched again. */
void group_sweep(struct link *l);

/* link_forward.c */
void forward_assign(struct link *l, struct look *k);
void forward_want(struct link *l, struct look *reverse, struct str name, int64_t t, bool from_line, int64_t now);

/* link_fetch.c */
void fetch_seen(struct link *l, const struct seen *s, struct verdict *v);
/* A look-up is new, or has another chain or end: what was asked on its behalf, from `since` on? h: the hashes of its name, or NULL. */
/* What a resolver did for a message of that id, when the look-up's id becomes known. */
void fetch_recheck_request(struct link *l, struct look *k);
void fetch_recheck_look(struct link *l, struct look *k, const struct name_hashes *h, int64_t since);
void fetch_recheck_name(struct link *l, uint16_t host, struct str name);
void fetch_recheck_time(struct link *l, struct look *k);
/* Of the names that a look-up lies under; false: its name was too long to be kept. */
bool look_hashes(const struct look *k, struct name_hashes *out);

/* link_cut.c */
void cut_learn(struct link *l, const struct seen *s);
struct cut_members {
	struct look *look[MEMBERS]; /* those open first */
	unsigned n, nopen;
};
/* Whose servers does the name belong to, as far as known at t? NULL. */
struct cut *cut_choose(struct link_state *st, uint16_t host, struct str name, int64_t t, struct cut_members *out);
void cut_chased(struct cut *z, int64_t t);
/* true: it was not a member yet, or a less sure one. */
bool cut_admit(struct cut *z, struct look *k, uint8_t confidence);
/* The look-up may be a member of cuts it lies under. */
void cut_recheck_look(struct link *l, struct look *k);
void cut_look_moved(struct link_state *st, struct look *k, const struct chain_id *was);
/* Does a client that has nothing to do with chains ask for that name within a minute? */
bool direct_asked(struct link_state *st, uint16_t host, struct str name, int64_t t);
bool look_foreign(struct link_state *st, const struct look *k);

#endif
