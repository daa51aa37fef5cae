#include "config/places.h"

#include <libgen.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const char *place_settings(struct arena *a, const char *config_path)
{
	const char *env = getenv("LS_SETTINGS_DIR");
	struct stat st;
	char *dir;

	if (env && *env)
		return env;
	if (!config_path)
		return NULL;
	dir = dirname(arena_dupz(a, str_z(config_path)));
	return stat(dir, &st) == 0 ? dir : NULL;
}

struct str place_data(struct arena *a)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (geteuid() == 0)
		return STR("/var/lib/weird");
	if (state && *state == '/')
		return arena_printf(a, "%s/weird", state);
	if (home && *home == '/')
		return arena_printf(a, "%s/.local/state/weird", home);
	return STR("./data");
}
