#include "input/decorate.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <unistd.h>

static char hostname[256];

static void read_hostname(void)
{
	if (gethostname(hostname, sizeof(hostname) - 1) == -1)
		memcpy(hostname, "localhost", 10);
}

struct str own_hostname(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, read_hostname);
	return str_z(hostname);
}

void decorate_set(struct event *ev, const struct ref *r, struct value v)
{
	if (!event_get(ev, r))
		(void)event_set(ev, r, v);
}

struct str decorate_address(struct event *ev, const struct sockaddr_storage *sa, int *port)
{
	const struct sockaddr_in *four = (const struct sockaddr_in *)sa;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)sa;
	char text[INET6_ADDRSTRLEN];

	if (sa->ss_family == AF_INET) {
		inet_ntop(AF_INET, &four->sin_addr, text, sizeof(text));
		*port = ntohs(four->sin_port);
	} else if (sa->ss_family == AF_INET6) {
		if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
			inet_ntop(AF_INET, six->sin6_addr.s6_addr + 12, text, sizeof(text));
		else
			inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof(text));
		*port = ntohs(six->sin6_port);
	} else {
		return (struct str){0};
	}
	return arena_dup(ev->arena, str_z(text));
}
