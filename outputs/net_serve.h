/*
 * net_serve.h - the send half of an output that listens: whoever is connected gets all events from then on.
 *
 * A thread of its own accepts, shakes hands, and writes each request to everybody at once; the out thread waits for it. A request is delivered
 * when the kernel of at least one peer has acknowledged all of it (as net_link.h has it); where nobody is connected its events are dropped,
 * counted (nobody), as Logstash does silently. Each request waits for all peers, so a slow one holds up the others and the pipeline: for
 * 10 s in all while others wait, earned back at a tenth of the time, or 60 s without a byte. Then he is cut off, with a warning. A peer that
 * was cut off in the middle of a request, and comes back, lacks its rest.
 */
#ifndef WEIR_OUTPUTS_NET_SERVE_H
#define WEIR_OUTPUTS_NET_SERVE_H

#include "outputs/output.h"
#include "pipeline/tls_options.h"

struct net_serve;

/* Listens at once. id: for messages, copied; shares tls->context (NULL: plain). NULL and err: it cannot listen there. */
struct net_serve *net_serve_new(struct str id, struct str host, int port, const struct tls_options *tls, struct err *err);
/* A certificate may have been renewed: for connections to come. Any thread. */
void net_serve_renew(struct net_serve *s, const struct tls_options *tls);
void net_serve_free(struct net_serve *s);
/* The range's bytes to everybody. One out thread. */
enum send_result net_serve_send(struct net_serve *s, struct pack *p, uint32_t from, uint32_t to, struct send_ctx *ctx);

#endif
