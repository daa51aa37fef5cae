/*
 * i18n.c - the filter `i18n`: letters of the Latin alphabets without their marks, for readers of ASCII; what has no such form becomes '?'.
 * Work thread.
 */
#include "base/utf8.h"
#include "filter/support.h"

struct i18n {
	const struct list *transliterate;
	const struct ref **ref;
};

enum { FIRST = 0xc0, LAST = 0x17e };

/* From U+00C0 on, blanks between them. */
static const char plain[] =
	"A A A A A A AE C E E E E I I I I D N O O O O O x O U U U U Y Th ss a a a a a a ae c e e e e i i i i d n o o o o o ? o u u u u y th y "
	"A a A a A a C c C c C c C c D d D d E e E e E e E e E e G g G g G g G g H h H h I i I i I i I i I i IJ ij J j K k k "
	"L l L l L l L l L l N n N n N n 'n NG ng O o O o O o OE oe R r R r R r S s S s S s S s T t T t T t U u U u U u U u U u U u W w Y y Y "
	"Z z Z z Z z";

static int i18n_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct i18n *t = self;

	t->ref = filter_refs(ctx->arena, t->transliterate, err);
	return t->ref ? 0 : -1;
}

static void put_plain(struct buf *b, int32_t cp)
{
	struct str rest = str_z(plain), word = {0};

	for (int32_t at = FIRST; at <= cp; at++)
		if (!str_cut(&rest, ' ', &word)) {
			word = rest;
			rest.len = 0;
		}
	buf_str(b, word);
}

static struct str transliterated(struct arena *a, struct str s)
{
	struct str out;
	struct buf b;

	buf_init(&b, 0);
	while (s.len) {
		int32_t cp = utf8_next(&s);

		if (cp >= 0 && cp < 0x80)
			buf_ch(&b, (char)cp);
		else if (cp >= FIRST && cp <= LAST)
			put_plain(&b, cp);
		else
			buf_ch(&b, '?');
	}
	out = arena_dup(a, buf_slice(&b));
	buf_release(&b);
	return out;
}

static enum step i18n_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	const struct i18n *t = self;

	(void)ctx;
	for (uint32_t i = 0; t->transliterate && i < t->transliterate->n; i++) {
		struct value *v = event_get(ev, t->ref[i]);

		if (value_is(v, V_STRING))
			*v = v_str(transliterated(ev->arena, value_str(v)));
		for (uint32_t k = 0; value_is(v, V_LIST) && k < v->list->n; k++)
			if (v->list->v[k].type == V_STRING)
				v->list->v[k] = v_str(transliterated(ev->arena, value_str(&v->list->v[k])));
	}
	return STEP_OK;
}

static const struct option options[] = {
	{"transliterate", OPT_LIST, offsetof(struct i18n, transliterate), .doc = "fields to write in ASCII"},
	{0},
};

FILTER(i18n, .size = sizeof(struct i18n), .options = options, .doc = "letters without their marks", .open = i18n_open,
       .filter = {.run = i18n_run})
