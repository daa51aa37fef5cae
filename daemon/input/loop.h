/*
 * loop.h - an io thread: one libuv loop, its members (inlets), and a way to run something on it.
 */
#ifndef WEIR_INPUT_LOOP_H
#define WEIR_INPUT_LOOP_H

#include "base/err.h"

#include <uv.h>

struct loop;

/* Embedded in whatever has a part in each turn. */
struct loop_member {
	struct loop_member *next, **back;
	void (*turn)(struct loop_member *m);  /* before the loop sleeps */
	void (*room)(struct loop_member *m);  /* queue or memory may have room again */
};

struct loop *loop_new(const char *name, struct err *err);
/* Ends the thread once every handle is closed; waits for it. */
void loop_free(struct loop *l);
uv_loop_t *loop_uv(struct loop *l);
/* Runs fn(arg) on the loop's thread and waits until it has. Not from the loop's own thread. */
void loop_call(struct loop *l, void (*fn)(void *arg), void *arg);
/* Any thread: members' room() will be called. */
void loop_wake(struct loop *l);
/* The thread that made the loop: is the former question answered? Then it is asked again: the next turn answers. */
bool loop_alive(struct loop *l);
/* Loop thread. */
void loop_join(struct loop *l, struct loop_member *m);
void loop_leave(struct loop_member *m);
/* Loop thread: somebody waits for memory, which gives no sign: ask again in some milliseconds. */
void loop_poll_room(struct loop *l);

#endif
