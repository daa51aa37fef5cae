#include "cmdline.h"
#include "config/diag.h"
#include "config/settings.h"

#include <stdio.h>

enum takes { TAKES_NOTHING, TAKES_VALUE, TAKES_MAYBE /* true unless true or false follows */ };

static const struct flag {
	const char *letter, *name;
	enum takes takes;
	const char *doc;
} flags[] = {
	{"-f", "path.config", TAKES_VALUE, "PATH    configuration: a file, a folder or a glob"},
	{"-e", "config.string", TAKES_VALUE, "TEXT    configuration as text"},
	{"-t", "config.test_and_exit", TAKES_MAYBE, "        check the configuration and exit: 0 or 1"},
	{NULL, "explain", TAKES_MAYBE, "        print the compiled plan and exit"},
	{"-r", "config.reload.automatic", TAKES_MAYBE, "        reload when the configuration changes"},
	{NULL, "config.reload.interval", TAKES_VALUE, NULL},
	{NULL, "config.support_escapes", TAKES_MAYBE, NULL},
	{NULL, "config.debug", TAKES_MAYBE, NULL},
	{NULL, "path.settings", TAKES_VALUE, "DIR     folder of weir.yml or logstash.yml, and of pipelines.yml: what to run without -f and -e"},
	{NULL, "path.data", TAKES_VALUE, "DIR     data folder"},
	{"-l", "path.logs", TAKES_VALUE, NULL},
	{"-p", "path.plugins", TAKES_VALUE, NULL},
	{NULL, "pipeline.id", TAKES_VALUE, "NAME    the name of the pipeline of -f or -e (main)"},
	{NULL, "pipeline.ecs_compatibility", TAKES_VALUE, "MODE    disabled (default), v1 or v8"},
	{NULL, "pipeline.ordered", TAKES_VALUE, NULL},
	{"-w", "pipeline.workers", TAKES_VALUE, NULL},
	{"-b", "pipeline.batch.size", TAKES_VALUE, NULL},
	{"-u", "pipeline.batch.delay", TAKES_VALUE, NULL},
	{"-n", "node.name", TAKES_VALUE, NULL},
	{NULL, "config.lenient", TAKES_MAYBE, NULL},
	{NULL, "lenient", TAKES_MAYBE, "        an unknown filter is passed over, tagged and counted"},
	{NULL, "pipeline.unsafe_shutdown", TAKES_MAYBE, NULL},
	{NULL, "enable-local-plugin-development", TAKES_MAYBE, NULL},
	{NULL, "modules", TAKES_VALUE, NULL},
	{"-M", "modules_variable_list", TAKES_VALUE, NULL},
	{NULL, "setup", TAKES_MAYBE, NULL},
	{"-i", "interactive", TAKES_VALUE, NULL},
	{NULL, "http.host", TAKES_VALUE, NULL},
	{NULL, "http.port", TAKES_VALUE, NULL},
	{NULL, "memory.max", TAKES_VALUE, "BYTES   for events in flight (64 MiB)"},
	{NULL, "shutdown.drain", TAKES_VALUE, "TIME    how long outputs may take to empty at a stop (10s)"},
	{NULL, "log.level", TAKES_VALUE, "LEVEL   fatal error warn info debug trace"},
	{NULL, "log.format", TAKES_VALUE, "FORMAT  plain or json"},
	{NULL, "api.enabled", TAKES_VALUE, NULL},
	{NULL, "api.http.host", TAKES_VALUE, "HOST    where /metrics listens (127.0.0.1)"},
	{NULL, "api.http.port", TAKES_VALUE, "PORT    its port, 0 = a free one, or a range (9600-9700)"},
	{NULL, "api.environment", TAKES_VALUE, NULL},
	{"-V", "version", TAKES_MAYBE, "        version and what is compiled in"},
	{"-h", "help", TAKES_MAYBE, NULL},
};

