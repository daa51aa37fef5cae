/*
 * tcp_server.h - a listening stream socket and its connections, for the inputs tcp, syslog, unix and dnstap.
 *
 * Connections are bounded in number, in number per address, in idle time and in the time half a frame may take; each limit is
 * counted. Loop thread after start.
 */
#ifndef WEIR_INPUT_TCP_SERVER_H
#define WEIR_INPUT_TCP_SERVER_H

#include "input/stream.h"

struct tcp_limits {
	uint32_t connections, per_address;
	int64_t idle_ns, half_frame_ns;
	size_t frame_max;
};

struct tcp_server;

extern const struct tcp_limits tcp_default_limits;

/* Takes the listening descriptor (TCP, or a unix socket with path). */
struct tcp_server *tcp_server_new(struct inlet *in, int fd, enum framer_kind kind, const struct tcp_limits *limits,
				  struct str unix_path);
int tcp_server_start(struct tcp_server *s, struct err *err);
void tcp_server_pause(struct tcp_server *s);
void tcp_server_resume(struct tcp_server *s);
/* closed(arg) when the last handle is. What lies in the sockets' buffers is read first (0.5 s at most). */
void tcp_server_stop(struct tcp_server *s, void (*closed)(void *arg), void *arg);
void tcp_server_free(struct tcp_server *s);

#endif
