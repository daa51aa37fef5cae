/*
 * dns_module.h - what lies between the filter dns, which is part of weird, and its module, which has c-ares in it (pipeline/module.h says what a
 * module is): a resolver asks name servers, many questions at once, on a thread of its own.
 *
 * One resolver is one thread and one set of servers. The work thread gives it all questions of a wait as one errand; they go out together, and
 * the answers are in them when the errand's done() is called. RFC 1035 over UDP, and TCP where an answer is cut off.
 */
#ifndef WEIR_FILTER_DNS_MODULE_H
#define WEIR_FILTER_DNS_MODULE_H

#include "base/ip.h"
#include "filter/errand.h"
#include "pipeline/module.h"

#define DNS_MODULE_VERSION MODULE_VERSION("1")

/* Functions of weird that the module calls. */
#define DNS_HOST(F)                                                                                 \
	F(errands_new) F(errands_free) F(errands_give) F(errands_settle) F(errands_fd) F(errands_take)         \
	F(errands_over) F(errands_answered) F(err_set) F(ip_parse) F(ip_format) F(xzalloc) F(xstrdupz)

struct dns_host {
	DNS_HOST(MODULE_HOST_MEMBER)
};

enum resolved {
	RESOLVED,	  /* text is the answer */
	RESOLVED_NOTHING, /* there is none, or the servers refuse */
	RESOLVED_TIMEOUT, /* no server answered, again and again */
};

struct question {
	bool reverse;	       /* address -> name; else name -> address */
	struct str text;       /* what is asked for; borrowed */
	struct question *then; /* asked when this one has an answer, with that as its text; NULL */
	/* The resolver's from here on. */
	enum resolved outcome;
	char answer[1024]; /* RESOLVED: NUL-terminated; longer names do not exist */
	unsigned tries;
	struct questions *all;
};

struct questions {
	struct errand errand; /* first: so that it can be cast back */
	struct question **ask;
	unsigned n;
	/* The resolver's from here on. */
	unsigned left;
	struct resolver *resolver;
};

struct resolver_setup {
	const char *servers; /* "192.0.2.1,[2001:db8::1]:5353"; NULL: those of /etc/resolv.conf, with its search list and ndots */
	const struct str *search;
	unsigned nsearch, ndots;
	int64_t timeout_ns; /* for one server once */
	unsigned retries;   /* of all servers, when none answered */
};

struct resolver;

struct dns_module {
	struct module head;
	/* NULL and err. */
	struct resolver *(*open)(const struct dns_host *host, const struct resolver_setup *setup, struct err *err);
	void (*close)(struct resolver *r); /* NULL is allowed */
	/* Work thread: each of q->ask[] with what hangs on it; then w->done(). */
	void (*ask)(struct resolver *r, struct questions *q, struct wait *w);
	/* Before what was asked is freed. */
	void (*settle)(struct resolver *r, struct questions *q);
};

#endif
