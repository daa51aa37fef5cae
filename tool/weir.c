/*
 * weir.c - the tool beside the daemon: one command, one file.
 */
#include "base/hash.h"
#include "base/log.h"
#include "event/fields.h"
#include "tool/tool.h"

#include <stdio.h>
#include <string.h>

static const struct command {
	const char *name, *usage;
	int (*run)(int argc, char **argv);
} commands[] = {
	{"check", "check PATH...       every problem of a configuration, or of all pipelines of a folder of settings, with file:line:column", tool_check},
	{"test", "test TESTS CONFIG...   test case files of Logstash Filter Verifier, in this process", tool_test},
	{"search", "search [QUERY]      events of the embedded store, newest first (docs/search.md)", tool_search},
	{"tap", "tap [QUERY]         events as they come in, until Ctrl-C", tool_tap},
	{"who", "who [--at TIME] IP|USER|MAC|HOST   who had an address, and which addresses somebody had", tool_who},
	{"why", "why NAME|IP|ID      why a name was asked for, what came of an address: one sentence, then the chain", tool_why},
	{"eval", "eval                what a configuration makes of events: a JSON question a line on standard input", tool_eval},
	{"parse", "parse [-f CONFIG] [FILE...]   what weird would make of these lines: one line of JSON each", tool_parse},
};

static void usage(FILE *f)
{
	fprintf(f, "usage: weir COMMAND ...\n\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		fprintf(f, "  weir %s\n", commands[i].usage);
	fprintf(f, "\n  weir --version\n");
}

int main(int argc, char **argv)
{
	hash_init(NULL);
	/* What filters say of themselves at a daemon's start ("there is no database ..") is nobody's question here. */
	log_threshold = LOG_WARN;
	fields_init();
	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		usage(argc < 2 ? stderr : stdout);
		return argc < 2 ? 2 : 0;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("weir %s\n", WEIR_VERSION);
		return 0;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "weir: unknown command '%s'\n\n", argv[1]);
	usage(stderr);
	return 2;
}
