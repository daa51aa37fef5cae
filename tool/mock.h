/*
 * mock.h - plug-ins that are replaced, or left out, while a configuration is tested: Logstash Filter Verifier's mock files.
 *
 *	- id: removeme
 *	- id: mockme
 *	  mock: |
 *	    mutate { replace => { "[message]" => "mocked" } }
 */
#ifndef WEIR_TOOL_MOCK_H
#define WEIR_TOOL_MOCK_H

#include "config/parse.h"

/* Changes ast. -1 and d: the file cannot be read, or a mock has errors. An id that no plug-in has is a warning. */
int mock_apply(struct arena *a, const char *path, struct ast_config *ast, const struct config_env *env, struct diag *d);

#endif
