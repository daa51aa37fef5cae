#include "outputs/net_serve.h"

#include "base/log.h"
#include "input/listen.h"
#include "outputs/net_link.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

static const int64_t ms = 1000000, second = 1000000000;

enum {
	PEERS_MAX = 256,
	LOOK_MS = 100,	/* how often the out thread looks at `stop` */
	TICK_MS = 1000, /* handshakes that take too long */
	HOLD_S = 10,
	EARN = 10, /* of the time that passes one part in so many is earned back */
	STALL_S = 60,
	RECORD = 16 * 1024, /* plain text of a TLS record */
};

struct peer {
	struct peer *next;
	int fd;
	struct tls *tls;
	struct buf out; /* TLS's bytes on their way; `at` of them are sent */
	size_t at;
	int64_t opened_ns, moved_ns, held_ns;
	size_t left;	  /* of the request: not in `out` yet */
	int unacknowledged; /* as the kernel last said */
	bool owed;	  /* has not got all of the request yet */
	bool mute;	  /* has closed its half: it may still read */
	const char *gone; /* why; empty: nobody need hear of it */
	char name[80];
};

struct request {
	struct str bytes;
	unsigned got; /* by how many */
};

struct net_serve {
	char *id;
	int fd, wake; /* listening; eventfd */
	int64_t handshake_ns;
	pthread_t thread;
	/* its thread's */
	struct peer *peers;
	unsigned n;
	struct pollfd *polled;
	int64_t looked_ns;
	struct request *under_way;
	/* the out thread's */
	bool lonely;
	/* under lock */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct request *request; /* the out thread's; NULL: done with */
	bool withdrawn, ending;
	struct tls_context *tls;
};

/* ---- one peer ---- */

static bool shaking(const struct peer *p)
{
	return p->tls && !tls_up(p->tls);
}

static size_t waiting(const struct peer *p)
{
	return p->out.len - p->at;
}

