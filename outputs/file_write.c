/*
 * file_write.c - appends packs to files. One out thread; reopen() from the main thread only sets a flag.
 *
 * Data may choose a name below the literal folder of the option `path`, never a place outside it: every open goes through
 * openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS) or, where the kernel has none, component by component with O_NOFOLLOW. What would leave
 * goes to the failure file.
 *
 * A write that the disk takes only half is cut back, so a file never holds half a line. With gzip each write is a member of its
 * own (members may stand one after another), for the same reason.
 */
#include "outputs/file_write.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zlib.h>

enum { OPEN_MAX = 64, PATH_BYTES = 4096, COMPONENT_MAX = 255 };

struct open_file {
	char *path; /* below root, NUL-terminated */
	size_t len;
	int fd;
	dev_t dev;
	ino_t ino;
	int64_t used_ns;
};

struct file_conn {
	struct file_config c;
	char *root, *fixed, *failure;
	int root_fd;
	struct open_file file[OPEN_MAX];
	unsigned n;
	struct buf gz;
	_Atomic bool reopen;
};

/* ---- paths ---- */

bool file_path_clean(struct str in, char out[PATH_BYTES], size_t *len)
{
	size_t n = 0;

	while (in.len) {
		struct str part = in;
		bool more = str_cut(&in, '/', &part);

		if (!more)
			in.len = 0;
		if (part.len == 0)
			continue;
		if (str_eq(part, STR(".")) || str_eq(part, STR("..")) || part.len > COMPONENT_MAX ||
		    memchr(part.p, 0, part.len) || n + part.len + 2 > PATH_BYTES)
			return false;
		if (n)
			out[n++] = '/';
		memcpy(out + n, part.p, part.len);
		n += part.len;
	}
	out[n] = 0;
	*len = n;
	return n > 0;
}

