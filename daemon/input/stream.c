#include "input/stream.h"

void stream_init(struct stream *st, struct inlet *in, struct source *s, enum framer_kind kind, size_t max)
{
	*st = (struct stream){.inlet = in, .source = s};
	st->framer = (struct framer){.kind = kind, .max = max, .delimiter = str_n(in->delimiter, in->delimiter_len)};
	if (kind == FRAMER_SYSLOG)
		st->framer.delimiter = STR("\n");
	if (kind == FRAMER_FSTRM)
		fstrm_init(&st->framer.fstrm, "protobuf:dnstap.Dnstap", max);
	if (kind == FRAMER_LUMBERJACK)
		lumberjack_init(&st->framer.lumberjack, max, LUMBERJACK_WINDOW_MAX);
	/* Lines are cut at their limit by the framer; with these lengths are known beforehand: a frame, and the read that ends it. */
	buf_init(&st->part, kind == FRAMER_FSTRM	? FSTRM_CONTROL_MAX + max + INLET_READ
			    : kind == FRAMER_LUMBERJACK ? LUMBERJACK_HEAD + max + INLET_READ
							: 0);
	st->count_max = SIZE_MAX;
	st->last_read_ns = clock_mono(&clock_system);
}

/* The budget knows of half frames, so that many or long ones stop the reading. */
static void count_part(struct stream *st)
{
	struct budget *b = st->inlet->budget;

	size_t held = st->part.cap + (st->framer.kind == FRAMER_LUMBERJACK ? lumberjack_memory(&st->framer.lumberjack) : 0);
	size_t count = held < st->count_max ? held : st->count_max;

	/* Relaxed: a gauge. */
	atomic_fetch_add_explicit(&b->used, count - st->counted, memory_order_relaxed);
	st->counted = count;
}

/* Where the peer owes the rest of something although no bytes of it are kept. */
static void mark_waiting(struct stream *st)
{
	if (st->framer.kind != FRAMER_LUMBERJACK || !lumberjack_inside(&st->framer.lumberjack))
		st->part_since_ns = 0;
	else if (!st->part_since_ns)
		st->part_since_ns = st->last_read_ns;
}

static void forget_part(struct stream *st)
{
	buf_clear(&st->part);
	mark_waiting(st);
	/* A long line's buffer is not kept for the next short one. */
	if (st->part.cap > 4 * INLET_READ)
		buf_release(&st->part);
	count_part(st);
}

/* A few bytes become a great many by inflating: what has no room any more waits where it is. */
static bool hold_up(struct stream *st)
{
	if (st->framer.kind != FRAMER_LUMBERJACK || !inlet_full(st->inlet))
		return false;
	st->held_up = true;
	inlet_hold(st->inlet);
	return true;
}

/* Cuts all frames off the front of *in; all of it where the stream broke. How many there were. */
static size_t cut_frames(struct stream *st, struct str *in, bool copy)
{
	size_t n = 0;

	if (st->cut) {
		size_t len = in->len;

		n = st->cut(st, in, copy);
		st->offset += len - in->len;
		return n;
	}
	for (;;) {
		struct str frame, rest;
		size_t used = 0;
		uint32_t flags = 0;
		enum framer_answer a;

		if (hold_up(st))
			return n;
		a = framer_next(&st->framer, *in, &frame, &used, &flags);
		rest = str_from(*in, used);
		/* What is acknowledged together is a span of its own. */
		if (a == FRAMER_FRAME && st->framer.kind == FRAMER_LUMBERJACK) {
			if (st->framer.lumberjack.opens)
				inlet_split(st->inlet);
			/* A compressed frame may take its time as long as something comes of it. */
			st->part_since_ns = 0;
		}
		if (a == FRAMER_FRAME)
			inlet_frame(st->inlet, st->source, frame, flags, copy || st->framer.held, copy ? NULL : &rest);
		else if (a == FRAMER_REPLY && st->reply)
			st->reply(st, frame);
		else if (a == FRAMER_AGAIN)
			count_part(st);
		else if (a == FRAMER_BROKEN)
			st->broken = framer_error(&st->framer);
		else if (used == 0)
			return n;
		n += a == FRAMER_FRAME;
		if (flags & FRAME_CUT) {
			st->cut_at = st->offset;
			/* What follows in the span would not follow in the stream. */
			inlet_split(st->inlet);
		}
		st->offset += used;
		*in = rest;
		if (st->broken) {
			*in = (struct str){0};
			return n;
		}
	}
}

