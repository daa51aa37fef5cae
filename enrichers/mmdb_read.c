#include "enrichers/mmdb_read.h"

#include <math.h>

enum { METADATA_VALUES_MAX = 1024 };

enum type {
	T_EXTENDED, T_POINTER, T_TEXT, T_DOUBLE, T_BYTES, T_UINT16, T_UINT32, T_MAP, T_INT32, T_UINT64, T_UINT128, T_ARRAY,
	T_CONTAINER, T_END, T_BOOL, T_FLOAT,
};

/* Which map one is in, as far as its keys mean something. */
enum place {
	IN_NOTHING, IN_ROOT, IN_CITY, IN_CITY_NAMES, IN_CONTINENT, IN_CONTINENT_NAMES, IN_COUNTRY, IN_COUNTRY_NAMES, IN_LOCATION, IN_POSTAL,
	IN_REGIONS, IN_REGION, IN_REGION_NAMES, IN_METADATA, IN_WORDS,
};

/*
 * A key's meaning: as a map or list it leads to `below`, as a scalar it is the fact. MaxMind's layout nests
 * ({"city": {"names": {"en": "London"}}}), the flat one does not ({"city": "London", "state1": "England"}).
 */
struct row {
	uint8_t len, below, fact;
	bool flat;
	const char *key;
};

#define ROW(key, below, fact) {sizeof(key) - 1, below, fact, false, key}
#define FLAT(key, below, fact) {sizeof(key) - 1, below, fact, true, key}
static const struct row in_root[] = {
	FLAT("city", IN_CITY, FACT_CITY),
	ROW("continent", IN_CONTINENT, FACT_NONE),
	ROW("country", IN_COUNTRY, FACT_NONE),
	ROW("location", IN_LOCATION, FACT_NONE),
	ROW("postal", IN_POSTAL, FACT_NONE),
	ROW("subdivisions", IN_REGIONS, FACT_NONE),
	ROW("traits", IN_ROOT, FACT_NONE),
	ROW("autonomous_system_number", IN_NOTHING, FACT_AS_NUMBER),
	ROW("autonomous_system_organization", IN_NOTHING, FACT_AS_ORG),
	FLAT("country_code", IN_NOTHING, FACT_COUNTRY_CODE),
	FLAT("latitude", IN_NOTHING, FACT_LATITUDE),
	FLAT("longitude", IN_NOTHING, FACT_LONGITUDE),
	FLAT("postcode", IN_NOTHING, FACT_POSTAL_CODE),
	FLAT("state1", IN_NOTHING, FACT_REGION_NAME),
	FLAT("timezone", IN_NOTHING, FACT_TIMEZONE),
	ROW("domain", IN_NOTHING, FACT_DOMAIN),
	ROW("isp", IN_NOTHING, FACT_ISP),
	ROW("organization", IN_NOTHING, FACT_ORGANIZATION),
	ROW("is_anonymous", IN_NOTHING, FACT_ANONYMOUS),
	ROW("is_anonymous_vpn", IN_NOTHING, FACT_ANONYMOUS_VPN),
	ROW("is_hosting_provider", IN_NOTHING, FACT_HOSTING_PROVIDER),
	ROW("is_public_proxy", IN_NOTHING, FACT_PUBLIC_PROXY),
	ROW("is_residential_proxy", IN_NOTHING, FACT_RESIDENTIAL_PROXY),
	ROW("is_tor_exit_node", IN_NOTHING, FACT_TOR_EXIT_NODE),
};
static const struct row in_city[] = {
	ROW("names", IN_CITY_NAMES, FACT_NONE),
};
static const struct row in_city_names[] = {
	ROW("en", IN_NOTHING, FACT_CITY),
};
static const struct row in_continent[] = {
	ROW("code", IN_NOTHING, FACT_CONTINENT_CODE),
	ROW("names", IN_CONTINENT_NAMES, FACT_NONE),
};
static const struct row in_continent_names[] = {
	ROW("en", IN_NOTHING, FACT_CONTINENT_NAME),
};
static const struct row in_country[] = {
	ROW("iso_code", IN_NOTHING, FACT_COUNTRY_CODE),
	ROW("names", IN_COUNTRY_NAMES, FACT_NONE),
};
static const struct row in_country_names[] = {
	ROW("en", IN_NOTHING, FACT_COUNTRY_NAME),
};
static const struct row in_location[] = {
	ROW("latitude", IN_NOTHING, FACT_LATITUDE),
	ROW("longitude", IN_NOTHING, FACT_LONGITUDE),
	ROW("time_zone", IN_NOTHING, FACT_TIMEZONE),
};
static const struct row in_postal[] = {
	ROW("code", IN_NOTHING, FACT_POSTAL_CODE),
};
static const struct row in_region[] = {
	ROW("iso_code", IN_NOTHING, FACT_REGION_CODE),
	ROW("names", IN_REGION_NAMES, FACT_NONE),
};
static const struct row in_region_names[] = {
	ROW("en", IN_NOTHING, FACT_REGION_NAME),
};
static const struct row in_metadata[] = {
	ROW("node_count", IN_NOTHING, FACT_NODE_COUNT),
	ROW("record_size", IN_NOTHING, FACT_RECORD_SIZE),
	ROW("ip_version", IN_NOTHING, FACT_IP_VERSION),
	ROW("database_type", IN_NOTHING, FACT_DATABASE_TYPE),
	ROW("build_epoch", IN_NOTHING, FACT_BUILD_EPOCH),
	ROW("languages", IN_WORDS, FACT_NONE),
	ROW("description", IN_WORDS, FACT_NONE),
};
#undef ROW
#undef FLAT

