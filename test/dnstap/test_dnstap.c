/*
 * test_dnstap.c - real recordings through Frame Streams, protobuf and DNS into events.
 *
 *	test_dnstap FOLDER
 *
 * NAME.fstrm are recordings of BIND, Knot Resolver, PowerDNS Recursor and Unbound; NAME.jsonl is what another reader found in their
 * frames ("n" is the frame's number), golden.jsonl whole events: of a recording's frame, or of a frame written out as hex digits. Lines
 * beginning with # are notes. WEIR_TEST_WRITE=1 prints golden.jsonl with what comes out now, to be read before it is kept.
 */
#include "../unit/test.h"

#include "event/json.h"
#include "input/fstrm.h"
#include "parse/dnstap_decode.h"

static const char *folder;
static struct dnstap_decoder *decoder;
static struct arena arena;
static const int64_t received = INT64_C(1795489200) * 1000000000; /* 2026-11-24T03:00:00Z */

static bool read_file(const char *name, const char *end, struct buf *out)
{
	char path[4096], chunk[4096];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s%s", folder, name, end);
	f = fopen(path, "r");
	if (!f) {
		fprintf(stderr, "cannot read '%s'\n", path);
		return false;
	}
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(out, chunk, n);
	fclose(f);
	return true;
}

static unsigned decode(struct str frame, struct event *ev)
{
	struct dnstap_from from = {.received_ns = received, .host = STR("weir.example")};

	event_init(ev, &arena);
	return dnstap_decode(decoder, ev, frame, &from);
}

/* ---- a recording ---- */

enum { FRAMES = 200 };

struct recording {
	struct buf bytes;
	struct str frame[FRAMES];
	size_t n;
	struct str rest; /* half a frame at the end */
	struct fstrm f;
};

static bool load(struct recording *r, const char *name)
{
	struct str in, frame;
	size_t used;

	*r = (struct recording){0};
	if (!read_file(name, ".fstrm", &r->bytes))
		return false;
	in = buf_slice(&r->bytes);
	fstrm_init(&r->f, "protobuf:dnstap.Dnstap", FSTRM_DATA_MAX);
	for (;;) {
		enum fstrm_answer a = fstrm_next(&r->f, in, &frame, &used);

		if (a == FSTRM_FRAME && r->n < FRAMES)
			r->frame[r->n++] = frame;
		else if (a != FSTRM_MORE || used == 0)
			break;
		in = str_from(in, used);
	}
	r->rest = in;
	return true;
}

/* ---- the same as the other reader ---- */

static const struct value *at(const struct map *m, const char *path)
{
	const struct value *v = NULL;
	struct str rest = str_z(path), part;
	bool more = true;

	while (more) {
		more = str_cut(&rest, '.', &part);
		v = m ? map_find_str(m, more ? part : rest) : NULL;
		m = value_is(v, V_MAP) ? v->map : NULL;
	}
	return v;
}

static struct str text_at(const struct map *m, const char *path)
{
	const struct value *v = at(m, path);
	char time[TS_TEXT_MAX];

	if (value_is(v, V_STRING))
		return value_str(v);
	if (value_is(v, V_TIME))
		return arena_dup(&arena, str_n(time, ts_format(value_ts(v), time)));
	if (value_is(v, V_INT))
		return arena_printf(&arena, "%lld", (long long)v->i);
	return (struct str){"", 0};
}

/* Times differ in how many digits they show. */
static struct str trimmed_time(struct str s)
{
	s.len -= s.len > 0;
	while (s.len > 20 && s.p[s.len - 1] == '0')
		s.len--;
	return s;
}

static void same(const char *name, long long n, const char *what, struct str have, struct str want)
{
	if (str_eq(have, want)) {
		test_passed++;
		return;
	}
	test_failed++;
	fprintf(stderr, "%s, frame %lld, %s: '%.*s', not '%.*s'\n", name, n, what, STR_ARG(have), STR_ARG(want));
}

/* "198.51.100.25#45822"; an asker without an address is 0.0.0.0 there. */
static struct str end_text(const struct map *m, const char *which)
{
	const struct value *v = at(m, which);
	struct str ip = value_is(v, V_MAP) ? text_at(v->map, "ip") : (struct str){"", 0};

	if (ip.len == 0)
		ip = STR("0.0.0.0");
	return arena_printf(&arena, "%.*s#%.*s", STR_ARG(ip), STR_ARG(text_at(v->map, "port")));
}

/* The other reader shows five of the flags. */
static struct str flags_text(const struct map *m)
{
	static const struct str shown[] = {STR_INIT("AA"), STR_INIT("TC"), STR_INIT("RD"), STR_INIT("RA")};
	const struct value *l = at(m, "dns.header_flags");
	struct buf b;
	struct str s;