/* A half frame that is longer than a read is not moved with every read: new bytes go behind it where it lies. */
static bool part_is_long(const struct stream *st)
{
	return st->part.len > INLET_READ;
}

void stream_alloc(struct stream *st, uv_buf_t *buf)
{
	st->head = part_is_long(st) ? 0 : st->part.len;
	buf->base = inlet_room(st->inlet, st->head + INLET_READ) + st->head;
	buf->len = INLET_READ;
}

static void cut_part(struct stream *st)
{
	struct str all = buf_slice(&st->part);

	(void)cut_frames(st, &all, true);
	if (all.len == 0) {
		forget_part(st);
		return;
	}
	if (all.len != st->part.len) {
		memmove(st->part.p, all.p, all.len);
		st->part.len = all.len;
		st->part_since_ns = st->last_read_ns;
	}
	count_part(st);
}

static void read_behind_long_part(struct stream *st, struct str in)
{
	buf_str(&st->part, in);
	/* It lies there now: the batch, which has perhaps no frame yet, must not grow with it. */
	inlet_unroom(st->inlet, (char *)in.p);
	cut_part(st);
}

bool stream_go_on(struct stream *st)
{
	if (st->held_up && !st->broken) {
		st->held_up = false;
		cut_part(st);
	}
	return !st->held_up;
}

void stream_read(struct stream *st, const uv_buf_t *buf, ssize_t n)
{
	struct str in;
	bool none;

	if (n <= 0) {
		if (buf->base)
			inlet_unroom(st->inlet, buf->base - st->head);
		return;
	}
	inlet_unroom(st->inlet, buf->base + n);
	if (st->broken)
		return;
	st->last_read_ns = clock_mono(&clock_system);
	in = str_n(buf->base, (size_t)n);
	if (part_is_long(st)) {
		read_behind_long_part(st, in);
		return;
	}
	if (st->head)
		memcpy(buf->base - st->head, st->part.p, st->head);
	in = str_n(buf->base - st->head, st->head + (size_t)n);
	buf_clear(&st->part);
	none = cut_frames(st, &in, false) == 0;
	buf_str(&st->part, in);
	/* A batch that has perhaps no frame yet must not grow with what is kept elsewhere, or left out. */
	if (none)
		inlet_unroom(st->inlet, buf->base - st->head);
	if (st->part.len == 0) {
		forget_part(st);
		return;
	}
	/* The frame that is still open began with this read, unless it is the one that was open before. */
	if (!st->part_since_ns || in.len != st->head + (size_t)n)
		st->part_since_ns = st->last_read_ns;
	count_part(st);
}

int64_t stream_waits_since(const struct stream *st)
{
	if (st->cut)
		return st->busy_since_ns;
	if (!st->part_since_ns && st->framer.kind == FRAMER_FSTRM && fstrm_unsettled(&st->framer.fstrm))
		return st->last_read_ns;
	return st->part_since_ns;
}

uint64_t stream_done(const struct stream *st)
{
	return st->framer.skipping ? st->cut_at : st->offset;
}

void stream_forget(struct stream *st)
{
	st->framer.seen = 0;
	forget_part(st);
}

void stream_rest(struct stream *st)
{
	if (st->part.len == 0 && st->part.cap) {
		buf_release(&st->part);
		count_part(st);
	}
}

void stream_end(struct stream *st)
{
	struct str frame;
	uint32_t flags;

	if (!st->source)
		return;
	if (st->cut) {
		if (st->broken || st->busy_since_ns)
			count_add(&st->inlet->count.bad_framing, 1);
	} else if (framer_end(&st->framer, buf_slice(&st->part), &frame, &flags))
		inlet_frame(st->inlet, st->source, frame, flags, true, NULL);
	else if (st->broken || (framer_errs(&st->framer) && (st->part.len || st->part_since_ns)))
		count_add(&st->inlet->count.bad_framing, 1);
	st->offset += st->part.len;
	inlet_mark(st->inlet, st->source, SPAN_CLOSE);
	buf_release(&st->part);
	if (st->framer.kind == FRAMER_LUMBERJACK)
		lumberjack_release(&st->framer.lumberjack);
	count_part(st);
	source_unref(st->source);
	st->source = NULL;
}