static const struct {
	const struct row *row;
	size_t n;
} places[IN_WORDS + 1] = {
#define PLACE(in, rows) [in] = {rows, sizeof(rows) / sizeof(*(rows))}
	PLACE(IN_ROOT, in_root),
	PLACE(IN_CITY, in_city),
	PLACE(IN_CITY_NAMES, in_city_names),
	PLACE(IN_CONTINENT, in_continent),
	PLACE(IN_CONTINENT_NAMES, in_continent_names),
	PLACE(IN_COUNTRY, in_country),
	PLACE(IN_COUNTRY_NAMES, in_country_names),
	PLACE(IN_LOCATION, in_location),
	PLACE(IN_POSTAL, in_postal),
	PLACE(IN_REGION, in_region),
	PLACE(IN_REGION_NAMES, in_region_names),
	PLACE(IN_METADATA, in_metadata),
#undef PLACE
};

static const struct row *find_row(unsigned in, struct str key)
{
	const struct row *row = places[in].row, *end = row + places[in].n;

	for (; row < end; row++)
		if (row->len == key.len && memcmp(row->key, key.p, key.len) == 0)
			return row;
	return NULL;
}

static const char past_end[] = "a value runs past the end of the data";

/* One value without what is within it. */
struct item {
	enum type type;
	size_t size; /* bytes, pairs or elements; a boolean's value */
	size_t at;   /* where its bytes or its first element begin; of a pointer: what it points to */
};

static uint64_t big_endian(struct str s, size_t at, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | (unsigned char)s.p[at + i];
	return v;
}

