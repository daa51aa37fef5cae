#include "link_skew.h"

#include <math.h>
#include <stdlib.h>

enum { SHARE = 30 /* per cent of the samples that the mode must hold */ };

static int by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return x < y ? -1 : x > y;
}

static unsigned gather(const struct skew *s, uint8_t want, uint8_t refuse, float out[SKEW_SAMPLES])
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n; i++)
		if ((s->flag[i] & want) == want && !(s->flag[i] & refuse))
			out[n++] = s->d[i];
	qsort(out, n, sizeof(*out), by_value);
	return n;
}

/* How many of v[0..n) lie in the fullest window of that width, and where it begins; `not_from`: windows that overlap it do not count. */
static unsigned fullest(const float *v, unsigned n, float width, int not_from, unsigned not_n, unsigned *begin)
{
	unsigned best = 0, end = 0;

	for (unsigned i = 0; i < n; i++) {
		while (end < n && v[end] - v[i] <= width)
			end++;
		if (not_from >= 0 && (int)i < not_from + (int)not_n && (int)end > not_from)
			continue;
		if (end - i > best) {
			best = end - i;
			*begin = i;
		}
	}
	return best;
}

static bool mode(struct skew *s, uint8_t want, uint8_t refuse, float width)
{
	float v[SKEW_SAMPLES];
	unsigned n = gather(s, want, refuse, v), at = 0, other = 0;
	unsigned best = fullest(v, n, width, -1, 0, &at);

	if (best < SKEW_ENOUGH || best * 100 < n * SHARE)
		return false;
	s->offset_s = v[at + best / 2];
	s->error_s = width;
	s->doubt = fullest(v, n, width, (int)at, best, &other) * 10 >= best * 8;
	return true;
}

/*
 * Distances of queries begin at the difference of the clocks and end ten seconds later, at the latest; most of them lie at the begin. Single wrong
 * pairs may lie anywhere, so the begin is that of the fullest second, if there is one, and else the 5th percentile.
 */
static bool edge(struct skew *s)
{
	float v[SKEW_SAMPLES];
	unsigned n = gather(s, SKEW_UNIQUE, 0, v), at = 0, near = 0;
	unsigned best = fullest(v, n, 1, -1, 0, &at);
	float e;

	if (n < SKEW_ENOUGH)
		return false;
	if (best >= SKEW_ENOUGH && best * 100 >= n * SHARE)
		e = s->before ? v[at + best - 1] : v[at];
	else
		e = s->before ? v[n - 1 - n / 20] : v[n / 20];
	for (unsigned i = 0; i < n; i++)
		near += fabsf(v[i] - e) <= 2;
	if (near * 100 < n * SHARE)
		return false;
	s->offset_s = e;
	s->error_s = 1;
	s->doubt = false;
	return true;
}

static bool estimate(struct skew *s)
{
	return mode(s, SKEW_ANSWERED | SKEW_UNIQUE, SKEW_COARSE, 0.05f) || mode(s, SKEW_ANSWERED, SKEW_COARSE, 0.05f) ||
	       mode(s, SKEW_ANSWERED | SKEW_UNIQUE, 0, 1) || edge(s);
}

bool skew_add(struct skew *s, double d, uint8_t flags)
{
	float was = s->known ? s->offset_s : 0;
	bool knew = s->known;

	s->d[s->at] = (float)d;
	s->flag[s->at] = flags;
	s->at = (uint16_t)((s->at + 1) % SKEW_SAMPLES);
	if (s->n < SKEW_SAMPLES)
		s->n++;
	/* Each sample counts while there are few; sorting 256 of them for each would be too much. */
	if (++s->unseen < s->n / 16)
		return false;
	s->unseen = 0;
	if (!estimate(s))
		return false;
	s->known = true;
	return !knew || fabsf(s->offset_s - was) > s->error_s;
}
