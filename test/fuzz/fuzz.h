/*
 * fuzz.h - what a fuzz target is: one function over any bytes, which must neither crash nor hang nor leak.
 *
 * A target is fuzz_WORD.c here with a LLVMFuzzerTestOneInput(), and its word in meson.build. Seeds lie in corpus/WORD/,
 * one input a file. Properties that must hold for every input (the same bytes cut elsewhere give the same events, what was
 * written can be read again) are asserted with FUZZ_ASSERT.
 */
#ifndef WEIR_FUZZ_H
#define WEIR_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_ASSERT(cond)                                                                                              \
	do {                                                                                                           \
		if (!(cond)) {                                                                                         \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #cond);                      \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

#endif
