#include "input/framer.h"
#include "pipeline/batch.h"

static enum framer_answer more(size_t *used, size_t n)
{
	*used = n;
	return FRAMER_MORE;
}

static void reset(struct framer *f)
{
	f->seen = 0;
	f->skipping = false;
	f->skip = 0;
}

/* Position of the delimiter from what was searched before on, or -1. */
static ptrdiff_t find_delimiter(const struct framer *f, struct str in)
{
	size_t back = f->delimiter.len - 1;
	size_t from = f->seen > back ? f->seen - back : 0;
	ptrdiff_t at = f->delimiter.len == 1 ? str_chr(str_from(in, from), f->delimiter.p[0])
					     : str_find(str_from(in, from), f->delimiter);

	return at < 0 ? -1 : at + (ptrdiff_t)from;
}

/* The rest of a frame that was cut: up to the delimiter. */
static enum framer_answer skip_line(struct framer *f, struct str in, size_t *used)
{
	ptrdiff_t at = find_delimiter(f, in);
	size_t keep = f->delimiter.len - 1;

	if (at >= 0) {
		reset(f);
		return more(used, (size_t)at + f->delimiter.len);
	}
	/* A delimiter may begin in the last bytes. */
	if (keep > in.len)
		keep = in.len;
	f->seen = 0;
	return more(used, in.len - keep);
}

static enum framer_answer cut(struct framer *f, struct str in, struct str *frame, size_t *used, uint32_t *flags)
{
	*frame = str_sub(in, 0, f->max);
	*used = f->max;
	*flags |= FRAME_CUT;
	f->seen = 0;
	f->skipping = true;
	return FRAMER_FRAME;
}

static enum framer_answer next_line(struct framer *f, struct str in, struct str *frame, size_t *used, uint32_t *flags)
{
	ptrdiff_t at = find_delimiter(f, in);

	if (at < 0) {
		f->seen = in.len;
		/* A delimiter that begins at the limit may not have come whole. */
		return in.len >= f->max + f->delimiter.len ? cut(f, in, frame, used, flags) : more(used, 0);
	}
	if ((size_t)at > f->max)
		return cut(f, in, frame, used, flags);
	*frame = str_sub(in, 0, (size_t)at);
	*used = (size_t)at + f->delimiter.len;
	f->seen = 0;
	if (f->chomp && frame->len && frame->p[frame->len - 1] == '\r') {
		frame->len--;
		*flags |= FRAME_CHOMPED;
	}
	return FRAMER_FRAME;
}

enum octet { OCTET_NO, OCTET_YES, OCTET_MAYBE /* more bytes decide */ };

/* "123 <": a count only if a message follows, so that a line that begins with digits is a line. */
static enum octet octet_header(struct str in, size_t *len, size_t *head)
{
	uint64_t v = 0;
	size_t n = 0;

	if (in.p[0] < '1' || in.p[0] > '9')
		return OCTET_NO;
	while (n < in.len && n < OCTET_DIGITS && ch_digit(in.p[n]))
		v = v * 10 + (uint64_t)(in.p[n++] - '0');
	if (n == in.len)
		return OCTET_MAYBE;
	if (in.p[n] != ' ')
		return OCTET_NO;
	if (n + 1 == in.len)
		return OCTET_MAYBE;
	if (in.p[n + 1] != '<')
		return OCTET_NO;
	*len = (size_t)v;
	*head = n + 1;
	return OCTET_YES;
}

static struct str trim_end(struct str s)
{
	while (s.len && (s.p[s.len - 1] == '\n' || s.p[s.len - 1] == '\r' || s.p[s.len - 1] == 0))
		s.len--;
	return s;
}

static enum framer_answer next_counted(struct framer *f, struct str in, size_t len, size_t head, struct str *frame, size_t *used,
				       uint32_t *flags)
{
	struct str body = str_from(in, head);

	if (len > f->max) {
		if (body.len < f->max)
			return more(used, 0);
		*frame = str_sub(body, 0, f->max);
		*used = head + f->max;
		*flags |= FRAME_CUT;
		f->skipping = true;
		f->skip = len - f->max;
		return FRAMER_FRAME;
	}
	if (body.len < len)
		return more(used, 0);
	*frame = trim_end(str_sub(body, 0, len));
	*used = head + len;
	f->seen = 0;
	return FRAMER_FRAME;
}

