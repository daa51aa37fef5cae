/*
 * uuid.h - random UUIDs (RFC 9562, version 4).
 */
#ifndef WEIR_FILTER_UUID_H
#define WEIR_FILTER_UUID_H

enum { UUID_LEN = 36, UUID_TEXT = 37 };

/* NUL-terminated, from the kernel's random numbers. */
void uuid_random(char out[UUID_TEXT]);

#endif
