#include "input/glob.h"
#include "base/utf8.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

/* ---- one name ---- */

/* The next character; a byte that is no UTF-8 stands for itself, apart from all characters. */
static int32_t next_char(struct str *s)
{
	unsigned char first = (unsigned char)s->p[0];
	int32_t c;

	if (first < 0x80) {
		*s = str_from(*s, 1);
		return first;
	}
	c = utf8_next(s);
	return c < 0 ? 0x110000 + first : c;
}

/* A character of a set, escaped or not. */
static int32_t set_char(struct str *p)
{
	if (p->p[0] == '\\' && p->len > 1)
		*p = str_from(*p, 1);
	return next_char(p);
}

/* *p stands behind the '['. Moves it behind the ']' and says whether c is meant; -1: there is no ']'. */
static int in_set(struct str *p, int32_t c)
{
	bool not = false, found = false, first = true;

	if (p->len && (p->p[0] == '^' || p->p[0] == '!')) {
		not = true;
		*p = str_from(*p, 1);
	}
	for (; p->len; first = false) {
		int32_t from, to;

		if (p->p[0] == ']' && !first) {
			*p = str_from(*p, 1);
			return found != not;
		}
		from = to = set_char(p);
		if (p->len > 1 && p->p[0] == '-' && p->p[1] != ']') {
			*p = str_from(*p, 1);
			to = set_char(p);
		}
		found |= c >= from && c <= to;
	}
	return -1;
}

/* One character of the pattern that is no '*' against one of the name; both move where it fits. */
static bool match_one(struct str *pattern, struct str *name)
{
	struct str p = *pattern, n = *name;
	int32_t c = next_char(&n);

	switch (p.p[0]) {
	case '?':
		p = str_from(p, 1);
		break;
	case '[': {
		struct str set = str_from(p, 1);
		int in = in_set(&set, c);

		if (in == 0)
			return false;
		if (in < 0) {
			/* A bracket without its end is just a bracket. */
			if (c != '[')
				return false;
			set = str_from(p, 1);
		}
		p = set;
		break;
	}
	default:
		if (set_char(&p) != c)
			return false;
	}
	*pattern = p;
	*name = n;
	return true;
}

bool glob_match(struct str pattern, struct str name)
{
	struct str star = {0}, star_name = {0};

	if (name.len && name.p[0] == '.' && !(pattern.len && (pattern.p[0] == '.' || str_starts(pattern, STR("\\.")))))
		return false;
	/* Only the last star can still take more: going back to an earlier one finds nothing new. */
	for (;;) {
		if (pattern.len && pattern.p[0] == '*') {
			star = pattern = str_from(pattern, 1);
			star_name = name;
		} else if (name.len && pattern.len && match_one(&pattern, &name)) {
			continue;
		} else if (!name.len && !pattern.len) {
			return true;
		} else if (star.p && star_name.len) {
			(void)next_char(&star_name);
			pattern = star;
			name = star_name;
		} else {
			return false;
		}
	}
}

static struct str take_part(struct str *s)
{
	struct str part;

	while (s->len && s->p[0] == '/')
		*s = str_from(*s, 1);
	if (!str_cut(s, '/', &part)) {
		part = *s;
		*s = (struct str){0};
	}
	return part;
}

bool glob_match_path(struct str pattern, struct str path)
{
	struct str deep = {0}, deep_path = {0};

	/* As glob_match, with names for characters and ** for *: only the last one can still take more. */
	for (;;) {
		struct str rest = pattern, rest_path = path, part = take_part(&rest), name = take_part(&rest_path);

		if (rest.len && str_eq(part, STR("**"))) {
			deep = pattern = rest;
			deep_path = path;
		} else if (part.len && name.len && glob_match(part, name)) {
			pattern = rest;
			path = rest_path;
		} else if (!part.len && !name.len) {
			return true;
		} else if (deep.p) {
			name = take_part(&deep_path);
			if (!name.len || name.p[0] == '.')
				return false;
			pattern = deep;
			path = deep_path;
		} else {
			return false;
		}
	}
}

bool glob_magic(struct str pattern)
{
	for (size_t i = 0; i < pattern.len; i++)
		if (strchr("*?[\\", pattern.p[i]))
			return true;
	return false;
}

/* ---- { } ---- */

/* The first '{' that has its '}'; its alternatives lie between. */
static bool find_braces(struct str s, size_t *open, size_t *close)
{
	size_t depth = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '\\') {
			i++;
		} else if (s.p[i] == '{') {
			if (depth++ == 0)
				*open = i;
		} else if (s.p[i] == '}' && depth && --depth == 0) {
			*close = i;
			return true;
		}
	}
	return false;
}

/* The first alternative of a list; *list moves behind its comma, or becomes .p NULL. */
static struct str take_alternative(struct str *list)
{
	struct str all = *list;
	size_t depth = 0;

	for (size_t i = 0; i < all.len; i++) {
		if (all.p[i] == '\\') {
			i++;
		} else if (all.p[i] == '{') {
			depth++;
		} else if (all.p[i] == '}' && depth) {
			depth--;
		} else if (all.p[i] == ',' && !depth) {
			*list = str_from(all, i + 1);
			return str_sub(all, 0, i);
		}
	}
	*list = (struct str){0};
	return all;
}

