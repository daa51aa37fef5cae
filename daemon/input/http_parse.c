#include "input/http_parse.h"

enum { CHUNK_LINE_MAX = 256, CHUNK_DIGITS = 12, TARGET_MAX = 8 * 1024 };

size_t http_head_length(struct str in, size_t *seen)
{
	size_t from = *seen > 3 ? *seen - 3 : 0;
	ptrdiff_t at = str_find(str_from(in, from), STR("\r\n\r\n"));

	*seen = in.len;
	return at < 0 ? 0 : from + (size_t)at + 4;
}

/* RFC 9110 5.6.2 */
static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!ch_alnum(s.p[i]) && !strchr("!#$%&'*+-.^_`|~", s.p[i]))
			return false;
	return s.len > 0 && !memchr(s.p, 0, s.len);
}

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7f)
			return true;
	return false;
}

/* Up to CRLF, which is taken, too; a bare CR or LF is no end and is refused by has_control(). */
static bool take_line(struct str *in, struct str *line)
{
	ptrdiff_t at = str_find(*in, STR("\r\n"));

	if (at < 0)
		return false;
	*line = str_sub(*in, 0, (size_t)at);
	*in = str_from(*in, (size_t)at + 2);
	return true;
}

static struct str trim(struct str s)
{
	while (s.len && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = str_from(s, 1);
	while (s.len && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
		s.len--;
	return s;
}

bool http_header_next(struct str *headers, struct str *name, struct str *value)
{
	struct str line;
	ptrdiff_t colon;

	if (!take_line(headers, &line) || !line.len)
		return false;
	colon = str_chr(line, ':');
	if (colon < 0)
		return false;
	*name = str_sub(line, 0, (size_t)colon);
	*value = trim(str_from(line, (size_t)colon + 1));
	return true;
}

/* "POST /path HTTP/1.1" */
static int parse_request_line(struct str line, struct http_head *h)
{
	ptrdiff_t a = str_chr(line, ' '), b = str_rchr(line, ' ');
	struct str version;

	if (a <= 0 || b <= a)
		return 400;
	h->method = str_sub(line, 0, (size_t)a);
	h->target = str_sub(line, (size_t)a + 1, (size_t)(b - a - 1));
	version = str_from(line, (size_t)b + 1);
	if (!is_token(h->method) || !h->target.len || h->target.len > TARGET_MAX || has_control(h->target) || str_chr(h->target, ' ') >= 0)
		return 400;
	if (str_eq(version, STR("HTTP/1.1")))
		h->minor = 1;
	else if (!str_eq(version, STR("HTTP/1.0")))
		return str_sub(version, 0, 5).len == 5 && str_eq(str_sub(version, 0, 5), STR("HTTP/")) ? 505 : 400;
	return 0;
}

/* Whether a list such as "close, x" names the word. */
static bool lists(struct str list, struct str word)
{
	while (list.len) {
		ptrdiff_t comma = str_chr(list, ',');
		struct str one = trim(comma < 0 ? list : str_sub(list, 0, (size_t)comma));

		if (str_ieq(one, word))
			return true;
		list = comma < 0 ? STR("") : str_from(list, (size_t)comma + 1);
	}
	return false;
}

static int take_header(struct http_head *h, struct str name, struct str value)
{
	if (str_ieq(name, STR("content-length"))) {
		uint64_t n;

		if (!str_u64(value, INT64_MAX, &n) || h->body != HTTP_NO_BODY)
			return 400;
		h->body = HTTP_LENGTH;
		h->length = n;
	} else if (str_ieq(name, STR("transfer-encoding"))) {
		if (h->body != HTTP_NO_BODY || h->minor == 0)
			return 400;
		if (!str_ieq(value, STR("chunked")))
			return 501;
		h->body = HTTP_CHUNKED;
	} else if (str_ieq(name, STR("host"))) {
		if (h->has_host)
			return 400;
		h->has_host = true;
	} else if (str_ieq(name, STR("connection"))) {
		h->keep_alive = h->minor ? h->keep_alive && !lists(value, STR("close")) : lists(value, STR("keep-alive"));
	} else if (str_ieq(name, STR("expect"))) {
		h->expects_continue = str_ieq(value, STR("100-continue"));
	} else if (str_ieq(name, STR("content-type"))) {
		h->content_type = value;
	} else if (str_ieq(name, STR("content-encoding"))) {
		h->content_encoding = value;
	} else if (str_ieq(name, STR("authorization"))) {
		h->authorization = value;
	}
	return 0;
}

int http_head_parse(struct str head, struct http_head *out)
{
	struct str rest = head, line, name, value;
	unsigned n = 0;
	int status;

	*out = (struct http_head){0};
	if (!take_line(&rest, &line))
		return 400;
	status = parse_request_line(line, out);
	if (status)
		return status;
	out->keep_alive = out->minor == 1;
	out->headers = rest;
	while (take_line(&rest, &line) && line.len) {
		struct str one = str_n(line.p, line.len + 2);

		if (!http_header_next(&one, &name, &value) || !is_token(name) || has_control(value))
			return 400;
		if (++n > HTTP_HEADERS_MAX)
			return 431;
		status = take_header(out, name, value);
		if (status)
			return status;
	}
	return 0;
}

/* ---- chunks ---- */

/* "1f;extension": the line is there. */
static bool parse_size(struct str line, uint64_t *size)
{
	ptrdiff_t semi = str_chr(line, ';');
	struct str digits = trim(semi < 0 ? line : str_sub(line, 0, (size_t)semi));

	return digits.len && digits.len <= CHUNK_DIGITS && !has_control(line) && str_hex64(digits, size);
}

/* A line of the framing; MORE or BROKEN where it is not there yet, or too long. */
static enum http_chunk chunk_line(struct str in, size_t max, struct str *line, size_t *used)
{
	struct str rest = in;

	/* The same wherever reads cut it: of a line that has no end yet the last byte may be a carriage return. */
	if (!take_line(&rest, line))
		return in.len > max + 1 ? HTTP_CHUNK_BROKEN : HTTP_CHUNK_MORE;
	if (line->len > max)
		return HTTP_CHUNK_BROKEN;
	*used = in.len - rest.len;
	return HTTP_CHUNK_DATA;
}

enum http_chunk http_chunk_next(struct http_chunks *c, struct str in, struct str *data, size_t *used)
{
	size_t done = 0;

	*used = 0;
	for (;;) {
		struct str rest = str_from(in, done), line;
		enum http_chunk r;
		size_t n = 0;

		if (c->at == CHUNK_BYTES) {
			if (!rest.len) {
				*used = done;
				return HTTP_CHUNK_MORE;
			}
			n = rest.len < c->left ? rest.len : (size_t)c->left;
			*data = str_sub(rest, 0, n);
			c->left -= n;
			if (!c->left)
				c->at = CHUNK_BYTES_END;
			*used = done + n;
			return HTTP_CHUNK_DATA;
		}
		r = chunk_line(rest, c->at == CHUNK_BYTES_END ? 1 : CHUNK_LINE_MAX, &line, &n);
		*used = done;
		if (r != HTTP_CHUNK_DATA)
			return r;
		done += n;
		if (c->at == CHUNK_BYTES_END) {
			if (line.len)
				return HTTP_CHUNK_BROKEN;
			c->at = CHUNK_SIZE;
		} else if (c->at == CHUNK_TRAILER) {
			c->trailer += n;
			if (c->trailer > HTTP_HEAD_MAX)
				return HTTP_CHUNK_BROKEN;
			if (!line.len) {
				*used = done;
				return HTTP_CHUNK_END;
			}
		} else {
			if (!parse_size(line, &c->left))
				return HTTP_CHUNK_BROKEN;
			c->at = c->left ? CHUNK_BYTES : CHUNK_TRAILER;
		}
	}
}
