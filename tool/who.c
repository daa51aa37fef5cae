/*
 * who.c - `weir who IP|USER|MAC|HOST [--at TIME]`: who had an address, and which addresses somebody had.
 *
 * Reads what the filter identity remembers (DATA/state.db), while weird writes it. One thread.
 */
#include "base/clock.h"
#include "base/hash.h"
#include "enrichers/lease.h"
#include "enrichers/state_db.h"
#include "event/json.h"
#include "tool/ask.h"
#include "tool/show.h"
#include "tool/tool.h"

#include <stdlib.h>

static const char usage[] =
	"usage: weir who [OPTION...] IP|USER|MAC|HOST\n\n"
	"  --at TIME        at that moment: 2026-11-24T03:12, 15m, 2h (ago), yesterday; else the whole timeline\n"
	"  --json           one object a line, times in UTC\n"
	"  --path.data DIR  weird's data folder ($WEIR_DATA, else the daemon's own default)\n";

/* An interval that fits what was asked. */
struct found {
	struct ip ip;
	int64_t since, until;
	bool assumed, seen;
	enum lease_kind kind;
	uint8_t mac[6];
	bool has_mac;
	struct str host, user, event_id; /* in the arena */
};

struct who {
	struct ask *a;
	struct ip ip;
	uint8_t mac[6];
	bool by_ip, by_mac;
	int64_t at; /* only what holds then; INT64_MIN: all */
	struct found *found;
	size_t n, cap;
	struct leases one; /* a table of one row */
	size_t rows;
};

static const char *const kind_names[] = {[LEASE_DHCP] = "DHCP", [LEASE_VPN] = "VPN", [LEASE_STATIC] = "static"};

/* A MAC in any notation: six octets, whatever stands between the digits. */
static bool read_mac(struct str s, uint8_t out[6])
{
	char text[17];
	size_t n = 0, digits = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (ch_xdigit(s.p[i])) {
			if (digits == 12)
				return false;
			if (digits && digits % 2 == 0)
				text[n++] = ':';
			text[n++] = s.p[i];
			digits++;
		} else if (s.p[i] != ':' && s.p[i] != '-' && s.p[i] != '.') {
			return false;
		}
	}
	return digits == 12 && s.len > 12 && mac_parse(str_n(text, n), out);
}

static bool wanted(const struct who *w, const struct ip *ip, const struct holder *h)
{
	if (w->by_ip)
		return ip_eq(ip, &w->ip);
	if (w->by_mac)
		return h->has_mac && memcmp(h->mac, w->mac, 6) == 0;
	return str_ieq(h->user, w->a->text) || str_ieq(h->host, w->a->text);
}

static void add(struct who *w, const struct ip *ip, const struct lease_answer *l)
{
	const struct holder *h = &l->mark->who;
	struct found *f;

	if (w->n == w->cap) {
		w->cap = w->cap ? 2 * w->cap : 64;
		w->found = xrealloc(w->found, w->cap * sizeof(*w->found));
	}
	f = &w->found[w->n++];
	*f = (struct found){.ip = *ip, .since = l->since, .until = l->until, .assumed = l->assumed, .seen = l->mark->kind == LEASE_SEEN,
			    .kind = h->kind, .has_mac = h->has_mac, .host = arena_dup(&w->a->arena, h->host),
			    .user = arena_dup(&w->a->arena, h->user), .event_id = arena_dup(&w->a->arena, str_z(l->mark->event_id))};
	memcpy(f->mac, h->mac, 6);
}

static void take_row(void *arg, struct str step, struct str key, struct str value)
{
	struct who *w = arg;
	const struct lease_row *r;
	struct lease_answer l;
	struct ip ip;

	if (!str_starts(step, STR(IDENTITY_STEP)) || key.len != sizeof(ip.b))
		return;
	memcpy(ip.b, key.p, sizeof(ip.b));
	if (!lease_row_read(&w->one, &ip, value))
		return;
	w->rows++;
	r = lease_find(&w->one, &ip);
	for (unsigned i = 0; i < r->n; i++)
		if (lease_interval(r, i, &l) && wanted(w, &ip, &l.mark->who) && (w->at == INT64_MIN || (l.since <= w->at && w->at < l.until)))
			add(w, &ip, &l);
}

static int by_time(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return x->since != y->since ? x->since < y->since ? -1 : 1 : ip_cmp(&x->ip, &y->ip);
}

/* ---- for programs ---- */

static void json_text(struct buf *b, const char *key, struct str s)
{
	if (s.len == 0)
		return;
	buf_printf(b, ",\"%s\":", key);
	json_write_string(b, s);
}

static void print_json(const struct found *f)
{
	char ip[IP_TEXT], mac[18], from[TS_TEXT_MAX], until[TS_TEXT_MAX];
	struct buf b;

	buf_init(&b, 0);
	buf_printf(&b, "{\"ip\":\"%.*s\"", (int)ip_format(&f->ip, ip), ip);
	json_text(&b, "kind", str_z(kind_names[f->kind]));
	if (f->kind != LEASE_STATIC) {
		json_text(&b, "since", str_n(from, ts_format(ts_from_ns(f->since), from)));
		json_text(&b, "until", str_n(until, ts_format(ts_from_ns(f->until), until)));
		buf_printf(&b, ",\"assumed\":%s", f->assumed ? "true" : "false");
	}
	json_text(&b, "host", f->host);
	json_text(&b, "user", f->user);
	if (f->has_mac)
		json_text(&b, "mac", str_n(mac, mac_format(f->mac, mac)));
	json_text(&b, "event_id", f->event_id);
	buf_lit(&b, "}\n");
	fwrite(b.p, 1, b.len, stdout);
	buf_release(&b);
}

