/*
 * story.h - what the store knows about why something happened: the model behind `weir why`, without words.
 *
 *	a name      who asked for it (clients, the resolver itself), and the delegation whose servers are called so
 *	a cut       its reverse look-ups -> the addresses that were looked up
 *	an address  its connections, what came of them, and what looking it up made the resolver ask
 *
 * Chains are followed as the filter link tells them (enrichers/link_int.h): by weir.chain.id and weir.cause.chain_id of the events themselves and by
 * link events, of which a later one takes back an earlier one. Everything is counted from what is in the store. One thread.
 */
#ifndef WEIR_TOOL_STORY_H
#define WEIR_TOOL_STORY_H

#include "outputs/store_read.h"

enum { STORY_CHAINS = 4096, STORY_ADDRESSES = 1024, STORY_ASKERS = 256, STORY_NAMES = 64, STORY_EVIDENCE = 24, STORY_WORDS = 16 };

/* A text that was counted. */
struct tally {
	struct str text;
	uint64_t n;
};

struct tallies {
	struct tally t[STORY_WORDS];
	unsigned n;
	uint64_t more; /* of texts that had no room */
};

/* Somebody who asked the resolver: an address, for as long as it was his. */
struct asker {
	struct str ip;
	struct str who;	 /* user, host name: as identity said it; may be empty */
	uint64_t n;
	uint64_t caused; /* of these, as part of a chain: a server's look-up */
	uint64_t copies; /* beside these: questions of others that he handed on */
	bool resolver;	 /* others ask him */
};

/* A client's query for one name; the same one in another log, or sent again, is not another. */
struct lookup {
	struct lookup *next;
	struct str from, to, type; /* who asked whom, and for what: A, AAAA, PTR */
	int64_t time_ms, port;	   /* -1: not said */
	struct str told_by;	   /* weir.parse.format */
	bool twice;		   /* another source has told of it, too */
	bool copy;		   /* somebody else's question, handed on */
	bool caused;		   /* part of a chain */
	struct asker *asker;	   /* whose it was counted as; NULL: no matter, or no room */
	struct str host;	   /* who asked, by name where one is known */
};

/* Each list the newest first; what was asked the oldest first once it is settled. */
struct lookups {
	struct lookup *asked;
	struct lookup *answered; /* until it is settled which of them stand for a question */
	struct lookup *handed;	 /* by a resolver to another one */
};

/* An address that came to one of the site's services. */
struct visitor {
	struct ip ip;
	struct str text;
	struct str reverse;   /* its in-addr.arpa name */
	struct str who;	      /* user, host name: of an address of the site's own */
	uint64_t lookups;     /* of servers, each once though several logs tell of it */
	uint64_t connections; /* lines that open one: smtpd's, sshd's; postscreen's where smtpd has none; sshd's processes that have no such line */
	uint64_t auth_failed, auth_ok, rejected, messages;
	uint64_t after_login;	 /* of messages: handed in by somebody who had logged in */
	struct tallies logins;	 /* as whom */
	struct tallies services; /* "postfix/smtpd on mail" */
	struct tallies failures; /* "SASL LOGIN", "ssh password" */
	struct tallies users;	 /* that were tried */
	int64_t first_ms, last_ms;
	struct lookups looked_up;
};

/* Shown as a proof: a copy of the hit. */
struct evidence {
	struct store_hit hit;
	unsigned step; /* 0: the subject; 1: the look-up; 2: the connection */
};

enum story_kind { STORY_NAME, STORY_ADDRESS };

struct story {
	struct arena arena;
	struct store *store;
	int64_t since_ms, until_ms;

	enum story_kind kind;
	struct str subject; /* name, or address */
	bool found;	    /* anything at all */
	/* where nothing was found: what else the store has of it */
	struct str search;    /* the query that finds most of that; empty: it has nothing */
	uint64_t elsewhere;   /* how many events */
	bool other_times;     /* none of them of the period asked for */
	int64_t first_ms, last_ms;

	/* the name */
	uint64_t resolver_queries, hints, answers;
	struct tallies resolvers; /* hosts that chased it */
	struct asker asker[STORY_ASKERS];
	unsigned naskers;
	struct lookups asked;
	bool met; /* one of its chains holds a connection */

	/* the name as a question to a block list; list_zone empty: it is none */
	struct str list_zone; /* of the list, or all that is known of it: what its name ends with */
	struct visitor *listed; /* whether he is in it; NULL: not an address, or a test's */
	struct ip list_ip;
	bool list_has_ip, list_known, list_test;
	struct tallies list_tellers; /* services that say what it said */

	/* what the cuts' servers are called, and how often each was asked for */
	struct tally name[STORY_NAMES];
	unsigned nnames;
	uint64_t chase_queries;
	struct str cut; /* "111.137.185.in-addr.arpa"; empty: not seen */
	struct tallies servers; /* of it, as the delegation names them */
	int64_t confidence; /* 0..100, -1: nothing was linked */
	struct str rule;
	struct tallies chains; /* of cuts */

	/* the look-ups and whom they were for */
	struct tallies lookup_hosts; /* the asking addresses, by name where identity knows one */
	struct tallies log_hosts;    /* where the visitors' connections were logged */
	struct visitor *visitor[STORY_ADDRESSES];
	unsigned nvisitors;
	uint64_t more_visitors;
	int64_t lookup_confidence; /* of look-up and connection */

	struct evidence evidence[STORY_EVIDENCE];
	unsigned nevidence;
	struct err err; /* of the store */
};

/* s stays the caller's. text: a name, an address, the id of a chain or of an event. NULL and err: the store cannot be read. */
struct story *story_new(struct store *s, struct str text, int64_t since_ms, int64_t until_ms, struct err *err);
void story_free(struct story *st);

/* The subject is the reverse name of a whole address. */
bool story_is_reverse(const struct story *st);
/* Is there any event that matches the query? For telling what a site does not log. */
bool story_any(struct story *st, const char *query);

#endif
