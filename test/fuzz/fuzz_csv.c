/*
 * fuzz_csv.c - any text as a row, and as a dictionary of rows: the first byte chooses the format. Columns are slices without their quotes
 * that never are longer than the text together.
 */
#include "fuzz.h"

#include "base/hash.h"
#include "filter/csv_parse.h"
#include "filter/dictionary.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const struct csv_format formats[] = {
		{STR_INIT(","), STR_INIT("\"")},
		{STR_INIT("\t"), STR_INIT("'")},
		{STR_INIT("::"), STR_INIT("")},
	};
	struct arena a;
	struct str text;
	struct list *row;
	size_t sum = 0;

	if (n == 0)
		return 0;
	hash_init(NULL);
	arena_init(&a, NULL);
	text = str_n((const char *)p + 1, n - 1);
	if (p[0] % 4 == 3) {
		struct map *m = map_new(&a, 0);
		struct err err;

		if (dictionary_csv(&a, text, m, &err) < 0)
			FUZZ_ASSERT(err.text[0]);
	} else if (csv_row(&a, &formats[p[0] % 4], text, &row) == CSV_ROW) {
		for (uint32_t i = 0; i < row->n; i++) {
			FUZZ_ASSERT(row->v[i].type == V_STRING || row->v[i].type == V_NULL);
			sum += row->v[i].type == V_STRING ? row->v[i].len : 0;
		}
		FUZZ_ASSERT(sum <= text.len);
		FUZZ_ASSERT(row->n <= text.len + 1);
	}
	arena_release(&a);
	return 0;
}
