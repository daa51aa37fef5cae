#include "codec/charset.h"
#include "base/utf8.h"
#include "event/inspect.h"

#include <errno.h>
#include <iconv.h>

/* Ruby's name, iconv's name; "" = UTF-8, NULL = bytes above 127 mean nothing. */
static const struct {
	const char *name, *iconv;
	unsigned unit;
} encodings[] = {
	{"UTF-8", "", 1},
	{"CP65001", "", 1},
	{"UTF8-MAC", "", 1},
	{"UTF-8-MAC", "", 1},
	{"UTF-8-HFS", "", 1},
	{"UTF8-DoCoMo", "", 1},
	{"UTF8-KDDI", "", 1},
	{"UTF8-SoftBank", "", 1},
	{"CESU-8", "", 1},
	{"locale", "", 1},
	{"external", "", 1},
	{"filesystem", "", 1},
	{"internal", "", 1},
	{"ASCII-8BIT", NULL, 1},
	{"BINARY", NULL, 1},
	{"US-ASCII", NULL, 1},
	{"ASCII", NULL, 1},
	{"ANSI_X3.4-1968", NULL, 1},
	{"646", NULL, 1},
	{"UTF-16", "UTF-16", 2},
	{"UTF-16BE", "UTF-16BE", 2},
	{"UTF-16LE", "UTF-16LE", 2},
	{"UCS-2BE", "UTF-16BE", 2},
	{"UTF-32", "UTF-32", 4},
	{"UTF-32BE", "UTF-32BE", 4},
	{"UTF-32LE", "UTF-32LE", 4},
	{"UCS-4BE", "UTF-32BE", 4},
	{"UCS-4LE", "UTF-32LE", 4},
	{"UTF-7", "UTF-7", 1},
	{"CP65000", "UTF-7", 1},
	{"ISO-8859-1", "ISO-8859-1", 1},
	{"ISO-8859-2", "ISO-8859-2", 1},
	{"ISO-8859-3", "ISO-8859-3", 1},
	{"ISO-8859-4", "ISO-8859-4", 1},
	{"ISO-8859-5", "ISO-8859-5", 1},
	{"ISO-8859-6", "ISO-8859-6", 1},
	{"ISO-8859-7", "ISO-8859-7", 1},
	{"ISO-8859-8", "ISO-8859-8", 1},
	{"ISO-8859-9", "ISO-8859-9", 1},
	{"ISO-8859-10", "ISO-8859-10", 1},
	{"ISO-8859-11", "ISO-8859-11", 1},
	{"ISO-8859-13", "ISO-8859-13", 1},
	{"ISO-8859-14", "ISO-8859-14", 1},
	{"ISO-8859-15", "ISO-8859-15", 1},
	{"ISO-8859-16", "ISO-8859-16", 1},
	{"ISO8859-1", "ISO-8859-1", 1},
	{"ISO8859-2", "ISO-8859-2", 1},
	{"ISO8859-3", "ISO-8859-3", 1},
	{"ISO8859-4", "ISO-8859-4", 1},
	{"ISO8859-5", "ISO-8859-5", 1},
	{"ISO8859-6", "ISO-8859-6", 1},
	{"ISO8859-7", "ISO-8859-7", 1},
	{"ISO8859-8", "ISO-8859-8", 1},
	{"ISO8859-9", "ISO-8859-9", 1},
	{"ISO8859-10", "ISO-8859-10", 1},
	{"ISO8859-11", "ISO-8859-11", 1},
	{"ISO8859-13", "ISO-8859-13", 1},
	{"ISO8859-14", "ISO-8859-14", 1},
	{"ISO8859-15", "ISO-8859-15", 1},
	{"ISO8859-16", "ISO-8859-16", 1},
	{"Windows-1250", "CP1250", 1},
	{"Windows-1251", "CP1251", 1},
	{"Windows-1252", "CP1252", 1},
	{"Windows-1253", "CP1253", 1},
	{"Windows-1254", "CP1254", 1},
	{"Windows-1255", "CP1255", 1},
	{"Windows-1256", "CP1256", 1},
	{"Windows-1257", "CP1257", 1},
	{"Windows-1258", "CP1258", 1},
	{"Windows-874", "CP874", 1},
	{"CP1250", "CP1250", 1},
	{"CP1251", "CP1251", 1},
	{"CP1252", "CP1252", 1},
	{"CP1253", "CP1253", 1},
	{"CP1254", "CP1254", 1},
	{"CP1255", "CP1255", 1},
	{"CP1256", "CP1256", 1},
	{"CP1257", "CP1257", 1},
	{"CP1258", "CP1258", 1},
	{"CP874", "CP874", 1},
	{"TIS-620", "TIS-620", 1},
	{"IBM037", "IBM037", 1},
	{"ebcdic-cp-us", "IBM037", 1},
	{"IBM437", "IBM437", 1},
	{"CP437", "IBM437", 1},
	{"IBM737", "CP737", 1},
	{"CP737", "CP737", 1},
	{"IBM775", "CP775", 1},
	{"CP775", "CP775", 1},
	{"IBM850", "IBM850", 1},
	{"CP850", "IBM850", 1},
	{"IBM852", "IBM852", 1},
	{"CP852", "IBM852", 1},
	{"IBM855", "IBM855", 1},
	{"CP855", "IBM855", 1},
	{"IBM857", "IBM857", 1},
	{"CP857", "IBM857", 1},
	{"IBM860", "IBM860", 1},
	{"CP860", "IBM860", 1},
	{"IBM861", "IBM861", 1},
	{"CP861", "IBM861", 1},
	{"IBM862", "IBM862", 1},
	{"CP862", "IBM862", 1},
	{"IBM863", "IBM863", 1},
	{"CP863", "IBM863", 1},
	{"IBM864", "IBM864", 1},
	{"CP864", "IBM864", 1},
	{"IBM865", "IBM865", 1},
	{"CP865", "IBM865", 1},
	{"IBM866", "IBM866", 1},
	{"CP866", "IBM866", 1},
	{"IBM869", "IBM869", 1},
	{"CP869", "IBM869", 1},
	{"KOI8-R", "KOI8-R", 1},
	{"CP878", "KOI8-R", 1},
	{"KOI8-U", "KOI8-U", 1},
	{"macRoman", "MACINTOSH", 1},
	{"macCentEuro", "MAC-CENTRALEUROPE", 1},
	{"macCyrillic", "MAC-CYRILLIC", 1},
	{"macUkraine", "MAC-UK", 1},
	{"macIceland", "MAC-IS", 1},
	{"Shift_JIS", "CP932", 1},
	{"SJIS", "CP932", 1},
	{"Windows-31J", "CP932", 1},
	{"CP932", "CP932", 1},
	{"csWindows31J", "CP932", 1},
	{"PCK", "CP932", 1},
	{"SJIS-DoCoMo", "CP932", 1},
	{"SJIS-KDDI", "CP932", 1},
	{"SJIS-SoftBank", "CP932", 1},
	{"EUC-JP", "EUC-JP", 1},
	{"eucJP", "EUC-JP", 1},
	{"eucJP-ms", "EUC-JP-MS", 1},
	{"euc-jp-ms", "EUC-JP-MS", 1},
	{"CP51932", "EUC-JP-MS", 1},
	{"EUC-JIS-2004", "EUC-JISX0213", 1},
	{"EUC-JISX0213", "EUC-JISX0213", 1},
	{"ISO-2022-JP", "ISO-2022-JP", 1},
	{"ISO2022-JP", "ISO-2022-JP", 1},
	{"ISO-2022-JP-2", "ISO-2022-JP-2", 1},
	{"ISO2022-JP2", "ISO-2022-JP-2", 1},
	{"CP50220", "ISO-2022-JP", 1},
	{"CP50221", "ISO-2022-JP", 1},
	{"EUC-KR", "EUC-KR", 1},
	{"eucKR", "EUC-KR", 1},
	{"CP949", "UHC", 1},
	{"GB2312", "EUC-CN", 1},
	{"EUC-CN", "EUC-CN", 1},
	{"eucCN", "EUC-CN", 1},
	{"GBK", "GBK", 1},
	{"CP936", "GBK", 1},
	{"GB18030", "GB18030", 1},
	{"Big5", "BIG5", 1},
	{"CP950", "BIG5", 1},
	{"Big5-HKSCS", "BIG5-HKSCS", 1},
	{"Big5-HKSCS:2008", "BIG5-HKSCS", 1},
	{"CP951", "BIG5-HKSCS", 1},
	{"EUC-TW", "EUC-TW", 1},
	{"eucTW", "EUC-TW", 1},
};

