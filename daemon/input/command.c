#include "input/command.h"

#include <signal.h>

enum { BACKGROUND_MS = 1000, STOPPING_MS = 100 /* for what lies in the pipe */ };

static void closed(uv_handle_t *h)
{
	struct command *c = h->data;

	if (--c->open_handles)
		return;
	/* Only now: until here its descriptors were watched. */
	c->status = child_reap(&c->child);
	c->running = false;
	c->done(c, c->status);
}

static void finish(struct command *c)
{
	/* Of its group, who did not heed the signal. */
	if (c->stopping)
		child_signal(&c->child, SIGKILL);
	uv_close((uv_handle_t *)&c->out, closed);
	uv_close((uv_handle_t *)&c->end, closed);
	uv_close((uv_handle_t *)&c->timer, closed);
}

static bool closing(const struct command *c)
{
	return uv_is_closing((const uv_handle_t *)&c->timer);
}

static void read_more(struct command *c)
{
	if (c->at_end || closing(c))
		return;
	if (c->read(c, c->fd))
		return;
	c->at_end = true;
	uv_poll_stop(&c->out);
	if (c->ended)
		finish(c);
}

static void on_out(uv_poll_t *p, int status, int events)
{
	read_more(p->data);
}

static void on_timer(uv_timer_t *t)
{
	struct command *c = t->data;

	if (closing(c))
		return;
	if (!c->ended) {
		child_signal(&c->child, SIGKILL);
		return;
	}
	/* What it left in the background holds its output open; while nobody reads it cannot have come to its end. */
	if (!c->paused || c->stopping)
		finish(c);
}

static void on_end(uv_poll_t *p, int status, int events)
{
	struct command *c = p->data;

	c->ended = true;
	uv_poll_stop(&c->end);
	if (c->at_end)
		finish(c);
	else if (!c->paused || c->stopping)
		uv_timer_start(&c->timer, on_timer, c->stopping ? STOPPING_MS : BACKGROUND_MS, 0);
	if (c->stopping)
		read_more(c);
}

int command_start(struct command *c, const char *line, struct err *err)
{
	uv_loop_t *uv = loop_uv(c->inlet->loop);

	if (child_shell(&c->child, line, CHILD_OUT, err) == -1)
		return -1;
	c->fd = c->child.out;
	c->ended = c->at_end = c->stopping = false;
	c->running = true;
	c->open_handles = 3;
	uv_poll_init(uv, &c->out, c->fd);
	uv_poll_init(uv, &c->end, c->child.pidfd);
	uv_timer_init(uv, &c->timer);
	c->out.data = c->end.data = c->timer.data = c;
	uv_poll_start(&c->end, UV_READABLE, on_end);
	if (!c->paused)
		uv_poll_start(&c->out, UV_READABLE, on_out);
	return 0;
}

void command_pause(struct command *c)
{
	c->paused = true;
	if (c->running && !c->at_end && !closing(c))
		uv_poll_stop(&c->out);
}

void command_resume(struct command *c)
{
	c->paused = false;
	if (!c->running || closing(c))
		return;
	if (!c->at_end)
		uv_poll_start(&c->out, UV_READABLE, on_out);
	if (c->ended)
		uv_timer_start(&c->timer, on_timer, BACKGROUND_MS, 0);
}

void command_stop(struct command *c)
{
	if (!c->running || c->stopping || closing(c))
		return;
	c->stopping = true;
	if (c->ended) {
		uv_timer_start(&c->timer, on_timer, STOPPING_MS, 0);
		return;
	}
	child_signal(&c->child, SIGTERM);
	uv_timer_start(&c->timer, on_timer, CHILD_GRACE_MS, 0);
	if (!c->at_end)
		uv_poll_start(&c->out, UV_READABLE, on_out);
}
