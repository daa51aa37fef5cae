/*
 * settings_folder.c - what lies beside logstash.yml, and what a Logstash that ran with it leaves to be known.
 */
#include "config/left.h"
#include "config/secrets.h"
#include "config/settings.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

static bool lies_in(struct arena *a, const char *dir, const char *name)
{
	return access(arena_dupz(a, arena_printf(a, "%s/%s", dir, name)), F_OK) == 0;
}

int settings_secrets(struct program_settings *s, const char *path, struct diag *d)
{
	struct secrets *found = NULL;
	struct err err;

	if (secrets_read(s->arena, path, &found, &err) == -1) {
		diag_error(d, (struct pos){0}, "%s", err.text);
		return -1;
	}
	s->pipeline.secrets = found;
	return 0;
}

void settings_look(struct program_settings *s, const char *dir, struct diag *d)
{
	const char *const names[] = {"logstash.yml", "weir.yml", "pipelines.yml"}; /* the last needs no other settings */
	bool there = access(dir, F_OK) == 0;

	/* What is there and cannot be read is an error, told where it is read. */
	if (!there && errno != ENOENT)
		return;
	for (size_t i = 0; there && i < sizeof(names) / sizeof(*names); i++)
		if (lies_in(s->arena, dir, names[i]) || errno != ENOENT)
			return;
	diag_warn(d, (struct pos){0}, "--path.settings: '%s': %s: the settings keep their defaults", dir,
		  there ? "no logstash.yml or weir.yml in it" : "no such folder");
}

/* Files of the Java program, in one line. */
static void note_files(struct program_settings *s, const char *dir, struct diag *d)
{
	static const char *const names[] = {"jvm.options", "startup.options", "log4j2.properties"};
	struct buf b;

	buf_init(&b, 256);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (lies_in(s->arena, dir, names[i]))
			buf_printf(&b, "%s%s", b.len ? ", " : "", names[i]);
	if (b.len)
		diag_note(d, (struct pos){0}, "%s: passed over: %.*s (there is no JVM; memory.max and log.level are settings)", dir,
			  STR_ARG(buf_slice(&b)));
	buf_release(&b);
	if (!s->pipeline.secrets && lies_in(s->arena, dir, "logstash.keystore"))
		diag_warn(d, (struct pos){0},
			  "%s/logstash.keystore is a Java key store and is not read: put its variables into %s/secrets.env, mode 0600, one NAME=value a line",
			  dir, dir);
}

static void note_names(struct program_settings *s, const char *dir, struct diag *d)
{
	struct str release;

	if (s->ecs_written)
		return;
	release = left_release(s->arena, dir);
	if (left_major(release) >= 8)
		diag_note(d, (struct pos){0},
			  "Logstash %.*s, which is installed here, ran this with ECS names (v8), weird takes the former ones: "
			  "'pipeline.ecs_compatibility: v8' keeps its field names, 'disabled' says that the former ones are meant",
			  STR_ARG(release));
}

/* One folder a pipeline. */
static void note_queues(struct program_settings *s, const char *dir, struct diag *d)
{
	struct dirent *e;
	DIR *folder = opendir(dir);

	while (folder && (e = readdir(folder))) {
		struct str path = arena_printf(s->arena, "%s/%s", dir, e->d_name);
		uint64_t events;

		if (e->d_name[0] == '.')
			continue;
		switch (left_queue(arena_dupz(s->arena, path), &events)) {
		case QUEUE_LEFT:
			diag_warn(d, (struct pos){0},
				  "the persistent queue '%.*s' is not drained: %llu or more events in it were never sent, and only Logstash can send them: "
				  "start it once more with 'queue.drain: true' and inputs that bring nothing new, and stop it",
				  STR_ARG(path), (unsigned long long)(events ? events : 1));
			break;
		case QUEUE_UNCLEAR:
			diag_warn(d, (struct pos){0}, "cannot tell whether the persistent queue '%.*s' is drained", STR_ARG(path));
			break;
		case QUEUE_NONE:
		case QUEUE_EMPTY:
			break;
		}
	}
	if (folder)
		closedir(folder);
}

void settings_notes(struct program_settings *s, const char *dir, struct diag *d)
{
	struct str queue = s->queue_path;

	if (dir)
		note_files(s, dir, d);
	if (s->passed.len)
		diag_note(d, (struct pos){0}, "settings of parts that weird does not have are passed over: %.*s", STR_ARG(s->passed));
	s->passed = (struct str){0};
	if (s->queue_persisted)
		diag_note(d, (struct pos){0},
			  "'queue.type: persisted' is not needed: sources that can wait are told only when outputs have an event, and what is left at a stop is kept in path.data");
	note_names(s, dir, d);
	if (!queue.len && s->pipeline.data_written.len)
		queue = arena_printf(s->arena, "%.*s/queue", STR_ARG(s->pipeline.data_written));
	if (queue.len)
		note_queues(s, arena_dupz(s->arena, queue), d);
}