int charset_open(struct charset *c, struct str name, struct err *err)
{
	iconv_t cd;

	*c = (struct charset){.kind = CHARSET_UTF8, .unit = 1};
	for (size_t i = 0; i < sizeof(encodings) / sizeof(*encodings); i++) {
		if (!str_eqz(name, encodings[i].name))
			continue;
		if (!encodings[i].iconv) {
			c->kind = CHARSET_ASCII;
			return 0;
		}
		if (!*encodings[i].iconv)
			return 0;
		cd = iconv_open("UTF-8", encodings[i].iconv);
		if (cd == (iconv_t)-1)
			return err_sys(err, "charset '%s' is not installed", encodings[i].name);
		c->kind = CHARSET_ICONV;
		c->cd = cd;
		c->unit = encodings[i].unit;
		return 0;
	}
	return err_set(err, "unknown charset '%.*s' (names are case-sensitive: \"UTF-8\", \"ISO-8859-1\", \"CP1252\" ...)",
		       STR_ARG(name));
}

void charset_close(struct charset *c)
{
	if (c->kind == CHARSET_ICONV)
		iconv_close(c->cd);
	c->kind = CHARSET_UTF8;
}

static struct str decode_ascii(struct arena *a, struct str in)
{
	char *out;
	size_t n = 0;

