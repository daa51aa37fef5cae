/*
 * tcp_server.h - a listening stream socket and its connections, for the inputs tcp, syslog, unix and dnstap; with TLS where it is wanted.
 *
 * Connections are bounded in number, in number per address, in idle time, in the time half a frame and a TLS handshake may take, and in what
 * waits to be sent to a peer that does not read; each limit is counted. Loop thread after start.
 */
#ifndef WEIR_INPUT_TCP_SERVER_H
#define WEIR_INPUT_TCP_SERVER_H

#include "base/tls.h"
#include "input/stream.h"

struct tcp_limits {
	uint32_t connections, per_address;
	int64_t idle_ns, half_frame_ns, handshake_ns;
	size_t frame_max;
};

struct tcp_server;

/* A protocol of its own on each connection. */
struct tcp_protocol {
	void (*opened)(struct stream *st, void *arg); /* sets st->cut and st->state */
	void (*closed)(struct stream *st);
};

extern const struct tcp_limits tcp_default_limits;

/* Takes the listening descriptor (TCP, or a unix socket with path). */
struct tcp_server *tcp_server_new(struct inlet *in, int fd, enum framer_kind kind, const struct tcp_limits *limits,
				  struct str unix_path);
/*
 * Connections speak TLS, those that are accepted from now on with this context (shared). Before the start, or on the loop's thread; whether
 * there is TLS at all is settled before the start.
 */
void tcp_server_tls(struct tcp_server *s, struct tls_context *context);
/* Before the start; borrowed. */
void tcp_server_protocol(struct tcp_server *s, const struct tcp_protocol *p, void *arg);
int tcp_server_start(struct tcp_server *s, struct err *err);
void tcp_server_pause(struct tcp_server *s);
void tcp_server_resume(struct tcp_server *s);
/* closed(arg) when the last handle is. What lies in the sockets' buffers is read first (0.5 s at most). */
void tcp_server_stop(struct tcp_server *s, void (*closed)(void *arg), void *arg);
void tcp_server_free(struct tcp_server *s);

#endif
