/*
 * date.c - the filter date: a text or number of the event becomes a time.
 *
 *	date { match => ["timestamp", "MMM  d HH:mm:ss", "MMM dd HH:mm:ss", "ISO8601"] timezone => "Europe/Berlin" }
 *
 * The first format that reads the whole value wins; the time goes to `target`. Nothing is allocated for an event
 * unless its time zone is named by one of its fields. Runs on the pipeline's work thread.
 *
 * A text without a year gets one: the year is checked against the one in which the pipeline started (so "Feb 29" is refused
 * in other years) and then set by the present month, as in Logstash.
 */
#include "base/joda.h"
#include "base/locale_names.h"
#include "filter/support.h"

enum form { FORM_JODA, FORM_ISO8601, FORM_UNIX, FORM_UNIX_MS, FORM_TAI64N };

struct format {
	enum form form;
	const struct joda *joda;
};

struct date {
	/* options */
	const struct list *match;
	const struct ref *target;
	const struct tmpl *timezone;
	struct str locale;
	const struct list *tag_on_failure;
	/* compiled */
	const struct ref *source;
	struct format *format;
	size_t formats;
	const struct joda *almost_iso[4]; /* with a blank instead of the T; they need a fraction */
	const struct locale_names *names;
	const struct zone *zone; /* NULL: named by each event */
	int64_t year;		 /* at the start of the pipeline */
	/* state of the work thread */
	struct zone_span span;	       /* the stretch of the zone that the last event was in */
	const struct zone *last_zone;  /* of the event before; zones never go away */
	char last_name[64];
	size_t last_len;
	struct civil now;	       /* today, where weird runs */
	int64_t now_from, now_to;
	const struct zone *here;
	struct zone_span here_span;
};

static const int64_t unix_max = INT32_MAX; /* as measured: later seconds are refused, later milliseconds are not */

/* ---- opening ---- */

static int open_format(struct date *d, struct format *f, struct plugin_ctx *ctx, struct str text, struct err *err)
{
	static const struct {
		struct str name;
		enum form form;
	} named[] = {
		{STR_INIT("ISO8601"), FORM_ISO8601}, {STR_INIT("UNIX"), FORM_UNIX}, {STR_INIT("UNIX_MS"), FORM_UNIX_MS},
		{STR_INIT("TAI64N"), FORM_TAI64N},
	};
	static const char *const almost[] = {"yyyy-MM-dd HH:mm:ss.SSSZ", "yyyy-MM-dd HH:mm:ss.SSS", "yyyy-MM-dd HH:mm:ss,SSSZ",
					     "yyyy-MM-dd HH:mm:ss,SSS"};

	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		if (!str_eq(named[i].name, text))
			continue;
		f->form = named[i].form;
		for (size_t k = 0; f->form == FORM_ISO8601 && k < 4; k++)
			if (!d->almost_iso[k])
				d->almost_iso[k] = joda_compile(ctx->arena, str_z(almost[k]), err);
		return 0;
	}
	f->joda = joda_compile(ctx->arena, text, err);
	return f->joda ? 0 : err_prefix(err, "format '%.*s': ", STR_ARG(text));
}

static int date_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct date *d = self;
	struct civil c;
	int64_t now_s = ts_from_ns(clock_wall(ctx->settings->clock)).s;

	if (!d->match || d->match->n < 2)
		return err_set(err, "'match' needs the name of a field and at least one format");
	for (uint32_t i = 0; i < d->match->n; i++)
		if (d->match->v[i].type != V_STRING)
			return err_set(err, "'match' takes only strings");
	d->source = ref_compile(ctx->arena, value_str(&d->match->v[0]), err);
	if (!d->source)
		return -1;
	d->formats = d->match->n - 1;
	d->format = arena_zalloc(ctx->arena, d->formats * sizeof(*d->format));
	for (size_t i = 0; i < d->formats; i++)
		if (open_format(d, &d->format[i], ctx, value_str(&d->match->v[i + 1]), err))
			return -1;
	if (d->locale.p) {
		d->names = locale_find(d->locale);
		if (!d->names)
			return err_set(err, "no names of months are known for the locale '%.*s'", STR_ARG(d->locale));
	}
	d->here = zone_local();
	if (!d->timezone) {
		d->zone = d->here;
	} else if (tmpl_is_const(d->timezone)) {
		struct str name = tmpl_text(d->timezone);

		d->zone = zone_find(name);
		if (!d->zone)
			return err_set(err, "unknown time zone '%.*s'", STR_ARG(name));
	}
	civil_from_seconds(now_s + zone_offset(d->here, now_s, &d->here_span), &c);
	d->year = c.year;
	return 0;
}

