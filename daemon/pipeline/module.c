#include "pipeline/module.h"

#include "base/str.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WHY = 300 };

#define TEXT_OF(x) TEXT_OF_TOKEN(x)
#define TEXT_OF_TOKEN(x) #x

extern const char module_dir[]; /* module_dir.c.in */

/* NULL where there is no such file; why is said where there is one that does not open. */
static void *open_in(struct str dir, const char *name, char *why)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%.*s/weir_%s.so", STR_ARG(dir), name);
	void *so;

	if (n < 0 || (size_t)n >= sizeof(path) || access(path, R_OK))
		return NULL;
	so = dlopen(path, RTLD_NOW | RTLD_NODELETE);
	if (!so)
		(void)snprintf(why, WHY, "%s", dlerror());
	return so;
}

static void *find(const char *name, char *why)
{
	const char *env = secure_getenv("WEIR_MODULE_DIR");
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self));
	void *so = NULL;

	if (env)
		return open_in(str_z(env), name, why);
	if (n > 0 && (size_t)n < sizeof(self)) {
		struct str program = str_n(self, (size_t)n);
		ptrdiff_t slash = str_rchr(program, '/');

		so = open_in(str_sub(program, 0, slash > 0 ? (size_t)slash : 0), name, why);
	}
	return so ? so : open_in(str_z(module_dir), name, why);
}

/* dlopen() counts how often it is asked and answers the same file: nothing has to be remembered here. */
static const struct module *open_locked(const struct module_file *f, struct err *err)
{
	char why[WHY] = "";
	void *so = find(f->name, why);
	const struct module *m = so ? dlsym(so, TEXT_OF(MODULE_SYMBOL)) : NULL;

	if (m && strcmp(m->version, f->version) == 0)
		return m;
	if (!so)
		err_set(err, "%s is not here: install the package weir-%s, which brings %s%s%s", f->what, f->name, f->library, why[0] ? "; cause: " : "", why);
	else if (!m)
		err_set(err, "weir_%s.so is not weir's module", f->name);
	else
		err_set(err, "weir_%s.so belongs to another weir (%.100s, this one is %s): install the same version of the package weir-%s", f->name,
			m->version, f->version, f->name);
	return NULL;
}

/* Plans are compiled on the main thread, but nothing says that it stays so: the lock, since dlerror() is of the last that failed. */
const struct module *module_open(const struct module_file *file, struct err *err)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	const struct module *m;

	pthread_mutex_lock(&lock);
	m = open_locked(file, err);
	pthread_mutex_unlock(&lock);
	return m;
}
