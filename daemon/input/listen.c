#include "input/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

static int refuse(struct err *err, struct str host, int port, int type, int why)
{
	const char *proto = type == SOCK_STREAM ? "tcp" : "udp";

	errno = why;
	if (why == EACCES)
		return err_set(err, "cannot listen on %s port %d: ports below 1024 need root or CAP_NET_BIND_SERVICE", proto, port);
	if (why == EADDRINUSE)
		return err_set(err, "cannot listen on %s port %d: the port is in use", proto, port);
	if (why == EADDRNOTAVAIL)
		return err_set(err, "cannot listen on %s port %d: this machine has no address '%.*s'", proto, port, STR_ARG(host));
	return err_sys(err, "cannot listen on %s %.*s port %d", proto, STR_ARG(host), port);
}

static int try_bind(const struct sockaddr *sa, socklen_t len, int type, bool both)
{
	int fd = socket(sa->sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, off = 0, saved;

	if (fd == -1)
		return -1;
	if (type == SOCK_STREAM)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (sa->sa_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, both ? &off : &on, sizeof(on));
	if (bind(fd, sa, len) == 0 && (type != SOCK_STREAM || listen(fd, 1024) == 0))
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static int bind_any(int port, int type)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = IN6ADDR_ANY_INIT};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = try_bind((struct sockaddr *)&six, sizeof(six), type, true);

	if (fd == -1 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
		fd = try_bind((struct sockaddr *)&four, sizeof(four), type, false);
	return fd;
}

int listen_socket(struct str host, int port, int type, struct err *err)
{
	struct addrinfo hints = {.ai_socktype = type, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *list = NULL;
	char name[256], service[8];
	int fd, rc;

	if (host.len == 0 || str_eq(host, STR("0.0.0.0")) || str_eq(host, STR("::")) || str_eq(host, STR("*"))) {
		fd = bind_any(port, type);
		return fd == -1 ? refuse(err, host, port, type, errno) : fd;
	}
	if (host.len >= sizeof(name))
		return err_set(err, "host '%.60s...' is too long", host.p);
	memcpy(name, host.p, host.len);
	name[host.len] = 0;
	snprintf(service, sizeof(service), "%d", port);
	rc = getaddrinfo(name, service, &hints, &list);
	if (rc)
		return err_set(err, "cannot listen on host '%s': %s", name, gai_strerror(rc));
	fd = try_bind(list->ai_addr, list->ai_addrlen, type, false);
	rc = errno;
	freeaddrinfo(list);
	return fd == -1 ? refuse(err, host, port, type, rc) : fd;
}

int socket_port(int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	if (getsockname(fd, (struct sockaddr *)&sa, &len) == -1)
		return -1;
	if (sa.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)&sa)->sin_port);
	return sa.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&sa)->sin6_port) : -1;
}

size_t sockaddr_text(const struct sockaddr *sa, char *out, size_t size)
{
	char host[INET6_ADDRSTRLEN];
	const struct sockaddr_in *four = (const struct sockaddr_in *)sa;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)sa;
	int n = 0;

	if (sa->sa_family == AF_INET) {
		inet_ntop(AF_INET, &four->sin_addr, host, sizeof(host));
		n = snprintf(out, size, "%s:%d", host, ntohs(four->sin_port));
	} else if (sa->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
		inet_ntop(AF_INET, six->sin6_addr.s6_addr + 12, host, sizeof(host));
		n = snprintf(out, size, "%s:%d", host, ntohs(six->sin6_port));
	} else if (sa->sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof(host));
		n = snprintf(out, size, "[%s]:%d", host, ntohs(six->sin6_port));
	}
	return n > 0 && (size_t)n < size ? (size_t)n : 0;
}
