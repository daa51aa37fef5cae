/*
 * cmdline.h - weird's command line: Logstash's own flags, and a few more.
 *
 * Nearly every flag is a setting by another name: -f is path.config, -w pipeline.workers, and any
 * --name.of.setting takes a value. They come out as (name, value) pairs that are laid over the settings files.
 */
#ifndef WEIR_CMDLINE_H
#define WEIR_CMDLINE_H

#include "base/err.h"

enum { CMDLINE_SETTINGS = 64 };

struct cmdline_setting {
	struct str name, value; /* value "true" for flags without one */
};

struct cmdline {
	const char *config_path; /* -f */
	const char *config_text; /* -e */
	const char *settings_dir; /* --path.settings */
	bool test, explain, version, help;
	unsigned n;
	struct cmdline_setting setting[CMDLINE_SETTINGS];
};

/* -1 and err ("unknown option '--foo', did you mean ...?"). Borrows argv. */
int cmdline_parse(struct cmdline *c, int argc, char **argv, struct err *err);
const char *cmdline_usage(void);

#endif
