/*
 * file_write.h - the send half of the file output: paths below one root, opened, appended to, followed when they are moved.
 */
#ifndef WEIR_OUTPUTS_FILE_WRITE_H
#define WEIR_OUTPUTS_FILE_WRITE_H

#include "outputs/output.h"

struct file_config {
	struct str root;	/* the literal folder in front of the first %{ */
	struct str fixed;	/* path below it where nothing of it depends on the event; else .len 0 */
	struct str failure;	/* name below root for paths that would leave it */
	bool gzip, create_if_deleted, overwrite;
	int file_mode, dir_mode; /* -1: 0666, 0777 and the umask */
	int64_t stale_ns;
	const struct clock *clock;
};

struct file_conn;

/* Copies what c says. */
struct file_conn *file_conn_new(const struct file_config *c, struct err *err);
void file_conn_free(void *conn);
void file_conn_reopen(void *conn);
enum send_result file_conn_send(void *conn, void *link, struct pack *p, uint32_t from, uint32_t to, struct send_ctx *ctx);

/*
 * A path below root as the event gave it, made harmless: false where it is empty, has a NUL, a component "." or ".." or longer than 255 bytes. Leading
 * and doubled slashes are dropped.
 */
bool file_path_clean(struct str in, char out[4096], size_t *len);

#endif
