#include "input/lumberjack_frames.h"
#include "base/arena.h"

#include <stdlib.h>

enum { INFLATER = 48 * 1024 }; /* what zlib takes for one stream, about */

static uint32_t get32(const char *p)
{
	const uint8_t *b = (const uint8_t *)p;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

void lumberjack_init(struct lumberjack *l, size_t max, uint32_t window_max)
{
	*l = (struct lumberjack){.max = max, .window_max = window_max};
	buf_init(&l->plain, 0);
}

static void close_packed(struct lumberjack *l)
{
	if (!l->z)
		return;
	(void)inflateEnd(l->z);
	free(l->z);
	l->z = NULL;
	buf_release(&l->plain);
	l->at = 0;
	l->ended = false;
	l->trouble = NULL;
}

void lumberjack_release(struct lumberjack *l)
{
	close_packed(l);
	buf_release(&l->plain);
}

size_t lumberjack_memory(const struct lumberjack *l)
{
	return l->z ? INFLATER + l->plain.cap : 0;
}

static enum lumberjack_answer broken(struct lumberjack *l, const char *why)
{
	close_packed(l);
	l->error = why;
	return LUMBERJACK_ERROR;
}

static enum lumberjack_answer more(size_t *used, size_t n)
{
	*used = n;
	return LUMBERJACK_MORE;
}

/* ---- frames ---- */

static enum lumberjack_answer window(struct lumberjack *l, struct str in, size_t *used)
{
	uint32_t n;

	if (l->z)
		return broken(l, "a window inside of a compressed frame");
	if (in.len < 6)
		return more(used, 0);
	n = get32(in.p + 2);
	if (n > l->window_max)
		return broken(l, "a window larger than the limit");
	/* Version 2 hears of what has come of the former one all the same; version 1 would wait for ever. */
	if (l->left && l->left != l->window && in.p[0] == '1')
		return broken(l, "a window before the former one is complete");
	l->window = l->left = n;
	l->version = in.p[0];
	return more(used, 6);
}

static enum lumberjack_answer open_packed(struct lumberjack *l, struct str in, size_t *used)
{
	uint32_t n;

	if (l->z)
		return broken(l, "a compressed frame inside of a compressed frame");
	if (in.len < 6)
		return more(used, 0);
	n = get32(in.p + 2);
	if (n == 0)
		return broken(l, "a compressed frame without contents");
	l->z = xzalloc(sizeof(*l->z));
	if (inflateInit(l->z) != Z_OK)
		return broken(l, "zlib has no memory");
	l->packed = n;
	l->inflated = 0;
	buf_init(&l->plain, 2 * LUMBERJACK_PIECE + l->max);
	return more(used, 6);
}

/* A data frame of `head + len` bytes is there. */
static enum lumberjack_answer data(struct lumberjack *l, struct str in, size_t head, size_t len, struct str *out, size_t *used)
{
	l->sequence = get32(in.p + 2);
	l->version = in.p[0];
	l->pairs = in.p[1] == 'D';
	l->opens = l->left == l->window;
	l->completes = --l->left == 0;
	l->walked = 0;
	l->walked_bytes = 0;
	*out = str_sub(in, head, len);
	*used = head + len;
	return LUMBERJACK_FRAME;
}

static enum lumberjack_answer json(struct lumberjack *l, struct str in, struct str *out, size_t *used)
{
	uint32_t len;

	if (in.len < LUMBERJACK_HEAD)
		return more(used, 0);
	len = get32(in.p + 6);
	if (len > l->max)
		return broken(l, "a frame longer than the limit");
	if (len == 0)
		return broken(l, "a frame without contents");
	if (in.len - LUMBERJACK_HEAD < len)
		return more(used, 0);
	return data(l, in, LUMBERJACK_HEAD, len, out, used);
}

/* Its length stands nowhere: the pairs are walked over, those that were there before only once. */
static enum lumberjack_answer pairs(struct lumberjack *l, struct str in, struct str *out, size_t *used)
{
	uint32_t n;

	if (in.len < LUMBERJACK_HEAD)
		return more(used, 0);
	n = get32(in.p + 6);
	if (n == 0)
		return broken(l, "a frame without contents");
	if (n > LUMBERJACK_PAIRS_MAX)
		return broken(l, "more pairs than the limit");
	for (; l->walked < n; l->walked++) {
		struct str rest = str_from(in, LUMBERJACK_HEAD + l->walked_bytes);
		size_t pair = 0;

		for (unsigned part = 0; part < 2; part++) {
			uint32_t len;

			if (rest.len - pair < 4)
				return more(used, 0);
			len = get32(rest.p + pair);
			if (len > l->max || l->walked_bytes + pair + 4 + len > l->max)
				return broken(l, "a frame longer than the limit");
			if (rest.len - pair - 4 < len)
				return more(used, 0);
			pair += 4 + (size_t)len;
		}
		l->walked_bytes += pair;
	}
	return data(l, in, LUMBERJACK_HEAD, l->walked_bytes, out, used);
}

/* in begins at a frame. */
static enum lumberjack_answer frame(struct lumberjack *l, struct str in, struct str *out, size_t *used)
{
	if (in.len && in.p[0] != '1' && in.p[0] != '2')
		return broken(l, "neither version 1 nor 2 of Lumberjack");
	if (in.len < 2)
		return more(used, 0);
	switch (in.p[1]) {
	case 'W':
		return window(l, in, used);
	case 'C':
		return open_packed(l, in, used);
	case 'J':
	case 'D':
		if (!l->left)
			return broken(l, "a frame outside of a window");
		return in.p[1] == 'J' ? json(l, in, out, used) : pairs(l, in, out, used);
	case 'A':
		return broken(l, "an acknowledgement from a sender");
	default:
		return broken(l, "a frame of unknown type");
	}
}

/* ---- inside of a compressed frame ---- */

/* Where a stream breaks must not depend on how it was cut into reads. */
static enum lumberjack_answer broken_behind(struct lumberjack *l, const char *why)
{
	l->ended = true;
	l->trouble = why;
	return LUMBERJACK_AGAIN;
}

/* One piece more behind what is left of the last one. */
static enum lumberjack_answer inflate_piece(struct lumberjack *l, struct str in, size_t *used)
{
	size_t give = in.len < l->packed ? in.len : l->packed;
	char *room = buf_room(&l->plain, LUMBERJACK_PIECE);
	int rc;

	/* What is left over is less than one frame. */
	if (!room)
		return broken(l, "a frame longer than the limit");
	l->z->next_in = (Bytef *)in.p;
	l->z->avail_in = (uInt)give;
	l->z->next_out = (Bytef *)room;
	l->z->avail_out = LUMBERJACK_PIECE;
	rc = inflate(l->z, Z_NO_FLUSH);
	*used = give - l->z->avail_in;
	l->packed -= (uint32_t)*used;
	l->plain.len += LUMBERJACK_PIECE - l->z->avail_out;
	l->inflated += LUMBERJACK_PIECE - l->z->avail_out;
	if (rc == Z_STREAM_END) {
		l->ended = true;
		if (l->packed)
			l->trouble = "bytes behind the end of a compressed frame's contents";
		return LUMBERJACK_AGAIN;
	}
	if (rc != Z_OK && rc != Z_BUF_ERROR)
		return broken_behind(l, "a compressed frame that cannot be inflated");
	if (l->inflated > LUMBERJACK_INFLATED_MAX)
		return broken_behind(l, "a compressed frame whose contents are longer than the limit");
	if (l->z->avail_out == 0)
		return LUMBERJACK_AGAIN;
	if (l->packed == 0)
		return broken_behind(l, "a compressed frame whose contents are cut off");
	return *used || l->z->avail_out < LUMBERJACK_PIECE ? LUMBERJACK_AGAIN : more(used, 0);
}

static enum lumberjack_answer next_packed(struct lumberjack *l, struct str in, struct str *out, size_t *used)
{
	struct str plain = str_from(buf_slice(&l->plain), l->at);
	size_t n = 0;

	if (plain.len) {
		enum lumberjack_answer a = frame(l, plain, out, &n);

		if (a != LUMBERJACK_MORE) {
			l->at += n;
			return a;
		}
	}
	if (l->ended) {
		if (l->trouble)
			return broken(l, l->trouble);
		if (plain.len)
			return broken(l, "a compressed frame that ends in the middle of a frame");
		close_packed(l);
		return LUMBERJACK_AGAIN;
	}
	if (l->at) {
		if (plain.len)
			memmove(l->plain.p, plain.p, plain.len);
		l->plain.len = plain.len;
		l->at = 0;
	}
	/* zlib may still hold something although there is no more input. */
	return inflate_piece(l, in, used);
}

enum lumberjack_answer lumberjack_next(struct lumberjack *l, struct str in, struct str *out, size_t *used, bool *held)
{
	*used = 0;
	*held = l->z != NULL;
	if (l->error)
		return LUMBERJACK_ERROR;
	return l->z ? next_packed(l, in, out, used) : frame(l, in, out, used);
}

bool lumberjack_pair(struct str *in, struct str *key, struct str *value)
{
	uint32_t len;

	if (in->len == 0)
		return false;
	len = get32(in->p);
	*key = str_sub(*in, 4, len);
	*in = str_from(*in, 4 + (size_t)len);
	len = get32(in->p);
	*value = str_sub(*in, 4, len);
	*in = str_from(*in, 4 + (size_t)len);
	return true;
}

/* ---- answers ---- */

enum { RECEIPT = 1, RECEIPT_V2 = 2, RECEIPT_COMPLETES = 4, RECEIPT_SHIFT = 3 };

uint64_t lumberjack_receipt(const struct lumberjack *l)
{
	return (uint64_t)l->sequence << RECEIPT_SHIFT | RECEIPT | (l->version == '2' ? RECEIPT_V2 : 0) |
	       (l->completes ? RECEIPT_COMPLETES : 0);
}

static void acknowledge(struct buf *out, char version, uint32_t sequence)
{
	const char a[6] = {version, 'A', (char)(sequence >> 24), (char)(sequence >> 16), (char)(sequence >> 8), (char)sequence};

	buf_add(out, a, sizeof(a));
}

void lumberjack_answer(const uint64_t *receipts, size_t n, struct buf *out)
{
	while (n && !receipts[n - 1])
		n--;
	for (size_t i = 0; i < n; i++) {
		uint64_t r = receipts[i];

		/* Of a part of a window only the newest is worth saying. */
		if (r & RECEIPT_COMPLETES || (i == n - 1 && r & RECEIPT_V2))
			acknowledge(out, r & RECEIPT_V2 ? '2' : '1', (uint32_t)(r >> RECEIPT_SHIFT));
	}
}

void lumberjack_wait(const struct lumberjack *l, struct buf *out)
{
	if (l->version == '2')
		acknowledge(out, '2', 0);
}
