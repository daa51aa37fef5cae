/*
 * tcp_server.h - a listening stream socket and its connections, for the inputs tcp, syslog, unix, dnstap and beats; with TLS where it is wanted.
 * Of the input tcp the connection may also be one that weird makes.
 *
 * Connections are bounded in number, in number per address, in idle time, in the time half a frame and a TLS handshake may take, and in what
 * waits to be sent to a peer that does not read; each limit is counted. Loop thread after start.
 *
 * A server whose peers are told what has become of their frames has struct tcp_answers: each span of a connection then bears a receipt
 * (input/receipts.h), and what has ended is answered in the frames' order.
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

/* How a protocol answers. Loop thread. */
struct tcp_answers {
	/* Of the frame that came last, never 0: what is to be said once it has ended. */
	uint64_t (*receipt)(const struct framer *f);
	/* Those have ended; 0 among them: nothing to say. Appends the answer. */
	void (*answer)(const uint64_t *receipts, size_t n, struct buf *out);
	/* For five seconds there was no answer although something is under way: appends what keeps the peer waiting. */
	void (*wait)(const struct framer *f, struct buf *out);
	/* struct source.event_id of its connections. */
	void (*event_id)(struct source *s, const struct batch *b, const struct span *span, uint32_t frame, uint32_t nth, struct event *ev);
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
/* Before the start: each connection begins with a header (input/proxy_header.h); what it says is the source's peer, and its extra. */
void tcp_server_proxied(struct tcp_server *s);
/*
 * Before the start: nobody listens (fd -1), the one connection is made to there, and made again when it has ended (input/tcp_dial.h). check_name: with TLS.
 */
void tcp_server_call(struct tcp_server *s, struct str host, int port, bool check_name);
/* Before the start; borrowed. */
void tcp_server_protocol(struct tcp_server *s, const struct tcp_protocol *p, void *arg);
/* Before start; the input's ops have the two functions below. */
void tcp_server_answers(struct tcp_server *s, const struct tcp_answers *answers);
void tcp_server_span(struct inlet *in, struct source *source, struct span *sp);
void tcp_server_framed(struct inlet *in, struct source *source, struct span *sp);
int tcp_server_start(struct tcp_server *s, struct err *err);
void tcp_server_pause(struct tcp_server *s);
void tcp_server_resume(struct tcp_server *s);
/*
 * closed(arg) when the last handle is. What lies in the sockets' buffers is read first (0.5 s at most); where peers are answered nothing
 * more is read, they will send it again, but what is under way may still be answered (2 s at most).
 */
void tcp_server_stop(struct tcp_server *s, void (*closed)(void *arg), void *arg);
void tcp_server_free(struct tcp_server *s);
/* input_ops of inputs that are such a server and nothing else: inlet.io is it. */
int tcp_inlet_start(struct inlet *in, struct err *err);
void tcp_inlet_pause(struct inlet *in);
void tcp_inlet_resume(struct inlet *in);
void tcp_inlet_stop(struct inlet *in);
void tcp_inlet_release(struct inlet *in);

#endif
