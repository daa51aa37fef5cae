/*
 * module.h - plug-ins with a library that most configurations do not use: the library is in a module, a file of its own.
 *
 * The plug-in's one half is part of weird: its row in the registry, its options and their docs, and whatever needs no library. The other
 * half is weir_NAME.so, opened by the first configuration that uses the plug-in, so that nobody else needs the library. A module links
 * with nothing of weird: functions of a static library that nothing in the program uses are not in it, and a second copy would have a second
 * key for hashes. What a module calls in weird comes as a table, which the header that both halves include lists:
 *
 *	#define X_HOST(F) F(xmalloc) F(err_set) F(log_emit)
 *	struct x_host { X_HOST(MODULE_HOST_MEMBER) const enum log_level *log_threshold; };
 *	struct x_module { struct module head; ...functions of the module... };
 *
 *	static const struct x_host host = {X_HOST(MODULE_HOST_FILL) .log_threshold = &log_threshold};     in weird
 *	static const struct module_file file = {"x", X_MODULE_VERSION, "X", "libx1"};
 *	const struct x_module *m = (const void *)module_open(&file, err);
 *
 *	MODULE(struct x_module, .head.version = X_MODULE_VERSION, ...);                                    in the module
 *
 * The build adds it with the same words (meson.build, modules).
 */
#ifndef WEIR_PIPELINE_MODULE_H
#define WEIR_PIPELINE_MODULE_H

#include "base/err.h"

/* Both halves are built together: this catches a module of another build. n: counts changes of the header between them. */
#define MODULE_VERSION(n) WEIR_VERSION " " n

#define MODULE_SYMBOL weir_module
#define MODULE_HOST_MEMBER(f) __typeof__(f) *f;
#define MODULE_HOST_FILL(f) .f = f,

/* What a module shows: the first member of its table. */
struct module {
	const char *version;
};

/* The table, in one file of the module. */
#define MODULE(type, ...)                                                                       \
	extern const type MODULE_SYMBOL;                                                        \
	__attribute__((visibility("default"))) const type MODULE_SYMBOL = {__VA_ARGS__}

struct module_file {
	const char *name;    /* of the file weir_NAME.so and the package weir-NAME */
	const char *version; /* that it must have */
	const char *what;    /* begins the message where it is not there: "Ruby" */
	const char *library; /* the package of the distribution that it needs: "libruby3.1" */
};

/*
 * Looks in $WEIR_MODULE_DIR, else beside the program (a build folder) and where modules are installed. Opened once, never closed. NULL and err,
 * which names the package, where it is not there, does not open, or belongs to another weir. Any thread.
 */
const struct module *module_open(const struct module_file *file, struct err *err);

#endif
