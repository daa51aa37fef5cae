#include "test.h"

#include "base/hash.h"
#include "event/json.h"
#include "parse/dns.h"
#include "parse/dnstap.h"
#include "parse/dnstap_decode.h"

static void put16(struct buf *b, unsigned v)
{
	buf_ch(b, (char)(v >> 8));
	buf_ch(b, (char)v);
}

static void put_header(struct buf *b, unsigned questions, unsigned answers, unsigned authorities)
{
	put16(b, 7);
	put16(b, 0x8180);
	put16(b, questions);
	put16(b, answers);
	put16(b, authorities);
	put16(b, 0);
}

static void put_record(struct buf *b, unsigned pointer, unsigned type, struct str data)
{
	put16(b, 0xc000 | pointer);
	put16(b, type);
	put16(b, 1);
	put16(b, 0);
	put16(b, 60);
	put16(b, (unsigned)data.len);
	buf_str(b, data);
}

/* ---- names ---- */

static void check_name(struct str msg, size_t at, const char *want, size_t want_end)
{
	size_t end = 0;
	const char *why;
	struct buf out;

	buf_init(&out, 0);
	why = dns_name(msg, at, &out, &end);
	if (why)
		CHECK(out.len == 0);
	CHECK_STR(why ? str_z(why) : buf_slice(&out), want);
	if (!why)
		CHECK_INT(end, want_end);
	buf_release(&out);
}

static void test_names(void)
{
	struct str m = STR("headerheader\3WwW\7example\0\2ns\xc0\x10\xc0\x19\xc0\x0c");

	check_name(m, 12, "www.example", 25);
	check_name(m, 16, "example", 25);
	check_name(m, 24, ".", 25);
	check_name(m, 25, "ns.example", 30);
	check_name(m, 30, "ns.example", 32);
	check_name(m, 32, "www.example", 34);
	CHECK_INT(dns_name_pointer(m, 30), 25);
	CHECK_INT(dns_name_pointer(m, 25), 0);
	CHECK_INT(dns_name_pointer(m, 33), 0);
	check_name(m, 34, "a DNS name that is cut off", 0);
	check_name(str_sub(m, 0, 33), 32, "a DNS name that is cut off", 0);
	check_name(str_sub(m, 0, 20), 12, "a DNS name that is cut off", 0);
	/* Backward, but not before where this piece of the name began. */
	check_name(STR("headerheader\1a\xc0\x0c"), 12, "a DNS name whose pointer does not lead backward", 0);
	check_name(STR("headerheader\1a\xc0\x0e"), 12, "a DNS name whose pointer does not lead backward", 0);
	check_name(STR("headerheader\xc0\x0b"), 12, "a DNS name whose pointer does not lead backward", 0);
	check_name(STR("headerheader\x80"), 12, "a DNS label of unknown kind", 0);
	check_name(STR("headerheader\5\0\x1f .\\\0"), 12, "\\000\\031\\032\\046\\092", 19);
	check_name(STR("headerheader\4\x7e\x7f\x80\xff\0"), 12, "~\\127\\128\\255", 18);
}

/* A chain of pointers, each to the one before. */
static void test_hops(void)
{
	struct buf b;

	buf_init(&b, 0);
	buf_lit(&b, "headerheader");
	buf_lit(&b, "\1a\0");
	for (unsigned i = 0; i <= DNS_HOPS_MAX; i++)
		put16(&b, 0xc000 | (i ? 15 + 2 * (i - 1) : 12));
	check_name(buf_slice(&b), 15 + 2 * (DNS_HOPS_MAX - 1), "a", 15 + 2 * DNS_HOPS_MAX);
	check_name(buf_slice(&b), 15 + 2 * DNS_HOPS_MAX, "a DNS name of too many pointers", 0);
	buf_release(&b);
}

/* 127 labels of one byte are 255 bytes on the wire; every byte takes four characters. */
static void test_longest_name(void)
{
	char text[4 * 127 + 126 + 1] = "";
	size_t n = 0;
	struct buf b;

	buf_init(&b, 0);
	buf_lit(&b, "headerheader");
	for (unsigned i = 0; i < 127; i++) {
		buf_lit(&b, "\1\xff");
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s\\255", i ? "." : "");
	}
	buf_ch(&b, 0);
	check_name(buf_slice(&b), 12, text, b.len);
	b.len--;
	buf_lit(&b, "\1a");
	buf_ch(&b, 0);
	check_name(buf_slice(&b), 12, "a DNS name of more than 255 bytes", 0);
	buf_release(&b);
}