/* *at moves behind the head; behind the bytes, too, where there are any. */
static const char *take_item(struct str s, size_t *at, struct item *out)
{
	static const uint32_t pointer_base[] = {0, 2048, 526336, 0}, size_base[] = {29, 285, 65821};
	unsigned control, type;
	size_t n, size;

	if (*at >= s.len)
		return past_end;
	control = (unsigned char)s.p[(*at)++];
	type = control >> 5;
	if (type == T_POINTER) {
		n = (control >> 3 & 3) + 1;
		if (s.len - *at < n)
			return past_end;
		out->type = T_POINTER;
		out->at = big_endian(s, *at, n) + (n < 4 ? (size_t)(control & 7) << 8 * n : 0) + pointer_base[n - 1];
		*at += n;
		return NULL;
	}
	if (type == T_EXTENDED) {
		if (*at >= s.len)
			return past_end;
		type = 7u + (unsigned char)s.p[(*at)++];
		if (type < T_INT32 || type > T_FLOAT || type == T_CONTAINER || type == T_END)
			return "a value has an unknown type";
	}
	size = control & 31;
	if (size >= 29) {
		n = size - 28;
		if (s.len - *at < n)
			return past_end;
		size = big_endian(s, *at, n) + size_base[n - 1];
		*at += n;
	}
	*out = (struct item){.type = (enum type)type, .size = size, .at = *at};
	if (type == T_MAP || type == T_ARRAY || type == T_BOOL)
		return NULL;
	if (s.len - *at < size)
		return past_end;
	*at += size;
	return NULL;
}

/* The same through one pointer. *back is where to go on, if there was one, else SIZE_MAX. */
static const char *take_value(struct str s, size_t *at, struct item *out, size_t *back)
{
	const char *wrong = take_item(s, at, out);

	*back = SIZE_MAX;
	if (wrong || out->type != T_POINTER)
		return wrong;
	*back = *at;
	*at = out->at;
	wrong = take_item(s, at, out);
	if (!wrong && out->type == T_POINTER)
		return "a pointer leads to a pointer";
	return wrong;
}

/* The double with the fewest decimals that is the same float: 37.422001, not 37.42200088500977. */
static double widen(float f)
{
	/* A whole number below 2^53 by a power of ten: the quotient is the double nearest to that decimal. */
	for (double ten = 1; ten <= 1e9; ten *= 10) {
		double d = nearbyint((double)f * ten) / ten;

		if ((float)d == f)
			return d;
	}
	return (double)f;
}

static bool read_double(struct str s, const struct item *i, double *out)
{
	uint64_t bits;
	uint32_t half;
	float f;

	if (i->type == T_DOUBLE && i->size == 8) {
		bits = big_endian(s, i->at, 8);
		memcpy(out, &bits, 8);
	} else if (i->type == T_FLOAT && i->size == 4) {
		half = (uint32_t)big_endian(s, i->at, 4);
		memcpy(&f, &half, 4);
		if (!(f >= -360 && f <= 360))
			return false;
		*out = widen(f);
	} else {
		return false;
	}
	/* Infinities and NaN are no places. */
	return *out >= -360 && *out <= 360;
}

static void keep(struct str s, const struct item *i, const struct row *row, struct mmdb_facts *f)
{
	unsigned fact = row->fact;
	bool ok = false;

	/* The first of two, as the library has it. */
	if (facts_have(f, fact))
		return;
	if (fact < FACT_TEXTS) {
		ok = i->type == T_TEXT;
		if (ok)
			f->text[fact] = str_sub(s, i->at, i->size);
		/* The flat layout writes "" for what it does not know. */
		if (ok && row->flat && i->size == 0) {
			f->flat = true;
			return;
		}
	} else if (fact < FACT_AS_NUMBER) {
		ok = read_double(s, i, fact == FACT_LATITUDE ? &f->latitude : &f->longitude);
	} else {
		ok = i->type == T_BOOL || ((i->type == T_UINT16 || i->type == T_UINT32 || i->type == T_UINT64) && i->size <= 8);
		if (ok)
			f->number[fact - FACT_AS_NUMBER] = i->type == T_BOOL ? i->size : big_endian(s, i->at, i->size);
	}
	if (!ok)
		return;
	f->has |= 1u << fact;
	f->flat |= row->flat;
}

/* A map or list that is being read. */
struct frame {
	size_t left; /* pairs or elements */
	size_t back; /* where to go on when it is done; SIZE_MAX: right behind it */
	uint8_t in;
	bool map;
};

