/*
 * The cursor of the file input: its two formats, the finished prefix, what a restart finds, who inherits it.
 */
#include "test.h"

#include "base/arena.h"
#include "base/hash.h"
#include "base/log.h"
#include "input/sincedb.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static char dir[] = "/tmp/weir-sincedb-XXXXXX", path[64], seen[64];

/* ---- text ---- */

static void line_again(const char *text, const char *want)
{
	struct sincedb_line l;
	struct buf out;

	buf_init(&out, 0);
	CHECK(sincedb_line_read(str_z(text), &l));
	sincedb_line_write(&out, &l);
	CHECK_STR(buf_slice(&out), want);
	buf_release(&out);
}

static void test_lines(void)
{
	static const char *const bad[] = {"", "1", "1 2 3", "1 2 3 x", "-1 2 3 4", "1 2 3 4 now /x", "1 2 3 4 1.5.5 /x", "x 2 3 4", "1 2 3 99999999999999999999"};
	struct sincedb_line l;
	struct file_key k;

	line_again("2977152 1 4 94 1519319662.852678 /var/log/a.log", "2977152 1 4 94 1519319662.852678 /var/log/a.log\n");
	line_again("1 0 64768 7 1519319662.5 /with a blank/b", "1 0 64768 7 1519319662.5 /with a blank/b\n");
	line_again("1 0 64768 7 1519319662 /c\r", "1 0 64768 7 1519319662.0 /c\n");
	CHECK(sincedb_line_read(STR("2977152 1 4 94"), &l));
	CHECK(l.changed_ns == -1 && l.path.len == 0 && l.offset == 94);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(!sincedb_line_read(str_z(bad[i]), &l));
	/* 253:1 is 0xfd01 in st_dev. */
	k = file_key(makedev(253, 1), 77);
	CHECK(k.inode == 77 && k.major == 0 && k.minor == 0xfd01);
	CHECK(file_key_is(&k, makedev(253, 1), 77) && !file_key_is(&k, makedev(253, 2), 77) && !file_key_is(&k, makedev(253, 1), 78));
	k = (struct file_key){77, 253, 1};
	CHECK(file_key_is(&k, makedev(253, 1), 77));
}

static void test_seen_lines(void)
{
	struct seen_line in = {.key = {1, 2, 3}, .seen_ms = 1700000000000, .changed_ms = 1700000000001, .who = {1, 0xff, 0, 9, 0xa0},
			       .head_len = 256, .head_hash = 0xdeadbeef00000001, .plain = 5},
			 out;
	struct buf text;

	buf_init(&text, 0);
	seen_line_write(&text, &in);
	CHECK(seen_line_read(buf_slice(&text), &out));
	CHECK(memcmp(&in, &out, sizeof(in)) == 0);
	CHECK(!seen_line_read(STR("1 2 3 4 0102030405 6"), &out));
	CHECK(!seen_line_read(STR("1 2 3 4 01020304 6 7 8 9"), &out));
	buf_release(&text);
}

/* ---- the window ---- */

static struct sincedb *opened(int64_t clean_after_ns)
{
	struct sincedb_config c = {path, seen, "file/1", clean_after_ns};

	return sincedb_open(&c);
}

static struct record *found(struct sincedb *db, ino_t ino)
{
	return sincedb_find(db, makedev(8, 1), ino);
}

static struct record *added(struct sincedb *db, ino_t ino, const char *name, uint64_t offset)
{
	struct record *r = sincedb_add(db, makedev(8, 1), ino, name);

	record_place(r, offset);
	return r;
}

/* What the file says of an inode; UINT64_MAX: nothing. */
static uint64_t on_disk(uint64_t inode)
{
	FILE *f = fopen(path, "r");
	char text[512];
	struct sincedb_line l;
	uint64_t v = UINT64_MAX;

	while (f && fgets(text, sizeof(text), f))
		if (sincedb_line_read(str_z(text), &l) && l.key.inode == inode)
			v = l.offset;
	if (f)
		fclose(f);
	return v;
}

