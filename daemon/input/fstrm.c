#include "input/fstrm.h"
#include "base/err.h"

enum { CONTROL_ACCEPT = 1, CONTROL_START, CONTROL_STOP, CONTROL_READY, CONTROL_FINISH };
enum { FIELD_CONTENT_TYPE = 1 };

static uint32_t get32(const char *p)
{
	const uint8_t *b = (const uint8_t *)p;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static char *put32(char *p, uint32_t v)
{
	p[0] = (char)(v >> 24);
	p[1] = (char)(v >> 16);
	p[2] = (char)(v >> 8);
	p[3] = (char)v;
	return p + 4;
}

void fstrm_init(struct fstrm *f, const char *content_type, size_t max)
{
	*f = (struct fstrm){.content_type = content_type, .max = max};
	bug_on(strlen(content_type) > FSTRM_REPLY_MAX - 20);
}

static enum fstrm_answer broken(struct fstrm *f, const char *why)
{
	f->state = FSTRM_BROKEN;
	f->error = why;
	return FSTRM_ERROR;
}

static enum fstrm_answer more(size_t *used, size_t n)
{
	*used = n;
	return FSTRM_MORE;
}

/* ---- control frames ---- */

/* Walks the fields behind the type. *offered: content types in it; *ours: one of them is what we expect. NULL, or what is wrong. */
static const char *read_fields(const struct fstrm *f, struct str in, unsigned *offered, bool *ours)
{
	*offered = 0;
	*ours = false;
	while (in.len) {
		struct str text;
		uint32_t type, len;

		if (in.len < 8)
			return "a control field is cut off";
		type = get32(in.p);
		len = get32(in.p + 4);
		in = str_from(in, 8);
		if (len > in.len)
			return "a control field is longer than its frame";
		text = str_sub(in, 0, len);
		in = str_from(in, len);
		if (type != FIELD_CONTENT_TYPE)
			return "a control field of unknown type";
		if (len > FSTRM_TYPE_MAX)
			return "a content type of more than 256 bytes";
		++*offered;
		*ours |= str_eqz(text, f->content_type);
	}
	return NULL;
}

static enum fstrm_answer answer(struct fstrm *f, uint32_t type, bool with_type, struct str *out)
{
	size_t n = with_type ? strlen(f->content_type) : 0;
	char *p = put32(f->reply, 0);

	p = put32(p, (uint32_t)(with_type ? 12 + n : 4));
	p = put32(p, type);
	if (with_type) {
		p = put32(p, FIELD_CONTENT_TYPE);
		p = put32(p, (uint32_t)n);
		memcpy(p, f->content_type, n);
		p += n;
	}
	*out = str_n(f->reply, (size_t)(p - f->reply));
	return FSTRM_REPLY;
}

static enum fstrm_answer ready(struct fstrm *f, unsigned offered, bool ours, struct str *out)
{
	if (f->state != FSTRM_NEW)
		return broken(f, "READY where none belongs");
	if (offered && !ours)
		return broken(f, "another content type is offered");
	f->state = FSTRM_ACCEPTED;
	f->both_ways = true;
	return answer(f, CONTROL_ACCEPT, offered > 0, out);
}

static enum fstrm_answer start(struct fstrm *f, unsigned offered, bool ours)
{
	if (f->state != FSTRM_NEW && f->state != FSTRM_ACCEPTED)
		return broken(f, "START where none belongs");
	if (offered > 1)
		return broken(f, "START with several content types");
	if (offered && !ours)
		return broken(f, "another content type");
	f->state = FSTRM_OPEN;
	return FSTRM_MORE;
}

static enum fstrm_answer stop(struct fstrm *f, struct str *out)
{
	if (f->state != FSTRM_OPEN)
		return broken(f, "STOP where none belongs");
	f->state = FSTRM_STOPPED;
	return f->both_ways ? answer(f, CONTROL_FINISH, false, out) : FSTRM_MORE;
}

/* in begins at the control frame's length. */
static enum fstrm_answer control(struct fstrm *f, struct str in, struct str *out, size_t *used)
{
	uint32_t len, type;
	unsigned offered;
	bool ours;
	const char *wrong;

	if (in.len < 4)
		return more(used, 0);
	len = get32(in.p);
	if (len < 4)
		return broken(f, "a control frame without a type");
	if (len > FSTRM_CONTROL_MAX)
		return broken(f, "a control frame of more than 512 bytes");
	if (in.len - 4 < len)
		return more(used, 0);
	type = get32(in.p + 4);
	wrong = read_fields(f, str_sub(in, 8, len - 4), &offered, &ours);
	if (wrong)
		return broken(f, wrong);
	*used = 8 + (size_t)len;
	switch (type) {
	case CONTROL_READY:
		return ready(f, offered, ours, out);
	case CONTROL_START:
		return start(f, offered, ours);
	case CONTROL_STOP:
		return stop(f, out);
	case CONTROL_ACCEPT:
	case CONTROL_FINISH:
		return broken(f, "a control frame that only a reader sends");
	default:
		return broken(f, "a control frame of unknown type");
	}
}

enum fstrm_answer fstrm_next(struct fstrm *f, struct str in, struct str *out, size_t *used)
{
	uint32_t len;

	*used = 0;
	if (f->state == FSTRM_BROKEN)
		return FSTRM_ERROR;
	if (in.len && f->state == FSTRM_STOPPED)
		return broken(f, "data behind STOP");
	if (in.len < 4)
		return more(used, 0);
	len = get32(in.p);
	if (len == 0)
		return control(f, str_from(in, 4), out, used);
	if (f->state != FSTRM_OPEN)
		return broken(f, "data before START");
	if (len > f->max)
		return broken(f, "a data frame longer than the limit");
	if (in.len - 4 < len)
		return more(used, 0);
	*out = str_sub(in, 4, len);
	*used = 4 + (size_t)len;
	return FSTRM_FRAME;
}
