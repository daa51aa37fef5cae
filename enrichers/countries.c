#include "enrichers/countries.h"

static const struct country countries[] = {
#define COUNTRY(code, continent, name) {code, continent, name},
#include "enrichers/countries.def"
#undef COUNTRY
};

const struct country *country_find(struct str code)
{
	size_t low = 0, high = sizeof(countries) / sizeof(*countries);

	while (low < high) {
		size_t mid = (low + high) / 2;
		int d = str_cmp(code, str_n(countries[mid].code, 2));

		if (d == 0)
			return &countries[mid];
		if (d < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}