/* The largest count that is believed: beyond it the sender lies or is no counter at all. */
static size_t count_limit(const struct framer *f)
{
	return f->max * 16;
}

static enum framer_answer next_syslog(struct framer *f, struct str in, struct str *frame, size_t *used, uint32_t *flags)
{
	size_t len = 0, head = 0, blank = 0;
	enum framer_answer a;

	/* Senders that count and end with LF as well leave LFs between frames. */
	if (f->seen == 0)
		while (blank < in.len && (in.p[blank] == '\n' || in.p[blank] == 0))
			blank++;
	if (blank)
		return more(used, blank);
	switch (octet_header(in, &len, &head)) {
	case OCTET_MAYBE:
		return more(used, 0);
	case OCTET_YES:
		if (len <= count_limit(f))
			return next_counted(f, in, len, head, frame, used, flags);
		*flags |= FRAME_BAD;
		break;
	case OCTET_NO:
		break;
	}
	a = next_line(f, in, frame, used, flags);
	if (a == FRAMER_FRAME && !(*flags & FRAME_CUT))
		*frame = trim_end(*frame);
	return a;
}

static enum framer_answer next_fstrm(struct fstrm *f, struct str in, struct str *frame, size_t *used)
{
	switch (fstrm_next(f, in, frame, used)) {
	case FSTRM_FRAME:
		return FRAMER_FRAME;
	case FSTRM_REPLY:
		return FRAMER_REPLY;
	case FSTRM_ERROR:
		return FRAMER_BROKEN;
	case FSTRM_MORE:
		break;
	}
	return FRAMER_MORE;
}

static enum framer_answer next_lumberjack(struct framer *f, struct str in, struct str *frame, size_t *used, uint32_t *flags)
{
	switch (lumberjack_next(&f->lumberjack, in, frame, used, &f->held)) {
	case LUMBERJACK_FRAME:
		if (f->lumberjack.pairs)
			*flags |= FRAME_PAIRS;
		return FRAMER_FRAME;
	case LUMBERJACK_AGAIN:
		return FRAMER_AGAIN;
	case LUMBERJACK_ERROR:
		return FRAMER_BROKEN;
	case LUMBERJACK_MORE:
		break;
	}
	return FRAMER_MORE;
}

const char *framer_error(const struct framer *f)
{
	return f->kind == FRAMER_FSTRM ? f->fstrm.error : f->lumberjack.error;
}

enum framer_answer framer_next(struct framer *f, struct str in, struct str *frame, size_t *used, uint32_t *flags)
{
	*flags = 0;
	if (f->kind == FRAMER_LUMBERJACK)
		return next_lumberjack(f, in, frame, used, flags);
	if (in.len == 0)
		return more(used, 0);
	if (f->kind == FRAMER_FSTRM)
		return next_fstrm(&f->fstrm, in, frame, used);
	if (f->skip) {
		size_t n = in.len < f->skip ? in.len : f->skip;

		f->skip -= n;
		if (!f->skip)
			reset(f);
		return more(used, n);
	}
	if (f->skipping)
		return skip_line(f, in, used);
	return f->kind == FRAMER_SYSLOG ? next_syslog(f, in, frame, used, flags) : next_line(f, in, frame, used, flags);
}

bool framer_end(struct framer *f, struct str in, struct str *frame, uint32_t *flags)
{
	bool left = in.len && !f->skipping;

	*flags = FRAME_UNENDED;
	if (f->kind == FRAMER_FSTRM || f->kind == FRAMER_LUMBERJACK)
		return false;
	if (left && f->kind == FRAMER_SYSLOG) {
		in = trim_end(in);
		left = in.len > 0;
	}
	if (left && in.len > f->max) {
		in.len = f->max;
		*flags |= FRAME_CUT;
	}
	*frame = in;
	reset(f);
	return left;
}
