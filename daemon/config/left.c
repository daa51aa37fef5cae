#include "config/left.h"

#include "base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { HEAD_BYTES = 34, SMALL_FILE = 64 * 1024 };

/* The whole of a small file; false where it cannot be read. */
static bool read_small(const char *path, struct buf *b)
{
	FILE *f = fopen(path, "re");
	char *room;

	if (!f)
		return false;
	room = buf_room(b, SMALL_FILE);
	b->len += room ? fread(room, 1, SMALL_FILE, f) : 0;
	fclose(f);
	return true;
}

/* The value of the line that begins with key, without blanks and quotes around it. */
static struct str value_of(struct str text, struct str key)
{
	bool more = true;

	while (more) {
		struct str line = text;

		more = str_cut(&text, '\n', &line);
		line = str_trim(more ? line : text);
		if (str_starts(line, key)) {
			line = str_trim(str_from(line, key.len));
			if (line.len > 1 && (line.p[0] == '"' || line.p[0] == '\''))
				line = str_sub(line, 1, line.len - 2);
			return line;
		}
	}
	return (struct str){0};
}

static struct str value_in(struct arena *a, const char *path, struct str key)
{
	struct str out = {0};
	struct buf b;

	buf_init(&b, SMALL_FILE);
	if (read_small(path, &b))
		out = value_of(buf_slice(&b), key);
	if (out.p)
		out = arena_dup(a, out);
	buf_release(&b);
	return out;
}

static struct str release_in(struct arena *a, struct str home)
{
	struct str path = arena_printf(a, "%.*s/logstash-core/versions-gem-copy.yml", STR_ARG(home));

	return home.len ? value_in(a, arena_dupz(a, path), STR("logstash:")) : (struct str){0};
}

struct str left_release(struct arena *a, const char *settings_dir)
{
	static const char *const usual[] = {"/usr/share/logstash", "/opt/logstash"};
	const char *env = getenv("LS_HOME");
	struct str release = release_in(a, env ? str_z(env) : STR(""));

	if (!release.len && settings_dir) {
		struct str path = arena_printf(a, "%s/startup.options", settings_dir);

		release = release_in(a, value_in(a, arena_dupz(a, path), STR("LS_HOME=")));
	}
	for (size_t i = 0; i < sizeof(usual) / sizeof(*usual) && !release.len; i++)
		release = release_in(a, str_z(usual[i]));
	return release;
}

unsigned left_major(struct str release)
{
	struct str number = release;
	uint64_t n;

	(void)str_cut(&release, '.', &number);
	return str_u64(number, 1000, &n) ? (unsigned)n : 0;
}

static uint64_t big_endian(const char *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | (unsigned char)p[i];
	return v;
}

enum queue_state left_queue(const char *dir, uint64_t *events)
{
	uint64_t page, first_page, first_event, page_begin, count;
	char path[4200], head[HEAD_BYTES];
	size_t n;
	FILE *f;

	*events = 0;
	if ((size_t)snprintf(path, sizeof(path), "%s/checkpoint.head", dir) >= sizeof(path))
		return QUEUE_UNCLEAR;
	f = fopen(path, "re");
	if (!f)
		return errno == ENOENT || errno == ENOTDIR ? QUEUE_NONE : QUEUE_UNCLEAR;
	n = fread(head, 1, sizeof(head), f);
	fclose(f);
	if (n != sizeof(head) || big_endian(head, 2) != 1)
		return QUEUE_UNCLEAR;
	page = big_endian(head + 2, 4);
	first_page = big_endian(head + 6, 4);
	first_event = big_endian(head + 10, 8);
	page_begin = big_endian(head + 18, 8);
	count = big_endian(head + 26, 4);
	if (first_event < page_begin + count)
		*events = page_begin + count - first_event;
	return *events || first_page < page ? QUEUE_LEFT : QUEUE_EMPTY;
}
