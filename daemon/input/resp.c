#include "input/resp.h"

enum { LINE_MAX_BYTES = 64 * 1024 };

/* A line without its end: 1; not whole: 0; no line: -1. */
static int take_line(struct str s, size_t at, struct str *line, size_t *next)
{
	struct str rest = str_from(s, at);
	ptrdiff_t end = str_chr(str_sub(rest, 0, LINE_MAX_BYTES), '\n');

	if (end < 0)
		return rest.len < LINE_MAX_BYTES ? 0 : -1;
	if (end == 0 || rest.p[end - 1] != '\r')
		return -1;
	*line = str_sub(rest, 0, (size_t)end - 1);
	*next = at + (size_t)end + 1;
	return 1;
}

/* The length behind $ and *: -1 (nothing) or more. */
static bool length_of(struct str line, int64_t *n)
{
	return str_i64(str_from(line, 1), n) && *n >= -1 && *n <= RESP_MAX;
}

/* One value's head, and its bytes where it is a text. */
static int pass_value(struct resp_scan *scan, struct str s)
{
	struct str line;
	size_t next;
	int64_t n;
	int rc = take_line(s, scan->at, &line, &next);

	if (rc <= 0)
		return rc;
	switch (line.len ? line.p[0] : 0) {
	case RESP_STATUS:
	case RESP_ERROR:
		break;
	case RESP_NUMBER:
		if (!str_i64(str_from(line, 1), &n))
			return -1;
		break;
	case RESP_TEXT:
		if (!length_of(line, &n))
			return -1;
		if (n < 0)
			break;
		if (s.len - next < (size_t)n + 2)
			return 0;
		next += (size_t)n + 2;
		if (s.p[next - 2] != '\r' || s.p[next - 1] != '\n')
			return -1;
		break;
	case RESP_LIST:
		if (!length_of(line, &n))
			return -1;
		scan->open += n > 0 ? (uint64_t)n : 0;
		break;
	default:
		return -1;
	}
	scan->at = next;
	scan->open--;
	return 1;
}

int resp_whole(struct resp_scan *scan, struct str s, size_t *len)
{
	if (scan->at == 0)
		scan->open = 1;
	while (scan->open) {
		int rc = pass_value(scan, s);

		if (rc == 0 && s.len > RESP_MAX)
			return -1;
		if (rc <= 0)
			return rc;
	}
	*len = scan->at;
	*scan = (struct resp_scan){0};
	return 1;
}

static int read_value(struct arena *a, struct str s, size_t *at, unsigned depth, struct resp *out)
{
	struct str line;
	int64_t n = 0;

	bug_on(take_line(s, *at, &line, at) != 1);
	*out = (struct resp){.type = (enum resp_type)line.p[0]};
	switch (out->type) {
	case RESP_NUMBER:
		(void)str_i64(str_from(line, 1), &out->number);
		return 0;
	case RESP_TEXT:
		(void)length_of(line, &n);
		if (n < 0) {
			out->type = RESP_NULL;
			return 0;
		}
		out->text = str_sub(s, *at, (size_t)n);
		*at += (size_t)n + 2;
		return 0;
	case RESP_LIST:
		(void)length_of(line, &n);
		if (n < 0) {
			out->type = RESP_NULL;
			return 0;
		}
		if (depth == RESP_DEPTH)
			return -1;
		out->n = (uint32_t)n;
		out->v = arena_alloc(a, sizeof(*out->v) * (out->n + 1));
		for (uint32_t i = 0; i < out->n; i++)
			if (read_value(a, s, at, depth + 1, &out->v[i]))
				return -1;
		return 0;
	default:
		out->text = str_from(line, 1);
		return 0;
	}
}

int resp_read(struct arena *a, struct str s, struct resp *out)
{
	size_t at = 0;

	return read_value(a, s, &at, 0, out);
}

void resp_command(struct buf *out, uint32_t n_words)
{
	buf_ch(out, '*');
	buf_u64(out, n_words);
	buf_lit(out, "\r\n");
}

void resp_word(struct buf *out, struct str word)
{
	buf_ch(out, '$');
	buf_u64(out, word.len);
	buf_lit(out, "\r\n");
	buf_str(out, word);
	buf_lit(out, "\r\n");
}
