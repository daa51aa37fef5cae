/*
 * mustache.h - templates of Mustache, as the option template_file of the email output has them.
 *
 *	{{name}} {{a.b}}         the field's text, escaped for HTML; nothing where there is no such field
 *	{{{name}}} {{&name}}     the same as it is
 *	{{#name}} ... {{/name}}  for each element of a list; once for anything else that is neither missing, null, false nor an empty list
 *	{{^name}} ... {{/name}}  where that is not so
 *	{{.}}                    the element itself        {{! a remark }}
 *
 * A tag of a section or a remark that stands alone on its line takes the line with it. Partials and other delimiters are refused.
 */
#ifndef WEIR_OUTPUTS_MUSTACHE_H
#define WEIR_OUTPUTS_MUSTACHE_H

#include "base/buf.h"
#include "base/err.h"
#include "event/value.h"

struct mustache;

/* Copies text into a. NULL and err ("line 3: {{/b}} ends no section"). */
struct mustache *mustache_compile(struct arena *a, struct str text, struct err *err);
/* scratch: for the texts of values. */
void mustache_render(const struct mustache *m, const struct map *root, struct arena *scratch, struct buf *out);

#endif
