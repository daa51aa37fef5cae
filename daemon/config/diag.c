/*
 * diag.c - problems of a configuration: gathered, sorted by place, shown with the line they stand in.
 *
 * One thread, at start and reload. The texts live in the diag's own arena, so they outlive the plan
 * that was refused; the files they point into must outlive the diag, or be given to it (diag_keep).
 */
#include "config/diag.h"

#include "base/err.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	DIAG_MAX = 500,	    /* items kept; the rest is only counted */
	SHOWN_COLUMNS = 100, /* of a long source line */
	NEAREST_MAX = 64,   /* longer words have no near ones */
};

struct diag_kept {
	struct diag_kept *next;
	struct arena files;
};

void diag_init(struct diag *d)
{
	memset(d, 0, sizeof(*d));
	arena_init(&d->arena, NULL);
	d->last = &d->first;
}

void diag_release(struct diag *d)
{
	for (struct diag_kept *k = d->kept; k; k = k->next)
		arena_release(&k->files);
	arena_release(&d->arena);
	diag_init(d);
}

void diag_keep(struct diag *d, struct arena *files)
{
	struct diag_kept *k = arena_alloc(&d->arena, sizeof(*k));

	*k = (struct diag_kept){d->kept, *files};
	d->kept = k;
	arena_init(files, NULL);
}

void diag_add(struct diag *d, enum diag_level level, struct pos pos, const char *fmt, ...)
{
	struct diag_item *it;
	char text[1024];
	va_list ap;
	int n;

	if (level == DIAG_ERROR)
		d->errors++;
	else if (level == DIAG_WARNING)
		d->warnings++;
	else
		d->notes++;
	/* An error is never lost behind a flood of warnings: its level alone decides the outcome. */
	if (d->errors + d->warnings + d->notes > DIAG_MAX)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	if ((size_t)n >= sizeof(text))
		n = sizeof(text) - 1;
	it = arena_zalloc(&d->arena, sizeof(*it));
	it->level = level;
	it->pos = pos;
	it->text = arena_dup(&d->arena, str_n(text, (size_t)n));
	*d->last = it;
	d->last = &it->next;
}

/* b comes behind a in the list of files (or is no member of it). */
static bool file_before(const struct config_file *a, const struct config_file *b)
{
	for (const struct config_file *f = a->next; f; f = f->next)
		if (f == b)
			return true;
	return false;
}

static int item_cmp(const struct diag_item *a, const struct diag_item *b)
{
	const struct pos *p = &a->pos, *q = &b->pos;

	if (p->file != q->file) {
		if (!p->file || !q->file)
			return p->file ? 1 : -1;
		if (file_before(p->file, q->file))
			return -1;
		if (file_before(q->file, p->file))
			return 1;
		return str_cmp(p->file->name, q->file->name);
	}
	if (p->line != q->line)
		return p->line < q->line ? -1 : 1;
	if (p->col != q->col)
		return p->col < q->col ? -1 : 1;
	return 0;
}

/* Merge sort of n pointers, stable; tmp has room for n. */
static void items_sort(const struct diag_item **v, const struct diag_item **tmp, size_t n)
{
	size_t half = n / 2, i = 0, j = half, k = 0;

	if (n < 2)
		return;
	items_sort(v, tmp, half);
	items_sort(v + half, tmp, n - half);
	while (i < half && j < n)
		tmp[k++] = item_cmp(v[j], v[i]) < 0 ? v[j++] : v[i++];
	while (i < half)
		tmp[k++] = v[i++];
	while (j < n)
		tmp[k++] = v[j++];
	memcpy(v, tmp, n * sizeof(*v));
}

/* The text of line `line` (from 1), without its end. false where there is none. */
static bool source_line(const struct config_file *f, uint32_t line, struct str *out)
{
	struct str rest = f->text, head;

	if (line == 0 || !f->text.p)
		return false;
	for (uint32_t i = 1; i < line; i++)
		if (!str_cut(&rest, '\n', &head))
			return false;
	if (!str_cut(&rest, '\n', out))
		*out = rest;
	if (out->len && out->p[out->len - 1] == '\r')
		out->len--;
	return true;
}

