/*
 * fuzz_sincedb.c - any bytes as lines of the two files of positions: what is read can be written and read again, the same.
 */
#include "fuzz.h"

#include "input/sincedb_text.h"

#include <string.h>

static void one(struct str line)
{
	struct sincedb_line a, b;
	struct seen_line s, t;
	struct buf out;

	memset(&s, 0, sizeof(s));
	memset(&t, 0, sizeof(t));
	buf_init(&out, 0);
	if (sincedb_line_read(line, &a)) {
		sincedb_line_write(&out, &a);
		FUZZ_ASSERT(out.len && out.p[out.len - 1] == '\n' && memchr(out.p, '\n', out.len) == out.p + out.len - 1);
		FUZZ_ASSERT(sincedb_line_read(buf_slice(&out), &b));
		FUZZ_ASSERT(a.key.inode == b.key.inode && a.key.major == b.key.major && a.key.minor == b.key.minor && a.offset == b.offset);
		FUZZ_ASSERT((a.changed_ns < 0 ? 0 : a.changed_ns / 1000) == b.changed_ns / 1000 && str_eq(a.path, b.path));
	}
	buf_clear(&out);
	if (seen_line_read(line, &s)) {
		seen_line_write(&out, &s);
		FUZZ_ASSERT(seen_line_read(buf_slice(&out), &t) && memcmp(&s, &t, sizeof(s)) == 0);
	}
	buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str rest = str_n((const char *)data, n), line;

	while (str_cut(&rest, '\n', &line))
		one(line);
	one(rest);
	return 0;
}
