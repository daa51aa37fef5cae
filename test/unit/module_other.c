/*
 * For test_module.c: a module of another weir, and (without OTHER) a library that is no module at all.
 */
#include "pipeline/module.h"

#ifdef OTHER
MODULE(struct module, .version = OTHER);
#else
extern const int something_else;
__attribute__((visibility("default"))) const int something_else = 1;
#endif
