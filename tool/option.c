#include "tool/option.h"

#include <string.h>

int option_take(const char *name, const char **place, int *i, int argc, char **argv)
{
	size_t n = strlen(name);

	if (strncmp(argv[*i], name, n) != 0 || (argv[*i][n] && argv[*i][n] != '='))
		return 0;
	if (argv[*i][n])
		*place = argv[*i] + n + 1;
	else if (*i + 1 < argc)
		*place = argv[++*i];
	else
		return -1;
	return 1;
}
