/*
 * zone.c - time zones out of the system's zoneinfo files.
 *
 * The file (RFC 9636), big endian:
 *
 *	"TZif" version reserved[15] isutcnt isstdcnt leapcnt timecnt typecnt charcnt   six of 4 bytes
 *	timecnt times of 4 bytes | timecnt types of 1 | typecnt (offset 4, dst 1, abbr 1) | charcnt | leap | std | ut
 *
 * and from version 2 on the same once more with times of 8 bytes, then "\nCET-1CEST,M3.5.0,M10.5.0/3\n".
 *
 * Zones live as long as the process: their number is bounded (ZONES_MAX), so nothing is ever given back. The
 * table of zones is behind one mutex; a zone itself is immutable once it is in there.
 */
#include "base/zone.h"

#include "base/arena.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/ts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	ZONES_MAX = 8192,	/* named and fixed together; there are about 600 names */
	ZONE_BUCKETS = 1024,
	ZONE_FILE_MAX = 256 * 1024,
	ZONE_NAME_MAX = 64,
	UNKNOWN_SLOTS = 256,
	DAY = 86400,
	OFFSET_MAX = 26 * 3600, /* what RFC 9636 allows */
};

/* When a rule of the footer changes the clock, each year. */
struct rule_day {
	enum { RULE_JULIAN, RULE_ZERO_BASED, RULE_MONTH } kind;
	int month, week, weekday; /* RULE_MONTH: 1..12, 1..5, 0 = Sunday */
	int day;
	int32_t time; /* seconds of local time, may be negative or beyond the day */
};

struct zone_type {
	int32_t offset;
	bool dst;
	struct str abbr;
};

struct zone {
	struct str name;
	size_t n;	     /* of transitions */
	int64_t *at;	     /* sorted */
	uint8_t *type_at;    /* of the span that begins at at[i] */
	size_t types;
	struct zone_type *type;
	bool has_rule;	     /* rules behind the last transition */
	bool has_dst;
	struct zone_type std, dst;
	struct rule_day dst_from, dst_to;
	char *text; /* abbreviations and the footer */
	uint64_t hash;
	struct zone *next;
};

static const struct zone_type utc_type = {.abbr = STR_INIT("UTC")};
static const struct zone utc_zone = {.name = STR_INIT("UTC"), .has_rule = true, .std = {.abbr = STR_INIT("UTC")}};
const struct zone *const zone_utc = &utc_zone;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *folder = "/usr/share/zoneinfo";
static bool folder_missed; /* said already */
static struct zone *bucket[ZONE_BUCKETS];
static size_t zones;
static uint64_t unknown[UNKNOWN_SLOTS]; /* hashes of names without a file */

/* ---- the rule of the footer ---- */

static bool take_number(struct str *s, int max, int *out)
{
	uint64_t v;

	if (!str_take_u64(s, 4, (uint64_t)max, &v))
		return false;
	*out = (int)v;
	return true;
}

/* "1", "-3:30", "+5:45:30": hours up to max_hours. */
static bool take_hms(struct str *s, int max_hours, int32_t *out)
{
	int sign = 1, h, m = 0, sec = 0;

	if (s->len && (s->p[0] == '+' || s->p[0] == '-')) {
		sign = s->p[0] == '-' ? -1 : 1;
		*s = str_from(*s, 1);
	}
	if (!take_number(s, max_hours, &h))
		return false;
	if (s->len && s->p[0] == ':') {
		*s = str_from(*s, 1);
		if (!take_number(s, 59, &m))
			return false;
		if (s->len && s->p[0] == ':') {
			*s = str_from(*s, 1);
			if (!take_number(s, 59, &sec))
				return false;
		}
	}
	*out = sign * (h * 3600 + m * 60 + sec);
	return true;
}

/* "CET" or "<-03>" */
static bool take_abbr(struct str *s, struct str *out)
{
	size_t n = 0;

	if (s->len && s->p[0] == '<') {
		ptrdiff_t end = str_chr(*s, '>');

		if (end < 2)
			return false;
		*out = str_sub(*s, 1, (size_t)end - 1);
		*s = str_from(*s, (size_t)end + 1);
		return true;
	}
	while (n < s->len && ch_alpha(s->p[n]))
		n++;
	*out = str_sub(*s, 0, n);
	*s = str_from(*s, n);
	return n >= 3;
}

static bool take_ch(struct str *s, char c)
{
	if (s->len == 0 || s->p[0] != c)
		return false;
	*s = str_from(*s, 1);
	return true;
}

