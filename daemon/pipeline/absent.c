/*
 * absent.c - files that a plug-in names and that are not here, where a configuration is only looked at.
 */
#include "pipeline/plugin.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

bool plugin_file_absent(struct plugin_ctx *ctx, struct str path)
{
	char *z;
	bool absent;

	if (!ctx->settings->elsewhere || !path.len)
		return false;
	z = xstrdupz(path);
	absent = access(z, F_OK) == -1 && (errno == ENOENT || errno == ENOTDIR);
	free(z);
	if (absent)
		plugin_warn(ctx, "'%.*s' is not here: without it weird does not start", STR_ARG(path));
	return absent;
}
