/*
 * tool.h - the commands of `weir`, one file each.
 */
#ifndef WEIR_TOOL_TOOL_H
#define WEIR_TOOL_TOOL_H

/* argv[0] is the command's own name. The exit status comes back. */
int tool_eval(int argc, char **argv);
int tool_parse(int argc, char **argv);
int tool_check(int argc, char **argv);
int tool_test(int argc, char **argv);
int tool_search(int argc, char **argv);
int tool_tap(int argc, char **argv);
int tool_who(int argc, char **argv);
int tool_why(int argc, char **argv);

#endif
