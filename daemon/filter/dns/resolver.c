/*
 * resolver.c - the module of the filter dns: a thread, a channel of c-ares, its sockets.
 *
 * c-ares gives each server one chance of `timeout`; that all are asked again when none answered is done here, as Logstash counts it. Everything
 * between begin() and errands_answered() is this thread's.
 */
#include "filter/dns_module.h"

#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	SOCKETS_MAX = 64, /* c-ares has one for each server, and those of TCP */
	NAME_MAX_BYTES = 255 * 4, /* RFC 1035 3.1, each byte as \DDD */
};

struct resolver {
	struct errands *errands; /* the work thread's; the thread's own is below */
	struct errands *home;
	ares_channel channel;
	unsigned retries, outstanding;
	struct pollfd fd[1 + SOCKETS_MAX]; /* first the errands' */
	nfds_t nfds;
};

static const struct dns_host *host;

static void ask(struct question *q);

/* ---- its thread ---- */

static void settled(struct question *q, enum resolved outcome)
{
	struct questions *all = q->all;

	q->outcome = outcome;
	if (q->then) {
		if (outcome == RESOLVED) {
			q->then->text = str_z(q->answer);
			ask(q->then);
		} else {
			q->then->outcome = RESOLVED_NOTHING;
			all->left--;
		}
	}
	all->left--;
	if (all->left == 0) {
		all->resolver->outstanding--;
		host->errands_answered(all->resolver->home, &all->errand);
	}
}

/* true: it is asked once more. */
static bool again(struct question *q, int status)
{
	if (status != ARES_ETIMEOUT && status != ARES_ECONNREFUSED)
		return false;
	if (q->tries++ < q->all->resolver->retries)
		ask(q);
	else
		settled(q, RESOLVED_TIMEOUT);
	return true;
}

/* Along the search list where there is one. */
static void search(struct question *q, int type, ares_callback have)
{
	char name[NAME_MAX_BYTES + 1];

	snprintf(name, sizeof(name), "%.*s", STR_ARG(q->text));
	ares_search(q->all->resolver->channel, name, ns_c_in, type, have, q);
}

static void have_aaaa(void *arg, int status, int timeouts, unsigned char *reply, int len)
{
	struct question *q = arg;
	struct ares_addr6ttl first[8];
	int n = 8;

	if (again(q, status))
		return;
	if (status == ARES_SUCCESS && ares_parse_aaaa_reply(reply, len, NULL, first, &n) == ARES_SUCCESS && n > 0) {
		struct ip ip;
		char text[IP_TEXT];

		memcpy(ip.b, &first[0].ip6addr, 16);
		host->ip_format(&ip, text);
		snprintf(q->answer, sizeof(q->answer), "%s", text);
		settled(q, RESOLVED);
		return;
	}
	settled(q, RESOLVED_NOTHING);
}

static void have_a(void *arg, int status, int timeouts, unsigned char *reply, int len)
{
	struct question *q = arg;
	struct ares_addrttl first[8];
	int n = 8;

	if (again(q, status))
		return;
	if (status == ARES_SUCCESS)
		status = ares_parse_a_reply(reply, len, NULL, first, &n);
	if (status == ARES_SUCCESS && n > 0) {
		inet_ntop(AF_INET, &first[0].ipaddr, q->answer, sizeof(q->answer));
		settled(q, RESOLVED);
	} else if (status == ARES_ENODATA || status == ARES_SUCCESS) {
		/* The name is there, but not with this kind of address. */
		search(q, ns_t_aaaa, have_aaaa);
	} else {
		settled(q, RESOLVED_NOTHING);
	}
}

static void have_name(void *arg, int status, int timeouts, unsigned char *reply, int len)
{
	struct question *q = arg;
	struct hostent *found = NULL;

	if (again(q, status))
		return;
	if (status == ARES_SUCCESS && ares_parse_ptr_reply(reply, len, NULL, 0, AF_INET, &found) == ARES_SUCCESS) {
		const char *name = found->h_aliases && found->h_aliases[0] ? found->h_aliases[0] : found->h_name;
		int n = name ? snprintf(q->answer, sizeof(q->answer), "%s", name) : 0;

		ares_free_hostent(found);
		settled(q, n > 0 && n < (int)sizeof(q->answer) ? RESOLVED : RESOLVED_NOTHING);
		return;
	}
	settled(q, RESOLVED_NOTHING);
}

/* "7.2.0.192.in-addr.arpa", "7.0.0. ... .ip6.arpa" */
static void reverse_name(const struct ip *ip, bool v4, char out[80])
{
	static const char digit[] = "0123456789abcdef";
	char *p = out;

	if (v4) {
		snprintf(out, 80, "%u.%u.%u.%u.in-addr.arpa", ip->b[15], ip->b[14], ip->b[13], ip->b[12]);
		return;
	}
	for (int i = 15; i >= 0; i--) {
		*p++ = digit[ip->b[i] & 15];
		*p++ = '.';
		*p++ = digit[ip->b[i] >> 4];
		*p++ = '.';
	}
	memcpy(p, "ip6.arpa", sizeof("ip6.arpa"));
}

static void ask(struct question *q)
{
	char name[80];
	struct ip ip;

	if (q->reverse) {
		if (!host->ip_parse(q->text, &ip)) {
			settled(q, RESOLVED_NOTHING);
			return;
		}
		reverse_name(&ip, str_chr(q->text, ':') < 0, name);
		ares_query(q->all->resolver->channel, name, ns_c_in, ns_t_ptr, have_name, q);
		return;
	}
	if (q->text.len == 0 || q->text.len > NAME_MAX_BYTES || str_chr(q->text, '\0') >= 0) {
		settled(q, RESOLVED_NOTHING);
		return;
	}
	search(q, ns_t_a, have_a);
}

