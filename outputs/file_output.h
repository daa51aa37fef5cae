/*
 * file_output.h - what the outputs file and csv share: a path that may depend on the event, and the options that go with it.
 *
 * An item is path, text: the path stands in front (head) where it depends on the event, and is the file_conn's own where it does not. Render half on
 * the work thread; the files are file_write.c's.
 */
#ifndef WEIR_OUTPUTS_FILE_OUTPUT_H
#define WEIR_OUTPUTS_FILE_OUTPUT_H

#include "outputs/file_write.h"
#include "outputs/stamped.h"

struct file_output {
	struct queue_options queue;
	const struct tmpl *path;
	struct str failure;
	bool gzip, create_if_deleted;
	int write_behavior;
	int64_t flush_interval, stale_cleanup_interval, dir_mode, file_mode;
	struct str root; /* literal folder */
	struct stamped stamped;
	bool fixed; /* nothing of the path depends on the event */
};

extern const char *const file_write_behaviors[];

/* The rows of such an output's table: S holds a struct file_output as m. */
#define FILE_OPTIONS(S, m) \
	{"path", OPT_TMPL, offsetof(S, m.path), .flags = OPT_REQUIRED, \
	 .doc = "file; %{...} may stand behind the last literal folder"}, \
	{"gzip", OPT_BOOL, offsetof(S, m.gzip), .def = "false", .doc = "compress, one member a write"}, \
	{"create_if_deleted", OPT_BOOL, offsetof(S, m.create_if_deleted), .def = "true", \
	 .doc = "a file that was removed is made again; else events go to filename_failure"}, \
	{"filename_failure", OPT_STRING, offsetof(S, m.failure), .def = "_filepath_failures", \
	 .doc = "file in the literal folder for events whose path would leave it"}, \
	{"dir_mode", OPT_INT, offsetof(S, m.dir_mode), .def = "-1", .min = -1, .max = 07777, \
	 .doc = "mode of new folders, as in 0750; -1: by the umask"}, \
	{"file_mode", OPT_INT, offsetof(S, m.file_mode), .def = "-1", .min = -1, .max = 07777, \
	 .doc = "mode of new files, as in 0640; -1: by the umask"}, \
	{"flush_interval", OPT_INT, offsetof(S, m.flush_interval), .def = "2", .min = 0, .max = 3600, \
	 .doc = "seconds that events may wait for more with gzip; without, they are written at once"}, \
	{"stale_cleanup_interval", OPT_INT, offsetof(S, m.stale_cleanup_interval), .def = "10", .min = 1, .max = 86400, \
	 .doc = "seconds after which a file that is not written to is closed"}, \
	{"write_behavior", OPT_ENUM, offsetof(S, m.write_behavior), .def = "append", .choices = file_write_behaviors, \
	 .doc = "append, or overwrite: only the latest event stays"}

/* For plugin.open: f is filled in by the table. */
int file_output_open(struct file_output *f, struct err *err);
/* For output_ops.start. */
void *file_output_start(const struct file_output *f, const struct plugin_ctx *ctx, struct err *err);
/* Begins an item with its path, which is *head bytes; the text follows in *b. -1 and ctx->err: dead. */
int file_output_begin(struct file_output *f, const struct event *ev, struct pack *p, struct render_ctx *ctx, struct buf **b, size_t *head);
enum render_result file_output_end(struct pack *p, size_t head, struct render_ctx *ctx);
void file_output_describe(const struct pack *p, const struct pack_item *it, struct str *index, struct str *id);

#endif
