#include "input/udp_server.h"
#include "base/log.h"

#include <linux/sock_diag.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	DATAGRAM = 64 * 1024,
	AT_ONCE = 20, /* as many as libuv reads with one recvmmsg */
	BUFFER_WANTED = 16 * 1024 * 1024,
	BUFFER_SMALL = 1024 * 1024,
	SAMPLE_MS = 1000,
};

struct udp_server {
	struct inlet *inlet;
	struct source *source;
	int fd;
	uv_udp_t udp;
	uv_timer_t sample;
	char *room;
	uint32_t drops_seen;
	void (*whole)(void *arg, struct source *source, struct str datagram, const struct sockaddr *from);
	void *whole_arg;
	bool reading, pause; /* in the middle of what one call has read; to be paused behind it */
	unsigned open_handles;
	void (*closed)(void *arg);
	void *closed_arg;
};

static void grow_buffer(struct udp_server *s, int64_t wanted)
{
	int size = wanted > 0 && wanted < INT32_MAX ? (int)wanted : BUFFER_WANTED, got = 0;
	socklen_t len = sizeof(got);

	(void)setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (getsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &got, &len) == 0 && got / 2 < BUFFER_SMALL && got / 2 < size)
		log_info("input", "%s: the receive buffer is only %d bytes; a burst may be lost: raise net.core.rmem_max", s->inlet->name, got / 2);
}

struct udp_server *udp_server_new(struct inlet *in, int fd, int64_t buffer)
{
	struct udp_server *s = xzalloc(sizeof(*s));

	s->inlet = in;
	s->fd = fd;
	grow_buffer(s, buffer);
	return s;
}

void udp_server_whole(struct udp_server *s, void (*whole)(void *arg, struct source *source, struct str datagram, const struct sockaddr *from), void *arg)
{
	s->whole = whole;
	s->whole_arg = arg;
}

/* The kernel counts from the socket's birth in 32 bits. */
static void sample_drops(struct udp_server *s)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t len = sizeof(info);
	uv_os_fd_t fd;

	if (uv_fileno((uv_handle_t *)&s->udp, &fd) || getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) == -1 ||
	    len < (SK_MEMINFO_DROPS + 1) * sizeof(uint32_t))
		return;
	count_add(&s->inlet->count.kernel_drops, (uint32_t)(info[SK_MEMINFO_DROPS] - s->drops_seen));
	s->drops_seen = info[SK_MEMINFO_DROPS];
}

static void on_sample(uv_timer_t *t)
{
	sample_drops(t->data);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct udp_server *s = h->data;

	(void)suggested;
	s->reading = true;
	/* Only the pages that datagrams touch are ever there. */
	if (!s->room)
		s->room = xmalloc(DATAGRAM * AT_ONCE);
	buf->base = s->room;
	buf->len = DATAGRAM * AT_ONCE;
}

static struct str trim_datagram(struct str d)
{
	while (d.len && (d.p[d.len - 1] == '\n' || d.p[d.len - 1] == '\r' || d.p[d.len - 1] == 0))
		d.len--;
	return d;
}

static void on_datagram(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from, unsigned flags)
{
	struct udp_server *s = udp->data;
	struct str d;

	if (n < 0 || !from) {
		/* All that was read at once has been handed out (UV_UDP_MMSG_FREE), or there was nothing. */
		s->reading = false;
		if (s->pause)
			uv_udp_recv_stop(&s->udp);
		s->pause = false;
		return;
	}
	if (s->whole) {
		s->whole(s->whole_arg, s->source, str_n(buf->base, (size_t)n), from);
		return;
	}
	d = trim_datagram(str_n(buf->base, (size_t)n));
	if (d.len == 0) {
		/* Nothing to keep, but it was received: the books must balance. */
		count_add(&s->inlet->count.datagrams, 1);
		count_add(&s->inlet->count.refused, 1);
		return;
	}
	inlet_datagram(s->inlet, s->source, d, from, flags & UV_UDP_PARTIAL ? FRAME_CUT : 0);
}

int udp_server_start(struct udp_server *s, struct err *err)
{
	uv_loop_t *uv = loop_uv(s->inlet->loop);
	int rc;

	uv_udp_init_ex(uv, &s->udp, AF_UNSPEC | UV_UDP_RECVMMSG);
	uv_timer_init(uv, &s->sample);
	s->udp.data = s->sample.data = s;
	s->open_handles = 2;
	s->source = inlet_source(s->inlet, str_z(s->inlet->name));
	rc = uv_udp_open(&s->udp, s->fd);
	if (rc == 0) {
		s->fd = -1;
		rc = uv_udp_recv_start(&s->udp, on_alloc, on_datagram);
	}
	if (rc)
		return err_set(err, "cannot read datagrams: %s", uv_strerror(rc));
	uv_timer_start(&s->sample, on_sample, SAMPLE_MS, SAMPLE_MS);
	return 0;
}

void udp_server_pause(struct udp_server *s)
{
	/* In the middle of what one call has read the rest of it would be lost. */
	if (s->reading)
		s->pause = true;
	else
		uv_udp_recv_stop(&s->udp);
}

void udp_server_resume(struct udp_server *s)
{
	s->pause = false;
	(void)uv_udp_recv_start(&s->udp, on_alloc, on_datagram); /* already reading: fine */
}

static void on_closed(uv_handle_t *h)
{
	struct udp_server *s = h->data;

	if (--s->open_handles)
		return;
	source_unref(s->source);
	s->source = NULL;
	s->closed(s->closed_arg);
}

/* What is in the socket's buffer was received by the machine: it is read before the socket goes. */
static void read_rest(struct udp_server *s)
{
	struct sockaddr_storage from;
	socklen_t len;
	uv_os_fd_t fd;
	ssize_t n;

	if (uv_fileno((uv_handle_t *)&s->udp, &fd))
		return;
	if (!s->room)
		s->room = xmalloc(DATAGRAM * AT_ONCE);
	for (;;) {
		uv_buf_t buf = {.base = s->room, .len = DATAGRAM};

		len = sizeof(from);
		n = recvfrom(fd, s->room, DATAGRAM, MSG_DONTWAIT, (struct sockaddr *)&from, &len);
		if (n < 0)
			return;
		on_datagram(&s->udp, n, &buf, (struct sockaddr *)&from, 0);
	}
}

void udp_server_stop(struct udp_server *s, void (*closed)(void *arg), void *arg)
{
	s->closed = closed;
	s->closed_arg = arg;
	uv_udp_recv_stop(&s->udp);
	read_rest(s);
	sample_drops(s);
	uv_close((uv_handle_t *)&s->udp, on_closed);
	uv_close((uv_handle_t *)&s->sample, on_closed);
}

void udp_server_free(struct udp_server *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	free(s->room);
	free(s);
}
