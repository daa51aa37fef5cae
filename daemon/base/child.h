/*
 * child.h - programs that weird starts: by posix_spawn, watched by a pidfd.
 *
 * Never fork(): there are threads; never SIGCHLD: with a ruby filter that signal is Ruby's. A child leads a process group of its own, has
 * default signals, no descriptor of weird's but what is named here, and nothing of systemd's environment (NOTIFY_SOCKET ...).
 *
 * One thread at a time for each child.
 */
#ifndef WEIR_BASE_CHILD_H
#define WEIR_BASE_CHILD_H

#include "base/buf.h"
#include "base/err.h"

#include <sys/types.h>

enum child_flags {
	CHILD_IN = 1,  /* c->in is a pipe to its standard input; else that is /dev/null */
	CHILD_OUT = 2, /* c->out is one from its standard output; else that is /dev/null */
	CHILD_MUTE = 4, /* its standard error is /dev/null; else weird's own */
};

struct child {
	pid_t pid; /* 0: none */
	int pidfd; /* readable when it has ended */
	int in, out; /* non-blocking; -1: none */
};

/* argv[0] is looked up in PATH where it has no slash. -1 and err: nothing runs. */
int child_start(struct child *c, const char *const argv[], unsigned flags, struct err *err);
/* The same for a line that /bin/sh reads. */
int child_shell(struct child *c, const char *command, unsigned flags, struct err *err);

/* Has it ended? It is not reaped: its group may still be signalled. */
bool child_ended(const struct child *c);
/* Waits that long for its end; -1: for ever. */
bool child_wait(const struct child *c, int timeout_ms);
/* To the whole group, before child_reap() only. */
void child_signal(const struct child *c, int number);
/* Of a child that has ended: takes its status (0-255, or 128 and the signal; -1: somebody else has taken it) and closes everything. */
int child_reap(struct child *c);
/* Ends it whatever it does: closes in, SIGTERM to its group, SIGKILL after grace_ms; child_reap(). */
int child_end(struct child *c, int grace_ms);

enum child_result {
	CHILD_FAILED = -1, /* err: it could not be started */
	CHILD_DONE,	   /* *status is child_reap()'s */
	CHILD_STOPPED,	   /* *stop was set first, and it was ended */
};

enum { CHILD_GRACE_MS = 2000 };

/*
 * Starts it, writes in (.p NULL: none) to it and waits for its end. What it prints is appended to out as far as that takes it (NULL: /dev/null). A process that
 * it left in the background goes on.
 */
enum child_result child_run(const char *const argv[], struct str in, struct buf *out, unsigned flags, const _Atomic bool *stop, int *status,
			    struct err *err);

#endif
