#include "input/file_tail.h"
#include "base/log.h"
#include "pipeline/event_id.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { LONG_PART = 64 * 1024 };

/* ---- the source: what the work thread needs to know of the file ---- */

struct file_source {
	struct source source; /* first */
	struct tail *tail;    /* loop thread; NULL once it has ended */
	int64_t seen_ms;
	uint8_t who[5];
	size_t delimiter;
	/* Work thread: offset of the frame that was asked for last, so that the next one's is not counted from the span's beginning. */
	uint64_t cursor, offset;
	uint32_t first, frame;
	bool counted;
};

static void free_source(struct source *s)
{
	if (s->free_decoder)
		s->free_decoder(s);
	free((char *)s->path.p);
	free(s);
}

/* Offset of a frame: those before it in the span lie in front of it without a gap. */
static uint64_t frame_offset(struct file_source *fs, const struct batch *b, const struct span *span, uint32_t frame)
{
	if (!fs->counted || fs->cursor != span->cursor || fs->first != span->first || fs->frame > frame) {
		fs->counted = true;
		fs->cursor = fs->offset = span->cursor;
		fs->first = fs->frame = span->first;
	}
	for (; fs->frame < frame; fs->frame++) {
		const struct frame *f = &b->frame[fs->frame];

		fs->offset += f->len + (f->flags & FRAME_CHOMPED ? 1 : 0) + fs->delimiter;
	}
	return fs->offset;
}

/* First sight, who the file is, and where the line begins: the same line has the same id whenever it is read again. */
static void file_event_id(struct source *s, const struct batch *b, const struct span *span, uint32_t frame, uint32_t nth, struct event *ev)
{
	struct file_source *fs = (struct file_source *)s;

	event_id_make(ev, fs->seen_ms, fs->who, frame_offset(fs, b, span, frame));
	/* Further events of one line, and what a codec still held at the end; '.' is for children of filters. */
	if (nth)
		event_id_nth(ev, frame < span->first + span->n ? ':' : '!', nth);
}

static struct source *new_source(struct tail *t)
{
	struct file_source *fs = xzalloc(sizeof(*fs));
	struct inlet *in = t->config->inlet;
	struct str path = str_z(t->path);

	fs->tail = t;
	fs->seen_ms = t->rec->seen_ms;
	memcpy(fs->who, t->rec->who, sizeof(fs->who));
	fs->who[0] ^= sincedb_ordinal(t->config->db);
	fs->delimiter = t->config->delimiter.len;
	fs->source.path = str_n(xstrdupz(path), path.len);
	fs->source.name = fs->source.path;
	fs->source.input = in;
	fs->source.instance = &in->instance;
	fs->source.event_id = file_event_id;
	fs->source.free = free_source;
	atomic_init(&fs->source.refs, 1);
	return &fs->source;
}

void tail_span(struct source *s, struct span *sp)
{
	struct tail *t = ((struct file_source *)s)->tail;

	sp->cursor = t->st.offset;
	sp->ack = record_span(t->rec, sp->cursor);
}

/* ---- life ---- */

struct tail *tail_new(const struct tail_config *c, struct record *r, const char *path, const struct stat *st)
{
	struct tail *t = xzalloc(sizeof(*t));

	t->config = c;
	t->rec = r;
	record_ref(r);
	record_use(r, t);
	t->path = xstrdupz(str_z(path));
	t->dev = st->st_dev;
	t->ino = st->st_ino;
	t->fd = -1;
	t->from = record_position(r);
	t->data_ns = clock_mono(&clock_system);
	return t;
}

static void end_source(struct tail *t)
{
	struct source *s = t->st.source;

	if (!s)
		return;
	/* The span of the mark still asks for the tail. */
	source_ref(s);
	stream_end(&t->st);
	((struct file_source *)s)->tail = NULL;
	source_unref(s);
	t->from = t->st.offset;
}

void tail_close(struct tail *t)
{
	if (t->st.source) {
		uint64_t done = stream_done(&t->st);

		stream_forget(&t->st);
		end_source(t);
		t->from = done;
	}
	if (t->gz)
		(void)gzclose_r(t->gz);
	else if (t->fd != -1)
		close(t->fd);
	t->gz = NULL;
	t->fd = -1;
}

void tail_free(struct tail *t)
{
	if (!t)
		return;
	tail_close(t);
	record_use(t->rec, NULL);
	record_unref(t->rec);
	free(t->path);
	free(t);
}

static int open_archive(struct tail *t)
{
	t->gz = gzdopen(t->fd, "rb");
	if (!t->gz) {
		close(t->fd);
		t->fd = -1;
		errno = ENOMEM;
		return -1;
	}
	(void)gzbuffer(t->gz, 4 * INLET_READ);
	t->ahead = t->from;
	/* zlib gives what is no archive as it is. */
	if (gzdirect(t->gz)) {
		(void)gzclose_r(t->gz);
		t->gz = NULL;
		t->fd = -1;
		errno = EINVAL;
		return -1;
	}
	return 0;
}

