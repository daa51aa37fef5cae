/*
 * log.h - the daemon's own messages, to stderr (or the journal, which reads stderr), and to a file where one is wanted.
 *
 * Each line carries a group and is rate-limited per call site (10 a minute, then a count of what was
 * suppressed). Never event content above debug level; at most 64 escaped bytes of it anywhere.
 * Any thread.
 */
#ifndef WEIR_BASE_LOG_H
#define WEIR_BASE_LOG_H

#include "err.h"
#include "str.h"

enum log_level { LOG_FATAL, LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE };

struct log_site {
	_Atomic int64_t window_ns;
	_Atomic uint32_t count;
};

extern enum log_level log_threshold;

/* Name as in --log.level: fatal error warn info debug trace. false if unknown. */
bool log_level_parse(struct str name, enum log_level *out);
/* true: one JSON object a line (--log.format json). */
void log_set_json(bool on);
/*
 * The same lines also go to the end of this file, which is made where it is not there; its text must stay. Called again it opens the file
 * anew (a rotation). -1 and err: it stays as it was.
 */
int log_set_file(const char *path, struct err *err);
void log_emit(struct log_site *site, enum log_level lvl, const char *group, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Where tests look for unexpected warnings: number of lines at this level or worse so far. */
unsigned log_count(enum log_level at_least);

#define log_at(lvl, group, ...)                                                                     \
	do {                                                                                        \
		static struct log_site site_;                                                       \
		if ((lvl) <= log_threshold)                                                         \
			log_emit(&site_, (lvl), (group), __VA_ARGS__);                              \
	} while (0)
#define log_error(group, ...) log_at(LOG_ERROR, group, __VA_ARGS__)
#define log_warn(group, ...) log_at(LOG_WARN, group, __VA_ARGS__)
#define log_info(group, ...) log_at(LOG_INFO, group, __VA_ARGS__)
#define log_debug(group, ...) log_at(LOG_DEBUG, group, __VA_ARGS__)

#endif
