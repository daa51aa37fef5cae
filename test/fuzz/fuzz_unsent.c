/*
 * fuzz_unsent.c - any bytes as the file of unsent events: reading ends, and what it gives are items within their pack.
 */
#include "fuzz.h"

#include "base/log.h"
#include "outputs/shelf.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64] = "/tmp/weir-fuzz-XXXXXX";

static void remove_all(void)
{
	static const char *const names[] = {"/unsent/f.ndjson", "/unsent/f.bad", "/unsent/f.new"};
	char path[128];

	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", dir, names[i]);
		(void)unlink(path);
	}
	snprintf(path, sizeof(path), "%s/unsent", dir);
	(void)rmdir(path);
	(void)rmdir(dir);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static bool ready;
	char path[128];
	struct shelf *sh;
	struct pack *p;
	struct err err;
	int fd;

	if (!ready) {
		ready = mkdtemp(dir) != NULL;
		FUZZ_ASSERT(ready);
		log_threshold = LOG_FATAL;
		atexit(remove_all);
	}
	sh = unsent_shelf_new(str_z(dir), STR("f"), &err);
	FUZZ_ASSERT(sh);
	snprintf(path, sizeof(path), "%s/unsent/f.ndjson", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	FUZZ_ASSERT(fd != -1 && write(fd, data, n) == (ssize_t)n);
	close(fd);
	while ((p = sh->take(sh))) {
		FUZZ_ASSERT(p->n > 0);
		for (uint32_t i = 0; i < p->n; i++) {
			const struct pack_item *it = &p->item[i];

			FUZZ_ASSERT((size_t)it->off + it->len <= p->bytes.len && (size_t)it->head + it->tail <= it->len);
			FUZZ_ASSERT(it->flags & ITEM_STORED && it->verdict == VERDICT_NONE && !it->ack);
		}
		pack_free(&p);
	}
	sh->settled(sh);
	sh->free(sh);
	return 0;
}