enum { FLAGS = sizeof(flags) / sizeof(*flags) };

const char *cmdline_usage(void)
{
	static char text[4096];
	size_t n = 0;

	n += (size_t)snprintf(text, sizeof(text), "usage: weird -f PATH | -e TEXT | --path.settings DIR  [options]\n\n");
	for (size_t i = 0; i < FLAGS && n + 200 < sizeof(text); i++)
		if (flags[i].doc)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "  %-3s --%-28s %s\n",
					      flags[i].letter ? flags[i].letter : "", flags[i].name, flags[i].doc);
	snprintf(text + n, sizeof(text) - n, "\nAny setting of weir.yml can be given as --name.of.setting VALUE.\n");
	return text;
}

static const struct flag *find_flag(struct str word)
{
	for (size_t i = 0; i < FLAGS; i++) {
		if (flags[i].letter && str_eqz(word, flags[i].letter))
			return &flags[i];
		if (str_starts(word, STR("--")) && str_eqz(str_from(word, 2), flags[i].name))
			return &flags[i];
	}
	return NULL;
}

static int unknown_flag(struct str word, struct err *err)
{
	const char *names[FLAGS], *near;

	for (size_t i = 0; i < FLAGS; i++)
		names[i] = flags[i].name;
	near = str_starts(word, STR("--")) ? nearest_word(str_from(word, 2), names, FLAGS) : NULL;
	if (near)
		return err_set(err, "unknown option '%.*s', did you mean '--%s'?", STR_ARG(word), near);
	return err_set(err, "unknown option '%.*s'", STR_ARG(word));
}

/* The few that main() looks at itself. */
static void note(struct cmdline *c, const struct flag *f, const char *value)
{
	bool on = strcmp(value, "true") == 0;

	if (strcmp(f->name, "path.config") == 0)
		c->config_path = value;
	else if (strcmp(f->name, "config.string") == 0)
		c->config_text = value;
	else if (strcmp(f->name, "path.settings") == 0)
		c->settings_dir = value;
	else if (strcmp(f->name, "config.test_and_exit") == 0)
		c->test = on;
	else if (strcmp(f->name, "explain") == 0)
		c->explain = on;
	else if (strcmp(f->name, "version") == 0)
		c->version = on;
	else if (strcmp(f->name, "help") == 0)
		c->help = on;
}

int cmdline_parse(struct cmdline *c, int argc, char **argv, struct err *err)
{
	*c = (struct cmdline){0};
	for (int i = 1; i < argc; i++) {
		struct str word = str_z(argv[i]), name = word;
		ptrdiff_t eq = str_starts(word, STR("--")) ? str_chr(word, '=') : -1;
		const char *value = "true";
		enum takes takes = TAKES_VALUE;
		const struct flag *f;

		if (eq > 0)
			name = str_sub(word, 0, (size_t)eq);
		f = find_flag(name);
		if (f)
			takes = f->takes;
		else if (!str_starts(name, STR("--")) || !settings_known(str_from(name, 2)))
			return unknown_flag(name, err);
		if (eq > 0)
			value = argv[i] + eq + 1;
		else if (takes == TAKES_VALUE && i + 1 == argc)
			return err_set(err, "option '%.*s' needs a value", STR_ARG(name));
		else if (takes == TAKES_VALUE)
			value = argv[++i];
		else if (takes == TAKES_MAYBE && i + 1 < argc && (!strcmp(argv[i + 1], "true") || !strcmp(argv[i + 1], "false")))
			value = argv[++i];
		if (f)
			note(c, f, value);
		if (c->n == CMDLINE_SETTINGS)
			return err_set(err, "more than %d options", CMDLINE_SETTINGS);
		c->setting[c->n++] = (struct cmdline_setting){f ? str_z(f->name) : str_from(name, 2), str_z(value)};
	}
	if (c->config_path && c->config_text)
		return err_set(err, "-f and -e exclude each other");
	return 0;
}