	out = arena_bytes(a, in.len * 3);
	for (size_t i = 0; i < in.len; i++) {
		if ((unsigned char)in.p[i] < 0x80) {
			out[n++] = in.p[i];
		} else {
			memcpy(out + n, "\xef\xbf\xbd", 3);
			n += 3;
		}
	}
	return str_n(out, n);
}

/*
 * No encoding makes more than four bytes of UTF-8 out of one of its own (EBCDIC and the single-byte ones: three), a
 * replaced byte is three, and a final step leaves room for a pending character.
 */
static struct str decode_iconv(struct charset *c, struct arena *a, struct str in)
{
	size_t room = in.len * 4 + 16, left = in.len;
	char *out = arena_bytes(a, room), *q = out, *p = (char *)(uintptr_t)in.p;

	iconv(c->cd, NULL, NULL, NULL, NULL);
	while (left) {
		size_t skip;

		if (iconv(c->cd, &p, &left, &q, &room) != (size_t)-1 || room < 4)
			break;
		memcpy(q, "\xef\xbf\xbd", 3);
		q += 3;
		room -= 3;
		/* EINVAL: the last character is cut off. EILSEQ: go on behind what nobody can read. */
		if (errno != EILSEQ)
			break;
		skip = left < c->unit ? left : c->unit;
		p += skip;
		left -= skip;
	}
	if (room >= 8)
		iconv(c->cd, NULL, NULL, &q, &room);
	return str_n(out, (size_t)(q - out));
}

static struct str inspect_copy(struct arena *a, struct str in)
{
	struct buf b;
	struct str out;

	buf_init(&b, 0);
	ruby_inspect_text(&b, in);
	out = arena_dup(a, buf_slice(&b));
	buf_release(&b);
	return out;
}

struct str charset_decode(struct charset *c, struct arena *a, struct str in)
{
	switch (c->kind) {
	case CHARSET_UTF8:
		return utf8_valid(in) ? in : inspect_copy(a, in);
	case CHARSET_ASCII:
		return decode_ascii(a, in);
	case CHARSET_ICONV:
		return decode_iconv(c, a, in);
	}
	return in;
}
