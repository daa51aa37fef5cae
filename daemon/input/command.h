/*
 * command.h - a program that an input reads from: started, watched and ended on the input's loop.
 *
 * It ends when it has ended (its pidfd says so) and its output is at its end. A process that it left in the background may keep the output open:
 * such a one is waited for a second, then it is left alone. Loop thread.
 */
#ifndef WEIR_INPUT_COMMAND_H
#define WEIR_INPUT_COMMAND_H

#include "base/child.h"
#include "input/input.h"

struct command {
	struct inlet *inlet;
	/* There is something to be read of fd, which does not block. false: its end, or an error. */
	bool (*read)(struct command *c, int fd);
	/* It has ended with that status (child_reap); everything is closed, and it may be started again. */
	void (*done)(struct command *c, int status);
	void *arg;

	struct child child;
	uv_poll_t out, end;
	uv_timer_t timer;
	int fd; /* of its output */
	int status;
	unsigned open_handles;
	bool running, ended, at_end, stopping, paused;
};

/* inlet, read, done and arg are set. -1 and err: it does not run. */
int command_start(struct command *c, const char *line, struct err *err);
/* Its output is not read for a while. */
void command_pause(struct command *c);
void command_resume(struct command *c);
/* SIGTERM to its group, SIGKILL two seconds later; what it has written is read, done() follows. */
void command_stop(struct command *c);

#endif
