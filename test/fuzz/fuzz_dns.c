/*
 * fuzz_dns.c - any bytes as a DNS message: the walk over its records ends within them, every name and datum becomes printable text of
 * bounded length, and a name reads the same a second time.
 */
#include "fuzz.h"

#include "parse/dns.h"

static void check_text(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		FUZZ_ASSERT(s.p[i] >= ' ' && s.p[i] < 0x7f);
}

static void check_name(struct str msg, size_t at, struct buf *b)
{
	size_t end = 0, again = 0, len;
	const char *why;

	buf_clear(b);
	why = dns_name(msg, at, b, &end);
	if (why) {
		FUZZ_ASSERT(b->len == 0);
		return;
	}
	FUZZ_ASSERT(end > at && end <= msg.len && b->len > 0 && b->len <= DNS_NAME_TEXT);
	check_text(buf_slice(b));
	len = b->len;
	FUZZ_ASSERT(!dns_name(msg, at, b, &again) && again == end && b->len == 2 * len);
	FUZZ_ASSERT(memcmp(b->p, b->p + len, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str msg = str_n((const char *)p, n);
	struct dns_reader r;
	struct dns_record rec;
	size_t last = DNS_HEADER, records = 0;
	struct buf b;

	buf_init(&b, 64 * 1024);
	if (dns_open(&r, msg)) {
		while (dns_next(&r, &rec)) {
			FUZZ_ASSERT(r.at > last && r.at <= n && rec.name == last);
			FUZZ_ASSERT(rec.section == DNS_QUESTION || (rec.data > last && rec.data + rec.len == r.at));
			last = r.at;
			FUZZ_ASSERT(++records <= n / 5);
			check_name(msg, rec.name, &b);
			if (rec.section == DNS_QUESTION)
				continue;
			buf_clear(&b);
			(void)dns_data(msg, &rec, &b);
			FUZZ_ASSERT(b.len <= b.max);
			check_text(buf_slice(&b));
		}
		FUZZ_ASSERT(r.error || r.section == DNS_SECTIONS);
	} else {
		FUZZ_ASSERT(n < DNS_HEADER && r.error);
	}
	buf_release(&b);
	return 0;
}
