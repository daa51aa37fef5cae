#include "outputs/mail_message.h"

#include "base/base64.h"
#include "base/utf8.h"

#include <stdio.h>
#include <time.h>

enum {
	WORD_BYTES = 45,   /* of text in an encoded word: 60 digits, 72 characters in all */
	LINE_BYTES = 57,   /* in a line of base64: 76 digits */
	PLAIN_LINE = 990,  /* a longer line of text has to be encoded: 998 is the most */
	FOLD_AT = 900,
	NAME_PLAIN = 600,  /* with an address behind it */
};

#define BOUNDARY "=_weir_"

/* ---- headers ---- */

static bool plain(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] < 0x20 || (unsigned char)s.p[i] >= 0x7f)
			return false;
	/* "=?" would be read as the beginning of an encoded word. */
	return str_find(s, STR("=?")) < 0;
}

/* As many whole characters as fit into an encoded word. */
static size_t word_bytes(struct str s)
{
	size_t n = s.len < WORD_BYTES ? s.len : WORD_BYTES;

	while (n && n < s.len && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return n ? n : WORD_BYTES;
}

static void encoded_words(struct buf *out, struct str s)
{
	bool first = true;
	char clean[WORD_BYTES];

	while (s.len) {
		size_t n = word_bytes(s);

		n = n < s.len ? n : s.len;
		for (size_t i = 0; i < n; i++)
			clean[i] = (unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f ? ' ' : s.p[i];
		if (!first)
			buf_lit(out, "\r\n ");
		first = false;
		buf_lit(out, "=?UTF-8?B?");
		base64_write(out, str_n(clean, n));
		buf_lit(out, "?=");
		s = str_from(s, n);
	}
}

void mail_header(struct buf *out, const char *name, struct str text)
{
	buf_printf(out, "%s: ", name);
	if (plain(text) && text.len < FOLD_AT)
		buf_str(out, text);
	else
		encoded_words(out, text);
	buf_lit(out, "\r\n");
}

void mail_date(struct buf *out, struct ts ts)
{
	static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t t = (time_t)ts.s;
	struct tm tm;

	if (!gmtime_r(&t, &tm))
		return;
	buf_printf(out, "Date: %.3s, %d %.3s %d %02d:%02d:%02d +0000\r\n", days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900,
		   tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* ---- addresses ---- */

/* One element of a list, up to a comma outside of quotes and <>. */
static struct str element(struct str *list)
{
	struct str s = *list;
	bool quoted = false, angle = false;
	size_t i;

	for (i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (quoted && c == '\\' && i + 1 < s.len)
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '<' || c == '>'))
			angle = c == '<';
		else if (!quoted && !angle && (c == ',' || c == ';'))
			break;
	}
	*list = str_from(s, i + 1);
	return str_trim(str_sub(s, 0, i));
}

static bool address_ok(struct str a)
{
	ptrdiff_t at = str_rchr(a, '@');

	if (!a.len || a.len > MAIL_ADDRESS_MAX || at == 0 || (size_t)(at + 1) == a.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if ((unsigned char)a.p[i] <= 0x20 || a.p[i] == 0x7f || strchr("<>(),;", a.p[i]))
			return false;
	return true;
}

/* The name in front of <>, or .len 0; the address. */
static void split(struct str e, struct str *name, struct str *address)
{
	ptrdiff_t open = str_rchr(e, '<');

	*name = STR("");
	*address = e;
	if (open < 0 || !str_ends(e, STR(">")))
		return;
	*name = str_trim(str_sub(e, 0, (size_t)open));
	*address = str_trim(str_sub(e, (size_t)open + 1, e.len - (size_t)open - 2));
}

int mail_next_address(struct str *list, struct str *out)
{
	struct str name, e;

	do {
		if (!list->len)
			return 0;
		e = element(list);
	} while (!e.len);
	split(e, &name, out);
	return address_ok(*out) ? 1 : -1;
}

void mail_address_header(struct buf *out, const char *name, struct str list)
{
	bool first = true;

	while (list.len) {
		struct str e = element(&list), who, address;

		split(e, &who, &address);
		if (!address_ok(address))
			continue;
		if (first)
			buf_printf(out, "%s: ", name);
		else
			buf_lit(out, ",\r\n ");
		first = false;
		if (who.len && plain(who) && who.len < NAME_PLAIN)
			buf_str(out, who);
		else if (who.len)
			encoded_words(out, who);
		buf_printf(out, who.len ? " <%.*s>" : "%.*s", STR_ARG(address));
	}
	if (!first)
		buf_lit(out, "\r\n");
}

/* ---- parts ---- */

static bool needs_encoding(struct str s)
{
	size_t line = 0;

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		line = c == '\n' ? 0 : line + 1;
		if ((c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c >= 0x7f || line > PLAIN_LINE)
			return true;
	}
	return str_find(s, STR(BOUNDARY)) >= 0;
}

static void base64_lines(struct buf *out, struct str s)
{
	while (s.len) {
		base64_write(out, str_sub(s, 0, LINE_BYTES));
		buf_lit(out, "\r\n");
		s = str_from(s, LINE_BYTES);
	}
}

/* Every kind of line end as CR LF, and one at the end. */
static void text_lines(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '\r' && i + 1 < s.len && s.p[i + 1] == '\n')
			continue;
		if (s.p[i] == '\n' || s.p[i] == '\r')
			buf_lit(out, "\r\n");
		else
			buf_ch(out, s.p[i]);
	}
	if (!s.len || (s.p[s.len - 1] != '\n' && s.p[s.len - 1] != '\r'))
		buf_lit(out, "\r\n");
}

static void text_part(struct buf *out, const char *subtype, struct str s)
{
	bool encode = needs_encoding(s);

	buf_printf(out, "Content-Type: text/%s; charset=UTF-8\r\nContent-Transfer-Encoding: %s\r\n\r\n", subtype, encode ? "base64" : "7bit");
	if (encode)
		base64_lines(out, s);
	else
		text_lines(out, s);
}

void mail_body(struct buf *out, struct str text, struct str html, bool mixed)
{
	buf_lit(out, "MIME-Version: 1.0\r\n");
	if (mixed)
		buf_lit(out, "Content-Type: multipart/mixed; boundary=\"" BOUNDARY "mixed\"\r\n\r\n--" BOUNDARY "mixed\r\n");
	if (!html.p) {
		text_part(out, "plain", text);
		return;
	}
	buf_lit(out, "Content-Type: multipart/alternative; boundary=\"" BOUNDARY "alternative\"\r\n\r\n--" BOUNDARY "alternative\r\n");
	text_part(out, "plain", text);
	buf_lit(out, "--" BOUNDARY "alternative\r\n");
	text_part(out, "html", html);
	buf_lit(out, "--" BOUNDARY "alternative--\r\n");
}

void mail_attachment(struct buf *out, struct str name, struct str content)
{
	buf_lit(out, "--" BOUNDARY "mixed\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"");
	for (size_t i = 0; i < name.len; i++)
		buf_ch(out, (unsigned char)name.p[i] < 0x20 || (unsigned char)name.p[i] >= 0x7f || strchr("\"\\", name.p[i]) ? '_' : name.p[i]);
	buf_lit(out, "\"\r\n\r\n");
	base64_lines(out, content);
}

void mail_end(struct buf *out)
{
	buf_lit(out, "--" BOUNDARY "mixed--\r\n");
}
