/*
 * fuzz_sites.c - any text as a table of sites: taken or refused with a place. Of what was taken every network finds itself, and an
 * address at its end lies in it or in a longer one.
 */
#include "fuzz.h"

#include "base/utf8.h"
#include "enrichers/sites.h"

static void check(const struct sites *t, const struct ip *ip, const struct site *s)
{
	const struct site *found = sites_find(t, ip);

	FUZZ_ASSERT(found && ip_net_has(&found->net, ip) && found->net.bits >= s->net.bits);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct sites *t = sites_new();
	struct err err = {""};

	if (sites_read(t, "f", str_n((const char *)p, n), &err) == -1 || sites_ready(t, "f", &err) == -1) {
		FUZZ_ASSERT(str_starts(str_z(err.text), STR("f:")));
	} else {
		for (size_t i = 0; i < sites_count(t); i++) {
			const struct site *s = sites_at(t, i);
			struct ip last = s->net.ip;

			FUZZ_ASSERT(sites_find(t, &s->net.ip) == s || sites_find(t, &s->net.ip)->net.bits > s->net.bits);
			for (unsigned bit = s->net.bits; bit < 128; bit++)
				last.b[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
			check(t, &last, s);
			FUZZ_ASSERT(utf8_valid(s->name) && utf8_valid(s->id) && s->name.len && s->id.len);
			FUZZ_ASSERT(!s->placed || (s->lat >= -90 && s->lat <= 90 && s->lon >= -180 && s->lon <= 180));
		}
	}
	sites_free(t);
	return 0;
}
