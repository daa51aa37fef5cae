/*
 * test_parse.c - runs the files test/parse/ *.test: raw lines and what is read out of them.
 *
 *	# a comment
 *	@ 2026-11-24T03:00:00Z +60	receipt, and the minutes east of UTC of the local zone, for what follows
 *	< <13>Oct 11 22:14:15 h1 a: x	a line; \n \r \t \0 \\ \xNN are escapes
 *	{"shape":"3164",...}		what comes out: exactly this text; bytes that are no UTF-8 are \xNN
 *
 * Only what a line has is written. WEIR_TEST_WRITE=1 prints the files with what comes out now, to be read before it is kept.
 */
#include "../unit/test.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "parse/syslog.h"

static const char *const shapes[] = {"raw", "bare", "tag", "3164", "local", "cisco", "epoch", "5424"};
static const char *const flag_names[] = {NULL,	"bad_pri", NULL,  "bad_stamp", NULL,
					 "unsynced", "relayed", "bom", "bad_sd",	 "sd_limit"};

static void put_string(struct buf *b, struct str s)
{
	buf_ch(b, '"');
	while (s.len) {
		struct str rest = s;
		int32_t c = utf8_next(&rest);

		if (c < 0)
			buf_printf(b, "\\x%02x", (unsigned char)s.p[0]);
		else if (c < ' ' || c == 127)
			buf_printf(b, "\\u%04x", (unsigned)c);
		else if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", c);
		else
			buf_add(b, s.p, s.len - rest.len);
		s = rest;
	}
	buf_ch(b, '"');
}

static void put_field(struct buf *b, const char *name, struct str s)
{
	if (s.len == 0)
		return;
	buf_printf(b, ",\"%s\":", name);
	put_string(b, s);
}

static void put_sd(struct buf *b, struct str sd)
{
	struct syslog_sd it;
	struct syslog_param p;
	const char *id = NULL;
	char text[4096];

	if (sd.len == 0)
		return;
	buf_lit(b, ",\"sd\":{");
	syslog_sd_init(&it, sd);
	while (syslog_sd_next(&it, &p)) {
		if (p.id.p != id) {
			if (id)
				buf_lit(b, "},");
			put_string(b, p.id);
			buf_lit(b, ":{");
			id = p.id.p;
		} else {
			buf_ch(b, ',');
		}
		if (!p.name.p)
			continue;
		put_string(b, p.name);
		buf_ch(b, ':');
		if (p.escaped && p.value.len <= sizeof(text))
			p.value = str_n(text, syslog_unescape(p.value, text));
		put_string(b, p.value);
	}
	buf_lit(b, "}}");
}

static void put_msg(struct buf *b, const struct syslog_msg *m, int64_t received_ns, int32_t zone)
{
	char text[TS_TEXT_MAX];
	struct zone_span span = {0};
	struct ts t;
	bool any = false;

	buf_printf(b, "{\"shape\":\"%s\"", shapes[m->shape]);
	if (m->flags & SYSLOG_PRI)
		buf_printf(b, ",\"pri\":%d", m->pri);
	for (unsigned i = 0; i < sizeof(flag_names) / sizeof(*flag_names); i++)
		if ((m->flags >> i & 1) && flag_names[i]) {
			buf_printf(b, "%s\"%s\"", any ? "," : ",\"flags\":[", flag_names[i]);
			any = true;
		}
	if (any)
		buf_ch(b, ']');
	if ((m->flags & SYSLOG_STAMP) && syslog_time(&m->stamp, zone_fixed(zone), &span, received_ns, &t))
		put_field(b, "time", str_n(text, ts_format(t, text)));
	put_field(b, "stamp", m->stamp_text);
	put_field(b, "seq", m->seq);
	put_field(b, "host", m->host);
	put_field(b, "tag", m->tag);
	put_field(b, "pid", m->pid);
	put_field(b, "msgid", m->msgid);
	put_sd(b, m->sd);
	if (m->repeated)
		buf_printf(b, ",\"repeated\":%u", m->repeated);
	buf_lit(b, ",\"msg\":");
	put_string(b, m->msg);
	buf_ch(b, '}');
}

static struct str unescape(struct str s, char *out)
{
	size_t n = 0;
	uint64_t v;

	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (c == '\\' && i + 1 < s.len) {
			c = s.p[++i];
			if (c == 'x' && str_hex64(str_sub(s, i + 1, 2), &v)) {
				c = (char)v;
				i += 2;
			} else {
				c = (char)(c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c == '0' ? 0 : c);
			}
		}
		out[n++] = c;
	}
	return str_n(out, n);
}