int tail_open(struct tail *t, const char *path)
{
	struct stat st;

	/* Non-blocking: it might have become a pipe meanwhile. */
	t->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (t->fd == -1)
		return -1;
	if (fstat(t->fd, &st) == -1 || st.st_dev != t->dev || st.st_ino != t->ino) {
		close(t->fd);
		t->fd = -1;
		errno = ESTALE;
		return -1;
	}
	t->data_ns = clock_mono(&clock_system);
	return t->archive ? open_archive(t) : 0;
}

/* ---- is it still the same file? ---- */

static size_t read_head(int fd, char *out, size_t max)
{
	size_t len = 0;
	ssize_t n;

	while (len < max && (n = pread(fd, out + len, max - len, (off_t)len)) > 0)
		len += (size_t)n;
	return len;
}

bool tail_same(struct tail *t)
{
	char head[HEAD_BYTES];
	size_t len = read_head(t->fd, head, sizeof(head));

	if (len < t->head_len || memcmp(head, t->head, t->head_len) != 0)
		return false;
	/* Of what was never looked at in this run the record may know more. */
	if (t->rec->head_len > t->head_len && (len < t->rec->head_len || head_hash(str_n(head, t->rec->head_len)) != t->rec->head_hash))
		return false;
	memcpy(t->head, head, len);
	t->head_len = len;
	record_head(t->rec, str_n(head, len));
	return true;
}

bool tail_is_record(const char *path, const struct record *r)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char head[HEAD_BYTES];
	size_t len;

	/* Not to be read now; tail_same() will tell. */
	if (fd == -1)
		return true;
	len = read_head(fd, head, r->head_len);
	close(fd);
	return len == r->head_len && head_hash(str_n(head, len)) == r->head_hash;
}

/* ---- reading ---- */

uint64_t tail_position(const struct tail *t)
{
	return t->st.source ? t->st.offset + t->st.part.len : t->from;
}

static void begin(struct tail *t)
{
	stream_init(&t->st, t->config->inlet, new_source(t), FRAMER_LINE, t->config->max_line);
	t->st.count_max = STREAM_COUNTED;
	t->st.framer.delimiter = t->config->delimiter;
	/* Java's reader of archives, which Logstash uses, knows CR LF. */
	t->st.framer.chomp = t->archive;
	t->st.offset = t->from;
}

static ssize_t read_archive(struct tail *t, const uv_buf_t *buf)
{
	int n, e = Z_OK;

	errno = 0;
	n = gzread(t->gz, buf->base, (unsigned)buf->len);
	if (n > 0)
		return n;
	(void)gzerror(t->gz, &e);
	if (n == 0 && e == Z_OK)
		return 0;
	/* Z_BUF_ERROR: the file ends in the middle. */
	if (e != Z_ERRNO || errno == 0)
		errno = EINVAL;
	return -1;
}

/* Bytes that are decompressed for nothing: up to where reading goes on, or to see that all of it can be. */
static ssize_t pass_over(struct tail *t)
{
	char room[INLET_READ];
	uv_buf_t buf = {room, sizeof(room)};
	ssize_t n;

	if (!t->checking && buf.len > t->ahead)
		buf.len = (size_t)t->ahead;
	n = read_archive(t, &buf);
	if (!t->checking) {
		t->ahead -= n > 0 ? (uint64_t)n : 0;
	} else if (n == 0) {
		t->checking = false;
		n = gzrewind(t->gz) == 0 ? 1 : -1;
	}
	return n;
}

ssize_t tail_read(struct tail *t, uint64_t max)
{
	uv_buf_t buf;
	ssize_t n;
	int e;

	if (t->archive && (t->checking || t->ahead))
		return pass_over(t);
	if (!t->st.source)
		begin(t);
	stream_alloc(&t->st, &buf);
	if (buf.len > max)
		buf.len = (size_t)max;
	n = t->archive ? read_archive(t, &buf) : pread(t->fd, buf.base, buf.len, (off_t)tail_position(t));
	e = errno;
	stream_read(&t->st, &buf, n);
	if (n > 0) {
		t->data_ns = clock_mono(&clock_system);
		record_read(t->rec, stream_done(&t->st));
	}
	errno = e;
	return n;
}

bool tail_in_long_line(const struct tail *t)
{
	return t->st.source && t->st.part.len > LONG_PART;
}

void tail_rest(struct tail *t)
{
	t->stuck = 0;
	if (!t->st.source)
		return;
	/* One without a name ends soon, and its half line with it. */
	if (t->entry && tail_in_long_line(t)) {
		t->stuck = t->size;
		stream_forget(&t->st);
	}
	stream_rest(&t->st);
}

void tail_end(struct tail *t)
{
	end_source(t);
	record_read(t->rec, t->from);
}

void tail_restart(struct tail *t)
{
	struct record *old = t->rec;

	/* Half a line that was there before is a line now. */
	end_source(t);
	record_use(old, NULL);
	t->rec = sincedb_add(t->config->db, t->dev, t->ino, t->path);
	record_place(t->rec, 0);
	if (t->archive)
		record_set_archive(t->rec);
	record_ref(t->rec);
	record_use(t->rec, t);
	record_unref(old);
	t->from = t->stuck = 0;
	t->head_len = 0;
}
