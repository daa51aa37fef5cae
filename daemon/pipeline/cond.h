/*
 * cond.h - the conditions of `if`, compiled from the AST, evaluated per event.
 *
 * Work thread of the pipeline; the compiled form is immutable but for its scratch match object.
 */
#ifndef WEIR_PIPELINE_COND_H
#define WEIR_PIPELINE_COND_H

#include "config/ast.h"
#include "config/diag.h"
#include "event/event.h"

struct cond;

enum truth {
	COND_FALSE,
	COND_TRUE,
	COND_ERROR, /* could not be evaluated: Logstash drops such an event */
};

/* NULL and d on errors. cond_release gives back what is not in the arena. */
struct cond *cond_compile(struct arena *a, const struct ast_expr *e, struct diag *d);
void cond_release(struct cond *c);
/* err (may be NULL) says why COND_ERROR. */
enum truth cond_eval(const struct cond *c, const struct event *ev, struct err *err);

#endif
