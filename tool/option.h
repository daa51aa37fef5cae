/*
 * option.h - options of a command, as weird takes them: `--name VALUE` and `--name=VALUE`.
 */
#ifndef WEIR_TOOL_OPTION_H
#define WEIR_TOOL_OPTION_H

/*
 * Into *place where argv[*i] is the option of that name, with its value behind '=' or as the next word, which *i then stands at. 1: taken; 0: it is
 * another; -1: no value.
 */
int option_take(const char *name, const char **place, int *i, int argc, char **argv);

#endif
