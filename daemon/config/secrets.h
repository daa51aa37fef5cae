/*
 * secrets.h - variables that do not lie in the environment: the place of Logstash's keystore.
 *
 * A text file beside logstash.yml, one NAME=value a line; everything behind the first '=' is the value, as it stands. Empty lines
 * and lines that begin with '#' mean nothing. Nobody but its owner may read it: any other mode is refused, for a password that all
 * can read is none. Logstash's own keystore is a Java key store and is not read.
 *
 * As in Logstash a name in here wins over the environment. One thread, at start and at a reload; lives in the arena given.
 */
#ifndef WEIR_CONFIG_SECRETS_H
#define WEIR_CONFIG_SECRETS_H

#include "base/arena.h"
#include "base/err.h"

struct secrets;

/* secrets.env in the folder of settings, which may be missing. */
const char *secrets_path(struct arena *a, const char *dir);
/* 1: *out is read; 0: there is no such file; -1 and err. */
int secrets_read(struct arena *a, const char *path, struct secrets **out, struct err *err);
/* Changes with the names and values. 0: s is NULL. */
uint64_t secrets_stamp(const struct secrets *s);
/* false: no such name, or s is NULL. */
bool secrets_find(const struct secrets *s, struct str name, struct str *out);

#endif