struct alternatives {
	struct arena *arena;
	struct str *v;
	size_t n;
	size_t steps; /* nested ones multiply before a single one is complete */
};

static bool expand(struct alternatives *out, struct str s)
{
	size_t open = 0, close = 0;
	struct str list;

	if (++out->steps > 4 * GLOB_ALTERNATIVES)
		return false;
	if (!find_braces(s, &open, &close)) {
		if (out->n == GLOB_ALTERNATIVES)
			return false;
		out->v[out->n++] = s;
		return true;
	}
	list = str_sub(s, open + 1, close - open - 1);
	while (list.p) {
		struct str one = take_alternative(&list);

		if (!expand(out, arena_printf(out->arena, "%.*s%.*s%.*s", (int)open, s.p, STR_ARG(one), STR_ARG(str_from(s, close + 1)))))
			return false;
	}
	return true;
}

size_t glob_braces(struct arena *a, struct str pattern, struct str **out)
{
	struct alternatives all = {a, arena_alloc(a, sizeof(struct str) * GLOB_ALTERNATIVES), 0, 0};

	/* Each level of nesting is a call; a name cannot be longer than a path anyway. */
	if (pattern.len >= PATH_MAX || !expand(&all, pattern))
		return 0;
	*out = all.v;
	return all.n;
}

/* ---- the tree of folders ---- */

struct walk {
	const struct glob_hooks *hooks;
	char path[PATH_MAX];
	size_t len;
	bool stop;
};

/* "/name" behind the path so far. false: too long for a path. */
static bool push(struct walk *w, struct str name)
{
	if (w->len + 1 + name.len >= sizeof(w->path))
		return false;
	w->path[w->len++] = '/';
	if (name.len)
		memcpy(w->path + w->len, name.p, name.len);
	w->len += name.len;
	w->path[w->len] = 0;
	return true;
}

static void pop(struct walk *w, size_t len)
{
	w->len = len;
	w->path[len] = 0;
}

static void walk(struct walk *w, struct str rest, unsigned depth);

/* The path so far is a name of the pattern's part; rest is what must follow below it. */
static void go_on(struct walk *w, struct str rest, unsigned depth)
{
	struct stat st;

	if (rest.len)
		walk(w, rest, depth);
	else if (lstat(w->path, &st) == 0)
		w->stop |= !w->hooks->found(w->hooks->arg, w->path);
}

/* A folder itself, not a link to one: a link could lead back up. */
static bool is_folder(const struct walk *w, const struct dirent *e)
{
	struct stat st;

	if (e->d_type != DT_UNKNOWN)
		return e->d_type == DT_DIR;
	return lstat(w->path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* part NULL: all folders below, each with `rest` beginning with the double star again. */
static void list_folder(struct walk *w, const struct str *part, struct str rest, unsigned depth)
{
	DIR *d = opendir(w->len ? w->path : "/");
	size_t len = w->len;
	struct dirent *e;

	if (!d) {
		if (errno != ENOENT && errno != ENOTDIR && w->hooks->trouble)
			w->hooks->trouble(w->hooks->arg, w->len ? w->path : "/");
		return;
	}
	while (!w->stop && (e = readdir(d))) {
		struct str name = str_z(e->d_name);

		if (str_eq(name, STR(".")) || str_eq(name, STR("..")))
			continue;
		if (part ? !glob_match(*part, name) : name.p[0] == '.')
			continue;
		if (push(w, name) && (part || is_folder(w, e)))
			go_on(w, rest, depth + 1);
		pop(w, len);
	}
	closedir(d);
}

static struct str without_escapes(struct str part, char *room)
{
	size_t n = 0;

	for (size_t i = 0; i < part.len; i++) {
		if (part.p[i] == '\\' && i + 1 < part.len)
			i++;
		room[n++] = part.p[i];
	}
	return str_n(room, n);
}

static bool only_escapes(struct str part)
{
	for (size_t i = 0; i < part.len; i++)
		if (strchr("*?[", part.p[i]))
			return false;
		else if (part.p[i] == '\\')
			i++;
	return true;
}

static void walk(struct walk *w, struct str rest, unsigned depth)
{
	struct str all = rest, part;
	size_t len = w->len;
	char room[NAME_MAX + 1];

	if (depth > GLOB_DEPTH || w->stop)
		return;
	if (!str_cut(&rest, '/', &part)) {
		part = rest;
		rest = (struct str){0};
	}
	if (str_eq(part, STR("**")) && rest.p) {
		while (str_starts(rest, STR("**/")))
			rest = str_from(rest, 3);
		go_on(w, rest, depth);
		if (!w->stop)
			list_folder(w, NULL, all, depth);
		return;
	}
	if (part.len == 0) {
		/* "//" is one separator; a slash at the end asks for nothing more. */
		if (rest.len)
			walk(w, rest, depth + 1);
		return;
	}
	if (!only_escapes(part)) {
		list_folder(w, &part, rest, depth);
		return;
	}
	if (part.len > NAME_MAX)
		return;
	if (push(w, without_escapes(part, room)))
		go_on(w, rest, depth + 1);
	pop(w, len);
}

void glob_walk(struct str pattern, const struct glob_hooks *hooks)
{
	struct walk w = {.hooks = hooks};

	if (pattern.len == 0 || pattern.p[0] != '/')
		return;
	walk(&w, str_from(pattern, 1), 0);
}
