/*
 * tcp_dial.h - connecting to somebody, again and again: the part of an input in mode client that makes its connection. What is connected is the
 * caller's; when that has ended, it says so and the next one follows. Loop thread after start.
 *
 * One connection at a time. Waits 1 s before it tries again, twice as long each time that nothing came of it, 30 s at most. All addresses of the
 * name are tried in turn, each for 10 s, and looked up anew with each try.
 */
#ifndef WEIR_INPUT_TCP_DIAL_H
#define WEIR_INPUT_TCP_DIAL_H

#include "base/str.h"

#include <uv.h>

struct tcp_dial;

/* Copies host; owner: for messages, borrowed. connected(arg, fd) takes the descriptor. */
struct tcp_dial *tcp_dial_new(const char *owner, struct str host, int port, void (*connected)(void *arg, int fd), void *arg);
/* "log.example.net:5000" */
const char *tcp_dial_name(const struct tcp_dial *d);
/* The host alone, as a certificate names it. */
struct str tcp_dial_host(const struct tcp_dial *d);
void tcp_dial_start(struct tcp_dial *d, uv_loop_t *uv);
/* The connection has ended. brought: it was of some use, so the next one need not wait for long. */
void tcp_dial_again(struct tcp_dial *d, bool brought);
/* closed(arg) when the last handle is. */
void tcp_dial_stop(struct tcp_dial *d, void (*closed)(void *arg), void *arg);
void tcp_dial_free(struct tcp_dial *d);

#endif
