#include "datadir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_folders(const char *path, struct err *err)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof(part))
		return err_set(err, "'%s' is no usable path for a data folder", path);
	memcpy(part, path, len + 1);
	for (size_t i = 1; i <= len; i++) {
		if (part[i] != '/' && part[i] != 0)
			continue;
		part[i] = 0;
		if (mkdir(part, 0700) == -1 && errno != EEXIST)
			return err_sys(err, "cannot make the data folder '%s'", part);
		part[i] = path[i];
	}
	return 0;
}

static int in_use(int fd, const char *path, struct err *err)
{
	char text[32];
	ssize_t n = pread(fd, text, sizeof(text), 0);
	uint64_t pid;

	if (n > 0 && str_u64(str_trim(str_n(text, (size_t)n)), INT32_MAX, &pid))
		return err_set(err, "'%s' is in use: weird is already running as pid %llu", path, (unsigned long long)pid);
	return err_set(err, "'%s' is in use by another weird", path);
}

int datadir_lock(const char *path, struct err *err)
{
	char lock[PATH_MAX], pid[32];
	int fd, n;

	if (make_folders(path, err))
		return -1;
	n = snprintf(lock, sizeof(lock), "%s/lock", path);
	if (n < 0 || (size_t)n >= sizeof(lock))
		return err_set(err, "'%s' is too long a path for a data folder", path);
	fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd == -1)
		return err_sys(err, "cannot open '%s'", lock);
	if (flock(fd, LOCK_EX | LOCK_NB) == -1) {
		if (errno == EWOULDBLOCK)
			in_use(fd, path, err);
		else
			err_sys(err, "cannot lock '%s'", lock);
		close(fd);
		return -1;
	}
	n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	/* The number is only for the message above: a full disk must not keep weird from starting. */
	if (ftruncate(fd, 0) == 0)
		(void)!pwrite(fd, pid, (size_t)n, 0);
	return fd;
}
