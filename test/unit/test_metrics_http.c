/*
 * test_metrics_http.c - the page /metrics over a real socket, and everything that it refuses.
 */
#include "test.h"

#include "base/metrics.h"
#include "metrics_http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static struct buf answer;

static int dial(uint16_t port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct timeval limit = {10, 0};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	CHECK(connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0);
	return fd;
}

/* Sends, closes that direction, reads to the end; the status code, or 0 where nothing came. */
static int ask(uint16_t port, struct str request)
{
	int fd = dial(port);
	uint64_t status = 0;
	char part[4096];
	ssize_t n;

	buf_clear(&answer);
	/* The server may close in the middle of what is too long. */
	if (send(fd, request.p, request.len, MSG_NOSIGNAL) == -1)
		CHECK(request.len > 8192);
	while ((n = recv(fd, part, sizeof(part), 0)) > 0)
		buf_add(&answer, part, (size_t)n);
	close(fd);
	if (str_starts(buf_slice(&answer), STR("HTTP/1.")))
		str_u64(str_sub(buf_slice(&answer), 9, 3), 999, &status);
	return (int)status;
}

static bool says(const char *text)
{
	return str_find(buf_slice(&answer), str_z(text)) >= 0;
}

static void test_hosts(void)
{
	static const char *const good[] = {"localhost", "LOCALHOST:9600", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:9600", "192.0.2.7", "192.0.2.7:80"};
	static const char *const bad[] = {"", "localhost.", "localhost.evil.example", "evil.example", "evil.example:9600", "127.0.0.1.evil.example",
					  "127.0.0.2", "[::1", "[::1]x", "[localhost]", "localhost:", "localhost:x", "localhost:99999", "::1",
					  "127.0.0.1 ", " localhost", "[::2]", "0.0.0.0", "[]"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CHECK(metrics_host_allowed(str_z(good[i]), STR("192.0.2.7")));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(!metrics_host_allowed(str_z(bad[i]), STR("192.0.2.7")));
	/* Bound to all addresses any address will do, but still no name. */
	CHECK(metrics_host_allowed(STR("198.51.100.4:9600"), STR("0.0.0.0")));
	CHECK(metrics_host_allowed(STR("[2001:db8::4]:9600"), STR("::")));
	CHECK(!metrics_host_allowed(STR("evil.example"), STR("0.0.0.0")));
}

static void test_requests(uint16_t port)
{
	static char big[64 * 1024];
	struct buf b;
	struct series *p = metrics_process;

	CHECK_INT(ask(port, STR("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")), 200);
	CHECK(says("Content-Type: text/plain; version=0.0.4"));
	CHECK(says("X-Content-Type-Options: nosniff") && says("Content-Security-Policy: default-src 'none'"));
	CHECK(says("\nweir_build_info{version=\""));
	CHECK_INT(ask(port, STR("HEAD /metrics HTTP/1.1\r\nHost: 127.0.0.1:1\r\nConnection: close\r\n\r\n")), 200);
	CHECK(!says("weir_build_info"));
	CHECK_INT(ask(port, STR("GET /metrics?x=1 HTTP/1.1\r\nHost: [::1]\r\nConnection: close\r\n\r\n")), 200);
	CHECK_INT(series_read(p, M_HTTP_OK), 3);
	CHECK_INT(ask(port, STR("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")), 404);
	CHECK_INT(ask(port, STR("GET /metrics/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")), 404);
	CHECK_INT(ask(port, STR("GET /../metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")), 404);
	CHECK_INT(ask(port, STR("POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")), 405);
	CHECK(says("Allow: GET, HEAD"));
	CHECK_INT(ask(port, STR("DELETE /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")), 405);
	CHECK_INT(ask(port, STR("GET /metrics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")), 403);
	CHECK_INT(ask(port, STR("GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n")), 403);
	CHECK_INT(ask(port, STR("GET /metrics HTTP/1.0\r\n\r\n")), 403);
	CHECK_INT(series_read(p, M_HTTP_REFUSED), 8);
	/* The library itself refuses these. */
	CHECK_INT(ask(port, STR("GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n")), 400);
	CHECK(ask(port, STR("nonsense\r\n\r\n")) != 200);
	/* Too large in each place. */
	memset(big, 'a', sizeof(big));
	buf_init(&b, 0);
	buf_lit(&b, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: ");
	buf_add(&b, big, sizeof(big));
	buf_lit(&b, "\r\nConnection: close\r\n\r\n");
	CHECK(ask(port, buf_slice(&b)) != 200);
	buf_clear(&b);
	buf_lit(&b, "GET /");
	buf_add(&b, big, sizeof(big));
	buf_lit(&b, " HTTP/1.1\r\nHost: localhost\r\n\r\n");
	CHECK(ask(port, buf_slice(&b)) != 200);
	buf_clear(&b);
	buf_lit(&b, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 65536\r\n\r\n");
	buf_add(&b, big, sizeof(big));
	CHECK(ask(port, buf_slice(&b)) != 200);
	buf_release(&b);
	/* And after all that it still answers. */
	CHECK_INT(ask(port, STR("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")), 200);
	CHECK(says("weir_metrics_requests_total{result=\"refused\"} 8\n"));
}

int main(void)
{
	struct metrics_http_config c = {.host = STR_INIT("127.0.0.1")}, second;
	struct metrics_http *h, *other;
	struct err err = {{0}};
	int idle;

	buf_init(&answer, 0);
	test_hosts();
	metrics_init();
	h = metrics_http_start(&c, &err);
	CHECK(h != NULL);
	if (!h)
		return test_end();
	CHECK(metrics_http_port(h) != 0);
	test_requests(metrics_http_port(h));
	/* The port is taken: an error that names it, or the next one of the range. */
	second = (struct metrics_http_config){STR("localhost"), metrics_http_port(h), metrics_http_port(h)};
	CHECK(metrics_http_start(&second, &err) == NULL);
	CHECK(str_starts(str_z(err.text), STR("cannot listen on 127.0.0.1:")));
	if (metrics_http_port(h) < UINT16_MAX - 50) {
		second.port_last = (uint16_t)(second.port_first + 50);
		other = metrics_http_start(&second, &err);
		CHECK(other && metrics_http_port(other) > metrics_http_port(h));
		metrics_http_stop(other);
	}
	second.host = STR("metrics.example");
	CHECK(metrics_http_start(&second, &err) == NULL);
	CHECK_STR(str_z(err.text), "cannot listen on 'metrics.example': not an address");
	/* A connection that says nothing does not hold up the end. */
	idle = dial(metrics_http_port(h));
	metrics_http_stop(h);
	close(idle);
	metrics_http_stop(NULL);
	buf_release(&answer);
	return test_end();
}