/* ---- numbers ---- */

static struct ts from_ms(int64_t ms)
{
	int64_t s = ms / 1000, rest = ms % 1000;

	if (rest < 0) {
		rest += 1000;
		s--;
	}
	return (struct ts){s, (uint32_t)rest * 1000000};
}

/* As Java's Long.parseLong: one sign of either kind. */
static bool read_long(struct str s, int64_t *out)
{
	if (s.len > 1 && s.p[0] == '+' && ch_digit(s.p[1]))
		s = str_from(s, 1);
	return str_i64(s, out);
}

/* (long)d as in Java: cut, and held at the ends of the range. */
static int64_t cut_double(double d)
{
	if (d != d)
		return 0;
	if (d >= 9223372036854775807.0)
		return INT64_MAX;
	if (d <= -9223372036854775808.0)
		return INT64_MIN;
	return (int64_t)d;
}

static bool unix_seconds(int64_t s, int64_t more_ms, struct ts *out)
{
	if (s > unix_max || s < INT64_MIN / 1000 + 1000)
		return false;
	*out = from_ms(s * 1000 + more_ms);
	return true;
}

/* "1577934245.123456": at most three digits behind the point are read. */
static bool unix_text(struct str s, struct ts *out)
{
	static const int64_t unit[] = {0, 100, 10, 1};
	struct str head, digits;
	int64_t sec, more;

	if (!str_cut(&s, '.', &head))
		return read_long(s, &sec) && unix_seconds(sec, 0, out);
	digits = str_sub(s, 0, 3);
	if (!read_long(head, &sec) || !read_long(digits, &more))
		return false;
	return unix_seconds(sec, more * unit[digits.len], out);
}

static struct str without_at(struct str s)
{
	return s.len && s.p[0] == '@' ? str_from(s, 1) : s;
}

/* A text without room for both numbers ends Logstash's pipeline, unless the first is there and is none. */
static bool tai64n_cut(struct str s)
{
	uint64_t sec;

	s = without_at(s);
	return s.len < 16 || (s.len < 24 && str_hex64(str_sub(s, 0, 16), &sec) && sec <= INT64_MAX);
}

/* "@4000000050d506482dbdf024": seconds from 2^62 on in 16 digits, nanoseconds in 8, ten leap seconds ahead. */
static bool tai64n(struct str s, struct ts *out)
{
	const uint64_t epoch = (uint64_t)1 << 62;
	uint64_t sec, ns;

	s = without_at(s);
	if (s.len < 24 || !str_hex64(str_sub(s, 0, 16), &sec) || sec > INT64_MAX || !str_hex64(str_sub(s, 16, 8), &ns) ||
	    ns > INT32_MAX)
		return false;
	sec &= epoch - 1;
	if (sec > INT64_MAX / 1000 - 1000)
		return false;
	*out = from_ms(((int64_t)sec - 10) * 1000 + (int64_t)(ns / 1000000));
	return true;
}

static bool number(enum form form, const struct value *v, struct ts *out)
{
	int64_t ms;

	switch (v->type) {
	case V_STRING:
		if (form == FORM_UNIX)
			return unix_text(value_str(v), out);
		if (form == FORM_TAI64N)
			return tai64n(value_str(v), out);
		if (!read_long(value_str(v), &ms))
			return false;
		*out = from_ms(ms);
		return true;
	case V_INT:
		if (form == FORM_UNIX)
			return unix_seconds(v->i, 0, out);
		*out = from_ms(v->i);
		return form == FORM_UNIX_MS;
	case V_FLOAT:
		if (form == FORM_UNIX && cut_double(v->f) > unix_max)
			return false;
		*out = from_ms(cut_double(form == FORM_UNIX ? v->f * 1000 : v->f));
		return form != FORM_TAI64N;
	default:
		return false;
	}
}

/* ---- texts ---- */