/* ---- for people ---- */

/* "alice, alice-laptop (F6-80-5F-1D-D1-95)" */
static void put_holder(struct buf *b, const struct found *f)
{
	char mac[18];

	if (f->user.len)
		show_text(b, f->user);
	if (f->user.len && f->host.len)
		buf_lit(b, ", ");
	if (f->host.len)
		show_text(b, f->host);
	if (f->has_mac)
		buf_printf(b, f->user.len || f->host.len ? " (%.*s)" : "%.*s", (int)mac_format(f->mac, mac), mac);
	if (!f->user.len && !f->host.len && !f->has_mac)
		buf_lit(b, "somebody without a name");
}

static void put_time(const struct who *w, struct buf *b, int64_t ns)
{
	struct zone_span span = {0};

	show_time(b, ts_from_ns(ns), w->a->zone, &span);
}

static void print_line(const struct who *w, const struct found *f)
{
	char ip[IP_TEXT];
	struct buf b;

	buf_init(&b, 0);
	buf_printf(&b, "  %-15.*s  ", (int)ip_format(&f->ip, ip), ip);
	if (f->kind == LEASE_STATIC) {
		buf_lit(&b, "always");
	} else {
		put_time(w, &b, f->since);
		buf_lit(&b, "  to  ");
		put_time(w, &b, f->until);
		buf_str(&b, f->seen ? STR(" (only seen)") : f->assumed ? STR(" (assumed)") : STR(""));
	}
	buf_printf(&b, "  %-6s  ", kind_names[f->kind]);
	put_holder(&b, f);
	buf_ch(&b, '\n');
	fwrite(b.p, 1, b.len, stdout);
	buf_release(&b);
}

/* The one sentence. */
static void print_answer(const struct who *w, const struct found *f, int64_t t, bool now)
{
	char ip[IP_TEXT];
	struct buf b;

	buf_init(&b, 0);
	if (w->by_ip) {
		buf_printf(&b, "%.*s %s ", (int)ip_format(&f->ip, ip), ip, now ? "is" : "was");
		put_holder(&b, f);
	} else {
		put_holder(&b, f);
		buf_printf(&b, " %s %.*s", now ? "has" : "had", (int)ip_format(&f->ip, ip), ip);
	}
	if (!now) {
		buf_lit(&b, " at ");
		put_time(w, &b, t);
	}
	if (f->kind == LEASE_STATIC) {
		buf_lit(&b, ", as the configuration says");
	} else {
		buf_printf(&b, ", by %s since ", kind_names[f->kind]);
		put_time(w, &b, f->since);
		buf_printf(&b, "%s until ", f->assumed ? ", as far as one can assume" : "");
		put_time(w, &b, f->until);
	}
	buf_ch(&b, '\n');
	fwrite(b.p, 1, b.len, stdout);
	buf_release(&b);
}

static int nobody(const struct who *w)
{
	struct buf b;

	buf_init(&b, 0);
	show_text(&b, w->a->text);
	if (w->rows == 0)
		fprintf(stderr, "weir who: nothing is known of any address yet: send the DHCP server's and the VPN's log to weird, and have `identity {}` "
				"in its filter section\n");
	else if (w->at != INT64_MIN)
		fprintf(stderr, "weir who: nobody is known to have had %.*s then; without --at the whole timeline is shown\n", STR_ARG(buf_slice(&b)));
	else
		fprintf(stderr, "weir who: no DHCP or VPN line has named %.*s\n", STR_ARG(buf_slice(&b)));
	buf_release(&b);
	return 1;
}

static int answer(struct who *w)
{
	struct ts now_ts = ts_from_ns(clock_wall(&clock_system));
	int64_t now = lease_time(now_ts), t = w->at == INT64_MIN ? now : w->at;
	bool told = false;

	if (w->n == 0)
		return nobody(w);
	qsort(w->found, w->n, sizeof(*w->found), by_time);
	if (w->a->json) {
		for (size_t i = 0; i < w->n; i++)
			print_json(&w->found[i]);
		return 0;
	}
	for (size_t i = w->n; i-- > 0;)
		if (w->found[i].since <= t && t < w->found[i].until) {
			print_answer(w, &w->found[i], t, w->at == INT64_MIN);
			told = true;
		}
	if (w->at == INT64_MIN) {
		puts(told ? "" : "Not now, but:");
		for (size_t i = 0; i < w->n; i++)
			print_line(w, &w->found[i]);
	}
	return 0;
}

int tool_who(int argc, char **argv)
{
	struct ask a;
	struct err err;
	struct who w = {.a = &a, .at = INT64_MIN};
	int rc = 2;

	if (ask_parse(&a, argc, argv, usage, 0) == 0) {
		if (a.help) {
			rc = 0;
		} else if (a.text.len == 0) {
			fputs(usage, stderr);
		} else {
			leases_init(&w.one, 1, 1);
			w.by_ip = ip_parse(a.text, &w.ip);
			w.by_mac = !w.by_ip && read_mac(a.text, w.mac);
			if (a.has_at)
				w.at = lease_time(a.at);
			rc = state_db_read(a.data_dir, take_row, &w, &err);
			if (rc && w.rows) {
				(void)answer(&w);
				fflush(stdout);
				fprintf(stderr, "weir who: %s\n", err.text);
				rc = 1;
			} else if (rc) {
				fprintf(stderr, "weir who: %s\nweird remembers addresses where its configuration has `filter { identity {} }`; "
						"--path.data DIR names its data folder\n", err.text);
				rc = 1;
			} else {
				rc = answer(&w);
			}
			leases_release(&w.one);
			free(w.found);
		}
	}
	ask_release(&a);
	return rc;
}
