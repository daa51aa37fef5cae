/*
 * net_link.h - the send half of outputs that speak to a socket: a TCP connection, with TLS or without, or datagrams.
 *
 * What a stream's far end has read cannot be known. What is known, and asked for (SIOCOUTQ): what the far end's kernel has taken. Events are
 * delivered when all of a request's bytes have got so far; where the connection breaks before, all of it is sent again over the next one, so
 * the far end may get some of them twice, and the beginning of one that was cut off. Out threads, one link each; may block until `stop`.
 */
#ifndef WEIR_OUTPUTS_NET_LINK_H
#define WEIR_OUTPUTS_NET_LINK_H

#include "outputs/output.h"
#include "pipeline/options.h"
#include "pipeline/tls_options.h"

#include <sys/types.h>

enum {
	NET_PACK_BYTES = 256 * 1024, /* what is sent again at most when a stream breaks */
	DATAGRAM_MAX = 65507,	     /* UDP over IPv4 */
};

/* Copies host; shares tls->context (NULL: plain). port 0: datagrams say theirs, see net_send_datagrams(). Never fails. */
void *net_conn_new(struct str host, int port, bool datagrams, const struct tls_options *tls);
/* A certificate may have been renewed: for connections to come. Any thread. */
void net_conn_renew(void *conn, const struct tls_options *tls);
void net_conn_free(void *conn);
bool net_is_stream(const void *conn);
/* The connection was reset, or given up by the kernel: what it had not sent is gone. A half that the peer has closed is none of that. */
bool net_is_over(int fd);
/* Nothing is held back, and a peer that is dead is found out: one that acknowledges nothing for 5 minutes, or does not answer when asked. */
void net_watch_peer(int fd);
void *net_link_open(void *conn);
void net_link_close(void *link);
/* The range's bytes, one after the other. */
enum send_result net_send_stream(void *conn, void *link, struct pack *p, uint32_t from, uint32_t to, struct send_ctx *ctx);

/*
 * For protocols whose far end answers: these are used instead of net_send_stream(). SEND_JUDGED: connected, perhaps since long. -1: the
 * connection is over, or stop was set; ctx->err says which, and net_hang_up() follows.
 */
enum send_result net_call(void *link, struct send_ctx *ctx);
int net_put(void *link, struct str bytes, struct send_ctx *ctx);
/* Waits for what the far end says next, for ever: 1 to n bytes. */
ssize_t net_get(void *link, char *out, size_t n, struct send_ctx *ctx);
void net_hang_up(void *link);

/* A datagram for each item's document; its head is the port in decimal digits where the connection has none. */
enum send_result net_send_datagrams(void *conn, void *link, struct pack *p, uint32_t from, uint32_t to, struct send_ctx *ctx);

#endif
