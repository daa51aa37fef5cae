/*
 * ruby_link.h - what the filters ruby and aggregate have in common: the module, an instance in it, and the waiting step around it.
 *
 * An instance of either begins with a struct ruby_link, so that these functions are its callbacks as they stand. Work thread, but for opening.
 */
#ifndef WEIR_FILTER_RUBY_LINK_H
#define WEIR_FILTER_RUBY_LINK_H

#include "filter/ruby_module.h"

struct ruby_link {
	const struct ruby_module *module;
	struct ruby_instance *instance; /* NULL: nothing to do */
};

/* Opens the module and the instance. -1 and err; ctx->pos is then where the fault lies in the text of one of `texts` (NULL-terminated names of options). */
int ruby_link_open(struct ruby_link *l, const struct ruby_setup *setup, struct plugin_ctx *ctx, const char *const *texts, struct err *err);
void ruby_link_close(void *self);
/* Where the text of an option begins in the configuration, for Ruby's messages. */
void ruby_link_place(const struct plugin_ctx *ctx, struct str option, struct str *file, uint32_t *line);

/* Callbacks of filter_ops. */
enum step ruby_link_ask(void *self, struct event *ev, struct wait *w, unsigned *slot, struct step_ctx *ctx);
void ruby_link_start(void *self, struct wait *w);
enum step ruby_link_finish(void *self, struct event *ev, struct wait *w, unsigned slot, struct step_ctx *ctx);
int ruby_link_next(void *self, void *gen, const struct event *parent, struct event *child, struct step_ctx *ctx);
void ruby_link_wait_release(void *self, struct wait *w);
bool ruby_link_flush_ask(void *self, struct wait *w, bool final);
bool ruby_link_flush(void *self, struct step_ctx *ctx);

#endif