	buf_init(&b, 0);
	if (str_eq(text_at(m, "dns.type"), STR("answer")))
		buf_lit(&b, "qr");
	for (uint32_t i = 0; l && i < l->list->n; i++)
		for (size_t k = 0; k < 4; k++)
			if (str_eq(value_str(&l->list->v[i]), shown[k])) {
				if (b.len)
					buf_ch(&b, ' ');
				buf_ch(&b, ch_lower(shown[k].p[0]));
				buf_ch(&b, ch_lower(shown[k].p[1]));
			}
	s = arena_dup(&arena, buf_slice(&b));
	buf_release(&b);
	return s;
}

/* "OWNER TTL TYPE DATA"; of a SOA the numbers are "...". */
static struct str record_text(const struct map *m)
{
	struct str data = text_at(m, "data"), type = text_at(m, "type"), name, box;

	if (str_eq(type, STR("SOA"))) {
		struct str rest = data;

		CHECK(str_cut(&rest, ' ', &name) && str_cut(&rest, ' ', &box));
		data = arena_printf(&arena, "%.*s %.*s ...", STR_ARG(name), STR_ARG(box));
	}
	return arena_printf(&arena, "%.*s %.*s %.*s %.*s", STR_ARG(text_at(m, "name")), STR_ARG(text_at(m, "ttl")), STR_ARG(type),
			    STR_ARG(data));
}

static void same_records(const char *name, long long n, const char *section, const struct value *have, const struct value *want)
{
	uint32_t nhave = have ? have->list->n : 0, nwant = want ? want->list->n : 0;

	if (nhave != nwant)
		fprintf(stderr, "%s, frame %lld: %s\n", name, n, section);
	CHECK_INT(nhave, nwant);
	for (uint32_t i = 0; i < nhave && i < nwant; i++)
		same(name, n, section, record_text(have->list->v[i].map), value_str(&want->list->v[i]));
}

/* "CLIENT_QUERY" as our action says it. */
static struct str action_of(struct str type)
{
	char *p = arena_bytes(&arena, type.len + 4);

	memcpy(p, "dns-", 4);
	for (size_t i = 0; i < type.len; i++)
		p[4 + i] = type.p[i] == '_' ? '-' : ch_lower(type.p[i]);
	return str_n(p, type.len + 4);
}

static void compare(const char *name, const struct recording *r, const struct map *row)
{
	const struct value *nv = at(row, "n");
	long long n = nv ? (long long)nv->i : -1;
	struct str proto = text_at(row, "proto"), lower, qt = text_at(row, "qt"), rt = text_at(row, "rt");
	struct event ev;
	struct map *m = &ev.root;

	CHECK(n >= 0 && (size_t)n < r->n);
	if (n < 0 || (size_t)n >= r->n)
		return;
	CHECK_INT(decode(r->frame[n], &ev), 0);
	same(name, n, "type", text_at(m, "event.action"), action_of(text_at(row, "type")));
	same(name, n, "time", trimmed_time(text_at(m, "@timestamp")), trimmed_time(rt.len ? rt : qt));
	if (qt.len && rt.len) {
		same(name, n, "start", trimmed_time(text_at(m, "event.start")), trimmed_time(qt));
		same(name, n, "end", trimmed_time(text_at(m, "event.end")), trimmed_time(rt));
	} else {
		CHECK(!at(m, "event.start") && !at(m, "event.duration") && !at(m, "weir.dns.latency_ms"));
	}
	same(name, n, "query address", end_text(m, "source"), text_at(row, "qaddr"));
	same(name, n, "response address", end_text(m, "destination"), text_at(row, "raddr"));
	lower = arena_dup(&arena, proto);
	for (size_t i = 0; i < lower.len; i++)
		((char *)lower.p)[i] = ch_lower(lower.p[i]);
	same(name, n, "transport", text_at(m, "network.transport"), lower);
	same(name, n, "zone", text_at(m, "weir.dns.zone"), text_at(row, "zone"));
	same(name, n, "id", text_at(m, "dns.id"), text_at(row, "id"));
	same(name, n, "rcode", text_at(m, "dns.response_code"),
	     str_eq(text_at(row, "has"), STR("r")) ? text_at(row, "rcode") : (struct str){"", 0});
	same(name, n, "flags", flags_text(m), text_at(row, "flags"));
	same(name, n, "question", arena_printf(&arena, "%.*s %.*s", STR_ARG(text_at(m, "dns.question.name")),
					       STR_ARG(text_at(m, "dns.question.type"))), text_at(row, "q"));
	same(name, n, "identity", text_at(m, "host.name"), text_at(row, "ident"));
	same_records(name, n, "answer", at(m, "dns.answers"), at(row, "answer"));
	same_records(name, n, "authority", at(m, "weir.dns.authorities"), at(row, "authority"));
	same_records(name, n, "additional", at(m, "weir.dns.additionals"), at(row, "additional"));
}

