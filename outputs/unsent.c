/*
 * unsent.c - the shelf of today: what an output could not send before weird stopped, in one file.
 *
 *	weir-unsent 1 LF
 *	LEN HEAD TAIL FLAGS CRC32 LF  bytes[LEN] LF        one for each event; decimal, CRC32 hexadecimal
 *
 * Written whole beside the old one, synced, renamed: either the old file or the new one is there. Read at the next start; removed
 * when every event of it has its verdict, so a crash in between sends some again, with the same _id. A record whose checksum is
 * wrong is left out and counted; the damaged file is kept as KEY.bad. Main thread (store, take), out threads (settled).
 */
#include "outputs/shelf.h"

#include "base/arena.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static const char magic[] = "weir-unsent 1\n";

enum { TAKE_BYTES = 4 * 1024 * 1024, TAKE_ITEMS = 2000, RECORD_HEAD_MAX = 80 };

struct unsent {
	struct shelf shelf;
	char *dir, *path, *tmp, *bad;
	FILE *in;
	bool opened;
	uint64_t damaged;
};

static int sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (fd == -1)
		return -1;
	r = fsync(fd);
	close(fd);
	return r;
}

/* ---- writing ---- */

static bool write_item(FILE *f, const struct pack *p, const struct pack_item *it)
{
	struct str b = item_bytes(p, it);
	unsigned crc = (unsigned)crc32(crc32(0, NULL, 0), (const unsigned char *)b.p, (uInt)b.len);

	return fprintf(f, "%" PRIu32 " %" PRIu32 " %u %u %08x\n", it->len, it->head, it->tail,
		       it->flags & ~ITEM_STORED & 0xffu, crc) > 0 &&
	       fwrite(b.p, 1, b.len, f) == b.len && putc('\n', f) != EOF;
}

