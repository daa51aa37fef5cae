/*
 * dissect_map.h - a mapping of the dissect filter: fields and the literal text between them, compiled once.
 *
 *	<%{pri}>%{ts} %{+ts} %{?name}=%{&name}, %{rest->} %{}
 *
 * A field ends where the text behind it in the mapping is found; the last one takes the rest. `->` passes over repetitions of that
 * text. `+a` is appended to a, `+a/2` as the second; `?a` and the empty name are left out; `&a` is stored under the value of a.
 *
 * dissect_cut is pure: text in, one slice per field out, total over any input.
 */
#ifndef WEIR_FILTER_DISSECT_MAP_H
#define WEIR_FILTER_DISSECT_MAP_H

#include "base/err.h"
#include "event/ref.h"

enum dissect_kind { DISSECT_NORMAL, DISSECT_SKIP, DISSECT_APPEND, DISSECT_INDIRECT };

struct dissect_field {
	enum dissect_kind kind;
	bool padding; /* -> */
	struct str name;
	const struct ref *ref; /* NULL: the name is no reference */
	unsigned ordinal;
	struct str before, after; /* .p NULL: nothing stands there */
};

struct dissect_map {
	struct str prefix;
	struct dissect_field *field;
	uint32_t *order; /* in which fields are saved: normal ones, appended ones by their ordinal, indirect ones */
	uint32_t n;
};

/* Lives in a. -1 and err where the mapping is empty or a field is no field. */
int dissect_compile(struct arena *a, struct str mapping, struct dissect_map *out, struct err *err);
/* out has room for n slices. false: the text does not fit. */
bool dissect_cut(const struct dissect_map *m, struct str text, struct str *out);

#endif
