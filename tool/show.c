#include "tool/show.h"

#include "base/utf8.h"

static bool take_text(void *arg, const struct value *v)
{
	struct str *out = arg;

	if (v->type != V_STRING || v->len == 0)
		return false;
	*out = value_str(v);
	return true;
}

static struct str text_at(const struct event *ev, const char *path)
{
	struct str s = {0};

	(void)path_values(ev, str_z(path), take_text, &s);
	return s;
}

static bool take_int(void *arg, const struct value *v)
{
	if (v->type != V_INT)
		return false;
	*(int64_t *)arg = v->i;
	return true;
}

void show_text(struct buf *out, struct str text)
{
	while (text.len) {
		struct str rest = text;
		int32_t c = utf8_next(&rest);
		size_t n = text.len - rest.len;

		if (c == '\n')
			buf_lit(out, "\\n");
		else if (c == '\t')
			buf_ch(out, ' ');
		else if (c < 0x20 || (c >= 0x7f && c < 0xa0))
			buf_printf(out, "\\x%02x", (unsigned)(unsigned char)text.p[n - 1]);
		else
			buf_add(out, text.p, n);
		text = rest;
	}
}

void show_time(struct buf *out, struct ts t, const struct zone *zone, struct zone_span *span)
{
	int32_t offset = zone_offset(zone, t.s, span);
	int32_t minutes = offset / 60;
	struct civil c;

	civil_from_seconds(t.s + offset, &c);
	buf_printf(out, "%04lld-%02d-%02d %02d:%02d:%02d.%03u %c%02d:%02d", (long long)c.year, c.month, c.day, c.hour, c.min, c.sec,
		   t.ns / 1000000, offset < 0 ? '-' : '+', (minutes < 0 ? -minutes : minutes) / 60, (minutes < 0 ? -minutes : minutes) % 60);
}

/* ---- who and where ---- */

static void member(struct buf *out, const struct event *ev, const char *side, const char *name, const char *between)
{
	char path[64];
	struct str v;

	snprintf(path, sizeof(path), "%s.%s", side, name);
	v = text_at(ev, path);
	if (!v.len)
		return;
	buf_add(out, between, strlen(between));
	show_text(out, v);
}

/* "source 10.20.0.100: alice, laptop-7; Berlin, DE"; nothing where only the address is known. */
static void show_side(struct buf *out, const struct event *ev, const char *side, bool first)
{
	static const char *const whos[] = {"user.name", "domain", "mac"}, *const wheres[] = {"geo.city_name", "geo.country_iso_code"};
	struct buf who, where;
	char path[64];

	buf_init(&who, 0);
	buf_init(&where, 0);
	for (size_t i = 0; i < sizeof(whos) / sizeof(*whos); i++)
		member(&who, ev, side, whos[i], who.len ? ", " : "");
	for (size_t i = 0; i < sizeof(wheres) / sizeof(*wheres); i++)
		member(&where, ev, side, wheres[i], where.len ? ", " : "");
	if (who.len || where.len) {
		buf_printf(out, "%s%s ", first ? "  [" : " | ", side);
		snprintf(path, sizeof(path), "%s.ip", side);
		show_text(out, text_at(ev, path));
		buf_lit(out, ": ");
		buf_str(out, buf_slice(&who));
		if (who.len && where.len)
			buf_lit(out, "; ");
		buf_str(out, buf_slice(&where));
	}
	buf_release(&who);
	buf_release(&where);
}

void show_line(FILE *f, const struct store_hit *hit, const struct zone *zone, struct zone_span *span)
{
	static const char *const sides[] = {"source", "client", "destination", "server"};
	const struct event *ev = &hit->ev;
	struct str program = text_at(ev, "process.name"), message = text_at(ev, "message"), host = text_at(ev, "host.name");
	int64_t pid = -1;
	struct buf b;
	struct ts t;
	size_t before;

	if (!event_timestamp(ev, &t))
		t = ts_from_ns(hit->time_ms * 1000000);
	if (!program.len)
		program = text_at(ev, "program");
	if (!host.len)
		host = text_at(ev, "host");
	(void)path_values(ev, STR("process.pid"), take_int, &pid);
	buf_init(&b, 0);
	show_time(&b, t, zone, span);
	buf_lit(&b, "  ");
	show_text(&b, host.len ? host : STR("-"));
	buf_lit(&b, "  ");
	show_text(&b, program.len ? program : STR("-"));
	if (pid >= 0)
		buf_printf(&b, "[%lld]", (long long)pid);
	buf_lit(&b, "  ");
	show_text(&b, message.len ? message : hit->json);
	before = b.len;
	for (size_t i = 0; i < sizeof(sides) / sizeof(*sides); i++)
		show_side(&b, ev, sides[i], b.len == before);
	if (b.len > before)
		buf_ch(&b, ']');
	buf_ch(&b, '\n');
	fwrite(b.p, 1, b.len, f);
	buf_release(&b);
}

void show_json(FILE *f, const struct store_hit *hit)
{
	fwrite(hit->json.p, 1, hit->json.len, f);
	putc('\n', f);
}
