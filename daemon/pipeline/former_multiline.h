/*
 * former_multiline.h - the filter `multiline` that Logstash had before 7, as what took its place: the codec of the inputs.
 *
 *	input { file { path => "/a" type => "java" } }
 *	filter { if [type] == "java" { multiline { pattern => "^\s" what => "previous" } } }
 *
 * is read as
 *
 *	input { file { path => "/a" type => "java" codec => multiline { pattern => "^\s" what => "previous" } } }
 *
 * The codec joins the lines of one source, loses none at a stop, and remembers what is not complete; the filter did none of that well.
 * Which inputs are meant must be known before there is an event: from conditions on [type] and [tags] that the inputs set.
 */
#ifndef WEIR_PIPELINE_FORMER_MULTILINE_H
#define WEIR_PIPELINE_FORMER_MULTILINE_H

#include "config/ast.h"
#include "config/diag.h"

/* *ast itself where there is no such filter, else a copy in a without them. Problems go to d. */
const struct ast_config *former_multiline(struct arena *a, const struct ast_config *ast, struct diag *d);

#endif
