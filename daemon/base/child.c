#include "base/child.h"

#include "base/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { STOP_LOOK_MS = 100, READ_BYTES = 16384 };

/* ---- start ---- */

static bool private_variable(const char *entry)
{
	static const char *const names[] = {"NOTIFY_SOCKET=", "WATCHDOG_USEC=", "WATCHDOG_PID=", "LISTEN_FDS=", "LISTEN_PID=", "LISTEN_FDNAMES=",
					    "CREDENTIALS_DIRECTORY=", NULL};

	for (const char *const *n = names; *n; n++)
		if (strncmp(entry, *n, strlen(*n)) == 0)
			return true;
	return false;
}

/* The array is the caller's, its texts are the environment's. */
static char **child_environment(void)
{
	size_t n = 0, k = 0;
	char **env;

	while (environ && environ[n])
		n++;
	env = xmalloc((n + 1) * sizeof(*env));
	for (size_t i = 0; i < n; i++)
		if (!private_variable(environ[i]))
			env[k++] = environ[i];
	env[k] = NULL;
	return env;
}

/* ours: the end that stays here. */
static bool make_pipe(bool write, int *ours, int *theirs)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) == -1)
		return false;
	*ours = p[write];
	*theirs = p[!write];
	(void)fcntl(*ours, F_SETFL, O_NONBLOCK);
	return true;
}

static void stream_action(posix_spawn_file_actions_t *fa, int fd, int theirs, int null_flags)
{
	if (theirs != -1)
		posix_spawn_file_actions_adddup2(fa, theirs, fd);
	else
		posix_spawn_file_actions_addopen(fa, fd, "/dev/null", null_flags, 0);
}

static int spawn(pid_t *pid, const char *const argv[], int in, int out, unsigned flags)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	char **env = child_environment();
	sigset_t set;
	int rc;

	posix_spawn_file_actions_init(&fa);
	stream_action(&fa, STDIN_FILENO, in, O_RDONLY);
	stream_action(&fa, STDOUT_FILENO, out, O_WRONLY);
	if (flags & CHILD_MUTE)
		posix_spawn_file_actions_addopen(&fa, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	/* Libraries open descriptors, too, and not all of them with O_CLOEXEC. */
	posix_spawn_file_actions_addclosefrom_np(&fa, STDERR_FILENO + 1);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setpgroup(&attr, 0);
	sigemptyset(&set);
	posix_spawnattr_setsigmask(&attr, &set);
	sigfillset(&set);
	sigdelset(&set, SIGKILL);
	sigdelset(&set, SIGSTOP);
	posix_spawnattr_setsigdefault(&attr, &set);
	rc = posix_spawnp(pid, argv[0], &fa, &attr, (char *const *)(uintptr_t)argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&fa);
	free(env);
	return rc;
}

static void close_fd(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

int child_start(struct child *c, const char *const argv[], unsigned flags, struct err *err)
{
	int in = -1, out = -1, rc;

	*c = (struct child){.pidfd = -1, .in = -1, .out = -1};
	if ((flags & CHILD_IN && !make_pipe(true, &c->in, &in)) || (flags & CHILD_OUT && !make_pipe(false, &c->out, &out)))
		rc = errno;
	else
		rc = spawn(&c->pid, argv, in, out, flags);
	close_fd(&in);
	close_fd(&out);
	if (rc == 0) {
		c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
		if (c->pidfd != -1)
			return 0;
		rc = errno;
		/* Nobody could watch it. */
		kill(-c->pid, SIGKILL);
		while (waitpid(c->pid, NULL, 0) == -1 && errno == EINTR)
			;
	}
	c->pid = 0;
	close_fd(&c->in);
	close_fd(&c->out);
	errno = rc;
	return err_sys(err, "cannot start '%.100s'", argv[0]);
}

int child_shell(struct child *c, const char *command, unsigned flags, struct err *err)
{
	const char *const argv[] = {"/bin/sh", "-c", command, NULL};

	return child_start(c, argv, flags, err);
}

/* ---- the end ---- */

bool child_wait(const struct child *c, int timeout_ms)
{
	struct pollfd p = {.fd = c->pidfd, .events = POLLIN};
	int r;

	do
		r = poll(&p, 1, timeout_ms);
	while (r == -1 && errno == EINTR && timeout_ms < 0);
	return r > 0;
}

bool child_ended(const struct child *c)
{
	return child_wait(c, 0);
}

void child_signal(const struct child *c, int number)
{
	/* Its pid is its group's, and is nobody else's as long as it is not reaped. */
	if (c->pid)
		kill(-c->pid, number);
}

int child_reap(struct child *c)
{
	siginfo_t info = {0};
	int r, status;

	do
		r = waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED);
	while (r == -1 && errno == EINTR);
	status = r == -1 ? -1 : info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
	c->pid = 0;
	close_fd(&c->pidfd);
	close_fd(&c->in);
	close_fd(&c->out);
	return status;
}

int child_end(struct child *c, int grace_ms)
{
	close_fd(&c->in);
	child_signal(c, SIGTERM);
	if (!child_wait(c, grace_ms)) {
		child_signal(c, SIGKILL);
		(void)child_wait(c, -1);
	}
	/* Of its group, who did not heed the first. */
	child_signal(c, SIGKILL);
	return child_reap(c);
}

/* ---- all of it ---- */

/* false: there is nothing more to write. */
static bool feed(struct child *c, struct str *in)
{
	ssize_t n;

	while (in->len) {
		n = write(c->in, in->p, in->len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return errno == EAGAIN;
		*in = str_from(*in, (size_t)n);
	}
	return false;
}

/* false: it has closed it. */
static bool drain(struct child *c, struct buf *out)
{
	char piece[READ_BYTES];
	ssize_t n;

	for (;;) {
		n = read(c->out, piece, sizeof(piece));
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == -1 && errno == EAGAIN;
		/* What does not fit is read all the same: it must not stand still. */
		if (out->max && out->len + (size_t)n > out->max)
			n = (ssize_t)(out->max - out->len);
		buf_add(out, piece, (size_t)n);
	}
}

enum child_result child_run(const char *const argv[], struct str in, struct buf *out, unsigned flags, const _Atomic bool *stop, int *status,
			    struct err *err)
{
	struct child c;

	if (child_start(&c, argv, flags | (in.p ? CHILD_IN : 0) | (out ? CHILD_OUT : 0), err) == -1)
		return CHILD_FAILED;
	for (;;) {
		struct pollfd p[3] = {
			{.fd = c.pidfd, .events = POLLIN},
			{.fd = c.in, .events = POLLOUT}, /* -1 is passed over */
			{.fd = c.out, .events = POLLIN},
		};

		if (c.in != -1 && !feed(&c, &in))
			close_fd(&c.in);
		p[1].fd = c.in;
		(void)poll(p, 3, STOP_LOOK_MS);
		if (c.out != -1 && p[2].revents && !drain(&c, out))
			close_fd(&c.out);
		if (p[0].revents) {
			if (c.out != -1)
				(void)drain(&c, out);
			*status = child_reap(&c);
			return CHILD_DONE;
		}
		if (atomic_load_explicit(stop, memory_order_relaxed)) {
			*status = child_end(&c, CHILD_GRACE_MS);
			return CHILD_STOPPED;
		}
	}
}