static void forget_files(void)
{
	(void)unlink(path);
	(void)unlink(seen);
}

static void test_finished_prefix(void)
{
	struct sincedb *db = opened(0);
	struct record *r = added(db, 10, "/a", 0);
	struct ack *a = record_span(r, 0), *b, *c;

	record_read(r, 100);
	b = record_span(r, 100);
	record_read(r, 200);
	c = record_span(r, 200);
	/* Ends before its read is over: the last one that is known to be complete counts. */
	ack_unref(c);
	sincedb_write(db);
	CHECK_INT(on_disk(10), 0);
	ack_unref(b);
	sincedb_write(db);
	CHECK_INT(on_disk(10), 0);
	CHECK(!record_settled(r));
	ack_unref(a);
	sincedb_write(db);
	CHECK_INT(on_disk(10), 200);
	record_read(r, 300);
	CHECK(record_settled(r));
	sincedb_close(&db);
	CHECK_INT(on_disk(10), 300);
	forget_files();
}

static void test_restart(void)
{
	struct sincedb *db = opened(0);
	struct record *r = added(db, 10, "/a", 5);
	uint8_t who[5];
	int64_t ms;

	record_head(r, STR("beginning"));
	memcpy(who, r->who, sizeof(who));
	ms = r->seen_ms;
	CHECK(ms > 0);
	sincedb_commit(db);
	sincedb_close(&db);
	db = opened(0);
	r = found(db, 10);
	CHECK(r && r->placed && record_position(r) == 5 && r->seen_ms == ms && memcmp(r->who, who, 5) == 0);
	CHECK(r && r->head_len == 9 && r->head_hash == head_hash(STR("beginning")) && sincedb_knew(db, "/a") && !sincedb_knew(db, "/b"));
	/* Truncated: another one, with ids of its own. */
	r = added(db, 10, "/a", 0);
	CHECK(memcmp(r->who, who, 5) != 0 && r->head_len == 0 && found(db, 10) == r);
	sincedb_close(&db);
	CHECK_INT(on_disk(10), 0);
	forget_files();
}

static void test_old_window(void)
{
	struct sincedb *db = opened(0);
	struct record *r = added(db, 10, "/a", 0), *later;
	struct ack *a = record_span(r, 0);

	record_read(r, 100);
	later = added(db, 10, "/a", 0);
	CHECK(later != r);
	/* Lines of what was there before the truncation say nothing about what is there now. */
	ack_unref(a);
	sincedb_close(&db);
	CHECK_INT(on_disk(10), 0);
	forget_files();
}

static void test_inheritance(void)
{
	struct sincedb *db = opened(0), *heir;
	struct record *r = added(db, 10, "/a", 0);
	struct ack *a = record_span(r, 0);

	record_read(r, 100);
	heir = db;
	sincedb_close(&db);
	CHECK_INT(on_disk(10), 0);
	/* Its lines are under way: who opens it now goes on behind them. */
	db = opened(0);
	CHECK(db == heir && record_position(found(db, 10)) == 100);
	sincedb_close(&db);
	/* The last line writes. */
	ack_unref(a);
	CHECK_INT(on_disk(10), 100);
	db = opened(0);
	CHECK(record_position(found(db, 10)) == 100);
	sincedb_close(&db);
	forget_files();
}

