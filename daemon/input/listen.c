#include "input/listen.h"

#include "base/arena.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
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

/* ---- owners ---- */

struct owned {
	struct owned *next;
	const void *owner;
	int fd, type;
	bool leaves;
	struct sockaddr_storage at;
	socklen_t len;
};

static struct owned *all_owned;
static const void *present_owner;

void listen_as(const void *owner)
{
	present_owner = owner;
}

void listen_leaves(const void *owner, bool leaves)
{
	for (struct owned *o = all_owned; o; o = o->next)
		if (o->owner == owner)
			o->leaves = leaves;
}

void listen_forget(const void *owner)
{
	struct owned **at = &all_owned, *o;

	while ((o = *at) != NULL) {
		if (o->owner != owner) {
			at = &o->next;
			continue;
		}
		*at = o->next;
		free(o);
	}
}

static bool is_at(int fd, const struct sockaddr_storage *at, socklen_t len)
{
	struct sockaddr_storage sa = {0};
	socklen_t n = sizeof(sa);

	return getsockname(fd, (struct sockaddr *)&sa, &n) == 0 && n == len && memcmp(&sa, at, n) == 0;
}

static int own(int fd, int type)
{
	struct owned *o;

	if (fd == -1 || !present_owner)
		return fd;
	o = xzalloc(sizeof(*o));
	*o = (struct owned){.next = all_owned, .owner = present_owner, .fd = fd, .type = type, .len = sizeof(o->at)};
	if (getsockname(fd, (struct sockaddr *)&o->at, &o->len) == -1)
		o->len = 0;
	all_owned = o;
	return fd;
}

/* The socket of somebody who is about to close it; errno stays EADDRINUSE where there is none. */
static int take_over(const struct sockaddr *sa, socklen_t len, int type)
{
	struct sockaddr_storage want = {0};

	memcpy(&want, sa, len);
	for (struct owned *o = all_owned; o; o = o->next) {
		int fd;

		/* The number could be another file's by now: the address says. */
		if (!o->leaves || o->type != type || o->len != len || memcmp(&o->at, &want, len) != 0 || !is_at(o->fd, &o->at, o->len))
			continue;
		fd = fcntl(o->fd, F_DUPFD_CLOEXEC, 0);
		if (fd == -1)
			continue;
		/* A second one would share what arrives with the first. */
		o->leaves = false;
		return fd;
	}
	errno = EADDRINUSE;
	return -1;
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
		return own(fd, type);
	saved = errno;
	close(fd);
	errno = saved;
	return saved == EADDRINUSE ? own(take_over(sa, len, type), type) : -1;
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

/* A socket that nobody listens on any more was left behind by a crash. */
static bool is_stale(const struct sockaddr_un *sa)
{
	struct stat st;
	bool stale;
	int fd;

	if (lstat(sa->sun_path, &st) == -1 || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return false;
	stale = connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) == -1 && errno == ECONNREFUSED;
	close(fd);
	return stale;
}

static struct sockaddr_un unix_address(struct str path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	memcpy(sa.sun_path, path.p, path.len);
	return sa;
}

/* As the kernel tells it: with the path's NUL. */
static socklen_t unix_len(const struct sockaddr_un *sa)
{
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(sa->sun_path) + 1);
}

static int bind_unix(int fd, const struct sockaddr_un *sa, int mode, bool force)
{
	int rc = bind(fd, (const struct sockaddr *)sa, sizeof(*sa));

	if (rc == -1 && errno == EADDRINUSE && (force || is_stale(sa))) {
		(void)unlink(sa->sun_path);
		rc = bind(fd, (const struct sockaddr *)sa, sizeof(*sa));
	}
	/* Nobody can connect before listen(): the mode is there in time. */
	if (rc == 0 && mode >= 0)
		rc = chmod(sa->sun_path, (mode_t)mode);
	return rc == 0 ? listen(fd, 1024) : -1;
}

int listen_unix(struct str path, int mode, bool force, struct err *err)
{
	struct sockaddr_un sa;
	int fd;

	if (path.len == 0 || path.len >= sizeof(sa.sun_path))
		return err_set(err, "cannot listen on '%.*s': a socket's path has 1 to %zu bytes", STR_ARG(path), sizeof(sa.sun_path) - 1);
	sa = unix_address(path);
	fd = take_over((struct sockaddr *)&sa, unix_len(&sa), SOCK_STREAM);
	if (fd != -1) {
		if (mode >= 0 && chmod(sa.sun_path, (mode_t)mode) == -1) {
			err_sys(err, "cannot change the mode of '%s'", sa.sun_path);
			close(fd);
			return -1;
		}
		return own(fd, SOCK_STREAM);
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return err_sys(err, "cannot make a socket");
	if (bind_unix(fd, &sa, mode, force) == 0)
		return own(fd, SOCK_STREAM);
	if (errno == EADDRINUSE)
		err_set(err, "cannot listen on '%s': the path is in use (force_unlink => true takes it)", sa.sun_path);
	else
		err_sys(err, "cannot listen on '%s'", sa.sun_path);
	close(fd);
	return -1;
}

void listen_unlink(const char *path)
{
	struct sockaddr_un sa = unix_address(str_z(path));
	socklen_t len = unix_len(&sa);
	unsigned owners = 0;

	for (const struct owned *o = all_owned; o; o = o->next)
		owners += o->len == len && memcmp(&o->at, &sa, len) == 0;
	/* The one who goes, and his successor. */
	if (owners < 2)
		(void)unlink(path);
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
