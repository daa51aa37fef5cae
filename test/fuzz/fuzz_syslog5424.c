/*
 * fuzz_syslog5424.c - any bytes behind "<13>1 ": structured data is walked within its limits, and each value unescapes into no
 * more bytes than it has.
 */
#include "fuzz.h"

#include "parse/syslog.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char *copy = malloc(n + 2), *out = malloc(n + 1);
	struct syslog_msg m = {.pri = 13, .flags = SYSLOG_PRI};
	struct syslog_sd it;
	struct syslog_param param;
	size_t params = 0;

	if (!copy || !out)
		abort();
	copy[0] = '1';
	copy[1] = ' ';
	if (n)
		memcpy(copy + 2, p, n);
	/* Seeds may be whole lines: then PRI and version stand twice, which must not matter. */
	if (n > 4 && p[0] == '<') {
		struct str s = {copy + 2, n};
		int pri;

		if (syslog_take_pri(&s, &pri) == 1)
			syslog5424_parse(s, &m);
	} else {
		syslog5424_parse(str_n(copy, n + 2), &m);
	}
	if (m.shape == SYSLOG_5424) {
		FUZZ_ASSERT(m.msg.p >= copy && m.msg.p + m.msg.len == copy + n + 2);
		syslog_sd_init(&it, m.sd);
		while (syslog_sd_next(&it, &param)) {
			FUZZ_ASSERT(param.id.len > 0 && param.id.p > m.sd.p);
			FUZZ_ASSERT(++params <= SYSLOG_SD_PARAMS + SYSLOG_SD_ELEMENTS);
			if (param.name.p && param.escaped)
				FUZZ_ASSERT(syslog_unescape(param.value, out) <= param.value.len);
		}
		FUZZ_ASSERT((m.flags & SYSLOG_SD_LIMIT) || it.rest.len == 0);
	} else {
		FUZZ_ASSERT(m.msg.p == NULL);
	}
	free(copy);
	free(out);
	return 0;
}
