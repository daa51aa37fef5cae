#include "base/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

struct regex {
	pcre2_code *code;
	unsigned groups;
	struct str *name;
};

struct regex_match {
	pcre2_match_data *data;
};

struct regex *regex_compile(struct str source, unsigned flags, struct err *err)
{
	uint32_t options = PCRE2_UTF | PCRE2_MULTILINE | (flags & REGEX_DOTALL ? PCRE2_DOTALL : 0) | (flags & REGEX_ICASE ? PCRE2_CASELESS : 0) |
			   (flags & REGEX_EXTENDED ? PCRE2_EXTENDED : 0);
	struct regex *r = xzalloc(sizeof(*r));
	PCRE2_SPTR table;
	uint32_t names, size;
	PCRE2_SIZE at;
	int code;

	r->code = pcre2_compile((PCRE2_SPTR)source.p, source.len, options, &code, &at, NULL);
	if (!r->code) {
		PCRE2_UCHAR text[200];

		pcre2_get_error_message(code, text, sizeof(text));
		err_set(err, "%s at character %zu of the regular expression", (char *)text, (size_t)at);
		free(r);
		return NULL;
	}
	pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE);
	pcre2_pattern_info(r->code, PCRE2_INFO_CAPTURECOUNT, &r->groups);
	pcre2_pattern_info(r->code, PCRE2_INFO_NAMECOUNT, &names);
	pcre2_pattern_info(r->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
	pcre2_pattern_info(r->code, PCRE2_INFO_NAMETABLE, &table);
	r->name = xzalloc((r->groups + 1) * sizeof(*r->name));
	for (uint32_t i = 0; i < names; i++, table += size)
		r->name[table[0] << 8 | table[1]] = str_z((const char *)table + 2);
	return r;
}

void regex_free(struct regex *r)
{
	if (!r)
		return;
	pcre2_code_free(r->code);
	free(r->name);
	free(r);
}

unsigned regex_groups(const struct regex *r)
{
	return r->groups;
}

struct str regex_group_name(const struct regex *r, unsigned i)
{
	return i <= r->groups ? r->name[i] : (struct str){0};
}

struct regex_match *regex_match_new(void)
{
	struct regex_match *m = xzalloc(sizeof(*m));

	m->data = pcre2_match_data_create(256, NULL);
	return m;
}

void regex_match_free(struct regex_match *m)
{
	if (!m)
		return;
	pcre2_match_data_free(m->data);
	free(m);
}

enum regex_result regex_exec(const struct regex *r, struct str subject, size_t from, struct regex_match *m)
{
	int rc = pcre2_match(r->code, (PCRE2_SPTR)subject.p, subject.len, from, 0, m->data, NULL);

	return rc > 0 ? REGEX_YES : rc == PCRE2_ERROR_NOMATCH ? REGEX_NO : REGEX_LIMIT;
}

bool regex_group(const struct regex_match *m, unsigned i, size_t *start, size_t *end)
{
	const PCRE2_SIZE *o = pcre2_get_ovector_pointer(m->data);

	if (i >= pcre2_get_ovector_count(m->data) || o[2 * i] == PCRE2_UNSET)
		return false;
	*start = o[2 * i];
	*end = o[2 * i + 1];
	return true;
}

static struct str replacement(const struct regex_match *m, struct arena *a, struct str subject, struct str with)
{
	struct str out = {arena_bytes(a, 0), 0};

	for (size_t i = 0; i < with.len; i++) {
		size_t s, e;
		struct str piece = str_sub(with, i, 1);

		if (with.p[i] == '\\' && i + 1 < with.len && ch_digit(with.p[i + 1])) {
			i++;
			piece = regex_group(m, (unsigned)(with.p[i] - '0'), &s, &e) ? str_sub(subject, s, e - s) : STR("");
		}
		out = arena_printf(a, "%.*s%.*s", STR_ARG(out), STR_ARG(piece));
	}
	return out;
}

int regex_gsub(const struct regex *r, struct regex_match *m, struct arena *a, struct str subject, struct str with, struct str *out)
{
	struct str done = {arena_bytes(a, 0), 0};
	size_t at = 0, from = 0, s, e;
	bool any = false;

	for (;;) {
		enum regex_result rc = from <= subject.len ? regex_exec(r, subject, from, m) : REGEX_NO;

		if (rc == REGEX_LIMIT)
			return -1;
		if (rc == REGEX_NO)
			break;
		any = true;
		regex_group(m, 0, &s, &e);
		struct str text = replacement(m, a, subject, with);
		done = arena_printf(a, "%.*s%.*s%.*s", STR_ARG(done), (int)(s - at), subject.p + at, STR_ARG(text));
		at = e;
		from = e == s ? e + 1 : e;
	}
	*out = any ? arena_printf(a, "%.*s%.*s", STR_ARG(done), (int)(subject.len - at), subject.p + at) : subject;
	return 0;
}
