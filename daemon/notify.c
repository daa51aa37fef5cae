#include "notify.h"
#include "base/str.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t len = path ? strlen(path) : 0;
	int fd;

	if (len == 0 || len >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, len);
	if (path[0] == '@')
		to.sun_path[0] = 0; /* an abstract name */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return;
	/* Whoever does not read must not stop the logs. */
	(void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&to,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	close(fd);
}

int64_t notify_watchdog_ns(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	uint64_t us, whom;

	if (!usec || !str_u64(str_z(usec), INT64_MAX / 1000, &us))
		return 0;
	/* Inherited from a parent that it was meant for. */
	if (pid && (!str_u64(str_z(pid), INT32_MAX, &whom) || (pid_t)whom != getpid()))
		return 0;
	return (int64_t)us * 1000;
}

void notify_set_watchdog(int64_t ns)
{
	char text[64];

	snprintf(text, sizeof(text), "WATCHDOG_USEC=%lld", (long long)(ns / 1000));
	notify(text);
}