/* "M3.5.0/2", "J60", "59/-2" */
static bool take_rule_day(struct str *s, struct rule_day *r)
{
	r->time = 2 * 3600;
	if (take_ch(s, 'M')) {
		r->kind = RULE_MONTH;
		if (!take_number(s, 12, &r->month) || r->month < 1 || !take_ch(s, '.') ||
		    !take_number(s, 5, &r->week) || r->week < 1 || !take_ch(s, '.') ||
		    !take_number(s, 6, &r->weekday))
			return false;
	} else if (take_ch(s, 'J')) {
		r->kind = RULE_JULIAN;
		if (!take_number(s, 365, &r->day) || r->day < 1)
			return false;
	} else {
		r->kind = RULE_ZERO_BASED;
		if (!take_number(s, 365, &r->day))
			return false;
	}
	return take_ch(s, '/') ? take_hms(s, 167, &r->time) : true;
}

static bool rule_parse(struct zone *z, struct str s)
{
	int32_t west;

	if (!take_abbr(&s, &z->std.abbr) || !take_hms(&s, 25, &west))
		return false;
	z->std.offset = -west;
	if (s.len) {
		if (!take_abbr(&s, &z->dst.abbr))
			return false;
		z->dst.dst = true;
		z->dst.offset = z->std.offset + 3600;
		if (s.len && s.p[0] != ',') {
			if (!take_hms(&s, 25, &west))
				return false;
			z->dst.offset = -west;
		}
		if (!take_ch(&s, ',') || !take_rule_day(&s, &z->dst_from) || !take_ch(&s, ',') ||
		    !take_rule_day(&s, &z->dst_to))
			return false;
		z->has_dst = true;
	}
	z->has_rule = s.len == 0;
	return z->has_rule;
}

static bool leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Local seconds (as if UTC) at which the rule strikes in that year. */
static int64_t rule_local(const struct rule_day *r, int64_t year)
{
	int64_t day;

	switch (r->kind) {
	case RULE_JULIAN: /* 29 February is never counted */
		day = civil_days(year, 1, 1) + r->day - 1 + (leap(year) && r->day >= 60);
		break;
	case RULE_ZERO_BASED:
		day = civil_days(year, 1, 1) + r->day;
		break;
	default: {
		int64_t first = civil_days(year, r->month, 1);
		int64_t next = r->month == 12 ? civil_days(year + 1, 1, 1) : civil_days(year, r->month + 1, 1);

		day = first + (r->weekday - civil_weekday(first) % 7 + 7) % 7 + (r->week - 1) * 7;
		while (day >= next)
			day -= 7;
		break;
	}
	}
	return day * DAY + r->time;
}

/* A step of the rule: from this instant on it is summer, or winter. */
struct step {
	int64_t at;
	bool dst;
};

static void span_by_type(struct zone_span *span, const struct zone *z, const struct zone_type *t, int64_t from, int64_t to)
{
	*span = (struct zone_span){.zone = z, .from = from, .to = to, .offset = t->offset, .dst = t->dst, .abbr = t->abbr};
}

/* The span by the footer's rule; it begins at `begin` at the earliest. */
static void span_by_rule(const struct zone *z, int64_t begin, int64_t utc_s, struct zone_span *span)
{
	struct civil c;
	const int64_t absurd = INT64_MAX / 4; /* keeps the sums below in range; no calendar gets there */
	struct step step[6];
	int64_t from = INT64_MIN, to = INT64_MAX;
	bool dst;

	if (!z->has_dst || utc_s < -absurd || utc_s > absurd) {
		span_by_type(span, z, &z->std, begin, INT64_MAX);
		return;
	}
	civil_from_seconds(utc_s + z->std.offset, &c);
	for (int i = 0; i < 3; i++) {
		int64_t year = c.year + i - 1;

		step[2 * i] = (struct step){rule_local(&z->dst_from, year) - z->std.offset, true};
		step[2 * i + 1] = (struct step){rule_local(&z->dst_to, year) - z->dst.offset, false};
	}
	/* In the south summer ends first. Sorted by insertion: nearly in order already. */
	for (int i = 1; i < 6; i++)
		for (int k = i; k > 0 && step[k].at < step[k - 1].at; k--) {
			struct step t = step[k];

			step[k] = step[k - 1];
			step[k - 1] = t;
		}
	dst = !step[0].dst;
	for (int i = 0; i < 6; i++) {
		if (step[i].at > utc_s) {
			to = step[i].at;
			break;
		}
		from = step[i].at;
		dst = step[i].dst;
	}
	span_by_type(span, z, dst ? &z->dst : &z->std, from > begin ? from : begin, to);
}

