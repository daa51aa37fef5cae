#include "enrichers/geodb.h"

#include "base/arena.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <maxminddb.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum {
	FILE_MIN = 64,
	METADATA_MAX = 128 * 1024, /* the format's: the marker is looked for in so many last bytes */
	SEPARATOR = 16,		   /* zeros between tree and data */
	COPY_PIECE = 1 << 20,
	AT_ONCE = 1 << 20, /* a file of so many bytes is verified in milliseconds */
};
#define FILE_MAX_BYTES INT64_C(2147483648)

static const char marker[] = "\xab\xcd\xefMaxMind.com";

struct geodb {
	struct geodb *next;
	unsigned refs;
	struct stat st;
	char *path;
	MMDB_s mmdb;
	struct str data; /* records, up to the metadata */
	struct geodb_about about;
};

/* All that are open. A global because plans come and go and know nothing of one another. */
static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;
static struct geodb *open_list;

/* ---- the private copy ---- */

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* A file without a name. Where the folder's file system cannot (NFS), memory. */
static int nameless(struct str scratch, struct err *err)
{
	char *dir;
	int fd = -1;

	if (scratch.len) {
		dir = xstrdupz(scratch);
		fd = open(dir, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
		free(dir);
	}
	if (fd == -1)
		fd = memfd_create("weir-geo", MFD_CLOEXEC);
	return fd == -1 ? err_sys(err, "cannot make room for a copy") : fd;
}

static int copy_by_hand(int from, int to, struct err *err)
{
	char *piece = xmalloc(COPY_PIECE);
	ssize_t n;

	while ((n = read(from, piece, COPY_PIECE)) > 0) {
		for (ssize_t at = 0, w; at < n; at += w) {
			w = write(to, piece + at, (size_t)(n - at));
			if (w == -1) {
				free(piece);
				return err_sys(err, "cannot copy it");
			}
		}
	}
	free(piece);
	return n == -1 ? err_sys(err, "cannot read it") : 0;
}

/* The copy's descriptor, or -1. */
static int copy_of(int from, const struct stat *st, struct str scratch, struct err *err)
{
	struct stat now;
	int to = nameless(scratch, err);
	off_t left = st->st_size;
	ssize_t n = 0;

	if (to == -1)
		return -1;
	/* Shares the blocks where the file system can. */
	while (left > 0 && (n = copy_file_range(from, NULL, to, NULL, (size_t)left, 0)) > 0)
		left -= n;
	if (n == -1 && left == st->st_size && lseek(from, 0, SEEK_SET) == 0) {
		if (copy_by_hand(from, to, err) == -1)
			goto fail;
	} else if (n == -1) {
		err_sys(err, "cannot copy it");
		goto fail;
	}
	if (fstat(from, &now) == -1 || !same_file(st, &now) || fstat(to, &now) == -1 || now.st_size != st->st_size) {
		err_set(err, "it is being written just now");
		goto fail;
	}
	return to;
fail:
	close(to);
	return -1;
}

/* ---- verifying ---- */

/* Metadata before the library sees them; *at is where they begin, behind the marker. */
static int check_metadata(int fd, off_t size, off_t *at, struct mmdb_facts *f, char *tail, struct err *err)
{
	size_t n = size < METADATA_MAX ? (size_t)size : METADATA_MAX;
	const char *wrong, *last = NULL;
	uint64_t tree;

	if (pread(fd, tail, n, size - (off_t)n) != (ssize_t)n)
		return err_sys(err, "cannot read its end");
	for (const char *p = tail; (p = memmem(p, n - (size_t)(p - tail), marker, sizeof(marker) - 1)); p++)
		last = p;
	if (!last)
		return err_set(err, "it is no MaxMind database, or its end is missing: no metadata");
	last += sizeof(marker) - 1;
	*at = size - (off_t)n + (last - tail);
	wrong = mmdb_read_metadata(str_n(last, n - (size_t)(last - tail)), f);
	if (wrong)
		return err_set(err, "it is damaged: in its metadata %s", wrong);
	for (enum mmdb_fact need = FACT_NODE_COUNT; need <= FACT_IP_VERSION; need++)
		if (!facts_have(f, need))
			return err_set(err, "it is damaged: its metadata lack the %s",
				       need == FACT_NODE_COUNT ? "number of nodes" : need == FACT_RECORD_SIZE ? "record size" : "address family");
	if (facts_number(f, FACT_RECORD_SIZE) != 24 && facts_number(f, FACT_RECORD_SIZE) != 28 && facts_number(f, FACT_RECORD_SIZE) != 32)
		return err_set(err, "it is damaged: record size %" PRIu64, facts_number(f, FACT_RECORD_SIZE));
	if (facts_number(f, FACT_IP_VERSION) != 4 && facts_number(f, FACT_IP_VERSION) != 6)
		return err_set(err, "it is damaged: address family %" PRIu64, facts_number(f, FACT_IP_VERSION));
	/* node_count is at most 32 bits, or the library refuses it. */
	tree = facts_number(f, FACT_NODE_COUNT) * (facts_number(f, FACT_RECORD_SIZE) / 4);
	if (facts_number(f, FACT_NODE_COUNT) > UINT32_MAX || tree + SEPARATOR + sizeof(marker) - 1 > (uint64_t)*at)
		return err_set(err, "it is damaged: a tree of %" PRIu64 " nodes does not fit into it", facts_number(f, FACT_NODE_COUNT));
	return 0;
}

static const char *check_record(const struct geodb *db, uint64_t *seen, uint8_t type, uint32_t offset, size_t *at)
{
	*at = offset;
	if (type == MMDB_RECORD_TYPE_SEARCH_NODE || type == MMDB_RECORD_TYPE_EMPTY)
		return NULL;
	if (type != MMDB_RECORD_TYPE_DATA || offset >= db->data.len)
		return "a node leads outside of the data";
	if (seen[offset / 64] >> offset % 64 & 1)
		return NULL;
	seen[offset / 64] |= UINT64_C(1) << offset % 64;
	return mmdb_read_record(db->data, offset, NULL);
}

static int check_tree(const struct geodb *db, struct err *err)
{
	uint64_t *seen = xzalloc((db->data.len / 64 + 1) * sizeof(*seen));
	const char *wrong = NULL;
	uint32_t n;
	size_t at = 0;

	for (n = 0; n < db->mmdb.metadata.node_count && !wrong; n++) {
		MMDB_search_node_s node;

		if (MMDB_read_node(&db->mmdb, n, &node) != MMDB_SUCCESS)
			wrong = "a node cannot be read";
		if (!wrong)
			wrong = check_record(db, seen, node.left_record_type, node.left_record_entry.offset, &at);
		if (!wrong)
			wrong = check_record(db, seen, node.right_record_type, node.right_record_entry.offset, &at);
	}
	free(seen);
	return wrong ? err_set(err, "it is damaged: %s (node %" PRIu32 ", record at %zu)", wrong, n - 1, at) : 0;
}

/* ---- opening ---- */

/* Does the text hold the word, in either case? */
static bool mentions(struct str s, const char *word)
{
	struct str w = str_z(word);

	for (size_t i = 0; i + w.len <= s.len; i++)
		if (str_ieq(str_sub(s, i, w.len), w))
			return true;
	return false;
}

/* In Logstash's order: "DBIP-ASN-Country" is one of countries. */
static enum geo_kind kind_of(struct str type)
{
	static const struct {
		const char *word;
		enum geo_kind kind;
	} words[] = {
		{"city", GEO_CITY}, {"country", GEO_COUNTRY}, {"domain", GEO_DOMAIN}, {"asn", GEO_ASN}, {"isp", GEO_ISP},
		{"enterprise", GEO_ENTERPRISE}, {"anonymous", GEO_ANONYMOUS_IP},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (mentions(type, words[i].word))
			return words[i].kind;
	return GEO_OTHER;
}

static void describe(struct geodb_about *about, const struct mmdb_facts *f)
{
	struct str type = facts_have(f, FACT_DATABASE_TYPE) ? str_sub(f->text[FACT_DATABASE_TYPE], 0, 60) : STR("");
	struct tm tm = {0};
	time_t built = (time_t)(facts_number(f, FACT_BUILD_EPOCH) & 0x7ffffffff);
	size_t n = 0;

	about->kind = kind_of(type);
	about->built = facts_have(f, FACT_BUILD_EPOCH) ? facts_number(f, FACT_BUILD_EPOCH) : 0;
	for (size_t i = 0; i < type.len; i++)
		about->text[n++] = type.p[i] >= ' ' && type.p[i] < 127 ? type.p[i] : '?';
	if (facts_have(f, FACT_BUILD_EPOCH) && gmtime_r(&built, &tm))
		n += (size_t)snprintf(about->text + n, sizeof(about->text) - n, "%sof %04d-%02d-%02d", n ? " " : "", tm.tm_year + 1900,
				      tm.tm_mon + 1, tm.tm_mday);
	about->text[n] = '\0';
}

static int open_copy(struct geodb *db, int copy, struct err *err)
{
	struct mmdb_facts f;
	char name[40], *tail = xmalloc(METADATA_MAX);
	off_t at = 0;
	size_t tree;
	int rc = check_metadata(copy, db->st.st_size, &at, &f, tail, err);

	if (rc == 0) {
		snprintf(name, sizeof(name), "/proc/self/fd/%d", copy);
		rc = MMDB_open(name, MMDB_MODE_MMAP, &db->mmdb);
		if (rc)
			rc = err_set(err, "it is damaged: %s", MMDB_strerror(rc));
	}
	if (rc == 0) {
		describe(&db->about, &f);
		tree = (size_t)db->mmdb.metadata.node_count * db->mmdb.full_record_byte_size;
		if (tree != facts_number(&f, FACT_NODE_COUNT) * (facts_number(&f, FACT_RECORD_SIZE) / 4)) {
			rc = err_set(err, "it is damaged: its metadata can be read in two ways");
		} else {
			db->data = str_n((const char *)db->mmdb.file_content + tree + SEPARATOR,
					 (size_t)at - (sizeof(marker) - 1) - tree - SEPARATOR);
			rc = check_tree(db, err);
		}
		/* All of it was touched; what look-ups need comes back, from the page cache. */
		(void)madvise((void *)db->mmdb.file_content, (size_t)db->mmdb.file_size, MADV_DONTNEED);
		if (rc)
			MMDB_close(&db->mmdb);
	}
	free(tail);
	return rc;
}

/* The caller holds the lock. */
static struct geodb *find_open(const char *path, const struct stat *st)
{
	for (struct geodb *db = open_list; db; db = db->next)
		if (strcmp(db->path, path) == 0 && same_file(&db->st, st))
			return db;
	return NULL;
}

static struct geodb *load(int fd, const char *path, const struct stat *st, struct str scratch, struct err *err)
{
	struct geodb *db;
	int copy = copy_of(fd, st, scratch, err);

	if (copy == -1)
		return NULL;
	db = xzalloc(sizeof(*db));
	db->refs = 1;
	db->st = *st;
	if (open_copy(db, copy, err) == -1) {
		free(db);
		db = NULL;
	} else {
		db->path = xstrdupz(str_z(path));
	}
	close(copy);
	return db;
}

/* The descriptor of a file that may be a database, or -1. */
static int open_file(const char *path, struct stat *st, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd == -1)
		return err_sys(err, "cannot open the database '%s'", path);
	if (fstat(fd, st) == -1)
		err_sys(err, "cannot stat the database '%s'", path);
	else if (!S_ISREG(st->st_mode))
		err_set(err, "the database '%s' is not a regular file", path);
	else if (st->st_size < FILE_MIN || st->st_size > FILE_MAX_BYTES)
		err_set(err, "cannot use the database '%s': it has %lld bytes", path, (long long)st->st_size);
	else
		return fd;
	close(fd);
	return -1;
}

static void name_culprit(const char *path, struct err *err)
{
	if (str_ends(str_z(path), STR(".dat")))
		err_set(err, "cannot use the database '%s': .dat is MaxMind's former format, take the .mmdb file", path);
	else
		err_prefix(err, "cannot use the database '%s': ", path);
}

struct geodb *geodb_open(const char *path, struct str scratch, struct err *err)
{
	struct geodb *db;
	struct stat st;
	int fd = open_file(path, &st, err);

	if (fd == -1)
		return NULL;
	/* Two that open the same file wait for one another: one of them reads it. */
	pthread_mutex_lock(&open_lock);
	db = find_open(path, &st);
	if (db) {
		db->refs++;
	} else if ((db = load(fd, path, &st, scratch, err))) {
		db->next = open_list;
		open_list = db;
		log_info("geoip", "'%s': %s", path, db->about.text);
	} else {
		name_culprit(path, err);
	}
	pthread_mutex_unlock(&open_lock);
	close(fd);
	return db;
}

int geodb_look(const char *path, struct geodb_about *about, bool *at_once, struct err *err)
{
	struct mmdb_facts f;
	struct stat st;
	char *tail;
	off_t at;
	int fd = open_file(path, &st, err), rc;

	if (fd == -1)
		return -1;
	tail = xmalloc(METADATA_MAX);
	rc = check_metadata(fd, st.st_size, &at, &f, tail, err);
	if (rc == -1)
		name_culprit(path, err);
	else
		describe(about, &f);
	free(tail);
	close(fd);
	/* While another one is being read, nothing is at once. */
	*at_once = pthread_mutex_trylock(&open_lock) == 0;
	if (*at_once) {
		*at_once = st.st_size <= AT_ONCE || find_open(path, &st);
		pthread_mutex_unlock(&open_lock);
	}
	return rc;
}

struct geodb *geodb_ref(struct geodb *db)
{
	pthread_mutex_lock(&open_lock);
	db->refs++;
	pthread_mutex_unlock(&open_lock);
	return db;
}

void geodb_unref(struct geodb *db)
{
	struct geodb **p = &open_list;

	if (!db)
		return;
	pthread_mutex_lock(&open_lock);
	if (--db->refs) {
		pthread_mutex_unlock(&open_lock);
		return;
	}
	while (*p != db)
		p = &(*p)->next;
	*p = db->next;
	pthread_mutex_unlock(&open_lock);
	MMDB_close(&db->mmdb);
	free(db->path);
	free(db);
}

const char *geodb_path(const struct geodb *db)
{
	return db->path;
}

enum geo_kind geodb_kind(const struct geodb *db)
{
	return db->about.kind;
}

unsigned geodb_family(const struct geodb *db)
{
	return db->mmdb.metadata.ip_version;
}

struct str geodb_describe(const struct geodb *db)
{
	return str_z(db->about.text);
}

/* ---- looking up ---- */

bool geodb_find(const struct geodb *db, const struct ip *ip, uint32_t *record, unsigned *bits)
{
	struct sockaddr_in in4 = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	bool v4 = ip_is_v4(ip);
	MMDB_lookup_result_s r;
	int rc;

	if (v4) {
		memcpy(&in4.sin_addr, ip->b + 12, 4);
		r = MMDB_lookup_sockaddr(&db->mmdb, (const struct sockaddr *)&in4, &rc);
	} else {
		if (db->mmdb.metadata.ip_version == 4)
			return false;
		memcpy(&in6.sin6_addr, ip->b, 16);
		r = MMDB_lookup_sockaddr(&db->mmdb, (const struct sockaddr *)&in6, &rc);
	}
	if (rc != MMDB_SUCCESS || !r.found_entry)
		return false;
	*record = r.entry.offset;
	/* Where a file of both families has it shorter than all of IPv4, that is all that can be said of it. */
	*bits = v4 && db->mmdb.metadata.ip_version == 6 ? (r.netmask < 96 ? 0 : r.netmask - 96u) : r.netmask;
	return true;
}

void geodb_read(const struct geodb *db, uint32_t record, struct mmdb_facts *f)
{
	/* It was read once at load; the bytes have not changed since. */
	mmdb_read_facts(db->data, record, f);
}