struct state {
	int64_t received_ns;
	int32_t zone;
	bool write;
	bool pending;
	struct buf have;
};

static void one_line(struct state *st, struct str line, const char *file, unsigned number)
{
	static char text[1 << 16];
	struct syslog_msg m;
	struct str head;
	struct ts t;
	int64_t minutes = 0;

	if (st->pending && (line.len == 0 || line.p[0] != '{')) {
		test_failed++;
		fprintf(stderr, "%s:%u: a line without its result: %.*s\n", file, number, STR_ARG(buf_slice(&st->have)));
		st->pending = false;
	}
	if (line.len == 0 || line.p[0] == '#') {
		/* nothing */
	} else if (str_starts(line, STR("@ "))) {
		struct str rest = str_from(line, 2);

		if (!str_cut(&rest, ' ', &head)) {
			head = rest;
			rest = STR("0");
		}
		if (rest.len && rest.p[0] == '+')
			rest = str_from(rest, 1);
		CHECK(ts_parse_iso(head, &t) && str_i64(rest, &minutes));
		st->received_ns = t.s * 1000000000;
		st->zone = (int32_t)minutes * 60;
	} else if (str_starts(line, STR("< ")) && line.len <= sizeof(text)) {
		syslog_parse(unescape(str_from(line, 2), text), &m);
		buf_clear(&st->have);
		put_msg(&st->have, &m, st->received_ns, st->zone);
		st->pending = true;
		if (st->write)
			printf("%.*s\n%.*s\n", STR_ARG(line), STR_ARG(buf_slice(&st->have)));
		if (st->write)
			st->pending = false;
		return;
	} else if (line.p[0] == '{') {
		if (st->write)
			return;
		if (str_eq(buf_slice(&st->have), line)) {
			test_passed++;
		} else {
			test_failed++;
			fprintf(stderr, "%s:%u:\n  have %.*s\n  want %.*s\n", file, number, STR_ARG(buf_slice(&st->have)),
				STR_ARG(line));
		}
		st->pending = false;
		return;
	} else {
		test_failed++;
		fprintf(stderr, "%s:%u: what is this line?\n", file, number);
	}
	if (st->write)
		printf("%.*s\n", STR_ARG(line));
}

static void one_file(const char *file, bool write)
{
	struct state st = {.write = write};
	FILE *f = fopen(file, "r");
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	unsigned number = 0;

	if (!f) {
		fprintf(stderr, "cannot open %s\n", file);
		test_failed++;
		return;
	}
	buf_init(&st.have, 0);
	while ((n = getline(&line, &cap, f)) >= 0) {
		if (n > 0 && line[n - 1] == '\n')
			n--;
		one_line(&st, str_n(line, (size_t)n), file, ++number);
	}
	CHECK(!st.pending);
	buf_release(&st.have);
	free(line);
	fclose(f);
}

/* Every prefix of every line, and every line with one byte changed: nothing may be read that is not there. */
static void prefixes(const char *file)
{
	FILE *f = fopen(file, "r");
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	while (f && (n = getline(&line, &cap, f)) >= 0) {
		if (n < 3 || line[0] != '<')
			continue;
		for (ssize_t i = 0; i <= n - 2; i++) {
			char *copy = malloc((size_t)i + 1);
			struct syslog_msg m;
			struct syslog_sd it;
			struct syslog_param p;

			memcpy(copy, line + 2, (size_t)i);
			for (int change = 0; change < 3; change++) {
				if (change && i)
					copy[i - 1] = change == 1 ? (char)0xff : ' ';
				syslog_parse(str_n(copy, (size_t)i), &m);
				CHECK(m.shape != SYSLOG_RAW || m.msg.p == copy);
				syslog_sd_init(&it, m.sd);
				while (syslog_sd_next(&it, &p))
					CHECK(p.id.len > 0);
			}
			free(copy);
		}
	}
	free(line);
	if (f)
		fclose(f);
}

int main(int argc, char **argv)
{
	bool write = getenv("WEIR_TEST_WRITE") != NULL;

	hash_init(NULL);
	for (int i = 1; i < argc; i++) {
		one_file(argv[i], write);
		prefixes(argv[i]);
	}
	return test_end();
}