/* The day on which weird runs, worked out once a day. */
static const struct civil *today(struct date *d, const struct clock *clock)
{
	int64_t now = ts_from_ns(clock_wall(clock)).s;

	if (now < d->now_from || now >= d->now_to) {
		int64_t local = now + zone_offset(d->here, now, &d->here_span), into = local % 86400;

		into += into < 0 ? 86400 : 0;
		civil_from_seconds(local, &d->now);
		/* Until midnight, or until the clocks change, which moves it. */
		d->now_from = now - into > d->here_span.from ? now - into : d->here_span.from;
		d->now_to = now - into + 86400 < d->here_span.to ? now - into + 86400 : d->here_span.to;
	}
	return &d->now;
}

/* The zone that the event names; NULL where it names none. */
static const struct zone *event_zone(struct date *d, const struct event *ev, struct step_ctx *ctx)
{
	struct str name;
	struct err err;

	if (tmpl_render(d->timezone, ev, ctx->arena, ctx->clock, &name, &err) == -1)
		return NULL;
	if (d->last_zone && str_eq(name, str_n(d->last_name, d->last_len)))
		return d->last_zone;
	d->last_zone = zone_find(name);
	d->last_len = name.len;
	if (name.len > sizeof(d->last_name))
		d->last_zone = NULL;
	else if (name.len)
		memcpy(d->last_name, name.p, name.len);
	return d->last_zone;
}

static bool text(struct date *d, const struct format *f, struct str s, const struct joda_in *in, const struct clock *clock, struct ts *out)
{
	static const struct civil unused = {0};

	if (f->form == FORM_JODA)
		return joda_parse_guess(f->joda, s, in, joda_has_year(f->joda) ? &unused : today(d, clock), out);
	if (joda_parse_iso(s, in, out))
		return true;
	/* The fallbacks all have a blank behind the date. */
	if (str_chr(s, ' ') < 0)
		return false;
	for (size_t i = 0; i < 4; i++)
		if (joda_parse(d->almost_iso[i], s, in, out))
			return true;
	return false;
}

static enum step date_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	struct date *d = self;
	const struct value *v = event_get(ev, d->source);
	struct joda_in in = {.zone = d->zone, .span = &d->span, .names = d->names, .year = d->year};
	bool zone_asked = d->zone != NULL;
	struct str stops = {0};
	struct ts t;

	if (!v || v->type == V_NULL)
		return STEP_PASS;
	for (size_t i = 0; i < d->formats; i++) {
		const struct format *f = &d->format[i];
		bool ok;

		if (f->form == FORM_JODA || f->form == FORM_ISO8601) {
			if (v->type != V_STRING)
				continue;
			if (!zone_asked) {
				in.zone = event_zone(d, ev, ctx);
				zone_asked = true;
			}
			ok = in.zone && text(d, f, value_str(v), &in, ctx->clock, &t);
		} else {
			ok = number(f->form, v, &t);
		}
		if (ok && event_set(ev, d->target, v_time(t)) == EVENT_OK)
			return STEP_OK;
		/* Another format would not make the target settable. */
		if (ok)
			stops = arena_printf(ev->arena, "the target '%.*s' cannot be set", STR_ARG(d->target->text));
		else if (f->form == FORM_TAI64N && v->type == V_STRING && tai64n_cut(value_str(v)))
			stops = arena_printf(ev->arena, "'%.*s' is too short for TAI64N: '%.*s'", STR_ARG(d->source->text), STR_ARG(value_str(v)));
		if (stops.p)
			break;
	}
	filter_failed(ev, d->tag_on_failure);
	return stops.p ? step_stops(ctx, stops) : STEP_PASS;
}

static const struct option options[] = {
	{"match", OPT_LIST, offsetof(struct date, match), .flags = OPT_REQUIRED,
	 .doc = "field, then formats: ISO8601, UNIX, UNIX_MS, TAI64N or a pattern of Joda-Time"},
	{"target", OPT_REF, offsetof(struct date, target), .def = "@timestamp", .doc = "field that takes the time"},
	{"timezone", OPT_TMPL, offsetof(struct date, timezone),
	 .doc = "zone of texts that name none (Europe/Berlin, +02:00, %{field}); the system's otherwise"},
	{"locale", OPT_STRING, offsetof(struct date, locale), .doc = "language of months and weekdays (de, fr-CA); English otherwise"},
	{"tag_on_failure", OPT_LIST, offsetof(struct date, tag_on_failure), .def = "[\"_dateparsefailure\"]",
	 .doc = "tags where no format reads the value"},
	{0},
};

FILTER(date, .size = sizeof(struct date), .options = options, .doc = "reads a time out of a field", .open = date_open,
       .filter = {.run = date_run})
