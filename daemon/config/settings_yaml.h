/*
 * settings_yaml.h - settings of a YAML file as dotted names and values: one map of them, or a list of such maps.
 *
 * Positions point into a copy of the file, which stays in the arena. One thread.
 */
#ifndef WEIR_CONFIG_SETTINGS_YAML_H
#define WEIR_CONFIG_SETTINGS_YAML_H

#include "config/diag.h"

struct secrets;

struct yaml_target {
	/* One setting. What it returns does not end the reading. */
	int (*set)(void *arg, struct str name, struct str value, struct pos pos, struct diag *d);
	/* The file is a list, and its next item begins. NULL: the file is one map. */
	void (*item)(void *arg, struct pos pos);
	void *arg;
	struct arena *arena;
	const struct secrets *secrets; /* variables before those of the environment; NULL: none */
};

/* -1 where d got an error. */
int yaml_target_text(const struct yaml_target *target, struct str name, struct str text, struct diag *d);
/* 1: read; 0: there is no such file; -1 and d. */
int yaml_target_file(const struct yaml_target *target, const char *path, struct diag *d);

#endif
