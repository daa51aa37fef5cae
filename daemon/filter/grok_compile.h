/*
 * grok_compile.h - from "%{IP:client} %{WORD}" to an expression and the fields it fills.
 *
 * Everything but the expression itself lives in the library's arena; the expression is freed by grok_pattern_release().
 */
#ifndef WEIR_FILTER_GROK_COMPILE_H
#define WEIR_FILTER_GROK_COMPILE_H

#include "base/regex.h"
#include "event/ref.h"
#include "filter/grok_patterns.h"
#include "pipeline/plugin.h"

enum grok_type { GROK_TEXT, GROK_INT, GROK_FLOAT };

struct grok_capture {
	unsigned group;
	enum grok_type type;
	bool overwrite;
	struct str name;       /* as written: "client", "[a][b]" */
	const struct ref *ref; /* below the target; NULL: Logstash cannot set such a field, the match fails there */
};

struct grok_pattern {
	struct regex *regex;
	struct grok_capture *capture; /* in the order in which they are stored */
	size_t captures;
	struct str source;	  /* as written in the configuration */
	struct pattern_tally tally; /* since the pipeline started */
	uint32_t until;		  /* tries until the next one whose time is taken; the filter's */
};

struct grok_compile {
	struct grok_library *lib;
	bool named_only;
	struct str target;	      /* empty: the event's root */
	const struct list *overwrite; /* names; may be NULL */
};

enum { GROK_EXPANSIONS_MAX = 10000 };

/* The text of one expression with every %{..} replaced; lives in the library's arena. */
int grok_expand(const struct grok_compile *c, struct str source, struct str *out, struct err *err);
int grok_pattern_compile(struct grok_pattern *p, const struct grok_compile *c, struct str source, struct err *err);
void grok_pattern_release(struct grok_pattern *p);

#endif