static int open_beneath(int dir, const char *path, int flags, int mode)
{
	struct open_how how = {
		.flags = (uint64_t)flags | O_CLOEXEC,
		.mode = flags & O_CREAT ? (uint64_t)mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

/* The same for kernels without openat2 and sandboxes that forbid it: no component is ever followed. */
static int open_stepwise(int dir, const char *path, int flags, int mode)
{
	char part[COMPONENT_MAX + 1];
	int at = dir, fd;

	for (;;) {
		const char *slash = strchr(path, '/');

		if (!slash) {
			fd = openat(at, path, flags | O_NOFOLLOW | O_CLOEXEC, mode);
			break;
		}
		memcpy(part, path, (size_t)(slash - path));
		part[slash - path] = 0;
		fd = openat(at, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (at != dir)
			close(at);
		if (fd == -1)
			return -1;
		at = fd;
		path = slash + 1;
	}
	if (at != dir) {
		int e = errno;

		close(at);
		errno = e;
	}
	return fd;
}

static int open_below(const struct file_conn *f, const char *path, int flags, int mode)
{
	int fd;

	/* No event has a say in it: the administrator may point anywhere (/dev/stdout is a link). */
	if (f->c.fixed.len)
		return openat(f->root_fd, path, flags | O_CLOEXEC, mode);
	fd = open_beneath(f->root_fd, path, flags, mode);

	if (fd == -1 && (errno == ENOSYS || errno == EPERM || errno == EINVAL))
		fd = open_stepwise(f->root_fd, path, flags, mode);
	return fd;
}

/* The folders in front of the name. */
static bool make_parents(const struct file_conn *f, const char *path)
{
	char dir[PATH_BYTES];
	int mode = f->c.dir_mode >= 0 ? f->c.dir_mode : 0777;

	for (const char *p = path; (p = strchr(p, '/')); p++) {
		const char *name;
		int fd;

		memcpy(dir, path, (size_t)(p - path));
		dir[p - path] = 0;
		name = strrchr(dir, '/');
		if (!name) {
			if (mkdirat(f->root_fd, dir, (mode_t)mode) == -1 && errno != EEXIST)
				return false;
			continue;
		}
		dir[name - dir] = 0;
		fd = open_below(f, dir, O_PATH | O_DIRECTORY, 0);
		if (fd == -1)
			return false;
		if (mkdirat(fd, name + 1, (mode_t)mode) == -1 && errno != EEXIST) {
			close(fd);
			return false;
		}
		close(fd);
	}
	return true;
}

static int make_root(const char *path, int mode)
{
	char dir[PATH_BYTES];
	size_t len = strlen(path);

	for (size_t i = 1; i <= len && len < sizeof(dir); i++) {
		if (path[i] != '/' && path[i] != 0)
			continue;
		memcpy(dir, path, i);
		dir[i] = 0;
		if (mkdir(dir, (mode_t)(mode >= 0 ? mode : 0777)) == -1 && errno != EEXIST)
			return -1;
	}
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* The folder was removed, and perhaps made anew: the descriptor still means the one that is gone. false and errno where there is none to be had. */
static bool root_replaced(struct file_conn *f)
{
	struct stat have;
	int fd;

	if (fstat(f->root_fd, &have) == 0 && have.st_nlink) {
		errno = ENOENT;
		return false;
	}
	fd = make_root(f->root, f->c.dir_mode);
	if (fd == -1)
		return false;
	close(f->root_fd);
	f->root_fd = fd;
	return true;
}

/* ---- open files ---- */

static void forget(struct file_conn *f, unsigned i)
{
	close(f->file[i].fd);
	free(f->file[i].path);
	f->file[i] = f->file[--f->n];
}

static void forget_stale(struct file_conn *f, int64_t now)
{
	for (unsigned i = f->n; i-- > 0;)
		if (now - f->file[i].used_ns > f->c.stale_ns)
			forget(f, i);
}

/* It was moved or removed: what comes now belongs into a new one. */
static bool moved(const struct file_conn *f, const struct open_file *o)
{
	struct stat st;

	return fstatat(f->root_fd, o->path, &st, f->c.fixed.len ? 0 : AT_SYMLINK_NOFOLLOW) == -1 || st.st_dev != o->dev || st.st_ino != o->ino;
}

static struct open_file *file_open(struct file_conn *f, const char *path, size_t len, int64_t now)
{
	int mode = f->c.file_mode >= 0 ? f->c.file_mode : 0666;
	int flags = O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK;
	struct open_file *o;
	struct stat st;
	int fd;

	if (f->n == OPEN_MAX) {
		unsigned oldest = 0;

		for (unsigned i = 1; i < f->n; i++)
			if (f->file[i].used_ns < f->file[oldest].used_ns)
				oldest = i;
		forget(f, oldest);
	}
	fd = open_below(f, path, flags, mode);
	if (fd == -1 && errno == ENOENT && make_parents(f, path))
		fd = open_below(f, path, flags, mode);
	if (fd == -1 && errno == ENOENT && root_replaced(f)) {
		fd = open_below(f, path, flags, mode);
		if (fd == -1 && errno == ENOENT && make_parents(f, path))
			fd = open_below(f, path, flags, mode);
	}
	if (fd == -1)
		return NULL;
	if (fstat(fd, &st) == -1 || S_ISDIR(st.st_mode)) {
		close(fd);
		errno = EISDIR;
		return NULL;
	}
	o = &f->file[f->n++];
	*o = (struct open_file){.path = xstrdupz(str_n(path, len)), .len = len, .fd = fd, .dev = st.st_dev,
				.ino = st.st_ino, .used_ns = now};
	return o;
}

/* A path that can not be, because of what the event put into it: it goes to the failure file instead of stopping the output. */
static bool impossible(const struct file_conn *f)
{
	return !f->c.fixed.len && (errno == ENOTDIR || errno == EISDIR || errno == ELOOP || errno == EXDEV ||
				   errno == ENAMETOOLONG || errno == EINVAL);
}

static struct open_file *file_get(struct file_conn *f, struct str wanted, int64_t now)
{
	char path[PATH_BYTES];
	struct open_file *made;
	size_t len;

	if (!file_path_clean(wanted, path, &len) && !file_path_clean(str_z(f->failure), path, &len)) {
		errno = EINVAL;
		return NULL;
	}
	for (unsigned i = 0; i < f->n; i++) {
		struct open_file *o = &f->file[i];

		if (o->len != len || memcmp(o->path, path, len) != 0)
			continue;
		o->used_ns = now;
		if (!moved(f, o))
			return o;
		forget(f, i);
		if (!f->c.create_if_deleted)
			return file_open(f, f->failure, strlen(f->failure), now);
		break;
	}
	made = file_open(f, path, len, now);
	if (!made && impossible(f) && !str_eqz(str_n(path, len), f->failure))
		return file_get(f, str_z(f->failure), now);
	return made;
}

/* ---- writing ---- */

static bool write_all(int fd, struct str s)
{
	struct stat st;
	bool known = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);

	while (s.len) {
		ssize_t n = write(fd, s.p, s.len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0) {
			int e = errno;

			/* Back to where it was; what was written of s is written again. */
			if (known)
				(void)!ftruncate(fd, st.st_size);
			errno = e;
			return false;
		}
		s = str_from(s, (size_t)n);
	}
	return true;
}

/* One gzip member of s. */
static bool compress_into(struct buf *out, struct str s)
{
	z_stream z = {0};
	size_t bound;
	char *room;
	int r;

	if (s.len > UINT32_MAX || deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return false;
	bound = deflateBound(&z, s.len);
	buf_clear(out);
	room = buf_room(out, bound);
	z.next_in = (unsigned char *)(uintptr_t)s.p;
	z.avail_in = (uInt)s.len;
	z.next_out = (unsigned char *)room;
	z.avail_out = (uInt)bound;
	r = room ? deflate(&z, Z_FINISH) : Z_MEM_ERROR;
	out->len += z.total_out;
	deflateEnd(&z);
	return r == Z_STREAM_END;
}

static bool write_text(struct file_conn *f, struct open_file *o, struct str s)
{
	if (f->c.overwrite && ftruncate(o->fd, 0) == -1 && errno != EINVAL)
		return false;
	if (!f->c.gzip)
		return write_all(o->fd, s);
	if (!compress_into(&f->gz, s)) {
		errno = ENOMEM;
		return false;
	}
	return write_all(o->fd, buf_slice(&f->gz));
}

static struct str path_of(const struct file_conn *f, const struct pack *p, uint32_t i)
{
	const struct pack_item *it = &p->item[i];

	return it->head ? str_n(p->bytes.p + it->off, it->head) : str_z(f->fixed);
}

/* [from, *to): the next run of items for one file, and their text as one piece (copied only where paths lie between). */
static struct str next_run(struct file_conn *f, struct pack *p, uint32_t from, uint32_t end, uint32_t *to, struct buf *tmp)
{
	struct str path = path_of(f, p, from);
	uint32_t i = from + 1;

	if (f->c.overwrite) {
		*to = i;
		return item_document(p, &p->item[from]);
	}
	while (i < end && str_eq(path_of(f, p, i), path))
		i++;
	*to = i;
	if (p->item[from].head == 0)
		return pack_range(p, from, i);
	if (i == from + 1)
		return item_document(p, &p->item[from]);
	buf_clear(tmp);
	for (uint32_t k = from; k < i; k++)
		buf_str(tmp, item_document(p, &p->item[k]));
	return buf_slice(tmp);
}

enum send_result file_conn_send(void *conn, void *link, struct pack *p, uint32_t from, uint32_t to, struct send_ctx *ctx)
{
	struct file_conn *f = conn;
	int64_t now = clock_mono(ctx->clock);
	struct buf tmp;

	buf_init(&tmp, 0);
	if (atomic_exchange(&f->reopen, false))
		while (f->n)
			forget(f, 0);
	while (from < to) {
		uint32_t end;
		struct str path = path_of(f, p, from);
		struct str text = next_run(f, p, from, to, &end, &tmp);
		struct open_file *o = file_get(f, path, now);

		if (!o || !write_text(f, o, text)) {
			err_sys(&ctx->err, "cannot write to '%s/%.*s'", f->root, (int)(path.len < 64 ? path.len : 64), path.p);
			break;
		}
		for (; from < end; from++)
			p->item[from].verdict = VERDICT_DELIVERED;
	}
	for (; from < to; from++)
		p->item[from].verdict = VERDICT_RETRY;
	forget_stale(f, now);
	buf_release(&tmp);
	if (f->gz.cap > 1024 * 1024)
		buf_release(&f->gz);
	return SEND_JUDGED;
}

/* ---- life ---- */

struct file_conn *file_conn_new(const struct file_config *c, struct err *err)
{
	struct file_conn *f = xzalloc(sizeof(*f));

	f->c = *c;
	f->root = xstrdupz(c->root);
	f->fixed = xstrdupz(c->fixed);
	f->failure = xstrdupz(c->failure);
	buf_init(&f->gz, 0);
	f->root_fd = make_root(f->root, c->dir_mode);
	if (f->root_fd == -1) {
		err_sys(err, "cannot open folder '%s'", f->root);
		file_conn_free(f);
		return NULL;
	}
	return f;
}

void file_conn_free(void *conn)
{
	struct file_conn *f = conn;

	while (f->n)
		forget(f, 0);
	if (f->root_fd != -1)
		close(f->root_fd);
	buf_release(&f->gz);
	free(f->root);
	free(f->fixed);
	free(f->failure);
	free(f);
}

void file_conn_reopen(void *conn)
{
	struct file_conn *f = conn;

	atomic_store(&f->reopen, true);
}
