#include "base/log.h"
#include "base/clock.h"
#include "base/ts.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum { LINES_PER_WINDOW = 10 };
static const int64_t window_ns = 60 * (int64_t)1000000000;

enum log_level log_threshold = LOG_INFO;
static _Atomic bool as_json;
static _Atomic int file = -1;
static _Atomic unsigned counts[LOG_TRACE + 1];
static const char *const names[] = {"fatal", "error", "warn", "info", "debug", "trace"};

bool log_level_parse(struct str name, enum log_level *out)
{
	for (unsigned i = 0; i <= LOG_TRACE; i++)
		if (str_ieq(name, str_z(names[i]))) {
			*out = i;
			return true;
		}
	return false;
}

void log_set_json(bool on)
{
	atomic_store(&as_json, on);
}

int log_set_file(const char *path, struct err *err)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640), before = atomic_load(&file);

	if (fd == -1)
		return err_sys(err, "cannot open '%s'", path);
	/* Under its former number, so that a thread that writes just now does not meet a closed one. */
	if (before != -1) {
		int rc = dup3(fd, before, O_CLOEXEC);

		close(fd);
		return rc == -1 ? err_sys(err, "cannot open '%s'", path) : 0;
	}
	atomic_store(&file, fd);
	return 0;
}

unsigned log_count(enum log_level at_least)
{
	unsigned n = 0;

	for (unsigned i = 0; i <= at_least; i++)
		n += atomic_load(&counts[i]);
	return n;
}

/* How many lines of this site were held back before this one; UINT32_MAX: hold this one back, too. */
static uint32_t site_admit(struct log_site *site)
{
	int64_t now = clock_mono(&clock_system);
	int64_t since = atomic_load_explicit(&site->window_ns, memory_order_relaxed);
	uint32_t n;

	if (since == 0 || now - since > window_ns) {
		atomic_store_explicit(&site->window_ns, now, memory_order_relaxed);
		n = atomic_exchange_explicit(&site->count, 1, memory_order_relaxed);
		return n > LINES_PER_WINDOW ? n - LINES_PER_WINDOW : 0;
	}
	n = atomic_fetch_add_explicit(&site->count, 1, memory_order_relaxed);
	return n < LINES_PER_WINDOW ? 0 : UINT32_MAX;
}

/* Control characters never reach the terminal; in JSON quotes are escaped as well. */
static size_t clean(char *out, size_t cap, const char *in, bool json)
{
	size_t n = 0;

	for (; *in && n + 8 < cap; in++) {
		unsigned char c = (unsigned char)*in;

		if (json && (c == '"' || c == '\\')) {
			out[n++] = '\\';
			out[n++] = (char)c;
		} else if (c < 0x20 && !(c == '\n' && !json)) {
			n += (size_t)snprintf(out + n, cap - n, json ? "\\u%04x" : "#%03o", c);
		} else {
			out[n++] = (char)c;
		}
	}
	out[n] = 0;
	return n;
}

void log_emit(struct log_site *site, enum log_level lvl, const char *group, const char *fmt, ...)
{
	char text[2048], safe[4096], line[4400], when[TS_TEXT_MAX];
	uint32_t held = site_admit(site);
	bool json = atomic_load_explicit(&as_json, memory_order_relaxed);
	va_list ap;
	size_t w;
	int n, fd;

	atomic_fetch_add_explicit(&counts[lvl], 1, memory_order_relaxed);
	if (held == UINT32_MAX && lvl > LOG_FATAL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	clean(safe, sizeof(safe), text, json);
	w = ts_format(ts_from_ns(clock_wall(&clock_system) / 1000000 * 1000000), when);
	if (json)
		n = snprintf(line, sizeof(line), "{\"@timestamp\":\"%.*s\",\"log.level\":\"%s\",\"group\":\"%s\",\"message\":\"%s\",\"suppressed\":%u}\n",
			     (int)w, when, names[lvl], group, safe, held);
	else if (held)
		n = snprintf(line, sizeof(line), "%.*s %s %s: %s (and %u more like it before)\n", (int)w, when, names[lvl], group, safe, held);
	else
		n = snprintf(line, sizeof(line), "%.*s %s %s: %s\n", (int)w, when, names[lvl], group, safe);
	if (n <= 0)
		return;
	if ((size_t)n >= sizeof(line))
		n = sizeof(line) - 1;
	(void)!write(STDERR_FILENO, line, (size_t)n);
	fd = atomic_load(&file);
	if (fd != -1)
		(void)!write(fd, line, (size_t)n);
}
