/*
 * glob.h - file name patterns as Ruby's Dir.glob reads them, which is what Logstash's file input takes.
 *
 *	*		any characters but '/', not a leading dot
 *	?		one character
 *	[a-z] [^a]	one of a set, or one that is not ([!a] is the same)
 *	{a,b}		either
 *	** then '/'	this folder and all below it, without hidden ones and without following links
 *	\x		the character x
 *
 * Any thread.
 */
#ifndef WEIR_INPUT_GLOB_H
#define WEIR_INPUT_GLOB_H

#include "base/arena.h"

enum { GLOB_ALTERNATIVES = 1024, GLOB_DEPTH = 64 };

/* One name against a pattern of one name, without { }. A leading dot is only matched by a dot. */
bool glob_match(struct str pattern, struct str name);
/* A whole path against a whole pattern, ** included. */
bool glob_match_path(struct str pattern, struct str path);
/* Holds one of * ? [ or a backslash. */
bool glob_magic(struct str pattern);
/* All that { } stand for, in their order. The texts are the arena's. 0: more than GLOB_ALTERNATIVES. */
size_t glob_braces(struct arena *a, struct str pattern, struct str **out);

struct glob_hooks {
	/* A path that fits and exists (of any kind). false: that is enough. */
	bool (*found)(void *arg, const char *path);
	/* A folder that cannot be listed; errno tells why. */
	void (*trouble)(void *arg, const char *folder);
	void *arg;
};

/* An absolute pattern without { }. The order is that of the folders' entries. */
void glob_walk(struct str pattern, const struct glob_hooks *hooks);

#endif
