/*
 * metrics_doc.c - docs/metrics.md: everything that weird counts.
 *
 * A program of the build, not of the product. Written from the table that the page /metrics is made of; a test compares its
 * output with the file in docs/.
 */
#include "base/metrics.h"

#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	struct buf b;
	bool ok;

	buf_init(&b, 0);
	metrics_describe(&b);
	ok = fwrite(b.p, 1, b.len, stdout) == b.len && fflush(stdout) == 0;
	buf_release(&b);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
