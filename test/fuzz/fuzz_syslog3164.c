/*
 * fuzz_syslog3164.c - any bytes as a syslog line: every slice that comes out lies inside the line, and nothing is lost.
 */
#include "fuzz.h"

#include "parse/syslog.h"

#include <stdlib.h>
#include <string.h>

static void inside(struct str s, struct str line)
{
	FUZZ_ASSERT(s.len == 0 || (s.p >= line.p && s.p + s.len <= line.p + line.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	/* A copy of exactly this size lets the address sanitizer see the first byte behind it. */
	char *copy = malloc(n ? n : 1);
	struct str line = {copy, n};
	struct syslog_msg m;
	struct zone_span span = {0};
	struct ts t;

	if (!copy)
		abort();
	if (n)
		memcpy(copy, p, n);
	syslog_parse(line, &m);
	inside(m.stamp_text, line);
	inside(m.host, line);
	inside(m.tag, line);
	inside(m.pid, line);
	inside(m.msgid, line);
	inside(m.sd, line);
	inside(m.seq, line);
	inside(m.content, line);
	inside(m.msg, line);
	FUZZ_ASSERT(m.pri >= -1 && m.pri <= 191);
	FUZZ_ASSERT((m.pri >= 0) == !!(m.flags & SYSLOG_PRI));
	FUZZ_ASSERT(m.shape != SYSLOG_RAW || m.msg.p == copy);
	/* The text ends where the line ends, but for line ends and NUL. */
	for (const char *q = m.msg.p + m.msg.len; q < copy + n; q++)
		FUZZ_ASSERT(*q == '\n' || *q == '\r' || *q == 0);
	if ((m.flags & SYSLOG_STAMP) && syslog_time(&m.stamp, zone_fixed(n % 2 ? 45900 : -43200), &span, INT64_C(1795489200000000000), &t))
		FUZZ_ASSERT(t.ns < 1000000000);
	free(copy);
	return 0;
}
