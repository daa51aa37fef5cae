#include "input/sincedb_disk.h"
#include "base/arena.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, struct str s)
{
	while (s.len) {
		ssize_t n = write(fd, s.p, s.len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		s = str_from(s, (size_t)n);
	}
	return 0;
}

int positions_replace(const char *path, unsigned ordinal, struct str text)
{
	char tmp[PATH_MAX];
	struct stat st;
	bool old = stat(path, &st) == 0;
	int n = snprintf(tmp, sizeof(tmp), "%s.new%u", path, ordinal), fd, e;

	if (n < 0 || (size_t)n >= sizeof(tmp)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1)
		return -1;
	if (old) {
		(void)fchmod(fd, st.st_mode & 0777);
		(void)!fchown(fd, st.st_uid, st.st_gid);
	}
	if (write_all(fd, text) == 0 && fdatasync(fd) == 0 && rename(tmp, path) == 0) {
		close(fd);
		return 0;
	}
	e = errno;
	close(fd);
	(void)unlink(tmp);
	errno = e;
	return -1;
}

int positions_overwrite(const char *path, struct str text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC), rc;

	if (fd == -1)
		return -1;
	rc = write_all(fd, text);
	if (rc == 0)
		rc = fdatasync(fd);
	close(fd);
	return rc;
}

char *positions_read(const char *name, const char *path, size_t *len)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *text = NULL;
	ssize_t n;

	*len = 0;
	if (fd == -1) {
		if (errno != ENOENT)
			log_warn("input", "%s: cannot read '%s': %s: files count as new", name, path, strerror(errno));
		return NULL;
	}
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || st.st_size > SINCEDB_BYTES) {
		log_warn("input", "%s: '%s' holds no positions: it is no regular file, or larger than %d MiB", name, path,
			 SINCEDB_BYTES / 1024 / 1024);
		close(fd);
		return NULL;
	}
	text = xmalloc((size_t)st.st_size + 1);
	while (*len < (size_t)st.st_size && (n = read(fd, text + *len, (size_t)st.st_size - *len)) > 0)
		*len += (size_t)n;
	close(fd);
	return text;
}
