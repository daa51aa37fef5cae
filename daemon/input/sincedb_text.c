#include "input/sincedb_text.h"

#include <inttypes.h>
#include <sys/sysmacros.h>

struct file_key file_key(dev_t dev, ino_t ino)
{
	return (struct file_key){ino, (uint64_t)dev >> 24 & 0xff, (uint64_t)dev & 0xffffff};
}

bool file_key_is(const struct file_key *k, dev_t dev, ino_t ino)
{
	struct file_key java = file_key(dev, ino);

	return k->inode == ino && ((k->major == java.major && k->minor == java.minor) || (k->major == major(dev) && k->minor == minor(dev)));
}

/* The next word and the blanks behind it; false: there is none. */
static bool word(struct str *s, struct str *out)
{
	struct str rest = *s;

	if (!str_cut(&rest, ' ', out)) {
		*out = rest;
		rest = (struct str){0};
	}
	while (rest.len && rest.p[0] == ' ')
		rest = str_from(rest, 1);
	*s = rest;
	return out->len > 0;
}

static bool number(struct str *s, uint64_t max, uint64_t *out)
{
	struct str w;

	return word(s, &w) && str_u64(w, max, out);
}

static bool key(struct str *s, struct file_key *k)
{
	return number(s, UINT64_MAX, &k->inode) && number(s, UINT32_MAX, &k->major) && number(s, UINT32_MAX, &k->minor);
}

/* "1519319662.852678": up to 9 digits behind the point count. */
static bool seconds(struct str w, int64_t *ns)
{
	struct str whole = w, rest = {0};
	uint64_t s, frac = 0, unit = 1000000000;
	ptrdiff_t dot = str_chr(w, '.');

	if (dot >= 0) {
		whole = str_sub(w, 0, (size_t)dot);
		rest = str_from(w, (size_t)dot + 1);
	}
	if (!str_u64(whole, INT64_MAX / 1000000000 - 1, &s))
		return false;
	for (size_t i = 0; i < rest.len; i++) {
		if (!ch_digit(rest.p[i]))
			return false;
		unit /= 10;
		frac += (uint64_t)(rest.p[i] - '0') * unit;
	}
	*ns = (int64_t)(s * 1000000000 + frac);
	return true;
}

bool sincedb_line_read(struct str text, struct sincedb_line *out)
{
	struct sincedb_line l = {.changed_ns = -1};
	struct str stamp;

	text = str_trim(text);
	if (!key(&text, &l.key) || !number(&text, INT64_MAX, &l.offset))
		return false;
	if (word(&text, &stamp)) {
		if (!seconds(stamp, &l.changed_ns))
			return false;
		l.path = text;
	}
	*out = l;
	return true;
}

void sincedb_line_write(struct buf *out, const struct sincedb_line *l)
{
	int64_t us = l->changed_ns < 0 ? 0 : l->changed_ns / 1000;
	char frac[8];
	int n = snprintf(frac, sizeof(frac), "%06d", (int)(us % 1000000));

	while (n > 1 && frac[n - 1] == '0')
		n--;
	buf_printf(out, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64 ".%.*s ", l->key.inode, l->key.major, l->key.minor, l->offset,
		   us / 1000000, n, frac);
	/* A line break in a name cannot be said in this format: then the file is known by its inode alone. */
	if (str_chr(l->path, '\n') < 0)
		buf_str(out, l->path);
	buf_ch(out, '\n');
}

bool seen_line_read(struct str text, struct seen_line *out)
{
	struct seen_line l = {0};
	struct str who, hash;
	uint64_t seen, head, id, changed;

	text = str_trim(text);
	if (!key(&text, &l.key) || !number(&text, INT64_MAX / 1000000, &seen) || !word(&text, &who) || who.len != 10 || !str_hex64(who, &id) ||
	    !number(&text, UINT32_MAX, &head) || !word(&text, &hash) || !str_hex64(hash, &l.head_hash) || !number(&text, INT64_MAX, &l.plain) ||
	    !number(&text, INT64_MAX / 1000000, &changed))
		return false;
	l.seen_ms = (int64_t)seen;
	l.changed_ms = (int64_t)changed;
	l.head_len = (uint32_t)head;
	for (int i = 0; i < 5; i++)
		l.who[i] = (uint8_t)(id >> (8 * (4 - i)));
	*out = l;
	return true;
}

void seen_line_write(struct buf *out, const struct seen_line *l)
{
	buf_printf(out, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64 " %02x%02x%02x%02x%02x %" PRIu32 " %" PRIx64 " %" PRIu64 " %" PRId64 "\n", l->key.inode,
		   l->key.major, l->key.minor, l->seen_ms, l->who[0], l->who[1], l->who[2], l->who[3], l->who[4], l->head_len, l->head_hash,
		   l->plain, l->changed_ms);
}

uint64_t head_hash(struct str head)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < head.len; i++)
		h = (h ^ (uint8_t)head.p[i]) * 0x100000001b3;
	return h;
}
