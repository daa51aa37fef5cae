/*
 * pack.h - rendered events on their way out: one run of bytes, and for each event where it lies in it.
 *
 *	bytes   |action line\n document\n|action line\n document\n| ...
 *	item[0]  off, head, len           item[1] ...
 *
 * The work thread fills a pack (pack_begin, bytes, pack_end); from then on it belongs to the sender's queue and to
 * one out thread at a time, which puts a verdict on each item. Items that must be sent again stay in the pack: pack_compact
 * moves them together. An item holds a reference to its event's ack until its verdict is final.
 */
#ifndef WEIR_OUTPUTS_PACK_H
#define WEIR_OUTPUTS_PACK_H

#include "base/buf.h"
#include "pipeline/ack.h"

enum {
	PACK_BYTES_MAX = 256 * 1024 * 1024, /* a 32 MiB line, all of it escaped, still fits */
};

enum item_flags {
	ITEM_JSON = 1,	     /* the document is JSON text */
	ITEM_OWN_ID = 2,     /* _id is weir's own: "exists already" means it is there */
	ITEM_MAYBE_SENT = 4, /* an answer was lost: it may be there already */
	ITEM_TRIED_AGAIN = 8, /* had its one more chance (404) */
	ITEM_STORED = 16,    /* came from the disk: no ack, counted as reloaded */
};

enum verdict {
	VERDICT_NONE, /* not sent, or no word of it: sent again at once or after the request's backoff */
	VERDICT_DELIVERED,
	VERDICT_DUPLICATE,
	VERDICT_RETRY,	 /* the far end wants it later */
	VERDICT_HOLD,	 /* later, and somebody must repair something: 30 s */
	VERDICT_SUSPECT, /* refused alone by a whole-request error: dead only if others were accepted */
	VERDICT_DEAD,	 /* refused for good: dead letter */
	VERDICT_DROPPED,
};

enum drop_reason {
	DROP_QUEUE_FULL,  /* when_full => drop_newest, drop_oldest */
	DROP_NO_LETTER,	  /* the dead letter could not be written */
	DROP_NO_DISK,	  /* unsent at the end, and the disk refused it */
	DROP_CLOSED,	  /* the reader of stdout went away */
	DROP_RENDER,	  /* cannot be encoded, and no dead letter */
	DROP_IGNORED,	  /* the configuration says so (drop_error_types) */
	DROP_NOBODY,	  /* no pipeline listens on the address (ensure_delivery => false); nobody is connected (tcp, mode server) */
	DROP_REASONS,
};

struct pack_item {
	uint32_t off, len;
	uint32_t head;	  /* of len: what stands before the document */
	uint16_t tail;	  /* of len: what stands behind it */
	uint8_t flags;	  /* enum item_flags */
	uint8_t verdict;  /* enum verdict */
	struct ack *ack;
};

/* Why an item is dead, suspect or dropped. */
struct pack_note {
	uint32_t item;
	int status;
	enum drop_reason drop;
	uint32_t off, len; /* in notes */
};

struct pack {
	struct pack *next;
	struct buf bytes;
	struct pack_item *item;
	uint32_t n, cap;
	uint32_t first;	 /* items before it are settled (drop_oldest) */
	uint64_t seq;	 /* age: lower is older */
	unsigned tries;
	int64_t not_before_ns;
	uint64_t accepted_mark; /* the sender's count of accepted documents when an item became suspect; 0: none is */
	bool announced;
	size_t live_bytes; /* what it counts against the bound */
	struct pack_note *note;
	uint32_t n_notes, cap_notes;
	struct buf notes;
	size_t begun; /* pack_begin */
};

struct pack *pack_new(void);
/* Ack references that are left are not released: settle the items first. */
void pack_free(struct pack **p);
/* Empty, ready for reuse; keeps its memory. */
void pack_clear(struct pack *p);

/* Room for one item more; its bytes are appended to p->bytes by the caller. */
static inline struct buf *pack_begin(struct pack *p)
{
	p->begun = p->bytes.len;
	p->bytes.over = false;
	return &p->bytes;
}

/* Forgets what was appended since pack_begin. */
static inline void pack_cancel(struct pack *p)
{
	p->bytes.len = p->begun;
	p->bytes.over = false;
}

/* What was appended since pack_begin becomes an item: `head` bytes, the document, `tail` bytes. */
struct pack_item *pack_end(struct pack *p, size_t head, size_t tail, unsigned flags);

static inline size_t item_cost(const struct pack_item *it)
{
	return it->len + sizeof(*it);
}

static inline struct str item_bytes(const struct pack *p, const struct pack_item *it)
{
	return str_n(p->bytes.p + it->off, it->len);
}

static inline struct str item_document(const struct pack *p, const struct pack_item *it)
{
	return str_n(p->bytes.p + it->off + it->head, it->len - it->head - it->tail);
}

/* The bytes of items [from, to), which lie together. */
static inline struct str pack_range(const struct pack *p, uint32_t from, uint32_t to)
{
	const struct pack_item *last = &p->item[to - 1];

	return str_n(p->bytes.p + p->item[from].off, last->off + last->len - p->item[from].off);
}

/* Verdict with a reason (SUSPECT, DEAD, DROPPED); the last one of an item counts. why is cut to 2 KiB. */
void pack_note(struct pack *p, uint32_t item, enum verdict v, int status, enum drop_reason drop, struct str why);
/* Of item, or NULL. */
const struct pack_note *pack_note_of(const struct pack *p, uint32_t item);
static inline struct str note_text(const struct pack *p, const struct pack_note *n)
{
	return str_n(p->notes.p + n->off, n->len);
}

/* Keeps only the items whose verdict is not final, moved together and set to VERDICT_NONE; forgets all notes. */
void pack_compact(struct pack *p);
/* Appends the items of src[from..] to dst with their acks; src keeps none of them. false: no room. */
bool pack_move(struct pack *dst, struct pack *src);
/* Gives back memory that a waiting pack does not need. */
void pack_shrink(struct pack *p);

static inline bool verdict_final(uint8_t v)
{
	return v == VERDICT_DELIVERED || v == VERDICT_DUPLICATE || v == VERDICT_DEAD || v == VERDICT_DROPPED;
}

#endif
