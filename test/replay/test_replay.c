/*
 * test_replay.c - runs test/replay/NAME.replay: events of several sources through the filter `link` in many orders, and what must come of them.
 *
 *	link hosts => { "mail" => ["198.51.100.25"] }	options of the filter
 *	source mail recorded/postfix-bind.jsonl		one event a line, in the vocabulary of docs/events.md
 *	lines log ../parse/recorded/bind-querylog.log resolver	log lines, through parse {}; the host of lines that name none
 *	frames dnstap ../dnstap/bind.fstrm		a recording in Frame Streams, through the dnstap decoder
 *	later old recorded/postfix-bind.jsonl -86400	the same with other stamps
 *	event mail {"@timestamp":...}			one more event of that source
 *	times mail 20 +3.5 {"@timestamp":...}		twenty of it, 3.5 s apart; %d in it counts
 *	orders file time reversed shuffle1 mixed first:dnstap last:dnstap	mixed: a line of each source in turn
 *	skews mail 0 -30 +0.5				the whole is run again with that source's stamps shifted by so many seconds
 *	set NAME source PATH=VALUE ... from=TIME to=TIME nth=N
 *	count NAME N | same A B ... | apart A B | none A | linked A | member Z C CONFIDENCE | stranger Z C | class A CLASS | rule A RULE
 *	confidence A N | stable | links N | clock	the offset told last is the run's shift of the clocks, to a second
 *
 * What is compared is which events are in one chain, and which connection's chains are members of which cut, as a reader of the store finds them: an event's
 * own weir.chain.id, then all link events in their order. Ids never count. `stable`: every run gives the same partition and members.
 */
#include "../unit/plugin.h"

#include "base/hash.h"
#include "input/fstrm.h"
#include "parse/dnstap_decode.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>

enum { SOURCES = 16, EVENTS = 8192, CHAINS = 16384, SETS = 64, ORDERS = 16, PAIRS = 8192, WORDS = 16 };

struct source {
	struct str name;
	unsigned number;
};

struct input {
	unsigned source;
	struct str text; /* JSON */
	struct ts t;
	char id[16];
	/* Of the present run. */
	int chain; /* -1: none */
	int extra; /* chains beyond that one */
	int64_t confidence;
	struct str rule, class;
};

struct pair {
	int a, b;
	int count; /* of same-chain; a member: 0 or 1 */
	int64_t confidence;
};

struct expectation {
	unsigned line;
	unsigned n;
	struct str word[WORDS];
};

struct set {
	struct str name;
	unsigned n;
	unsigned at[EVENTS];
};

static struct arena memory, run_memory;
static const char *file;
static struct source source[SOURCES];
static unsigned nsources;
static struct input input[EVENTS];
static unsigned ninputs;
static struct set set[SETS];
static unsigned nsets;
static struct expectation expectation[256];
static unsigned nexpectations;
static struct str orders[ORDERS];
static unsigned norders;
static double skew[ORDERS];
static unsigned nskews, skewed;
static struct str options;
static bool write_out;

/* Of one run. */
static struct str chain[CHAINS];
static int parent[CHAINS];
static int nchains;
static struct pair same[PAIRS], member[PAIRS];
static unsigned nsame, nmembers, nlinks;
/* Of the first run. */
static int first_of[EVENTS];
static unsigned nfirst_members;
static struct pair first_member[PAIRS];
static bool have_first;

