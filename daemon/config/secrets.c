#include "config/secrets.h"

#include "base/buf.h"
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX_BYTES = 256 * 1024 };

struct secret {
	struct str name, value;
	struct secret *next;
};

struct secrets {
	struct secret *first, **last;
	uint64_t stamp; /* of the text */
};

static int check_mode(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return err_sys(err, "cannot stat '%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, "'%s' is not a regular file", path);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return err_set(err, "'%s' belongs to another user", path);
	if (st.st_mode & 077)
		return err_set(err, "'%s' has mode %04o: others than its owner can read or change it; make it 0600", path,
			       (unsigned)(st.st_mode & 07777));
	return 0;
}

static int read_all(int fd, const char *path, struct buf *b, struct err *err)
{
	ssize_t n;

	do {
		char *room = buf_room(b, 4096);

		if (!room)
			return err_set(err, "'%s' is larger than %d bytes", path, FILE_MAX_BYTES);
		n = read(fd, room, 4096);
		if (n == -1 && errno != EINTR)
			return err_sys(err, "cannot read '%s'", path);
		b->len += n > 0 ? (size_t)n : 0;
	} while (n);
	return 0;
}

static bool is_name(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!ch_alpha(s.p[i]) && s.p[i] != '_' && s.p[i] != '.' && (i == 0 || !ch_digit(s.p[i])))
			return false;
	return s.len > 0;
}

/* What stands in a line is never shown: it may be secret. */
static int take_line(struct arena *a, struct secrets *s, struct str line, const char *path, unsigned number, struct err *err)
{
	struct secret *one;
	struct str name;

	if (line.len && line.p[line.len - 1] == '\r')
		line.len--;
	if (!str_trim(line).len || line.p[0] == '#')
		return 0;
	if (!str_cut(&line, '=', &name))
		return err_set(err, "%s:%u: expected NAME=value", path, number);
	name = str_trim(name);
	if (!is_name(name))
		return err_set(err, "%s:%u: a name consists of letters, digits, '_' and '.'", path, number);
	one = arena_zalloc(a, sizeof(*one));
	one->name = arena_dup(a, name);
	one->value = arena_dup(a, line);
	*s->last = one;
	s->last = &one->next;
	return 0;
}

static int take_lines(struct arena *a, struct secrets *s, struct str text, const char *path, struct err *err)
{
	unsigned number = 0;
	bool more = true;

	while (more) {
		struct str line = text;

		more = str_cut(&text, '\n', &line);
		if (take_line(a, s, more ? line : text, path, ++number, err) == -1)
			return -1;
	}
	return 0;
}

int secrets_read(struct arena *a, const char *path, struct secrets **out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc = -1;
	struct secrets *s;
	struct buf b;

	if (fd == -1 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd == -1)
		return err_sys(err, "cannot open '%s'", path);
	s = arena_zalloc(a, sizeof(*s));
	s->last = &s->first;
	buf_init(&b, FILE_MAX_BYTES);
	if (check_mode(fd, path, err) == 0 && read_all(fd, path, &b, err) == 0 && take_lines(a, s, buf_slice(&b), path, err) == 0) {
		s->stamp = hash_bytes(b.p ? b.p : "", b.len);
		*out = s;
		rc = 1;
	}
	buf_release(&b);
	close(fd);
	return rc;
}

const char *secrets_path(struct arena *a, const char *dir)
{
	return arena_dupz(a, arena_printf(a, "%s/secrets.env", dir));
}

uint64_t secrets_stamp(const struct secrets *s)
{
	return s ? s->stamp : 0;
}

bool secrets_find(const struct secrets *s, struct str name, struct str *out)
{
	bool found = false;

	/* The last of a name counts. */
	for (const struct secret *one = s ? s->first : NULL; one; one = one->next)
		if (str_eq(one->name, name)) {
			*out = one->value;
			found = true;
		}
	return found;
}
