/*
 * http_render.c - an event as URL, headers and body. Work thread.
 *
 * What comes from the event can end neither the URL nor a header: control characters and blanks become %XX in the one and blanks in the other.
 */
#include "outputs/http.h"

#include "event/json.h"
#include "event/ruby_text.h"

void http_url_write(struct buf *out, struct str url)
{
	for (size_t i = 0; i < url.len; i++) {
		unsigned char c = (unsigned char)url.p[i];

		if (c <= 0x20 || c >= 0x7f || strchr("\"<>\\^`{|}", c))
			buf_printf(out, "%%%02X", c);
		else
			buf_ch(out, (char)c);
	}
}

void http_header_write(struct buf *out, struct str name, struct str value)
{
	buf_str(out, name);
	/* libcurl's way to write a header without a value. */
	if (value.len == 0) {
		buf_ch(out, ';');
		return;
	}
	buf_lit(out, ": ");
	for (size_t i = 0; i < value.len; i++)
		buf_ch(out, (unsigned char)value.p[i] < 0x20 || value.p[i] == 0x7f ? ' ' : value.p[i]);
}

static int render_head(const struct http_output *h, const struct event *ev, struct buf *b, struct render_ctx *ctx)
{
	struct str v;

	if (tmpl_render(h->url, ev, ctx->scratch, ctx->clock, &v, &ctx->err) == -1)
		return -1;
	http_url_write(b, v);
	buf_ch(b, '\n');
	for (size_t i = 0; i < h->n_headers; i++) {
		if (tmpl_render(h->header[i].value, ev, ctx->scratch, ctx->clock, &v, &ctx->err) == -1)
			return -1;
		http_header_write(b, h->header[i].name, v);
		buf_ch(b, '\n');
	}
	return 0;
}

/* As deep as the configuration's text is nested. */
static int mapped(const struct http_node *n, const struct event *ev, struct render_ctx *ctx, struct value *out)
{
	struct value v;
	struct map *m;
	struct list *l;
	struct str text;

	switch (n->type) {
	case V_MAP:
		m = arena_zalloc(ctx->scratch, sizeof(*m));
		for (uint32_t i = 0; i < n->n; i++) {
			if (mapped(&n->child[i], ev, ctx, &v) == -1)
				return -1;
			map_push(ctx->scratch, m, n->key[i], v);
		}
		*out = v_map(m);
		return 0;
	case V_LIST:
		l = arena_zalloc(ctx->scratch, sizeof(*l));
		for (uint32_t i = 0; i < n->n; i++) {
			if (mapped(&n->child[i], ev, ctx, &v) == -1)
				return -1;
			list_push(ctx->scratch, l, v);
		}
		*out = v_list(l);
		return 0;
	default:
		if (tmpl_render(n->text, ev, ctx->scratch, ctx->clock, &text, &ctx->err) == -1)
			return -1;
		*out = v_str(text);
		return 0;
	}
}

/* As Ruby's CGI.escape does it. */
static void form_text(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (ch_alnum(s.p[i]) || (s.p[i] && strchr("*-._~", s.p[i])))
			buf_ch(b, s.p[i]);
		else if (s.p[i] == ' ')
			buf_ch(b, '+');
		else
			buf_printf(b, "%%%02X", (unsigned char)s.p[i]);
	}
}

static void form(struct buf *b, const struct map *m, struct arena *a)
{
	for (uint32_t i = 0; i < m->n; i++) {
		if (i)
			buf_ch(b, '&');
		form_text(b, key_str(&m->e[i].key));
		buf_ch(b, '=');
		form_text(b, ruby_to_s(a, &m->e[i].val));
	}
}

static int render_body(const struct http_output *h, const struct event *ev, struct buf *b, struct render_ctx *ctx)
{
	struct value v = {0};
	struct str text;

	if (h->format == HTTP_MESSAGE) {
		if (tmpl_render(h->message, ev, ctx->scratch, ctx->clock, &text, &ctx->err) == -1)
			return -1;
		buf_str(b, text);
		return 0;
	}
	if (h->map && mapped(h->map, ev, ctx, &v) == -1)
		return -1;
	if (h->format == HTTP_FORM)
		form(b, h->map ? v.map : &ev->root, ctx->scratch);
	else if (h->map)
		json_write_value(b, &v);
	else
		json_write_event(b, ev);
	return 0;
}

enum render_result http_render(void *self, const struct event *ev, struct pack *p, struct render_ctx *ctx)
{
	const struct http_output *h = self;
	struct buf *b = pack_begin(p);
	size_t head;

	if (!h->fixed && render_head(h, ev, b, ctx) == -1)
		return RENDER_DEAD;
	head = b->len - p->begun;
	if (render_body(h, ev, b, ctx) == -1)
		return RENDER_DEAD;
	if (b->over) {
		err_set(&ctx->err, "larger than %d bytes", PACK_BYTES_MAX);
		return RENDER_DEAD;
	}
	pack_end(p, head, 0, h->format == HTTP_JSON || h->format == HTTP_JSON_BATCH ? ITEM_JSON : 0);
	return RENDER_OK;
}