/* Each line of a .jsonl that is no note. */
static bool next_row(struct str *text, struct value *row)
{
	struct str line;
	struct err err;

	while (str_cut(text, '\n', &line)) {
		if (line.len == 0 || line.p[0] == '#')
			continue;
		if (json_read(&arena, &line, NULL, row, &err) == 0 && row->type == V_MAP)
			return true;
		fprintf(stderr, "%s\n", err.text);
		test_failed++;
	}
	return false;
}

static void test_recording(const char *name, size_t frames, enum fstrm_state end, size_t rest, unsigned rows)
{
	struct recording r;
	struct buf truth;
	struct value row;
	struct str text;
	unsigned n = 0;

	buf_init(&truth, 0);
	CHECK(load(&r, name) && read_file(name, ".jsonl", &truth));
	CHECK_INT(r.n, frames);
	CHECK_INT(r.f.state, end);
	CHECK_INT(r.rest.len, rest);
	for (size_t i = 0; i < r.n; i++) {
		struct event ev;

		CHECK_INT(decode(r.frame[i], &ev), 0);
		CHECK(value_is(at(&ev.root, "weir.parse.ok"), V_BOOL) && at(&ev.root, "weir.parse.ok")->b && !event_top(&ev, STR("tags")));
		arena_clear(&arena);
	}
	text = buf_slice(&truth);
	while (next_row(&text, &row)) {
		compare(name, &r, row.map);
		arena_clear(&arena);
		n++;
	}
	CHECK_INT(n, rows);
	buf_release(&truth);
	buf_release(&r.bytes);
}

/* ---- whole events ---- */

static struct str unhex(struct str s)
{
	char *p = arena_bytes(&arena, s.len / 2 + 1);
	uint64_t v = 0;

	for (size_t i = 0; i + 1 < s.len; i += 2) {
		CHECK(str_hex64(str_sub(s, i, 2), &v));
		p[i / 2] = (char)v;
	}
	return str_n(p, s.len / 2);
}

static void check_golden(struct map *row, bool write)
{
	const struct value *want = at(row, "event"), *frame = at(row, "frame");
	struct recording r = {0};
	struct str bytes = unhex(text_at(row, "hex"));
	struct value have;
	struct event ev;
	struct buf out;
	struct str text;
	struct err err;

	if (value_is(frame, V_INT)) {
		CHECK(load(&r, arena_dupz(&arena, text_at(row, "recording"))) && (size_t)frame->i < r.n);
		bytes = r.frame[frame->i];
	}
	buf_init(&out, 0);
	(void)decode(bytes, &ev);
	json_write_event(&out, &ev);
	text = arena_dup(&arena, buf_slice(&out)); /* the values point into it */
	CHECK(json_read(&arena, &text, NULL, &have, &err) == 0);
	if (write) {
		map_set(&arena, row, key_make(STR("event")), have);
		buf_clear(&out);
		json_write_map(&out, row);
		printf("%.*s\n", STR_ARG(buf_slice(&out)));
	} else if (!want || !value_equal(&have, want)) {
		test_failed++;
		fprintf(stderr, "%.*s: comes out as\n%.*s\n", STR_ARG(text_at(row, "why")), STR_ARG(buf_slice(&out)));
	} else {
		test_passed++;
	}
	buf_release(&out);
	buf_release(&r.bytes);
}

static void test_golden(bool write)
{
	struct buf file;
	struct value row;
	struct str text;
	unsigned n = 0;

	buf_init(&file, 0);
	CHECK(read_file("golden", ".jsonl", &file));
	text = buf_slice(&file);
	while (next_row(&text, &row)) {
		check_golden(row.map, write);
		arena_clear(&arena);
		n++;
	}
	CHECK(n > 20);
	buf_release(&file);
}

int main(int argc, char **argv)
{
	const char *write = getenv("WEIR_TEST_WRITE");

	if (argc != 2)
		return EXIT_FAILURE;
	folder = argv[1];
	hash_init(NULL);
	arena_init(&arena, NULL);
	decoder = dnstap_decoder_new();
	if (write && *write == '1') {
		test_golden(true);
	} else {
		test_recording("bind", 130, FSTRM_STOPPED, 0, 86);
		/* It was still being written: there is no STOP, and the last frame is cut off. */
		test_recording("kresd", 32, FSTRM_OPEN, 75, 32);
		test_recording("pdns", 60, FSTRM_STOPPED, 0, 42);
		test_recording("unbound", 110, FSTRM_STOPPED, 0, 60);
		test_golden(false);
	}
	dnstap_decoder_free(decoder);
	arena_release(&arena);
	return test_end();
}
