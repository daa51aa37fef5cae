/*
 * udp_server.h - a datagram socket, read by a loop of its own, for the inputs udp and syslog.
 *
 * While the queue is full nothing is read, and the socket's buffer holds what comes; what that has no room for is counted exactly
 * (SO_MEMINFO, a 32-bit counter that wraps: differences, each second and at the end).
 */
#ifndef WEIR_INPUT_UDP_SERVER_H
#define WEIR_INPUT_UDP_SERVER_H

#include "input/input.h"

struct udp_server;

/* Takes the bound descriptor. buffer: wanted receive buffer in bytes, 0: as large as allowed. */
struct udp_server *udp_server_new(struct inlet *in, int fd, int64_t buffer);
/*
 * Before the start: whole(arg, ...) gets each datagram as it came, with bytes at its end that a line would lose, and is to hand it over
 * (inlet_datagram) or to count it (inlet_counters) instead.
 */
void udp_server_whole(struct udp_server *s, void (*whole)(void *arg, struct source *source, struct str datagram, const struct sockaddr *from), void *arg);
void udp_server_pause(struct udp_server *s);
void udp_server_resume(struct udp_server *s);
int udp_server_start(struct udp_server *s, struct err *err);
/* What lies in the socket's buffer is read first. */
void udp_server_stop(struct udp_server *s, void (*closed)(void *arg), void *arg);
void udp_server_free(struct udp_server *s);

#endif
