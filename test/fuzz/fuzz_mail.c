/*
 * fuzz_mail.c - any bytes as the texts of a mail, as a template, as a schedule: no header and no part is ended by them, lines end in CR LF and
 * are short enough, addresses hold nothing that would end a command of SMTP; nothing is read beyond its end.
 */
#include "fuzz.h"

#include "base/arena.h"
#include "base/cron.h"
#include "base/hash.h"
#include "event/json.h"
#include "outputs/mail_message.h"
#include "outputs/mustache.h"

/* Every line of s ends in CR LF and has at most 998 bytes. How many there are. */
static size_t check_lines(struct str s)
{
	size_t n = 0;

	while (s.len) {
		ptrdiff_t lf = str_chr(s, '\n');

		FUZZ_ASSERT(lf >= 1 && s.p[lf - 1] == '\r' && lf <= 999);
		FUZZ_ASSERT(str_chr(str_sub(s, 0, (size_t)lf - 1), '\r') < 0);
		s = str_from(s, (size_t)lf + 1);
		n++;
	}
	return n;
}

static size_t count(struct str s, struct str what)
{
	size_t n = 0;
	ptrdiff_t at;

	while ((at = str_find(s, what)) >= 0) {
		s = str_from(s, (size_t)at + what.len);
		n++;
	}
	return n;
}

static void message(struct str text)
{
	struct str list = text, address;
	struct buf b;

	buf_init(&b, 0);
	mail_header(&b, "Subject", text);
	check_lines(buf_slice(&b));
	/* What goes on a further line begins with a blank. */
	FUZZ_ASSERT(count(buf_slice(&b), STR("\r\n")) == count(buf_slice(&b), STR("\r\n ")) + 1);
	buf_clear(&b);
	mail_address_header(&b, "To", text);
	FUZZ_ASSERT(count(buf_slice(&b), STR("\r\n")) == count(buf_slice(&b), STR("\r\n ")) + (b.len > 0));
	while (mail_next_address(&list, &address) == 1)
		for (size_t i = 0; i < address.len; i++)
			FUZZ_ASSERT((unsigned char)address.p[i] > 0x20 && !strchr("<>", address.p[i]));
	buf_clear(&b);
	mail_body(&b, text, text, true);
	mail_attachment(&b, text, text);
	mail_end(&b);
	check_lines(buf_slice(&b));
	FUZZ_ASSERT(count(buf_slice(&b), STR("--=_weir_mixed\r\n")) == 2 && count(buf_slice(&b), STR("--=_weir_mixed--\r\n")) == 1);
	FUZZ_ASSERT(count(buf_slice(&b), STR("--=_weir_alternative\r\n")) == 2 && count(buf_slice(&b), STR("--=_weir_alternative--\r\n")) == 1);
	buf_release(&b);
}

#define EVENT "{\"a\":{\"b\":[1,{\"c\":\"<\"},[]]},\"l\":[1,2,{\"l\":[3]}],\"t\":true,\"n\":null}"

static void template(struct str text)
{
	struct str in = STR(EVENT);
	struct arena a;
	struct mustache *m;
	struct value v;
	struct err err;
	struct buf b;

	arena_init(&a, NULL);
	buf_init(&b, 1 << 16);
	m = mustache_compile(&a, text, &err);
	FUZZ_ASSERT(json_read(&a, &in, NULL, &v, &err) == 0);
	if (m)
		mustache_render(m, v.map, &a, &b);
	buf_release(&b);
	arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str text = str_n((const char *)p, n);
	struct cron c;
	struct err err;
	int64_t next;

	if (n > 20000)
		return 0;
	hash_init(NULL);
	message(text);
	template(text);
	if (cron_parse(&c, text, &err) == 0) {
		next = cron_next(&c, 1700000000);
		FUZZ_ASSERT(next == -1 || next > 1700000000);
	}
	return 0;
}
