/*
 * Chunks of GELF, and what a document becomes.
 */
#include "plugin.h"

#include "input/gelf_chunks.h"
#include "pipeline/batch.h"

#include <arpa/inet.h>

static const int64_t second = 1000000000;

static struct sockaddr_in6 peer(uint8_t last)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6};

	a.sin6_addr.s6_addr[15] = last;
	return a;
}

/* One chunk: "w" and the message, "h" held, "r" refused; then how many others were lost. */
static void check_add(struct gelf_chunks *g, const char *id, unsigned number, unsigned count, struct str data, uint8_t from, int64_t now, const char *want)
{
	struct sockaddr_in6 a = peer(from);
	char d[64 * 1024] = "\x1e\x0f", have[256];
	unsigned n = 0, lost = 0;
	struct str whole = STR("");
	enum gelf_chunk r;

	memcpy(d + 2, id, 8);
	d[10] = (char)number;
	d[11] = (char)count;
	memcpy(d + 12, data.p, data.len);
	CHECK(gelf_is_chunk(str_n(d, 12 + data.len)));
	r = gelf_chunks_add(g, str_n(d, 12 + data.len), (struct sockaddr *)&a, now, &whole, &n, &lost);
	snprintf(have, sizeof(have), "%s%.*s %u %u", r == GELF_WHOLE ? "w" : r == GELF_HELD ? "h" : "r", STR_ARG(str_sub(whole, 0, 100)), n, lost);
	CHECK_STR(str_z(have), want);
}

static void test_chunks(void)
{
	struct gelf_chunks *g = gelf_chunks_new(100000);
	char big[40000];

	memset(big, 'x', sizeof(big));
	check_add(g, "AAAAAAAA", 0, 1, STR("one"), 1, 0, "wone 1 0");
	check_add(g, "AAAAAAAA", 1, 2, STR("b"), 1, 0, "h 0 0");
	/* The same name from somebody else is another message. */
	check_add(g, "AAAAAAAA", 1, 2, STR("d"), 2, 0, "h 0 0");
	check_add(g, "AAAAAAAA", 1, 2, STR("x"), 1, 0, "r 0 0");
	check_add(g, "AAAAAAAA", 0, 3, STR("x"), 1, 0, "r 0 0");
	check_add(g, "AAAAAAAA", 0, 2, STR("a"), 1, 0, "wab 2 0");
	check_add(g, "AAAAAAAA", 0, 2, STR("c"), 2, 0, "wcd 2 0");
	check_add(g, "AAAAAAAA", 2, 2, STR("x"), 1, 0, "r 0 0");
	check_add(g, "AAAAAAAA", 0, 129, STR("x"), 1, 0, "r 0 0");
	check_add(g, "AAAAAAAA", 0, 0, STR("x"), 1, 0, "r 0 0");
	check_add(g, "AAAAAAAA", 0, 2, STR(""), 1, 0, "r 0 0");
	/* Five seconds and no more. */
	check_add(g, "BBBBBBBB", 0, 3, STR("x"), 1, 10 * second, "h 0 0");
	check_add(g, "BBBBBBBB", 1, 3, STR("x"), 1, 12 * second, "h 0 0");
	check_add(g, "BBBBBBBB", 2, 3, STR("x"), 1, 15 * second, "wxxx 3 0");
	check_add(g, "BBBBBBBB", 0, 3, STR("x"), 1, 20 * second, "h 0 0");
	check_add(g, "BBBBBBBB", 1, 3, STR("x"), 1, 20 * second, "h 0 0");
	check_add(g, "BBBBBBBB", 2, 3, STR("x"), 1, 25 * second + 1, "h 0 2");
	CHECK_INT(gelf_chunks_expire(g, 26 * second), 0);
	CHECK_INT(gelf_chunks_expire(g, 40 * second), 1);
	/* No more bytes than it may hold: the one that began first goes. */
	check_add(g, "CCCCCCCC", 0, 9, str_n(big, sizeof(big)), 1, 50 * second, "h 0 0");
	check_add(g, "DDDDDDDD", 0, 9, str_n(big, sizeof(big)), 1, 50 * second, "h 0 0");
	check_add(g, "CCCCCCCC", 1, 9, str_n(big, 100), 1, 50 * second, "h 0 0");
	check_add(g, "EEEEEEEE", 0, 9, str_n(big, sizeof(big)), 1, 50 * second, "h 0 2");
	CHECK_INT(gelf_chunks_expire(g, INT64_MAX), 2);
	CHECK_INT(gelf_chunks_expire(g, INT64_MAX), 0);
	gelf_chunks_free(g);
	gelf_chunks_free(NULL);
}

static void check_decode(const char *options, const char *frame, const char *want)
{
	struct source source = {.name = STR_INIT("x")};
	struct span sp = {.source = &source, .received_ns = 1700000000 * second};
	struct arena a;
	struct opened o;
	struct event ev;
	struct buf b;
	char conf[128];

	snprintf(conf, sizeof(conf), "gelf { %s }", options);
	CHECK(opened_plugin(&o, PLUGIN_INPUT, conf, ECS_DISABLED));
	arena_init(&a, NULL);
	buf_init(&b, 0);
	event_init(&ev, &a);
	o.plugin->decode(o.self, &ev, str_z(frame), 0, &sp);
	show_event(&b, &ev);
	CHECK_STR(buf_slice(&b), want);
	buf_release(&b);
	arena_release(&a);
	opened_release(&o);
}

#define NOW "\"@timestamp\":\"2023-11-14T22:13:20.000Z\""

static void test_decode(void)
{
	check_decode("", "{\"short_message\":\"s\",\"_a\":1,\"b\":2}", "{\"b\":2," NOW ",\"message\":\"s\",\"a\":1}");
	check_decode("", "{\"short_message\":\"s\",\"full_message\":\"f\"}", "{\"short_message\":\"s\"," NOW ",\"message\":\"f\"}");
	check_decode("", "{\"short_message\":\"s\",\"full_message\":\"\"}", "{\"full_message\":\"\"," NOW ",\"message\":\"s\"}");
	check_decode("", "{\"timestamp\":5.25}", "{\"@timestamp\":\"1970-01-01T00:00:05.250Z\"}");
	check_decode("", "{\"timestamp\":-1}", "{\"@timestamp\":\"1969-12-31T23:59:59.000Z\"}");
	check_decode("", "{\"timestamp\":\"5\"}", "{\"timestamp\":\"5\"," NOW "}");
	check_decode("", "{\"timestamp\":1e300}", "{\"timestamp\":1.0E300," NOW "}");
	/* What would take the place of what every event has stays as it is. */
	check_decode("", "{\"_@timestamp\":1,\"__x\":2,\"_\":3,\"_tags\":{}}", "{\"_@timestamp\":1,\"__x\":2,\"_\":3,\"_tags\":{}," NOW "}");
	check_decode("remap => false strip_leading_underscore => false", "{\"short_message\":\"s\",\"_a\":1}", "{\"short_message\":\"s\",\"_a\":1," NOW "}");
	check_decode("", "no", "{" NOW ",\"message\":\"no\",\"tags\":[\"_jsonparsefailure\"]}");
	check_decode("", "", "{" NOW ",\"message\":\"\",\"tags\":[\"_jsonparsefailure\"]}");
}

int main(void)
{
	struct opened o;

	hash_init(NULL);
	fields_init();
	test_chunks();
	test_decode();
	CHECK(!opened_plugin(&o, PLUGIN_INPUT, "gelf { use_udp => false }", ECS_DISABLED));
	opened_release(&o);
	return test_end();
}
