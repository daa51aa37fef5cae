/*
 * fuzz_date.c - date patterns, texts that they read, and zoneinfo files.
 *
 * The first byte chooses: a pattern and a text (cut at the first newline), an ISO 8601 text, a pattern of java.time, or a TZif file. What a
 * pattern of year, month, day and time reads must print to something that reads as the same instant.
 */
#include "fuzz.h"

#include "base/hash.h"
#include "base/javatime.h"
#include "base/joda.h"
#include "base/locale_names.h"

static const struct zone *zones[4];

static void init(void)
{
	static const uint64_t key[2] = {1, 2};
	static const char *const names[4] = {"UTC", "Europe/Berlin", "America/St_Johns", "+05:30"};

	hash_init(key);
	for (int i = 0; i < 4; i++) {
		zones[i] = zone_find(str_z(names[i]));
		if (!zones[i])
			zones[i] = zone_utc;
	}
}

static void joda(struct str s, unsigned choice)
{
	static const char *const locales[4] = {"en", "de", "ru", "ja"};
	struct arena a;
	struct buf out;
	struct str pattern;
	struct joda *j;
	struct zone_span span = {0};
	struct joda_in in = {.zone = zones[choice & 3], .span = &span, .names = locale_find(str_z(locales[choice >> 2 & 3])), .year = 2026};
	struct civil now = {.year = 2026, .month = 1, .day = 5};
	struct ts t, again;

	if (!str_cut(&s, '\n', &pattern))
		return;
	arena_init(&a, NULL);
	buf_init(&out, 64 * 1024);
	j = joda_compile(&a, pattern, NULL);
	if (j) {
		joda_parse_guess(j, s, &in, &now, &t);
		if (joda_parse(j, s, &in, &t)) {
			FUZZ_ASSERT(t.ns < 1000000000);
			joda_format_in(j, t, in.zone, in.names, &out);
		}
	}
	/* A fixed offset loses nothing on the way out and in. */
	buf_clear(&out);
	j = joda_compile(&a, STR("yyyy-MM-dd'T'HH:mm:ss.SSSZZ"), NULL);
	if (joda_parse(j, s, &in, &t) && t.s > -100000000000000 && t.s < 100000000000000) {
		joda_format_in(j, t, zones[3], in.names, &out);
		FUZZ_ASSERT(joda_parse(j, buf_slice(&out), &in, &again) && ts_cmp(t, again) == 0);
	}
	buf_release(&out);
	arena_release(&a);
}

static void java(struct str s)
{
	struct arena a;
	struct buf out;
	struct javatime *j;
	struct err err;

	arena_init(&a, NULL);
	buf_init(&out, 1024 * 1024);
	j = javatime_compile(&a, s, &err);
	if (j) {
		javatime_format(j, (struct ts){1614834367, 89000000}, &out, &err);
		javatime_format(j, (struct ts){-999999999999, 1}, &out, &err);
	}
	buf_release(&out);
	arena_release(&a);
}

static void zone(struct str s)
{
	static const int64_t at[] = {INT64_MIN, -5000000000, 0, 1614834367, 33000000000, INT64_MAX};
	struct err err = {{0}};
	struct zone *z = zone_decode(STR("x"), s, &err);
	struct zone_span span = {0};
	int64_t utc;

	if (!z) {
		FUZZ_ASSERT(err.text[0]);
		return;
	}
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		zone_span_at(z, at[i], &span);
		FUZZ_ASSERT(span.from <= at[i] && (at[i] < span.to || span.to == INT64_MAX));
		if (zone_to_utc(z, at[i], &span, &utc)) {
			struct zone_span none = {0};

			FUZZ_ASSERT(utc + zone_offset(z, utc, &none) == at[i]);
		}
	}
	zone_free(z);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = {(const char *)data, size};
	struct zone_span span = {0};
	struct joda_in in = {.span = &span, .year = 2026};
	struct ts t;

	if (!zones[0])
		init();
	if (size == 0)
		return 0;
	s = str_from(s, 1);
	switch (data[0] & 3) {
	case 0:
		joda(s, data[0] >> 2);
		break;
	case 1:
		in.zone = zones[data[0] >> 2 & 3];
		joda_parse_iso(s, &in, &t);
		break;
	case 2:
		java(s);
		break;
	default:
		zone(s);
		break;
	}
	return 0;
}
