/*
 * count.h - counters that one thread writes and any reads, and when to take the time of what happens too often for a clock.
 */
#ifndef WEIR_BASE_COUNT_H
#define WEIR_BASE_COUNT_H

#include <stdatomic.h>
#include <stdint.h>

/* By the one thread that writes c. */
static inline void count_add(_Atomic uint64_t *c, uint64_t n)
{
	/* Relaxed, and no read-modify-write: nobody else writes here, and readers want no more than a recent value. */
	atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}

static inline uint64_t count_read(const _Atomic uint64_t *c)
{
	/* Relaxed: a number by itself. */
	return atomic_load_explicit(c, memory_order_relaxed);
}

enum { TIMED_EVERY = 64 };

/*
 * How many calls until the time of one is taken: 1 to 2 * TIMED_EVERY - 1, all as likely, so that no rhythm of the lines meets it. What
 * that one took counts TIMED_EVERY times. *dice: any number at first.
 */
static inline uint32_t count_until_timed(uint64_t *dice)
{
	*dice = *dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return 1 + (uint32_t)(*dice >> 33) % (2 * TIMED_EVERY - 1);
}

#endif
