/*
 * fuzz_mmdb.c - any bytes as a MaxMind database: refused with a reason, or opened; then every address has an answer, each record is
 * read without looking outside, and what comes of it can be put into an event and rendered. The bytes also go to the reader of
 * values alone, which sees them without the checks at load.
 */
#include "fuzz.h"

#include "base/utf8.h"
#include "enrichers/geofields.h"
#include "event/json.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

/* What is read in less time says the same. */
static bool same_facts(const struct mmdb_facts *a, const struct mmdb_facts *b)
{
	bool same = a->has == b->has && a->flat == b->flat && memcmp(a->number, b->number, sizeof(a->number)) == 0;

	for (unsigned i = 0; i < FACT_TEXTS; i++)
		same &= !facts_have(a, i) || (a->text[i].p == b->text[i].p && a->text[i].len == b->text[i].len);
	return same && memcmp(&a->latitude, &b->latitude, sizeof(a->latitude)) == 0 && memcmp(&a->longitude, &b->longitude, sizeof(a->longitude)) == 0;
}

static void read_all_places(struct str s)
{
	struct mmdb_facts f, quick;

	for (size_t at = 0; at <= s.len && at < 512; at++) {
		const char *wrong = mmdb_read_record(s, at, &f);

		FUZZ_ASSERT(!!wrong == !!mmdb_read_record(s, at, NULL));
		mmdb_read_facts(s, at, &quick);
		FUZZ_ASSERT(wrong || same_facts(&f, &quick));
		for (unsigned i = 0; !wrong && i < FACT_TEXTS; i++)
			FUZZ_ASSERT(!facts_have(&f, i) || (f.text[i].p >= s.p && f.text[i].p + f.text[i].len <= s.p + s.len));
	}
	(void)mmdb_read_metadata(s, &f);
}

static void ask(const struct geodb *db, const struct ip *ip)
{
	struct map *part[GEO_PARTS];
	struct mmdb_facts f;
	struct arena a;
	struct buf out;
	uint32_t record;
	unsigned bits;

	if (!geodb_find(db, ip, &record, &bits))
		return;
	FUZZ_ASSERT(bits <= (ip_is_v4(ip) ? 32u : 128u));
	geodb_read(db, record, &f);
	arena_init(&a, NULL);
	buf_init(&out, 0);
	for (enum geo_style style = GEO_LEGACY; style <= GEO_WEIR; style++) {
		struct geo_names names;

		geo_names_init(&names, style);
		geo_parts(&a, &a, &f, geodb_kind(db), &names, geo_fields_of(geodb_kind(db), style, 0), part);
		geo_parts(&a, &a, &f, geodb_kind(db), &names, UINT32_MAX, part);
		for (unsigned p = 0; p < GEO_PARTS; p++)
			if (part[p])
				json_write_map(&out, part[p]);
	}
	FUZZ_ASSERT(utf8_valid(buf_slice(&out)));
	buf_release(&out);
	arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static int fd = -1;
	static char path[40];
	struct geodb *db;
	struct err err = {""};
	uint64_t seed = 1;

	if (fd == -1) {
		hash_init(NULL);
		fd = memfd_create("fuzz", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	read_all_places(str_n((const char *)p, n));
	if (ftruncate(fd, 0) == -1 || pwrite(fd, p, n, 0) != (ssize_t)n)
		abort();
	db = geodb_open(path, STR(""), &err);
	if (!db) {
		FUZZ_ASSERT(err.text[0]);
		return 0;
	}
	for (unsigned i = 0; i < 64; i++) {
		struct ip ip;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		ip = i % 2 ? ip_of(seed, seed * 31) : ip_of(0, 0xffff00000000 | seed >> 32);
		ask(db, &ip);
	}
	for (unsigned i = 0; i < 256; i++) {
		struct ip ip = ip_of(0, 0xffff00000000 | (uint64_t)i << 24 | 0x450700);

		ask(db, &ip);
	}
	geodb_unref(db);
	return 0;
}