/* ---- asking ---- */

void zone_span_at(const struct zone *z, int64_t utc_s, struct zone_span *span)
{
	size_t lo = 0, hi = z->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (z->at[mid] <= utc_s)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == z->n && z->has_rule)
		span_by_rule(z, z->n ? z->at[z->n - 1] : INT64_MIN, utc_s, span);
	else if (lo == 0)
		span_by_type(span, z, z->types ? &z->type[0] : &utc_type, INT64_MIN, z->n ? z->at[0] : INT64_MAX);
	else
		span_by_type(span, z, &z->type[z->type_at[lo - 1]], z->at[lo - 1], lo < z->n ? z->at[lo] : INT64_MAX);
}

int32_t zone_offset(const struct zone *z, int64_t utc_s, struct zone_span *span)
{
	if (span->zone != z || utc_s < span->from || utc_s >= span->to)
		zone_span_at(z, utc_s, span);
	return span->offset;
}

bool zone_to_utc(const struct zone *z, int64_t local_s, struct zone_span *span, int64_t *utc_s)
{
	const int64_t margin = 2 * OFFSET_MAX;
	struct zone_span s;
	int64_t t;

	if (local_s < INT64_MIN / 2 || local_s > INT64_MAX / 2)
		return false;
	/* Far from both ends of the known span no other can claim this time. */
	if (span->zone == z) {
		t = local_s - span->offset;
		if (t >= span->from && t < span->to && (span->from == INT64_MIN || t - span->from > margin) &&
		    (span->to == INT64_MAX || span->to - t > margin)) {
			*utc_s = t;
			return true;
		}
	}
	zone_span_at(z, local_s - OFFSET_MAX, &s);
	for (;;) {
		t = local_s - s.offset;
		if (t >= s.from && t < s.to) {
			*span = s;
			*utc_s = t;
			return true;
		}
		if (s.to == INT64_MAX || s.to > local_s + OFFSET_MAX)
			return false;
		zone_span_at(z, s.to, &s);
	}
}

struct str zone_name(const struct zone *z)
{
	return z->name;
}

/* ---- reading a file ---- */

struct header {
	uint32_t utc, std, leaps, times, types, chars;
};

static uint64_t be(const char *p, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++)
		v = v << 8 | (unsigned char)p[i];
	return v;
}

static int take_header(struct str *s, struct header *h, int *version, struct err *err)
{
	if (s->len < 44 || memcmp(s->p, "TZif", 4) != 0)
		return err_set(err, "not a zoneinfo file");
	*version = s->p[4] ? s->p[4] - '0' : 1;
	h->utc = (uint32_t)be(s->p + 20, 4);
	h->std = (uint32_t)be(s->p + 24, 4);
	h->leaps = (uint32_t)be(s->p + 28, 4);
	h->times = (uint32_t)be(s->p + 32, 4);
	h->types = (uint32_t)be(s->p + 36, 4);
	h->chars = (uint32_t)be(s->p + 40, 4);
	*s = str_from(*s, 44);
	if (h->utc > 256 || h->std > 256 || h->types > 256 || h->chars > 4096 || h->times > ZONE_FILE_MAX ||
	    h->leaps > 4096)
		return err_set(err, "absurd counts in the zoneinfo header");
	return 0;
}

static size_t body_size(const struct header *h, unsigned width)
{
	return (size_t)h->times * (width + 1) + (size_t)h->types * 6 + h->chars + (size_t)h->leaps * (width + 4) + h->std +
	       h->utc;
}

static int take_body(struct zone *z, struct str s, const struct header *h, unsigned width, struct err *err)
{
	const char *times = s.p, *idx = times + (size_t)h->times * width, *types = idx + h->times;
	const char *chars = types + (size_t)h->types * 6;

	if (h->types == 0)
		return err_set(err, "no type in the zoneinfo file");
	z->n = h->times;
	z->at = xmalloc((z->n + 1) * sizeof(*z->at));
	z->type_at = xmalloc(z->n + 1);
	z->types = h->types;
	z->type = xzalloc(z->types * sizeof(*z->type));
	for (size_t i = 0; i < z->n; i++) {
		z->at[i] = width == 8 ? (int64_t)be(times + i * 8, 8) : (int32_t)(uint32_t)be(times + i * 4, 4);
		z->type_at[i] = (uint8_t)idx[i];
		if (z->type_at[i] >= h->types || (i && z->at[i] <= z->at[i - 1]))
			return err_set(err, "the zoneinfo file's transitions are not in order");
	}
	memcpy(z->text, chars, h->chars);
	for (size_t i = 0; i < h->types; i++) {
		const char *t = types + i * 6;
		unsigned char at = (unsigned char)t[5];

		z->type[i].offset = (int32_t)(uint32_t)be(t, 4);
		z->type[i].dst = t[4] != 0;
		if (z->type[i].offset < -OFFSET_MAX || z->type[i].offset > OFFSET_MAX || at >= h->chars)
			return err_set(err, "a type of the zoneinfo file is out of range");
		z->type[i].abbr = str_n(z->text + at, strnlen(z->text + at, h->chars - at));
	}
	return 0;
}

