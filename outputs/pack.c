#include "outputs/pack.h"

#include "base/arena.h"
#include "base/err.h"

#include <stdlib.h>

enum { NOTE_MAX = 2048, NOTES_MAX = 4 * 1024 * 1024 };

struct pack *pack_new(void)
{
	struct pack *p = xzalloc(sizeof(*p));

	buf_init(&p->bytes, PACK_BYTES_MAX);
	buf_init(&p->notes, NOTES_MAX);
	return p;
}

void pack_free(struct pack **pp)
{
	struct pack *p = *pp;

	if (!p)
		return;
	buf_release(&p->bytes);
	buf_release(&p->notes);
	free(p->item);
	free(p->note);
	free(p);
	*pp = NULL;
}

void pack_clear(struct pack *p)
{
	buf_clear(&p->bytes);
	buf_release(&p->notes);
	p->next = NULL;
	p->n = p->first = p->n_notes = 0;
	p->seq = 0;
	p->tries = 0;
	p->not_before_ns = 0;
	p->accepted_mark = 0;
	p->announced = false;
	p->live_bytes = 0;
}

struct pack_item *pack_end(struct pack *p, size_t head, size_t tail, unsigned flags)
{
	struct pack_item *it;
	size_t len = p->bytes.len - p->begun;

	bug_on(p->bytes.over || head + tail > len || tail > UINT16_MAX);
	if (p->n == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 16;
		p->item = xrealloc(p->item, p->cap * sizeof(*p->item));
	}
	it = &p->item[p->n++];
	*it = (struct pack_item){
		.off = (uint32_t)p->begun,
		.len = (uint32_t)len,
		.head = (uint32_t)head,
		.tail = (uint16_t)tail,
		.flags = (uint8_t)flags,
	};
	p->live_bytes += item_cost(it);
	return it;
}

void pack_note(struct pack *p, uint32_t item, enum verdict v, int status, enum drop_reason drop, struct str why)
{
	struct pack_note *n;

	p->item[item].verdict = (uint8_t)v;
	if (p->n_notes == p->cap_notes) {
		p->cap_notes = p->cap_notes ? p->cap_notes * 2 : 8;
		p->note = xrealloc(p->note, p->cap_notes * sizeof(*p->note));
	}
	why = str_sub(why, 0, NOTE_MAX);
	n = &p->note[p->n_notes++];
	*n = (struct pack_note){.item = item, .status = status, .drop = drop, .off = (uint32_t)p->notes.len};
	buf_str(&p->notes, why);
	n->len = (uint32_t)(p->notes.len - n->off);
}

const struct pack_note *pack_note_of(const struct pack *p, uint32_t item)
{
	for (uint32_t i = p->n_notes; i-- > 0;)
		if (p->note[i].item == item)
			return &p->note[i];
	return NULL;
}

void pack_compact(struct pack *p)
{
	uint32_t n = 0;
	size_t end = 0;

	p->live_bytes = 0;
	for (uint32_t i = p->first; i < p->n; i++) {
		struct pack_item it = p->item[i];

		if (verdict_final(it.verdict))
			continue;
		memmove(p->bytes.p + end, p->bytes.p + it.off, it.len);
		it.off = (uint32_t)end;
		it.verdict = VERDICT_NONE;
		end += it.len;
		p->live_bytes += item_cost(&it);
		p->item[n++] = it;
	}
	p->bytes.len = end;
	p->n = n;
	p->first = 0;
	p->n_notes = 0;
	buf_release(&p->notes);
}

bool pack_move(struct pack *dst, struct pack *src)
{
	if (src->bytes.len > PACK_BYTES_MAX / 4 || dst->bytes.len > PACK_BYTES_MAX / 4)
		return false;
	for (uint32_t i = src->first; i < src->n; i++) {
		struct pack_item *from = &src->item[i], *to;

		buf_str(pack_begin(dst), item_bytes(src, from));
		to = pack_end(dst, from->head, from->tail, from->flags);
		to->verdict = from->verdict;
		to->ack = from->ack;
	}
	if (src->accepted_mark && (!dst->accepted_mark || src->accepted_mark < dst->accepted_mark))
		dst->accepted_mark = src->accepted_mark;
	pack_clear(src);
	return true;
}

void pack_shrink(struct pack *p)
{
	if (p->bytes.cap - p->bytes.len > p->bytes.len / 4 && p->bytes.len) {
		p->bytes.p = xrealloc(p->bytes.p, p->bytes.len);
		p->bytes.cap = p->bytes.len;
	}
	if (p->cap - p->n > p->n / 4 && p->n) {
		p->cap = p->n;
		p->item = xrealloc(p->item, p->cap * sizeof(*p->item));
	}
}
