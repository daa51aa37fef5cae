/*
 * tcp_server_int.h - shared by tcp_server.c (the listener, limits, answers) and tcp_conn.c (one connection). Loop thread.
 */
#ifndef WEIR_INPUT_TCP_SERVER_INT_H
#define WEIR_INPUT_TCP_SERVER_INT_H

#include "input/receipts.h"
#include "input/tcp_dial.h"
#include "input/tcp_server.h"

struct conn {
	struct conn *next, **back;
	struct tcp_server *server;
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	};
	struct stream st;
	struct tls *tls;	 /* NULL: plain text */
	int64_t opened_ns;	 /* monotonic */
	uv_write_t write;
	uv_shutdown_t shutdown;
	struct buf out, writing; /* what waits; what libuv has */
	struct receipts *receipts; /* NULL: nothing is answered */
	int64_t answered_ns;	 /* monotonic; or since when something is under way */
	uint8_t address[16];	 /* of the peer; IPv4 mapped; zero for unix */
	struct buf head;	 /* what came of a proxy's header */
	bool heading;		 /* it is not whole yet */
	bool inner;		 /* it stands within TLS */
	bool closing, write_open, finishing, shut;
};

struct tcp_server {
	struct inlet *inlet;
	enum framer_kind kind;
	struct tcp_limits limits;
	const struct tcp_answers *answers; /* NULL: none are given */
	struct desk *desk;
	char *unix_path;
	struct tls_context *tls; /* NULL: plain text */
	const struct tcp_protocol *protocol;
	void *protocol_arg;
	char *scratch;		 /* what was just read that is not for a batch as it is: TLS, a proxy's header */
	bool proxied;
	struct tcp_dial *dial;	 /* connects, and nobody listens; or NULL */
	bool check_name;	 /* with it: the far end's certificate must bear its name */
	int fd;
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	};
	uv_timer_t sweep, linger;
	struct conn *conns;
	uint32_t n;
	unsigned open_handles;
	int64_t paused_ns; /* monotonic: since when */
	bool paused, stopping, finished;
	void (*closed)(void *arg);
	void *closed_arg;
};

/* One more in the server's list, without a socket yet. */
struct conn *conn_new(struct tcp_server *s);
/* It has its socket: who it is, and reading begins. */
void conn_begin(struct conn *c);
/* It gets none. */
void conn_give_up(struct conn *c);
void conn_close(struct conn *c);
/* For the reason in c->st.broken, which is said here, once: whoever is told that a stream is broken ends it. */
void conn_break(struct conn *c);
/* That reason, of a connection that never came to be one: counted. */
void conn_refuse(struct conn *c, const char *why);
/* To the peer; may leave c->st.broken. */
void conn_say(struct conn *c, const char *p, size_t n);
/* libuv's. */
void conn_on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf);
void conn_on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);
void tcp_server_handle_closed(struct tcp_server *s);

#endif