/* A name was found and other languages follow. Where nothing else does up to the end of something that was pointed to: go on behind the pointer. */
static void leave_names(const struct frame *stack, unsigned *depth, size_t *at)
{
	unsigned d = *depth - 1;

	while (stack[d].back == SIZE_MAX && d > 0 && stack[d - 1].left == 0)
		d--;
	if (stack[d].back == SIZE_MAX)
		return;
	*at = stack[d].back;
	*depth = d;
}

static bool is_names(unsigned place)
{
	return place == IN_CITY_NAMES || place == IN_CONTINENT_NAMES || place == IN_COUNTRY_NAMES || place == IN_REGION_NAMES;
}

/* known: it was read as a whole before; what says nothing and can be stepped over is. */
static const char *walk(struct str s, size_t at, unsigned in, bool known, struct mmdb_facts *f)
{
	const unsigned values_max = in == IN_METADATA ? METADATA_VALUES_MAX : MMDB_VALUES_MAX;
	struct frame stack[MMDB_DEPTH_MAX];
	unsigned depth = 0, values = 0;
	/* What the next value is: the record itself at first. */
	static const struct row nothing = {.fact = FACT_NONE};
	struct row first = {.below = (uint8_t)in, .fact = FACT_NONE};
	const struct row *row = &first;

	do {
		struct item item;
		size_t back;
		const char *wrong;

		if (depth) {
			struct frame *top = &stack[depth - 1];

			if (top->left == 0) {
				if (top->back != SIZE_MAX)
					at = top->back;
				depth--;
				continue;
			}
			top->left--;
			row = &nothing;
			if (top->map) {
				wrong = take_value(s, &at, &item, &back);
				if (wrong)
					return wrong;
				if (item.type != T_TEXT)
					return "a key is no text";
				if (back != SIZE_MAX)
					at = back;
				row = find_row(top->in, str_sub(s, item.at, item.size));
				row = row ? row : &nothing;
			} else if (top->in == IN_REGIONS) {
				/* From the country down: the last one is the most specific, and only what it says itself counts. */
				f->has &= ~(1u << FACT_REGION_CODE | 1u << FACT_REGION_NAME);
				first.below = IN_REGION;
				row = &first;
			}
		}
		if (++values > values_max)
			return values_max == MMDB_VALUES_MAX ? "a record has more than 256 values" : "the metadata have more than 1024 values";
		wrong = take_value(s, &at, &item, &back);
		if (wrong)
			return wrong;
		/* The library loses memory where these hold anything else. */
		if (depth && stack[depth - 1].in == IN_WORDS && item.type != T_TEXT)
			return "a language or a description is no text";
		if (known && row == &nothing && back != SIZE_MAX) {
			at = back;
			continue;
		}
		if (item.type == T_MAP || item.type == T_ARRAY) {
			if (depth == MMDB_DEPTH_MAX)
				return "maps lie in maps more than 16 deep";
			stack[depth++] = (struct frame){item.size, back, row->below, item.type == T_MAP};
			continue;
		}
		if (row->fact != FACT_NONE)
			keep(s, &item, row, f);
		if (back != SIZE_MAX)
			at = back;
		if (known && depth && row->fact != FACT_NONE && facts_have(f, row->fact) && is_names(stack[depth - 1].in))
			leave_names(stack, &depth, &at);
	} while (depth);
	return NULL;
}

const char *mmdb_read_record(struct str section, size_t at, struct mmdb_facts *f)
{
	if (!f)
		return walk(section, at, IN_NOTHING, false, NULL);
	*f = (struct mmdb_facts){0};
	return walk(section, at, IN_ROOT, false, f);
}

void mmdb_read_facts(struct str section, size_t at, struct mmdb_facts *f)
{
	*f = (struct mmdb_facts){0};
	if (walk(section, at, IN_ROOT, true, f))
		*f = (struct mmdb_facts){0};
}

const char *mmdb_read_metadata(struct str section, struct mmdb_facts *f)
{
	*f = (struct mmdb_facts){0};
	return walk(section, 0, IN_METADATA, false, f);
}