static int64_t unsent_store(struct shelf *sh, struct pack *const *packs, size_t n, struct err *err)
{
	struct unsent *u = (struct unsent *)sh;
	int64_t stored = 0;
	int fd = open(u->tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *f = fd == -1 ? NULL : fdopen(fd, "w");
	bool ok;

	if (!f) {
		if (fd != -1)
			close(fd);
		return err_sys(err, "cannot write '%s'", u->tmp);
	}
	ok = fputs(magic, f) != EOF;
	for (size_t i = 0; i < n && ok; i++)
		for (uint32_t k = packs[i]->first; k < packs[i]->n && ok; k++, stored++)
			ok = write_item(f, packs[i], &packs[i]->item[k]);
	ok = ok && fflush(f) == 0 && fsync(fileno(f)) == 0;
	if (!ok)
		err_sys(err, "cannot write '%s'", u->tmp);
	if (fclose(f) != 0 && ok) {
		err_sys(err, "cannot write '%s'", u->tmp);
		ok = false;
	}
	if (ok && rename(u->tmp, u->path) == -1) {
		err_sys(err, "cannot rename '%s'", u->tmp);
		ok = false;
	}
	if (!ok) {
		unlink(u->tmp);
		return -1;
	}
	if (sync_dir(u->dir) == -1)
		log_warn("output", "cannot sync '%s': a power cut now would lose it", u->dir);
	return stored;
}

/* ---- reading ---- */

struct record {
	uint64_t len, head, tail, flags, crc;
};

static bool parse_head(struct str s, struct record *r)
{
	struct str crc;

	return str_take_u64(&s, 10, PACK_BYTES_MAX, &r->len) && s.len && *s.p == ' ' && (s = str_from(s, 1), true) &&
	       str_take_u64(&s, 10, r->len, &r->head) && s.len && *s.p == ' ' && (s = str_from(s, 1), true) &&
	       str_take_u64(&s, 5, r->len - r->head, &r->tail) && r->tail <= UINT16_MAX && s.len && *s.p == ' ' &&
	       (s = str_from(s, 1), true) && str_take_u64(&s, 3, 255, &r->flags) && s.len == 10 && *s.p == ' ' &&
	       (crc = str_sub(s, 1, 8), true) && s.p[9] == '\n' && str_hex64(crc, &r->crc);
}

/* 1: an item was added; 0: end of the file; -1: nothing more can be made of it. */
static int read_item(struct unsent *u, struct pack *p)
{
	char line[RECORD_HEAD_MAX], *room;
	struct record r;
	struct buf *b;

	if (!fgets(line, sizeof(line), u->in))
		return ferror(u->in) ? -1 : 0;
	if (!parse_head(str_z(line), &r))
		return -1;
	b = pack_begin(p);
	room = buf_room(b, r.len + 1);
	if (!room || fread(room, 1, r.len + 1, u->in) != r.len + 1 || room[r.len] != '\n')
		return -1;
	if ((crc32(crc32(0, NULL, 0), (const unsigned char *)room, (uInt)r.len) & 0xffffffffu) != r.crc) {
		u->damaged++;
		return 1;
	}
	b->len += r.len;
	pack_end(p, r.head, r.tail, (unsigned)r.flags | ITEM_STORED);
	return 1;
}

static void finish_reading(struct unsent *u, bool broken)
{
	if (u->damaged || broken) {
		(void)unlink(u->bad);
		(void)!link(u->path, u->bad);
		log_error("output", "'%s' is damaged: %" PRIu64 " events of it are lost%s; kept as '%s'", u->path,
			  u->damaged, broken ? " and all behind the first broken record" : "", u->bad);
	}
	fclose(u->in);
	u->in = NULL;
}

static struct pack *unsent_take(struct shelf *sh)
{
	struct unsent *u = (struct unsent *)sh;
	struct pack *p;
	int r = 1;

	if (!u->opened) {
		char head[sizeof(magic)];

		u->opened = true;
		u->in = fopen(u->path, "re");
		if (!u->in && errno != ENOENT)
			log_error("output", "cannot read '%s'", u->path);
		if (u->in && (!fgets(head, sizeof(head), u->in) || strcmp(head, magic) != 0))
			finish_reading(u, true);
	}
	if (!u->in)
		return NULL;
	p = pack_new();
	while (p->n < TAKE_ITEMS && p->bytes.len < TAKE_BYTES && (r = read_item(u, p)) == 1)
		;
	if (r != 1)
		finish_reading(u, r == -1);
	if (p->n == 0)
		pack_free(&p);
	return p;
}

static void unsent_settled(struct shelf *sh)
{
	struct unsent *u = (struct unsent *)sh;

	if (unlink(u->path) == -1 && errno != ENOENT)
		log_error("output", "cannot remove '%s': its events will be sent again at the next start", u->path);
}

static void unsent_free(struct shelf *sh)
{
	struct unsent *u = (struct unsent *)sh;

	if (u->in)
		fclose(u->in);
	free(u->dir);
	free(u->path);
	free(u->tmp);
	free(u->bad);
	free(u);
}

static char *join(struct arena *a, struct str dir, struct str name, const char *end)
{
	return xstrdupz(arena_printf(a, "%.*s/%.*s%s", STR_ARG(dir), STR_ARG(name), end));
}

struct shelf *unsent_shelf_new(struct str data_dir, struct str key, struct err *err)
{
	struct unsent *u;
	struct arena a;
	struct str dir;
	char *dirz;

	arena_init(&a, NULL);
	dir = arena_printf(&a, "%.*s/unsent", STR_ARG(data_dir));
	dirz = xstrdupz(dir);
	if (mkdir(dirz, 0700) == -1 && errno != EEXIST) {
		err_sys(err, "cannot make '%s'", dirz);
		free(dirz);
		arena_release(&a);
		return NULL;
	}
	u = xzalloc(sizeof(*u));
	u->shelf = (struct shelf){unsent_store, unsent_take, unsent_settled, unsent_free};
	u->dir = dirz;
	u->path = join(&a, dir, key, ".ndjson");
	u->tmp = join(&a, dir, key, ".new");
	u->bad = join(&a, dir, key, ".bad");
	arena_release(&a);
	return &u->shelf;
}