static void fail(unsigned line, const char *run, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void fail(unsigned line, const char *run, const char *fmt, ...)
{
	va_list ap;

	test_failed++;
	fprintf(stderr, "%s:%u: [%s] ", file, line, run);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/* ---- the script ---- */

static struct str word(struct str *s)
{
	struct str w = {s->p, 0};

	while (w.len < s->len && !isspace((unsigned char)s->p[w.len]))
		w.len++;
	*s = str_from(*s, w.len);
	while (s->len && isspace((unsigned char)s->p[0]))
		*s = str_from(*s, 1);
	return w;
}

static struct str read_file(const char *path)
{
	struct buf b;
	char *p;
	size_t n;
	FILE *f = fopen(path, "rb");

	buf_init(&b, 0);
	if (!f)
		return (struct str){0};
	do {
		p = buf_room(&b, 65536);
		n = fread(p, 1, 65536, f);
		b.len += n;
	} while (n);
	fclose(f);
	p = arena_dupz(&memory, buf_slice(&b));
	n = b.len;
	buf_release(&b);
	return str_n(p, n);
}

static double seconds(struct str s)
{
	return strtod(arena_dupz(&memory, s), NULL);
}

static unsigned source_of(struct str name)
{
	for (unsigned i = 0; i < nsources; i++)
		if (str_eq(source[i].name, name))
			return i;
	bug_on(nsources == SOURCES);
	source[nsources].name = name;
	return nsources++;
}

static void read_event(struct event *ev, struct arena *a, struct str text)
{
	struct value v;
	struct err err;
	struct str in = text;

	event_init(ev, a);
	if (json_read(a, &in, NULL, &v, &err) < 0 || v.type != V_MAP || event_from_map(ev, v.map, ts_from_ns(0)) < 0) {
		fprintf(stderr, "%s: no event: %.*s\n", file, STR_ARG(text));
		exit(1);
	}
}

static void add_input(unsigned src, struct str text, double later)
{
	struct input *in = &input[ninputs];
	struct arena a;
	struct event ev;
	int n;

	bug_on(ninputs == EVENTS);
	arena_init(&a, NULL);
	read_event(&ev, &a, text);
	*in = (struct input){.source = src, .text = text};
	bug_on(!event_timestamp(&ev, &in->t));
	in->t = ts_from_ns(in->t.s * 1000000000 + in->t.ns + llround(later * 1e9));
	n = snprintf(in->id, sizeof(in->id), "e%u", ninputs);
	bug_on(n <= 0);
	ninputs++;
	arena_release(&a);
}

/* Beside the script. */
static struct str read_beside(struct str path)
{
	struct str dir = str_z(file), all;
	ptrdiff_t slash = str_rchr(dir, '/');
	struct str full = arena_printf(&memory, "%.*s/%.*s", (int)(slash < 0 ? 1 : slash), slash < 0 ? "." : file, STR_ARG(path));

	all = read_file(arena_dupz(&memory, full));
	if (all.p)
		return all;
	fprintf(stderr, "cannot read %.*s\n", STR_ARG(full));
	exit(1);
}

static void add_frames(struct str name, struct str path)
{
	struct dnstap_decoder *d = dnstap_decoder_new();
	struct dnstap_from from = {.received_ns = INT64_C(1795608000) * 1000000000, .host = STR("resolver")};
	struct str in = read_beside(path), frame;
	unsigned src = source_of(name);
	struct fstrm f;
	size_t used;

	fstrm_init(&f, "protobuf:dnstap.Dnstap", FSTRM_DATA_MAX);
	for (;;) {
		enum fstrm_answer answer = fstrm_next(&f, in, &frame, &used);

		if (answer == FSTRM_FRAME) {
			struct arena a;
			struct event ev;
			struct buf b;

			arena_init(&a, NULL);
			buf_init(&b, 0);
			event_init(&ev, &a);
			CHECK_INT(dnstap_decode(d, &ev, frame, &from), 0);
			json_write_event(&b, &ev);
			add_input(src, arena_dup(&memory, buf_slice(&b)), 0);
			buf_release(&b);
			arena_release(&a);
		} else if (answer != FSTRM_MORE || used == 0) {
			break;
		}
		in = str_from(in, used);
	}
	dnstap_decoder_free(d);
}

/* What parse {} makes of each line; what it does not know is left out. */
static void add_lines(struct str name, struct str path, struct str host, double later)
{
	static const int64_t received = INT64_C(1795435200) * 1000000000; /* 2026-11-23T12:00:00Z */
	unsigned src = source_of(name), before = ninputs;
	struct str all = read_beside(path), line;
	struct opened o;
	struct buf b;

	buf_init(&b, 0);
	bug_on(!opened_plugin(&o, PLUGIN_FILTER, "parse { timezone => \"UTC\" }", ECS_V8));
	while (str_cut(&all, '\n', &line)) {
		struct arena a;
		struct event ev;
		struct step_ctx ctx = {.clock = &clock_system};

		if (line.len == 0 || str_starts(line, STR("# ")))
			continue;
		arena_init(&a, NULL);
		ctx.arena = &a;
		event_init(&ev, &a);
		event_stamp(&ev, ts_from_ns(received));
		ev.received_ns = received;
		event_set_top(&ev, key_make(STR("message")), v_str(line));
		if (o.plugin->filter.run(o.self, &ev, &ctx) == STEP_OK) {
			if (host.len && !event_get(&ev, field_ref(F_HOST_NAME)))
				event_set(&ev, field_ref(F_HOST_NAME), v_str(host));
			buf_clear(&b);
			json_write_event(&b, &ev);
			add_input(src, arena_dup(&memory, buf_slice(&b)), later);
		}
		arena_release(&a);
	}
	CHECK(ninputs > before);
	buf_release(&b);
	opened_release(&o);
}

static void add_source(struct str name, struct str path, double later)
{
	unsigned src = source_of(name);
	struct str all = read_beside(path), line;

	while (str_cut(&all, '\n', &line))
		if (line.len && line.p[0] == '{')
			add_input(src, line, later);
}

/* "%d" becomes the number. */
static struct str numbered(struct str text, unsigned n)
{
	ptrdiff_t at = str_find(text, STR("%d"));

	if (at < 0)
		return text;
	return arena_printf(&memory, "%.*s%u%.*s", (int)at, text.p, n, (int)(text.len - (size_t)at - 2), text.p + at + 2);
}

/* ---- sets ---- */

static bool matches(const struct event *ev, struct str path, struct str want)
{
	struct err err;
	struct arena a;
	const struct value *v;
	struct buf text;
	struct str bracketed = {0};
	struct str rest = path, part;
	bool hit;

	arena_init(&a, NULL);
	buf_init(&text, 0);
	buf_ch(&text, '[');
	while (str_cut(&rest, '.', &part)) {
		buf_str(&text, part);
		buf_lit(&text, "][");
	}
	buf_str(&text, rest);
	buf_ch(&text, ']');
	bracketed = arena_dup(&a, buf_slice(&text));
	v = event_get(ev, ref_compile(&a, bracketed, &err));
	buf_clear(&text);
	if (value_is(v, V_STRING))
		buf_str(&text, value_str(v));
	else if (v)
		json_write_value(&text, v);
	if (want.len && want.p[want.len - 1] == '*')
		hit = str_starts(buf_slice(&text), str_n(want.p, want.len - 1));
	else if (want.len && want.p[0] == '*')
		hit = str_ends(buf_slice(&text), str_from(want, 1));
	else
		hit = str_eq(buf_slice(&text), want);
	buf_release(&text);
	arena_release(&a);
	return v && hit;
}

static void add_set(struct str rest)
{
	struct set *s = &set[nsets++];
	struct str cond[WORDS], w;
	unsigned n = 0, src, seen = 0, nth = 0;
	struct ts from = {0}, to = {.s = INT64_C(1) << 40};

	bug_on(nsets > SETS);
	s->name = word(&rest);
	src = source_of(word(&rest));
	while (rest.len && n < WORDS) {
		w = word(&rest);
		if (str_starts(w, STR("from=")))
			bug_on(!ts_parse_iso(str_from(w, 5), &from));
		else if (str_starts(w, STR("to=")))
			bug_on(!ts_parse_iso(str_from(w, 3), &to));
		else if (str_starts(w, STR("nth=")))
			nth = (unsigned)seconds(str_from(w, 4));
		else
			cond[n++] = w;
	}
	for (unsigned i = 0; i < ninputs; i++) {
		struct arena a;
		struct event ev;
		bool hit = input[i].source == src && ts_cmp(input[i].t, from) >= 0 && ts_cmp(input[i].t, to) < 0;

		if (!hit)
			continue;
		arena_init(&a, NULL);
		read_event(&ev, &a, input[i].text);
		for (unsigned j = 0; j < n && hit; j++) {
			struct str path, value = cond[j];

			bug_on(!str_cut(&value, '=', &path));
			hit = matches(&ev, path, value);
		}
		arena_release(&a);
		if (hit && (++seen == nth || nth == 0))
			s->at[s->n++] = i;
	}
}

static const struct set *set_of(struct str name, unsigned line)
{
	for (unsigned i = 0; i < nsets; i++)
		if (str_eq(set[i].name, name))
			return &set[i];
	fprintf(stderr, "%s:%u: no set '%.*s'\n", file, line, STR_ARG(name));
	exit(1);
}

static void read_script(struct str all)
{
	struct str line, w;
	unsigned number = 0;

	while (str_cut(&all, '\n', &line)) {
		struct str rest = str_trim(line);

		number++;
		if (rest.len == 0 || rest.p[0] == '#')
			continue;
		w = word(&rest);
		if (str_eq(w, STR("link"))) {
			options = rest;
		} else if (str_eq(w, STR("source"))) {
			struct str name = word(&rest);

			add_source(name, rest, 0);
		} else if (str_eq(w, STR("lines"))) {
			struct str name = word(&rest), path = word(&rest), host = word(&rest);

			add_lines(name, path, host, rest.len ? seconds(rest) : 0);
		} else if (str_eq(w, STR("frames"))) {
			struct str name = word(&rest);

			add_frames(name, rest);
		} else if (str_eq(w, STR("later"))) {
			struct str name = word(&rest), path = word(&rest);

			add_source(name, path, seconds(rest));
		} else if (str_eq(w, STR("event"))) {
			unsigned src = source_of(word(&rest));

			add_input(src, rest, 0);
		} else if (str_eq(w, STR("times"))) {
			unsigned src = source_of(word(&rest)), n = (unsigned)seconds(word(&rest));
			double apart = seconds(word(&rest));

			for (unsigned i = 0; i < n; i++)
				add_input(src, numbered(rest, i + 1), apart * i);
		} else if (str_eq(w, STR("orders"))) {
			while (rest.len && norders < ORDERS)
				orders[norders++] = word(&rest);
		} else if (str_eq(w, STR("skews"))) {
			skewed = source_of(word(&rest));
			while (rest.len && nskews < ORDERS)
				skew[nskews++] = seconds(word(&rest));
		} else if (str_eq(w, STR("set"))) {
			add_set(rest);
		} else {
			struct expectation *x = &expectation[nexpectations++];

			x->line = number;
			x->word[x->n++] = w;
			while (rest.len && x->n < WORDS)
				x->word[x->n++] = word(&rest);
		}
	}
}

/* ---- what a reader makes of it ---- */

static int chain_number(struct str id)
{
	for (int i = nchains - 1; i >= 0; i--)
		if (str_eq(chain[i], id))
			return i;
	bug_on(nchains == CHAINS);
	chain[nchains] = arena_dup(&run_memory, id);
	return nchains++;
}

static int root_of(int c)
{
	while (c >= 0 && parent[c] != c)
		c = parent[c];
	return c;
}

static struct pair *pair_at(struct pair *list, unsigned *n, int a, int b)
{
	for (unsigned i = 0; i < *n; i++)
		if ((list[i].a == a && list[i].b == b))
			return &list[i];
	bug_on(*n == PAIRS);
	list[*n] = (struct pair){.a = a, .b = b};
	return &list[(*n)++];
}

static struct str text_at(const struct event *ev, enum field_id f)
{
	const struct value *v = event_get(ev, field_ref(f));

	return value_is(v, V_STRING) ? arena_dup(&run_memory, value_str(v)) : (struct str){0};
}

static struct input *input_by_id(struct str id)
{
	uint64_t n;

	bug_on(id.len < 2 || !str_u64(str_from(id, 1), EVENTS, &n) || n >= ninputs);
	return &input[n];
}

static void set_chain(struct input *in, int c, const struct event *ev)
{
	const struct value *v = event_get(ev, field_ref(F_WEIR_CAUSE_CONFIDENCE));

	in->chain = c;
	in->confidence = value_is(v, V_INT) ? v->i : -1;
	in->rule = text_at(ev, F_WEIR_CAUSE_RULE);
}

static void emitted(struct input *in, const struct event *ev)
{
	struct str id = text_at(ev, F_WEIR_CHAIN_ID);
	const struct value *v = event_get(ev, field_ref(F_WEIR_CAUSE_CHAIN_ID));

	in->chain = -1;
	in->extra = 0;
	in->class = text_at(ev, F_WEIR_DNS_CLASS);
	if (!id.len)
		return;
	set_chain(in, chain_number(id), ev);
	for (uint32_t i = 0; value_is(v, V_LIST) && id.p[0] == 'Z' && i < v->list->n; i++) {
		struct pair *p = pair_at(member, &nmembers, in->chain, chain_number(value_str(&v->list->v[i])));

		p->count = 1;
		if (in->confidence > p->confidence)
			p->confidence = in->confidence;
	}
}

static double clock_told; /* of the skewed source's host, by the last clock-skew event */
static unsigned nclocks;

static void told_clock(const struct event *ev)
{
	const struct value *v = event_get(ev, field_ref(F_WEIR_CLOCK_OFFSET_S));

	nclocks++;
	CHECK(value_is(v, V_FLOAT));
	clock_told = value_is(v, V_FLOAT) ? v->f : 0;
	CHECK(text_at(ev, F_WEIR_CLOCK_REFERENCE).len && text_at(ev, F_HOST_NAME).len && text_at(ev, F_MESSAGE).len);
	CHECK(!text_at(ev, F_WEIR_CHAIN_ID).len);
}

static void told(const struct event *ev)
{
	struct str action = text_at(ev, F_EVENT_ACTION), id = text_at(ev, F_WEIR_CHAIN_ID);
	const struct value *ids = event_get(ev, field_ref(F_WEIR_LINK_EVENT_ID)), *cause = event_get(ev, field_ref(F_WEIR_CAUSE_CHAIN_ID));
	const struct value *confidence = event_get(ev, field_ref(F_WEIR_CAUSE_CONFIDENCE));
	bool unlink = str_eq(action, STR("unlink")), is_same = str_eq(action, STR("same-chain"));
	int c;

	if (str_eq(action, STR("clock-skew"))) {
		told_clock(ev);
		return;
	}
	nlinks++;
	CHECK(id.len && (unlink || is_same || str_eq(action, STR("link"))));
	CHECK_STR(text_at(ev, F_EVENT_KIND), "enrichment");
	CHECK(text_at(ev, F_HOST_NAME).len && text_at(ev, F_MESSAGE).len);
	c = chain_number(id);
	for (uint32_t i = 0; value_is(ids, V_LIST) && i < ids->list->n; i++) {
		struct input *in = input_by_id(value_str(&ids->list->v[i]));

		if (unlink && in->chain == c)
			in->chain = -1;
		else if (unlink)
			in->extra--;
		else if (in->chain >= 0)
			in->extra++;
		else
			set_chain(in, c, ev);
	}
	for (uint32_t i = 0; !value_is(ids, V_LIST) && value_is(cause, V_LIST) && i < cause->list->n; i++) {
		int other = chain_number(value_str(&cause->list->v[i]));
		struct pair *p;

		if (is_same || (unlink && id.p[0] != 'Z')) {
			p = pair_at(same, &nsame, c < other ? c : other, c < other ? other : c);
			p->count += unlink ? -1 : 1;
			continue;
		}
		p = pair_at(member, &nmembers, c, other);
		p->count = !unlink;
		p->confidence = value_is(confidence, V_INT) ? confidence->i : 0;
	}
}

static void join_chains(void)
{
	for (int i = 0; i < nchains; i++)
		parent[i] = i;
	for (unsigned i = 0; i < nsame; i++)
		if (same[i].count > 0)
			parent[root_of(same[i].a)] = root_of(same[i].b);
}

/* ---- a run ---- */

static uint64_t draw;

static unsigned random_below(unsigned n)
{
	draw ^= draw << 13;
	draw ^= draw >> 7;
	draw ^= draw << 17;
	return (unsigned)(draw % n);
}

static double shift;

static struct ts time_of(unsigned i)
{
	struct ts t = input[i].t;

	if (input[i].source != skewed || shift == 0)
		return t;
	return ts_from_ns(t.s * 1000000000 + t.ns + llround(shift * 1e9));
}

static int by_time(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
	int c = ts_cmp(time_of(x), time_of(y));

	return c ? c : x < y ? -1 : 1;
}

static void make_order(struct str how, unsigned *order)
{
	for (unsigned i = 0; i < ninputs; i++)
		order[i] = i;
	if (str_eq(how, STR("file")))
		return;
	qsort(order, ninputs, sizeof(*order), by_time);
	if (str_eq(how, STR("reversed"))) {
		for (unsigned i = 0; i < ninputs / 2; i++) {
			unsigned t = order[i];

			order[i] = order[ninputs - 1 - i];
			order[ninputs - 1 - i] = t;
		}
	} else if (str_starts(how, STR("shuffle"))) {
		draw = 88172645463325252ull + (uint64_t)seconds(str_from(how, 7)) * 7919;
		for (unsigned i = ninputs; i > 1; i--) {
			unsigned j = random_below(i), t = order[i - 1];

			order[i - 1] = order[j];
			order[j] = t;
		}
	} else if (str_eq(how, STR("mixed"))) {
		unsigned sorted[EVENTS], n = 0, next[SOURCES] = {0};

		memcpy(sorted, order, ninputs * sizeof(*order));
		while (n < ninputs) {
			for (unsigned s = 0; s < nsources; s++) {
				while (next[s] < ninputs && input[sorted[next[s]]].source != s)
					next[s]++;
				if (next[s] < ninputs)
					order[n++] = sorted[next[s]++];
			}
		}
	} else if (str_starts(how, STR("first:")) || str_starts(how, STR("last:"))) {
		bool first = how.p[0] == 'f';
		unsigned src = source_of(str_from(how, first ? 6 : 5)), sorted[EVENTS], n = 0;

		memcpy(sorted, order, ninputs * sizeof(*order));
		for (int pass = 0; pass < 2; pass++)
			for (unsigned i = 0; i < ninputs; i++)
				if ((input[sorted[i]].source == src) == (pass == 0 ? first : !first))
					order[n++] = sorted[i];
	} else {
		bug_on(!str_eq(how, STR("time")));
	}
}

static void feed(struct opened *o, struct clock *clock, unsigned i)
{
	struct arena a;
	struct event ev;
	struct step_ctx ctx = {.clock = clock};
	enum step step;

	arena_init(&a, NULL);
	ctx.arena = &a;
	read_event(&ev, &a, input[i].text);
	event_set_top(&ev, key_make(STR("@timestamp")), v_time(time_of(i)));
	ev.received_ns = clock_wall(clock);
	ev.id_len = (uint8_t)strlen(input[i].id);
	memcpy(ev.id, input[i].id, ev.id_len);
	step = o->plugin->filter.run(o->self, &ev, &ctx);
	emitted(&input[i], &ev);
	CHECK((step == STEP_FORK) == (ctx.gen != NULL));
	while (ctx.gen) {
		struct event child;

		event_init(&child, &a);
		if (!o->plugin->filter.next(o->self, ctx.gen, &ev, &child, &ctx))
			break;
		told(&child);
		if (write_out) {
			struct buf b;

			buf_init(&b, 0);
			show_event(&b, &child);
			printf("    %.*s\n", STR_ARG(buf_slice(&b)));
			buf_release(&b);
		}
	}
	if (write_out) {
		struct buf b;

		buf_init(&b, 0);
		show_event(&b, &ev);
		printf("%s %.*s\n", input[i].id, STR_ARG(buf_slice(&b)));
		buf_release(&b);
	}
	clock_advance(clock, 1000000);
	arena_release(&a);
}

/* ---- expectations ---- */

static int only_root(const struct set *s, bool *mixed)
{
	int r = s->n ? root_of(input[s->at[0]].chain) : -1;

	for (unsigned i = 1; i < s->n; i++)
		*mixed |= root_of(input[s->at[i]].chain) != r;
	return r;
}

static const struct pair *member_of(int z, int c)
{
	const struct pair *best = NULL;

	for (unsigned i = 0; i < nmembers; i++)
		if (member[i].count > 0 && root_of(member[i].a) == z && root_of(member[i].b) == c && (!best || member[i].confidence > best->confidence))
			best = &member[i];
	return best;
}

static void check_members(const struct expectation *x, const char *run)
{
	const struct set *z = set_of(x->word[1], x->line), *c = set_of(x->word[2], x->line);
	bool stranger = str_eq(x->word[0], STR("stranger"));

	for (unsigned i = 0; i < z->n; i++) {
		for (unsigned j = 0; j < c->n; j++) {
			const struct pair *p = member_of(root_of(input[z->at[i]].chain), root_of(input[c->at[j]].chain));

			if (stranger ? p != NULL : !p || p->confidence < (int64_t)seconds(x->word[3]))
				fail(x->line, run, "%.*s: %s and %s (%.*s, %.*s): %d", STR_ARG(x->word[0]), input[z->at[i]].id, input[c->at[j]].id,
				     STR_ARG(x->word[1]), STR_ARG(x->word[2]), p ? (int)p->confidence : -1);
			else
				test_passed++;
		}
	}
}

static void check_each(const struct expectation *x, const char *run)
{
	const struct set *s = set_of(x->word[1], x->line);

	for (unsigned i = 0; i < s->n; i++) {
		const struct input *in = &input[s->at[i]];
		bool ok;

		if (str_eq(x->word[0], STR("none")))
			ok = in->chain < 0;
		else if (str_eq(x->word[0], STR("linked")))
			ok = in->chain >= 0;
		else if (str_eq(x->word[0], STR("class")))
			ok = str_eq(in->class, x->word[2]);
		else if (str_eq(x->word[0], STR("rule")))
			ok = str_eq(in->rule, x->word[2]);
		else
			ok = in->chain >= 0 && in->confidence >= (int64_t)seconds(x->word[2]);
		if (ok)
			test_passed++;
		else
			fail(x->line, run, "%.*s %s: chain %d, rule '%.*s', confidence %d, class '%.*s': %.*s", STR_ARG(x->word[0]), in->id, in->chain, STR_ARG(in->rule),
			     (int)in->confidence, STR_ARG(in->class), STR_ARG(in->text));
	}
}

static void check_same(const struct expectation *x, const char *run)
{
	bool apart = str_eq(x->word[0], STR("apart"));
	int first = -2;

	for (unsigned i = 1; i < x->n; i++) {
		const struct set *s = set_of(x->word[i], x->line);
		bool mixed = false;
		int r = only_root(s, &mixed);

		if (apart) {
			for (unsigned a = 0; a < s->n; a++)
				for (unsigned b = 0; i > 1 && b < set_of(x->word[1], x->line)->n; b++) {
					int q = input[set_of(x->word[1], x->line)->at[b]].chain;

					if (q >= 0 && root_of(q) == root_of(input[s->at[a]].chain))
						fail(x->line, run, "%s is together with %s", input[s->at[a]].id, input[set_of(x->word[1], x->line)->at[b]].id);
				}
			continue;
		}
		if (mixed || r < 0 || (first != -2 && r != first))
			fail(x->line, run, "not one chain: '%.*s' (%u events)", STR_ARG(x->word[i]), s->n);
		else
			test_passed++;
		first = r;
	}
}

/* For comparing runs: each event's group by its smallest member, each member pair by the groups' smallest. */
static void check_stable(const struct expectation *x, const char *run)
{
	int least[CHAINS], of[EVENTS];
	static struct pair now[PAIRS];
	unsigned n = 0;

	for (int i = 0; i < nchains; i++)
		least[i] = -1;
	for (unsigned i = 0; i < ninputs; i++) {
		int r = root_of(input[i].chain);

		if (r >= 0 && least[r] < 0)
			least[r] = (int)i;
		of[i] = r < 0 ? -1 : least[r];
	}
	for (unsigned i = 0; i < nmembers; i++) {
		int a = least[root_of(member[i].a)], b = least[root_of(member[i].b)];

		if (member[i].count > 0 && a >= 0 && b >= 0 && chain[member[i].a].p[0] == 'Z')
			pair_at(now, &n, a, b);
	}
	if (!have_first) {
		memcpy(first_of, of, sizeof(of));
		memcpy(first_member, now, n * sizeof(*now));
		nfirst_members = n;
		have_first = true;
		return;
	}
	for (unsigned i = 0, shown = 0; i < ninputs; i++)
		if (of[i] != first_of[i] && shown++ < 5)
			fail(x->line, run, "%s is with %d, not with %d: %.*s", input[i].id, of[i], first_of[i], STR_ARG(input[i].text));
	for (unsigned i = 0; i < n; i++) {
		unsigned before = nfirst_members;

		pair_at(first_member, &nfirst_members, now[i].a, now[i].b);
		if (before != nfirst_members)
			fail(x->line, run, "e%d has e%d as a member, as it had not before", now[i].a, now[i].b);
		nfirst_members = before;
	}
	if (n < nfirst_members)
		fail(x->line, run, "%u members, not %u", n, nfirst_members);
	test_passed++;
}

static void check(const struct expectation *x, const char *run)
{
	struct str w = x->word[0];

	for (unsigned i = 0; i < ninputs; i++)
		if (input[i].extra)
			fail(x->line, run, "%s belongs to %d chains", input[i].id, input[i].extra + 1);
	if (str_eq(w, STR("count"))) {
		if (set_of(x->word[1], x->line)->n != (unsigned)seconds(x->word[2]))
			fail(x->line, run, "'%.*s' has %u events", STR_ARG(x->word[1]), set_of(x->word[1], x->line)->n);
	} else if (str_eq(w, STR("same")) || str_eq(w, STR("apart"))) {
		check_same(x, run);
	} else if (str_eq(w, STR("member")) || str_eq(w, STR("stranger"))) {
		check_members(x, run);
	} else if (str_eq(w, STR("stable"))) {
		check_stable(x, run);
	} else if (str_eq(w, STR("clock"))) {
		if (fabs(shift) > 1 ? fabs(clock_told - shift) > 1 : nclocks != 0)
			fail(x->line, run, "the clock is said to be %g s ahead, by %u events", clock_told, nclocks);
		else
			test_passed++;
	} else if (str_eq(w, STR("links"))) {
		if (nlinks > (unsigned)seconds(x->word[1]))
			fail(x->line, run, "%u link events", nlinks);
	} else if (str_eq(w, STR("none")) || str_eq(w, STR("linked")) || str_eq(w, STR("class")) || str_eq(w, STR("rule")) || str_eq(w, STR("confidence"))) {
		check_each(x, run);
	} else {
		fprintf(stderr, "%s:%u: what is '%.*s'?\n", file, x->line, STR_ARG(w));
		exit(1);
	}
}

static void run(struct str how, double by)
{
	static unsigned order[EVENTS];
	struct opened o;
	struct clock clock;
	struct buf text;
	char name[64];

	snprintf(name, sizeof(name), "%.*s %+g", STR_ARG(how), by);
	shift = by;
	nchains = 0;
	nsame = nmembers = nlinks = nclocks = 0;
	clock_told = 0;
	arena_init(&run_memory, NULL);
	for (unsigned i = 0; i < ninputs; i++)
		input[i].chain = -1, input[i].extra = 0, input[i].rule = input[i].class = (struct str){0};
	buf_init(&text, 0);
	buf_printf(&text, "link { %.*s }", STR_ARG(options));
	buf_ch(&text, '\0');
	if (!opened_plugin(&o, PLUGIN_FILTER, text.p, ECS_V8)) {
		fprintf(stderr, "%s: %s\n", file, text.p);
		exit(1);
	}
	clock_virtual_init(&clock, INT64_C(1795608000) * 1000000000);
	make_order(how, order);
	for (unsigned i = 0; i < ninputs; i++)
		feed(&o, &clock, order[i]);
	join_chains();
	for (unsigned i = 0; i < nexpectations; i++)
		check(&expectation[i], name);
	if (getenv("WEIR_TEST_SHOW"))
		fprintf(stderr, "%s [%s]: %u events, %u link events, %d chains\n", file, name, ninputs, nlinks, nchains);
	opened_release(&o);
	buf_release(&text);
	arena_release(&run_memory);
}

int main(int argc, char **argv)
{
	const char *only = getenv("WEIR_TEST_ORDER");

	hash_init(NULL);
	fields_init();
	bug_on(argc != 2);
	file = argv[1];
	write_out = getenv("WEIR_TEST_WRITE") != NULL;
	arena_init(&memory, NULL);
	read_script(read_file(file));
	if (!norders)
		orders[norders++] = STR("time");
	if (!nskews)
		skew[nskews++] = 0;
	for (unsigned s = 0; s < nskews; s++)
		for (unsigned i = 0; i < norders; i++)
			if (!only || str_eqz(orders[i], only))
				run(orders[i], skew[s]);
	arena_release(&memory);
	return test_end();
}