struct zone *zone_decode(struct str name, struct str data, struct err *err)
{
	struct zone *z = xzalloc(sizeof(*z));
	struct header h;
	unsigned width = 4;
	int version;
	char *text;

	if (take_header(&data, &h, &version, err) || body_size(&h, 4) > data.len)
		goto malformed;
	if (version >= 2) {
		data = str_from(data, body_size(&h, 4));
		width = 8;
		if (take_header(&data, &h, &version, err) || body_size(&h, 8) > data.len)
			goto malformed;
	}
	z->text = text = xzalloc(h.chars + name.len + (width == 8 ? data.len - body_size(&h, 8) : 0) + 1);
	if (take_body(z, str_sub(data, 0, body_size(&h, width)), &h, width, err))
		goto malformed;
	text += h.chars;
	memcpy(text, name.p, name.len);
	z->name = str_n(text, name.len);
	text += name.len;
	if (width == 8) {
		struct str foot = str_from(data, body_size(&h, 8)), line;

		memcpy(text, foot.p, foot.len);
		foot = str_n(text, foot.len);
		/* An empty line says that nothing is known of the time behind the table. */
		if (take_ch(&foot, '\n') && str_cut(&foot, '\n', &line) && line.len && !rule_parse(z, line)) {
			err_set(err, "the rule '%.*s' of the zoneinfo file cannot be read", (int)line.len, line.p);
			goto fail;
		}
	}
	return z;
malformed:
	if (err && err->text[0] == '\0')
		err_set(err, "the zoneinfo file is too short");
fail:
	zone_free(z);
	return NULL;
}

void zone_free(struct zone *z)
{
	if (!z)
		return;
	free(z->at);
	free(z->type_at);
	free(z->type);
	free(z->text);
	free(z);
}

static bool read_file(const char *path, struct str *out)
{
	struct stat st;
	size_t have = 0;
	char *p;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd == -1)
		return false;
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || st.st_size > ZONE_FILE_MAX) {
		close(fd);
		return false;
	}
	p = xmalloc((size_t)st.st_size + 1);
	while (have < (size_t)st.st_size) {
		ssize_t n = read(fd, p + have, (size_t)st.st_size - have);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	close(fd);
	*out = str_n(p, have);
	return true;
}

/* ---- names ---- */

bool zone_parse_offset(struct str s, int32_t *seconds)
{
	static const unsigned max[3] = {23, 59, 59}, unit[3] = {3600, 60, 1};
	int sign;
	int32_t v = 0;
	bool colons = false;

	if (s.len < 3 || (s.p[0] != '+' && s.p[0] != '-'))
		return false;
	sign = s.p[0] == '-' ? -1 : 1;
	s = str_from(s, 1);
	for (int i = 0; i < 3 && s.len; i++) {
		uint64_t part;

		if (i == 1)
			colons = s.p[0] == ':';
		if (i && colons && !take_ch(&s, ':'))
			return false;
		if (s.len < 2 || !str_u64(str_sub(s, 0, 2), max[i], &part))
			return false;
		v += (int32_t)(part * unit[i]);
		s = str_from(s, 2);
	}
	if (s.len)
		return false;
	*seconds = sign * v;
	return true;
}

/* A path below the folder and nothing else: letters first, no empty part, none that begins with a dot. */
static bool name_ok(struct str name)
{
	if (name.len == 0 || name.len > ZONE_NAME_MAX || name.p[0] < 'A' || name.p[0] > 'Z')
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.p[i];

		if (!ch_alnum(c) && c != '_' && c != '+' && c != '-' && c != '/')
			return false;
		if (c == '/' && (i + 1 == name.len || name.p[i + 1] == '/'))
			return false;
	}
	/* A place holder, not a zone. */
	return !str_eq(name, STR("Factory"));
}

static struct zone *table_find(struct str name, uint64_t hash)
{
	for (struct zone *z = bucket[hash % ZONE_BUCKETS]; z; z = z->next)
		if (z->hash == hash && str_eq(z->name, name))
			return z;
	return NULL;
}

