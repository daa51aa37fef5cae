/*
 * settings.h - what logstash.yml, weir.yml and the command line say about the program itself.
 *
 * Keys are flat ("pipeline.ecs_compatibility: v8") or nested ("pipeline: {ecs_compatibility: v8}"), values may hold
 * ${NAME:default}. Every setting of Logstash is known by name: what means nothing to weird is accepted
 * silently, what weird cannot do is warned about, what belongs to a part that weird does not have (xpack) is named in one note, any
 * other name is a warning with the nearest one. Later calls win, so main()
 * reads the folder first and then sets what the command line says.
 *
 * One thread, at start. Texts live in the arena given to settings_init().
 */
#ifndef WEIR_CONFIG_SETTINGS_H
#define WEIR_CONFIG_SETTINGS_H

#include "base/log.h"
#include "config/diag.h"
#include "pipeline/plugin.h"

struct program_settings {
	struct settings pipeline; /* ecs, support_escapes, lenient, pipeline_id, data_dir, data_written, secrets; the rest is main()'s to fill */
	bool ecs_written;	  /* somebody said pipeline.ecs_compatibility */
	struct str config_path;	  /* path.config, .p NULL: not set */
	struct str config_string; /* config.string */
	struct str config_name;	  /* what messages call config_string; .p NULL: the command line */
	bool reloadable;	  /* pipeline.reloadable: a reload may change this pipeline */
	bool test_and_exit;	  /* config.test_and_exit */
	bool reload;		  /* config.reload.automatic */
	int64_t reload_ns;	  /* config.reload.interval, 3 s */
	struct str node_name;	  /* .p NULL: the host's */
	struct str log_dir;	  /* path.logs: weird.log in it gets the log, too; .p NULL: stderr alone */
	enum log_level log_level;
	bool log_json;		  /* log.format */
	struct str queue_path;	  /* path.queue, where Logstash keeps persistent queues; .p NULL: queue in path.data */
	bool queue_persisted;	  /* queue.type */
	struct str passed;	  /* names of settings of parts that weird does not have, as met, for one note */
	int64_t memory_max;	  /* memory.max, 64 MiB */
	int64_t drain_ns;	  /* shutdown.drain, 10 s */
	struct str user;	  /* to become after binding; .p NULL: stay */
	bool api;		  /* api.enabled */
	struct str api_host;	  /* api.http.host, "127.0.0.1" */
	uint16_t api_port, api_port_last; /* api.http.port: 9600-9700; 0 = any free one */
	struct arena *arena;
};

/* Everything at its default. */
void settings_init(struct program_settings *s, struct arena *a);
/* path.config or config.string says what to run: then pipelines.yml is not looked at. */
static inline bool settings_name_pipeline(const struct program_settings *s)
{
	return s->config_path.len || s->config_string.len;
}

/* Is there a setting of that name, one of Logstash's that means nothing here included? */
bool settings_known(struct str name);
/* One setting by its dotted name, at pos (pos.file NULL: the command line). -1 and d where the value does not fit. */
int settings_set(struct program_settings *s, struct str name, struct str value, struct pos pos, struct diag *d);
/*
 * logstash.yml and then weir.yml in a folder, as far as they are there; only weir.yml's values win over the other's. -1 and d where
 * one cannot be read, is no YAML or holds a value that does not fit. Files stay in the arena for d.
 */
int settings_read(struct program_settings *s, const char *dir, struct diag *d);
/* Warns where the folder that --path.settings names holds nothing to be read: as Logstash, that is no error. */
void settings_look(struct program_settings *s, const char *dir, struct diag *d);
/* The variables of that secrets.env, which settings_read() reads first; without the file there are none. -1 and d where it cannot be used. */
int settings_secrets(struct program_settings *s, const char *path, struct diag *d);
/*
 * What else lies in a settings folder, or was set there, and means nothing here; and what an installed Logstash of these settings would
 * do otherwise: a note each, a warning for what would be lost. dir NULL: there is none. After the command line's settings.
 */
void settings_notes(struct program_settings *s, const char *dir, struct diag *d);
/* The same for a text. */
int settings_read_text(struct program_settings *s, struct str name, struct str text, struct diag *d);

#endif