/* Two inputs with one sincedb: each file's position is what its reader says, also after one of them has gone. */
static void test_shared(void)
{
	struct sincedb *a = opened(0), *b;
	struct record *r = added(a, 10, "/a", 5), *s;

	added(a, 11, "/b", 6);
	sincedb_close(&a);
	a = opened(0);
	b = opened(0);
	CHECK(a != b && sincedb_ordinal(a) == 0 && sincedb_ordinal(b) == 1);
	r = found(a, 10);
	s = found(b, 11);
	record_use(r, r);
	record_use(s, s);
	record_read(r, 50);
	record_read(s, 60);
	sincedb_write(a);
	CHECK_INT(on_disk(10), 50);
	CHECK_INT(on_disk(11), 60);
	record_read(s, 600);
	added(b, 12, "/c", 7);
	record_use(s, NULL);
	sincedb_close(&b);
	record_read(r, 500);
	record_use(r, NULL);
	sincedb_close(&a);
	CHECK_INT(on_disk(10), 500);
	CHECK_INT(on_disk(11), 600);
	CHECK_INT(on_disk(12), 7);
	forget_files();
}

static void test_archive(void)
{
	struct sincedb *db = opened(0);
	struct record *r = added(db, 10, "/a.gz", 0);
	struct ack *a;

	r->archive = true;
	a = record_span(r, 0);
	record_read(r, 1000);
	ack_unref(a);
	sincedb_close(&db);
	/* Logstash's file knows all or nothing, weird's where it was. */
	CHECK_INT(on_disk(10), 0);
	db = opened(0);
	r = found(db, 10);
	CHECK(r->archive && record_position(r) == 1000 && r->whole == 0);
	record_read(r, 2000);
	record_whole(r, 300);
	sincedb_close(&db);
	CHECK_INT(on_disk(10), 300);
	db = opened(0);
	r = found(db, 10);
	CHECK(r->archive && record_position(r) == 2000 && r->whole == 300);
	sincedb_close(&db);
	forget_files();
}

static void test_clean_after(void)
{
	const int64_t day = INT64_C(86400) * 1000000000;
	struct sincedb *db = opened(14 * day);
	struct record *old = added(db, 10, "/old", 5), *there = added(db, 11, "/there", 6);

	old->changed_ns -= 15 * day;
	there->changed_ns -= 15 * day;
	there->user = there;
	sincedb_write(db);
	/* One that somebody reads stays, however quiet. */
	CHECK(on_disk(10) == UINT64_MAX && on_disk(11) == 6);
	there->user = NULL;
	sincedb_close(&db);
	db = opened(1);
	CHECK(!found(db, 11));
	sincedb_close(&db);
	forget_files();
}

static void test_remove(void)
{
	struct sincedb *db = opened(0);
	struct record *r = NULL;

	for (ino_t i = 1; i <= 500; i++)
		added(db, i, "/x", i);
	for (ino_t i = 1; i <= 500; i += 2)
		sincedb_remove(found(db, i));
	sincedb_close(&db);
	db = opened(0);
	for (ino_t i = 1; i <= 500; i++) {
		r = found(db, i);
		CHECK(i % 2 ? !r : r && record_position(r) == i);
	}
	sincedb_close(&db);
	forget_files();
}

static void test_cannot_write(void)
{
	struct sincedb_config c = {"/proc/no/such", NULL, "file/1", 0};
	struct sincedb *db;
	unsigned before = log_count(LOG_WARN);

	log_threshold = LOG_FATAL;
	db = sincedb_open(&c);
	added(db, 1, "/a", 1);
	sincedb_write(db);
	sincedb_close(&db);
	log_threshold = LOG_INFO;
	(void)before;
	/* A device keeps nothing, and says nothing about it. */
	c.path = "/dev/null";
	db = sincedb_open(&c);
	added(db, 1, "/a", 1);
	sincedb_close(&db);
	CHECK_INT(log_count(LOG_WARN), before);
}

int main(void)
{
	hash_init(NULL);
	CHECK(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sincedb", dir);
	snprintf(seen, sizeof(seen), "%s/seen", dir);
	test_lines();
	test_seen_lines();
	test_finished_prefix();
	test_restart();
	test_old_window();
	test_inheritance();
	test_shared();
	test_archive();
	test_clean_after();
	test_remove();
	test_cannot_write();
	CHECK_INT(rmdir(dir), 0);
	return test_end();
}