static void table_add(struct zone *z, uint64_t hash)
{
	z->hash = hash;
	z->next = bucket[hash % ZONE_BUCKETS];
	bucket[hash % ZONE_BUCKETS] = z;
	zones++;
}

/* Lock held. */
static struct zone *load(struct str name, uint64_t hash)
{
	char path[PATH_MAX];
	struct str data;
	struct zone *z;
	struct err err = {{0}};
	int n;

	if (unknown[hash % UNKNOWN_SLOTS] == hash || zones >= ZONES_MAX)
		return NULL;
	n = snprintf(path, sizeof(path), "%s/%.*s", folder, STR_ARG(name));
	if (n < 0 || (size_t)n >= sizeof(path))
		return NULL;
	if (!read_file(path, &data)) {
		if (!folder_missed && access(folder, X_OK) == -1) {
			folder_missed = true;
			log_error("time", "no time zones at '%s': install the package tzdata", folder);
		}
		unknown[hash % UNKNOWN_SLOTS] = hash;
		return NULL;
	}
	z = zone_decode(name, data, &err);
	free((char *)data.p);
	if (!z) {
		log_error("time", "cannot read time zone '%.*s': %s", STR_ARG(name), err.text);
		unknown[hash % UNKNOWN_SLOTS] = hash;
		return NULL;
	}
	table_add(z, hash);
	return z;
}

const struct zone *zone_fixed(int32_t east)
{
	char text[16];
	unsigned v = (unsigned)(east < 0 ? -east : east);
	struct str name;
	struct zone *z;
	uint64_t hash;
	int n;

	if (east == 0)
		return zone_utc;
	if (v > DAY - 1)
		return NULL;
	n = snprintf(text, sizeof(text), "%c%02u:%02u", east < 0 ? '-' : '+', v / 3600, v / 60 % 60);
	if (v % 60)
		n += snprintf(text + n, sizeof(text) - (size_t)n, ":%02u", v % 60);
	name = str_n(text, (size_t)n);
	hash = hash_bytes(name.p, name.len);
	pthread_mutex_lock(&lock);
	z = table_find(name, hash);
	if (!z && zones < ZONES_MAX) {
		z = xzalloc(sizeof(*z));
		z->text = xstrdupz(name);
		z->name = str_z(z->text);
		z->has_rule = true;
		z->std = (struct zone_type){.offset = east, .abbr = z->name};
		table_add(z, hash);
	}
	pthread_mutex_unlock(&lock);
	return z;
}

const struct zone *zone_find(struct str name)
{
	uint64_t hash;
	struct zone *z;
	int32_t east;

	if (str_eq(name, STR("UTC")) || str_eq(name, STR("Z")) || str_eq(name, STR("GMT")) || str_eq(name, STR("UT")))
		return zone_utc;
	if (zone_parse_offset(name, &east))
		return zone_fixed(east);
	if (!name_ok(name))
		return NULL;
	hash = hash_bytes(name.p, name.len);
	pthread_mutex_lock(&lock);
	z = table_find(name, hash);
	if (!z)
		z = load(name, hash);
	pthread_mutex_unlock(&lock);
	return z;
}

const struct zone *zone_local(void)
{
	const char *tz = getenv("TZ");
	const struct zone *z = NULL;
	char path[PATH_MAX];
	ssize_t n;

	if (tz && *tz) {
		z = zone_find(str_z(*tz == ':' ? tz + 1 : tz));
		if (!z)
			log_warn("time", "the environment's TZ names no known time zone: taking UTC");
		return z ? z : zone_utc;
	}
	n = readlink("/etc/localtime", path, sizeof(path));
	if (n > 0 && (size_t)n < sizeof(path)) {
		struct str target = str_n(path, (size_t)n);
		ptrdiff_t at = str_find(target, STR("/zoneinfo/"));

		if (at >= 0)
			z = zone_find(str_from(target, (size_t)at + 10));
	}
	if (!z) {
		struct str data;
		struct err err;

		/* A copy instead of a link has no name. */
		pthread_mutex_lock(&lock);
		z = table_find(STR("localtime"), hash_bytes("localtime", 9));
		if (!z && read_file("/etc/localtime", &data)) {
			struct zone *own = zone_decode(STR("localtime"), data, &err);

			free((char *)data.p);
			if (own)
				table_add(own, hash_bytes("localtime", 9));
			z = own;
		}
		pthread_mutex_unlock(&lock);
	}
	return z ? z : zone_utc;
}

void zone_set_folder(const char *path)
{
	folder = path;
}