/* The text of a name needs room for the longest, whatever it is. */
static void test_no_room(void)
{
	struct buf b;
	size_t end;

	buf_init(&b, DNS_NAME_TEXT - 1);
	CHECK(dns_name(STR("headerheader\1a\0"), 12, &b, &end) != NULL && b.over);
	buf_release(&b);
}

/* ---- messages ---- */

static void test_walk(void)
{
	struct dns_reader r;
	struct dns_record rec;
	struct buf b;

	buf_init(&b, 0);
	put_header(&b, 1, 1, 1);
	buf_lit(&b, "\1a\0\0\1\0\1");
	put_record(&b, 12, DNS_A, STR("\1\2\3\4"));
	put_record(&b, 12, DNS_NS, STR("\xc0\x0c"));
	buf_lit(&b, "behind");
	CHECK(dns_open(&r, buf_slice(&b)));
	CHECK(dns_next(&r, &rec) && rec.section == DNS_QUESTION && rec.type == DNS_A && rec.name == 12);
	CHECK(dns_next(&r, &rec) && rec.section == DNS_ANSWER && rec.ttl == 60 && rec.len == 4);
	CHECK(dns_next(&r, &rec) && rec.section == DNS_AUTHORITY && rec.type == DNS_NS);
	CHECK(!dns_next(&r, &rec) && !r.error);
	CHECK(!dns_next(&r, &rec) && !r.error);
	/* Cut anywhere before its end it ends with an error, not beyond the bytes. */
	for (size_t n = 0; n < b.len - 6; n++) {
		bool ok = dns_open(&r, str_sub(buf_slice(&b), 0, n));

		while (ok && dns_next(&r, &rec))
			;
		CHECK(r.error != NULL);
	}
	buf_release(&b);
}

static void test_addresses(void)
{
	char text[IP_TEXT];

	CHECK_STR(str_n(text, dns_ip_text(STR("\0\0\0\0"), text)), "0.0.0.0");
	CHECK_STR(str_n(text, dns_ip_text(STR("\xff\x0a\x63\x64"), text)), "255.10.99.100");
	CHECK_STR(str_n(text, dns_ip_text(STR("\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"), text)), "2001:db8::1");
	CHECK_STR(str_n(text, dns_ip_text(STR("\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1"), text)), "192.0.2.1");
	CHECK_INT(dns_ip_text(STR("abc"), text), 0);
	CHECK_INT(dns_ip_text(STR(""), text), 0);
}

static void test_words(void)
{
	struct arena a;

	arena_init(&a, NULL);
	CHECK_STR(dns_type_name(&a, 1), "A");
	CHECK_STR(dns_type_name(&a, 257), "CAA");
	CHECK_STR(dns_type_name(&a, 32769), "DLV");
	CHECK_STR(dns_type_name(&a, 0), "TYPE0");
	CHECK_STR(dns_type_name(&a, 65535), "TYPE65535");
	CHECK_STR(dns_class_name(&a, 2), "CLASS2");
	CHECK_STR(dns_rcode_name(&a, 3), "NXDOMAIN");
	CHECK_STR(dns_rcode_name(&a, 12), "RCODE12");
	CHECK_STR(dns_rcode_name(&a, 23), "BADCOOKIE");
	CHECK_STR(dns_rcode_name(&a, 4095), "RCODE4095");
	CHECK_STR(dns_opcode_name(&a, 3), "OPCODE3");
	CHECK_STR(dns_opcode_name(&a, 15), "OPCODE15");
	CHECK(!dns_extended_error(25).p);
	arena_release(&a);
}

/* ---- limits of an event ---- */

static void put_varint(struct buf *b, size_t v)
{
	for (; v > 127; v >>= 7)
		buf_ch(b, (char)(v | 128));
	buf_ch(b, (char)v);
}

/* A CLIENT_RESPONSE with this message in it. */
static void wrap(struct buf *out, const struct buf *dns)
{
	struct buf m;

	buf_init(&m, 0);
	buf_lit(&m, "\x08\x06\x72"); /* type 6; field 14, bytes */
	put_varint(&m, dns->len);
	buf_str(&m, buf_slice(dns));
	buf_lit(out, "\x78\x01\x72");
	put_varint(out, m.len);
	buf_str(out, buf_slice(&m));
	buf_release(&m);
}

