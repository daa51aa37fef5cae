/*
 * listen.h - sockets that inputs listen on.
 *
 * "0.0.0.0" (Logstash's default) and "::" mean both families on one socket; where the machine has no IPv6 it is IPv4 alone. Any other
 * host is an address or a name that is looked up once, at start. Main thread; may block for the look-up.
 */
#ifndef WEIR_INPUT_LISTEN_H
#define WEIR_INPUT_LISTEN_H

#include "base/err.h"

#include <sys/socket.h>

/*
 * A bound, non-blocking socket (type SOCK_STREAM: listening), or -1 and one clear line in err ("cannot listen on tcp port 514: needs root or
 * CAP_NET_BIND_SERVICE", "... the port is in use").
 */
int listen_socket(struct str host, int port, int type, struct err *err);
/*
 * A reload opens what is new before it closes what is gone, and an input with another option has its port still. So sockets have an owner: what
 * listen_socket() opens from listen_as(x) to listen_as(NULL) is x's. Once listen_leaves(x) has said that x is to be closed, whoever asks for the
 * same address, or unix path, gets x's socket (dup(2)), with all that waits in it. listen_forget() after x's sockets are closed. Main thread.
 */
void listen_as(const void *owner);
void listen_leaves(const void *owner, bool leaves);
void listen_forget(const void *owner);
/*
 * A listening unix socket, or -1 and err (listen_unlink() at its end). What a crash left behind gives way; a socket that somebody listens on, or a file, only does with
 * `force`. mode: of the socket's file; -1: as the umask says.
 */
int listen_unix(struct str path, int mode, bool force, struct err *err);
/* Removes the socket's file, unless somebody else has the socket by now. */
void listen_unlink(const char *path);
/* The port that the kernel gave (port 0). */
int socket_port(int fd);
/* "192.0.2.1:514", "[2001:db8::1]:514"; mapped IPv4 as IPv4. Returns the length. */
size_t sockaddr_text(const struct sockaddr *sa, char *out, size_t size);

#endif