/* c-ares: what it waits for on which socket. */
static void watch(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct resolver *r = arg;
	short events = (short)((readable ? POLLIN : 0) | (writable ? POLLOUT : 0));
	nfds_t i = 1;

	while (i < r->nfds && r->fd[i].fd != fd)
		i++;
	if (!events) {
		if (i < r->nfds)
			r->fd[i] = r->fd[--r->nfds];
		return;
	}
	if (i == r->nfds) {
		/* Not watched: its questions end by their timeouts. */
		if (i == 1 + SOCKETS_MAX)
			return;
		r->nfds++;
	}
	r->fd[i] = (struct pollfd){.fd = fd, .events = events};
}

static void begin(struct resolver *r, struct questions *q)
{
	q->resolver = r;
	q->left = 1; /* this function's: nothing is settled while there is more to ask */
	r->outstanding++;
	for (unsigned i = 0; i < q->n; i++)
		for (struct question *x = q->ask[i]; x; x = x->then) {
			x->all = q;
			x->tries = 0;
			q->left++;
		}
	for (unsigned i = 0; i < q->n; i++)
		ask(q->ask[i]);
	if (--q->left == 0) {
		r->outstanding--;
		host->errands_answered(r->home, &q->errand);
	}
}

static void turn(struct resolver *r)
{
	struct pollfd ready[1 + SOCKETS_MAX];
	struct timeval tv, *left = ares_timeout(r->channel, NULL, &tv);
	int ms = left ? (int)(left->tv_sec * 1000 + (left->tv_usec + 999) / 1000) : -1;
	nfds_t n = r->nfds;

	if (poll(r->fd, n, ms) <= 0)
		n = 0;
	/* Processing changes the list. */
	memcpy(ready, r->fd, n * sizeof(*ready));
	for (nfds_t i = 1; i < n; i++)
		if (ready[i].revents)
			ares_process_fd(r->channel, ready[i].revents & ~POLLOUT ? ready[i].fd : ARES_SOCKET_BAD,
					ready[i].revents & POLLOUT ? ready[i].fd : ARES_SOCKET_BAD);
	ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD); /* timeouts */
}

static void run(struct errands *e, void *arg)
{
	struct resolver *r = arg;
	struct errand *x;

	r->home = e;
	r->fd[0] = (struct pollfd){.fd = host->errands_fd(e), .events = POLLIN};
	r->nfds = 1;
	for (;;) {
		while ((x = host->errands_take(e)))
			begin(r, (struct questions *)x);
		if (host->errands_over(e) && !r->outstanding)
			return;
		turn(r);
	}
}

/* ---- any thread ---- */

static void init_library(void)
{
	ares_library_init(ARES_LIB_INIT_ALL);
}

static int open_channel(struct resolver *r, const struct resolver_setup *setup, struct err *err)
{
	struct ares_options o = {.flags = ARES_FLAG_NOALIASES, .timeout = (int)(setup->timeout_ns / 1000000), .tries = 1, .sock_state_cb = watch, .sock_state_cb_data = r};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB, rc;
	char **domains = host->xzalloc((setup->nsearch + 1) * sizeof(*domains));

	if (o.timeout < 1)
		o.timeout = 1;
	if (setup->servers) {
		for (unsigned i = 0; i < setup->nsearch; i++)
			domains[i] = host->xstrdupz(setup->search[i]);
		o.domains = domains;
		o.ndomains = (int)setup->nsearch;
		o.ndots = (int)setup->ndots;
		mask |= ARES_OPT_DOMAINS | ARES_OPT_NDOTS | ARES_OPT_NOROTATE;
	}
	rc = ares_init_options(&r->channel, &o, mask);
	if (rc == ARES_SUCCESS && setup->servers) {
		rc = ares_set_servers_ports_csv(r->channel, setup->servers);
		if (rc != ARES_SUCCESS)
			ares_destroy(r->channel);
	}
	for (unsigned i = 0; i < setup->nsearch; i++)
		free(domains[i]);
	free(domains);
	return rc == ARES_SUCCESS ? 0 : host->err_set(err, "cannot use the name servers '%s': %s", setup->servers ? setup->servers : "of /etc/resolv.conf", ares_strerror(rc));
}

static struct resolver *open_resolver(const struct dns_host *h, const struct resolver_setup *setup, struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct resolver *r;

	if (!host)
		host = h;
	pthread_once(&once, init_library);
	r = host->xzalloc(sizeof(*r));
	r->retries = setup->retries;
	if (open_channel(r, setup, err)) {
		free(r);
		return NULL;
	}
	r->errands = host->errands_new("weir-dns", run, r, err);
	if (!r->errands) {
		ares_destroy(r->channel);
		free(r);
		return NULL;
	}
	return r;
}

static void close_resolver(struct resolver *r)
{
	if (!r)
		return;
	host->errands_free(r->errands);
	ares_destroy(r->channel);
	free(r);
}

static void ask_all(struct resolver *r, struct questions *q, struct wait *w)
{
	host->errands_give(r->errands, &q->errand, w);
}

static void settle(struct resolver *r, struct questions *q)
{
	host->errands_settle(r->errands, &q->errand);
}

MODULE(struct dns_module, .head.version = DNS_MODULE_VERSION, .open = open_resolver, .close = close_resolver, .ask = ask_all, .settle = settle);