/* What became of the message: its answers in the event, the bytes of its JSON, and what the decoder says. */
static void decode(const struct buf *dns, uint32_t *answers, size_t *json, unsigned *what)
{
	struct dnstap_decoder *d = dnstap_decoder_new();
	struct dnstap_from from = {.host = STR("h")};
	struct buf frame, out;
	struct arena a;
	struct event ev;
	struct value *v;

	arena_init(&a, NULL);
	buf_init(&frame, 0);
	buf_init(&out, 0);
	wrap(&frame, dns);
	event_init(&ev, &a);
	*what = dnstap_decode(d, &ev, buf_slice(&frame), &from);
	v = event_top(&ev, STR("dns"));
	v = value_is(v, V_MAP) ? map_find_str(v->map, STR("answers")) : NULL;
	*answers = value_is(v, V_LIST) ? v->list->n : 0;
	json_write_event(&out, &ev);
	*json = out.len;
	CHECK(!!(*what & DNSTAP_CUT) == event_has_tag(&ev, STR("_dns_records_cut")));
	buf_release(&out);
	buf_release(&frame);
	arena_release(&a);
	dnstap_decoder_free(d);
}

static void test_many_records(void)
{
	uint32_t answers;
	unsigned what;
	size_t json;
	struct buf b;

	for (unsigned n = DNSTAP_RECORDS; n <= DNSTAP_RECORDS + 1; n++) {
		buf_init(&b, 0);
		put_header(&b, 1, n, 0);
		buf_lit(&b, "\1a\0\0\1\0\1");
		for (unsigned i = 0; i < n; i++)
			put_record(&b, 12, DNS_A, STR("\1\2\3\4"));
		decode(&b, &answers, &json, &what);
		CHECK_INT(answers, DNSTAP_RECORDS);
		CHECK_INT(what, n > DNSTAP_RECORDS ? DNSTAP_CUT : 0);
		buf_release(&b);
	}
}

/* A few bytes a record that each stand for two of the longest names. */
static void test_swollen(void)
{
	uint32_t answers;
	unsigned what;
	size_t json;
	struct buf b;

	buf_init(&b, 0);
	put_header(&b, 1, 4000, 0);
	for (unsigned i = 0; i < 3; i++) {
		buf_ch(&b, 63);
		for (unsigned k = 0; k < 63; k++)
			buf_ch(&b, 1);
	}
	buf_lit(&b, "\0\0\1\0\1");
	for (unsigned i = 0; i < 4000; i++)
		put_record(&b, 12, DNS_NS, STR("\xc0\x0c"));
	decode(&b, &answers, &json, &what);
	CHECK_INT(what, DNSTAP_CUT);
	/* Each byte of them is \\001 in JSON. */
	CHECK(answers > 100 && answers < DNSTAP_RECORDS && json < 5 * (DNSTAP_TEXT + DNSTAP_DATA) / 4);
	buf_release(&b);
}

/* A text of 60,000 bytes fits into a message, but not four times that into an event's field. */
static void test_long_text(void)
{
	uint32_t answers;
	unsigned what;
	size_t json;
	struct buf b, data;

	for (unsigned k = 0; k < 2; k++) {
		buf_init(&b, 0);
		buf_init(&data, 0);
		for (unsigned i = 0; i < 60000 / 256; i++) {
			buf_ch(&data, (char)255);
			for (unsigned j = 0; j < 255; j++)
				buf_ch(&data, k ? (char)1 : 'x');
		}
		put_header(&b, 1, 2, 0);
		buf_lit(&b, "\1a\0\0\x10\0\1");
		put_record(&b, 12, 16, buf_slice(&data));
		put_record(&b, 12, DNS_A, STR("\1\2\3\4"));
		decode(&b, &answers, &json, &what);
		CHECK_INT(answers, 2);
		CHECK_INT(what, k ? DNSTAP_CUT : 0);
		CHECK(k ? json < 1000 : json > 60000);
		buf_release(&data);
		buf_release(&b);
	}
}

int main(void)
{
	hash_init(NULL);
	test_names();
	test_hops();
	test_longest_name();
	test_no_room();
	test_walk();
	test_addresses();
	test_words();
	test_many_records();
	test_swollen();
	test_long_text();
	return test_end();
}