/* One character of source as it may be shown on a terminal: tabs are one blank wide, control bytes are dots. */
static void show_char(struct buf *out, struct str *s)
{
	struct str at = *s;
	int32_t cp = utf8_next(s);

	if (cp == '\t')
		buf_ch(out, ' ');
	else if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
		buf_ch(out, '.');
	else
		buf_add(out, at.p, at.len - s->len);
}

static void show_place(const struct pos *pos, struct buf *out)
{
	uint32_t col = pos->col ? pos->col : 1, skip = 0, shown = 0;
	struct str line;

	if (!source_line(pos->file, pos->line, &line))
		return;
	/* A long line is cut around the place. */
	if (col > SHOWN_COLUMNS - 20)
		skip = col - SHOWN_COLUMNS / 2;
	for (uint32_t i = 0; i < skip && line.len; i++)
		utf8_next(&line);
	buf_printf(out, "%6u | %s", pos->line, skip ? "..." : "");
	for (; line.len && shown < SHOWN_COLUMNS; shown++)
		show_char(out, &line);
	buf_printf(out, "%s\n       | %s", line.len ? "..." : "", skip ? "   " : "");
	for (uint32_t i = 1 + skip; i < col; i++)
		buf_ch(out, ' ');
	buf_lit(out, "^\n");
}

void diag_print(const struct diag *d, struct buf *out)
{
	const struct diag_item **v, *it;
	size_t n = 0;

	for (it = d->first; it; it = it->next)
		n++;
	if (n == 0)
		return;
	v = xmalloc(2 * n * sizeof(struct diag_item *));
	n = 0;
	for (it = d->first; it; it = it->next)
		v[n++] = it;
	items_sort(v, v + n, n);
	for (size_t i = 0; i < n; i++) {
		it = v[i];
		if (it->pos.file)
			buf_printf(out, "%.*s:%u:%u: ", STR_ARG(it->pos.file->name), it->pos.line, it->pos.col);
		if (it->level != DIAG_ERROR)
			buf_str(out, it->level == DIAG_WARNING ? STR("warning: ") : STR("note: "));
		buf_str(out, it->text);
		buf_ch(out, '\n');
		if (it->pos.file && it->pos.line && it->level != DIAG_NOTE)
			show_place(&it->pos, out);
	}
	if (d->errors + d->warnings + d->notes > n)
		buf_printf(out, "... and %zu more problems\n", d->errors + d->warnings + d->notes - n);
	free(v);
}

/*
 * Edit distance of two words of at most NEAREST_MAX bytes: insert, delete, replace and swapped
 * neighbours cost 1. ASCII letters match in either case.
 */
static unsigned edit_distance(struct str a, struct str b)
{
	unsigned before[NEAREST_MAX + 1], prev[NEAREST_MAX + 1], cur[NEAREST_MAX + 1];

	for (size_t j = 0; j <= b.len; j++)
		prev[j] = before[j] = (unsigned)j;
	for (size_t i = 1; i <= a.len; i++) {
		cur[0] = (unsigned)i;
		for (size_t j = 1; j <= b.len; j++) {
			bool same = str_ieq(str_sub(a, i - 1, 1), str_sub(b, j - 1, 1));
			unsigned best = prev[j - 1] + !same;

			if (prev[j] + 1 < best)
				best = prev[j] + 1;
			if (cur[j - 1] + 1 < best)
				best = cur[j - 1] + 1;
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1] &&
			    before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			cur[j] = best;
		}
		memcpy(before, prev, sizeof(before));
		memcpy(prev, cur, sizeof(prev));
	}
	return prev[b.len];
}

const char *nearest_word(struct str word, const char *const *words, size_t n)
{
	/* More than that is another word: 'grok' is no slip for 'drop'. */
	unsigned limit = word.len < 5 ? 1 : word.len < 8 ? 2 : 3, best = limit + 1;
	const char *near = NULL;

	if (word.len < 2 || word.len > NEAREST_MAX)
		return NULL;
	for (size_t i = 0; i < n && words[i]; i++) {
		struct str w = str_z(words[i]);
		unsigned dist;

		if (w.len < 2 || w.len > NEAREST_MAX || w.len > word.len + limit || word.len > w.len + limit)
			continue;
		dist = edit_distance(word, w);
		if (dist < best) {
			best = dist;
			near = words[i];
		}
	}
	return near;
}