/* n bytes at most; what the kernel took. */
static size_t put(struct peer *p, const char *bytes, size_t n, int64_t now)
{
	size_t sum = 0;

	while (sum < n && !p->gone) {
		ssize_t r = send(p->fd, bytes + sum, n - sum, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (r > 0) {
			sum += (size_t)r;
			p->moved_ns = now;
		} else if (r == -1 && errno == EAGAIN) {
			break;
		} else if (r == -1 && errno != EINTR) {
			p->gone = "";
		}
	}
	return sum;
}

static void put_waiting(struct peer *p, int64_t now)
{
	p->at += put(p, p->out.p + p->at, waiting(p), now);
	if (p->at == p->out.len) {
		buf_clear(&p->out);
		p->at = 0;
	}
}

/* What TLS has to say goes into p->out. */
static void take_tls(struct peer *p)
{
	char piece[RECORD];
	size_t n;

	while ((n = tls_take(p->tls, piece, sizeof(piece))))
		buf_add(&p->out, piece, n);
}

/* As much of the request as the kernel takes. */
static void push(struct peer *p, struct str bytes, int64_t now)
{
	put_waiting(p, now);
	while (p->left && !waiting(p) && !p->gone) {
		const char *from = bytes.p + bytes.len - p->left;
		size_t n = p->left < RECORD ? p->left : RECORD;

		if (!p->tls) {
			n = put(p, from, p->left, now);
			p->left -= n;
			if (p->left)
				return;
		} else if (tls_write(p->tls, from, n)) {
			p->left -= n;
			take_tls(p);
			put_waiting(p, now);
		} else {
			p->gone = tls_why(p->tls);
		}
	}
}

/* What it says means nothing to us, but TLS's words do. */
static void listen_to(struct peer *p, int64_t now)
{
	char in[4096], plain[4096];
	enum tls_result r;
	ssize_t n;
	size_t got;

	while (!p->gone && (n = recv(p->fd, in, sizeof(in), MSG_DONTWAIT)) != 0) {
		if (n == -1 && errno != EINTR) {
			if (errno != EAGAIN)
				p->gone = "";
			return;
		}
		if (!p->tls || n == -1)
			continue;
		tls_feed(p->tls, in, (size_t)n);
		while ((r = tls_read(p->tls, plain, sizeof(plain), &got)) == TLS_DATA)
			;
		take_tls(p);
		put_waiting(p, now);
		if (r == TLS_FAILED)
			p->gone = tls_why(p->tls);
	}
	if (!p->gone)
		p->mute = true;
	/* Who has not shaken hands will not. */
	if (p->mute && shaking(p))
		p->gone = "";
}

/* Whether it has all of the request: its kernel says so. */
static bool acknowledged(struct peer *p, int64_t now)
{
	int left;

	if (p->left || waiting(p) || ioctl(p->fd, SIOCOUTQ, &left) == -1)
		return false;
	if (net_is_over(p->fd)) {
		p->gone = "";
		return false;
	}
	if (left != p->unacknowledged)
		p->moved_ns = now;
	p->unacknowledged = left;
	return left == 0;
}

static void hang_up(struct net_serve *s, struct peer *p)
{
	if (p->tls && !p->gone) {
		tls_end(p->tls);
		take_tls(p);
		put_waiting(p, 0);
	}
	if (p->gone && *p->gone)
		log_warn("output", "'%s': the connection from %s is closed: %s", s->id, p->name, p->gone);
	else
		log_debug("output", "'%s': the connection from %s has ended", s->id, p->name);
	close(p->fd);
	tls_free(p->tls);
	buf_release(&p->out);
	free(p);
	s->n--;
}

static void sweep(struct net_serve *s)
{
	struct peer **at = &s->peers, *p;

	while ((p = *at)) {
		if (!p->gone) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		hang_up(s, p);
	}
}

/* ---- who comes ---- */

/* Who has closed its half may well be gone for good: that would show with the next event only. */
static bool make_room(struct net_serve *s)
{
	struct peer *oldest = NULL;

	/* Who came last stands first. */
	for (struct peer *p = s->peers; p; p = p->next)
		if (p->mute)
			oldest = p;
	if (!oldest)
		return false;
	oldest->gone = "";
	sweep(s);
	return true;
}

static void welcome(struct net_serve *s, int fd, const struct sockaddr_storage *sa, int64_t now)
{
	struct peer *p = xzalloc(sizeof(*p));

	p->fd = fd;
	p->opened_ns = now;
	(void)sockaddr_text((const struct sockaddr *)sa, p->name, sizeof(p->name));
	buf_init(&p->out, 0);
	net_watch_peer(fd);
	pthread_mutex_lock(&s->lock);
	p->tls = s->tls ? tls_new(s->tls, STR(""), false) : NULL;
	pthread_mutex_unlock(&s->lock);
	p->next = s->peers;
	s->peers = p;
	s->n++;
	log_debug("output", "'%s': a connection from %s", s->id, p->name);
}

static void accept_all(struct net_serve *s, int64_t now)
{
	struct sockaddr_storage sa;
	socklen_t len;
	int fd;

	while (len = sizeof(sa), (fd = accept4(s->fd, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC)) != -1) {
		if (s->n < PEERS_MAX || make_room(s)) {
			welcome(s, fd, &sa, now);
			continue;
		}
		log_warn("output", "'%s': too many connections, one is refused", s->id);
		close(fd);
	}
}

/* ---- requests ---- */

static void begin_request(struct net_serve *s, int64_t now)
{
	pthread_mutex_lock(&s->lock);
	s->under_way = s->request;
	pthread_mutex_unlock(&s->lock);
	for (struct peer *p = s->peers; s->under_way && p; p = p->next) {
		p->owed = !shaking(p);
		p->left = p->owed ? s->under_way->bytes.len : 0;
		p->moved_ns = now;
		p->unacknowledged = 0;
	}
}

static void end_request(struct net_serve *s)
{
	s->under_way = NULL;
	pthread_mutex_lock(&s->lock);
	s->request = NULL;
	s->withdrawn = false;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

/* What half of a request has reached nobody can take back. */
static void drop_request(struct net_serve *s)
{
	for (struct peer *p = s->peers; p; p = p->next)
		if (p->owed && !p->gone)
			p->gone = "";
	end_request(s);
}

/* What others wait for a slow one is his to answer for. */
static void hold_account(struct peer *p, bool holds, int64_t passed)
{
	if (holds)
		p->held_ns += passed;
	else
		p->held_ns = p->held_ns > passed / EARN ? p->held_ns - passed / EARN : 0;
}

static void go_on(struct net_serve *s, int64_t now, int64_t passed)
{
	struct request *r = s->under_way;
	bool open = false;

	for (struct peer *p = s->peers; p; p = p->next) {
		if (p->owed && !p->gone)
			push(p, r->bytes, now);
		if (p->owed && !p->gone && acknowledged(p, now)) {
			p->owed = false;
			r->got++;
		}
	}
	for (struct peer *p = s->peers; p; p = p->next) {
		bool late = p->owed && !p->gone;

		hold_account(p, late && r->got, passed);
		if (late && p->held_ns > HOLD_S * second)
			p->gone = "it reads too slowly for the others";
		else if (late && now - p->moved_ns > STALL_S * second)
			p->gone = "it does not read";
		open |= late && !p->gone;
	}
	if (!open)
		end_request(s);
}

/* ---- the thread ---- */

static int wait_for_something(struct net_serve *s, int step_ms)
{
	struct pollfd *f = s->polled;
	nfds_t n = 0;

	f[n++] = (struct pollfd){.fd = s->wake, .events = POLLIN};
	f[n++] = (struct pollfd){.fd = s->fd, .events = POLLIN};
	for (struct peer *p = s->peers; p; p = p->next) {
		short events = p->mute ? 0 : POLLIN;

		if (waiting(p) || p->left)
			events |= POLLOUT;
		/* Whoever says that it is over and is not listened to any more would wake us for ever: he is found out by what is sent. */
		f[n++] = (struct pollfd){.fd = events ? p->fd : -1, .events = events};
	}
	return poll(f, n, step_ms);
}

static void serve_peers(struct net_serve *s, int64_t now)
{
	for (struct peer *p = s->peers; p; p = p->next) {
		if (!p->mute)
			listen_to(p, now);
		if (!p->gone && waiting(p))
			put_waiting(p, now);
		if (!p->gone && shaking(p) && now - p->opened_ns > s->handshake_ns)
			p->gone = "its TLS handshake takes too long";
	}
}

static void *serve(void *arg)
{
	struct net_serve *s = arg;
	int step = TICK_MS;
	bool ending = false, withdrawn;
	uint64_t ignored;

	while (!ending) {
		int64_t now, passed;

		(void)wait_for_something(s, step);
		now = clock_mono(&clock_system);
		passed = now - s->looked_ns;
		s->looked_ns = now;
		if (read(s->wake, &ignored, sizeof(ignored)) == -1 && errno != EAGAIN && errno != EINTR)
			bug_on(true);
		accept_all(s, now);
		serve_peers(s, now);
		pthread_mutex_lock(&s->lock);
		ending = s->ending;
		withdrawn = s->withdrawn;
		pthread_mutex_unlock(&s->lock);
		if (withdrawn)
			drop_request(s);
		if (!s->under_way) {
			for (struct peer *p = s->peers; p; p = p->next)
				hold_account(p, false, passed);
			begin_request(s, now);
			passed = 0;
			step = 1;
		}
		if (s->under_way)
			go_on(s, now, passed);
		sweep(s);
		/* Nobody tells of an acknowledgement: it comes within a round trip, or 40 ms if the far end is lazy. */
		step = !s->under_way ? TICK_MS : step < 8 ? step * 2 : step;
	}
	return NULL;
}

static void wake_up(struct net_serve *s)
{
	uint64_t one = 1;

	bug_on(write(s->wake, &one, sizeof(one)) != sizeof(one));
}

/* ---- the out thread ---- */

/* Under lock. */
static void look_again_soon(struct net_serve *s)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_nsec += LOOK_MS * ms;
	at.tv_sec += at.tv_nsec / second;
	at.tv_nsec %= second;
	(void)pthread_cond_timedwait(&s->changed, &s->lock, &at);
}

/* How many have got it; -1: it was taken back. */
static int hand_out(struct net_serve *s, struct str bytes, const _Atomic bool *stop)
{
	struct request r = {.bytes = bytes};
	bool withdrawn = false;

	pthread_mutex_lock(&s->lock);
	s->request = &r;
	wake_up(s);
	while (s->request) {
		look_again_soon(s);
		if (!s->request || withdrawn || !atomic_load(stop))
			continue;
		withdrawn = s->withdrawn = true;
		wake_up(s);
	}
	pthread_mutex_unlock(&s->lock);
	return withdrawn && !r.got ? -1 : (int)r.got;
}

enum send_result net_serve_send(struct net_serve *s, struct pack *p, uint32_t from, uint32_t to, struct send_ctx *ctx)
{
	int got = hand_out(s, pack_range(p, from, to), ctx->stop);

	if (got < 0) {
		err_set(&ctx->err, "nobody has read them yet");
		ctx->maybe_sent = true;
		return SEND_RETRY;
	}
	if (!got && !s->lonely)
		log_warn("output", "'%s': nobody is connected, events are dropped until somebody is", s->id);
	s->lonely = !got;
	for (; from < to; from++) {
		if (got)
			p->item[from].verdict = VERDICT_DELIVERED;
		else
			pack_note(p, from, VERDICT_DROPPED, 0, DROP_NOBODY, STR("nobody is connected"));
	}
	return SEND_JUDGED;
}

/* ---- life ---- */

void net_serve_renew(struct net_serve *s, const struct tls_options *tls)
{
	struct tls_context *former;

	pthread_mutex_lock(&s->lock);
	former = s->tls;
	s->tls = tls_context_ref(tls->context);
	pthread_mutex_unlock(&s->lock);
	tls_context_unref(former);
}

struct net_serve *net_serve_new(struct str id, struct str host, int port, const struct tls_options *tls, struct err *err)
{
	int fd = listen_socket(host, port, SOCK_STREAM, err);
	pthread_condattr_t attr;
	struct net_serve *s;

	if (fd == -1)
		return NULL;
	s = xzalloc(sizeof(*s));
	s->id = xstrdupz(id);
	s->fd = fd;
	s->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	s->handshake_ns = tls->handshake_ms * ms;
	s->tls = tls_context_ref(tls->context);
	s->polled = xmalloc((PEERS_MAX + 2) * sizeof(*s->polled));
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &attr);
	pthread_condattr_destroy(&attr);
	log_info("output", "'%s': listening on tcp port %d%s", s->id, socket_port(fd), s->tls ? ", TLS" : "");
	if (s->wake != -1 && pthread_create(&s->thread, NULL, serve, s) == 0)
		return s;
	err_set(err, "cannot start the thread that listens");
	s->ending = true;
	net_serve_free(s);
	return NULL;
}

void net_serve_free(struct net_serve *s)
{
	if (!s)
		return;
	/* Set already: there is no thread. */
	if (!s->ending) {
		pthread_mutex_lock(&s->lock);
		s->ending = true;
		pthread_mutex_unlock(&s->lock);
		wake_up(s);
		pthread_join(s->thread, NULL);
	}
	while (s->peers) {
		struct peer *p = s->peers;

		s->peers = p->next;
		hang_up(s, p);
	}
	close(s->fd);
	if (s->wake != -1)
		close(s->wake);
	tls_context_unref(s->tls);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s->polled);
	free(s->id);
	free(s);
}
