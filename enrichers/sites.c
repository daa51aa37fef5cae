#include "enrichers/sites.h"

#include "base/number.h"
#include "base/utf8.h"
#include "config/diag.h"
#include "enrichers/countries.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { LINE_MAX_BYTES = 4096, FIELD_MAX = 256 };

struct sites {
	struct arena arena;
	struct site *row;
	size_t n, cap;
};

struct sites *sites_new(void)
{
	struct sites *t = xzalloc(sizeof(*t));

	arena_init(&t->arena, NULL);
	return t;
}

void sites_free(struct sites *t)
{
	if (!t)
		return;
	arena_release(&t->arena);
	free(t->row);
	free(t);
}

size_t sites_count(const struct sites *t)
{
	return t->n;
}

const struct site *sites_at(const struct sites *t, size_t i)
{
	return &t->row[i];
}

/* ---- one row ---- */

int sites_add(struct sites *t, struct site *row, struct str network, struct err *err)
{
	char text[IP_NET_TEXT];
	const struct country *c;
	bool host;

	if (!ip_net_parse(network, &row->net, &host))
		return host ? err_set(err, "network '%.*s' has bits set behind its prefix", STR_ARG(str_sub(network, 0, 64)))
			    : err_set(err, "'%.*s' is no network such as 10.20.0.0/16 or 2001:db8::/32", STR_ARG(str_sub(network, 0, 64)));
	if (!row->id.len && !row->name.len)
		return err_set(err, "network '%.*s' has neither an id nor a name", STR_ARG(network));
	if (t->n == SITES_MAX)
		return err_set(err, "more than %d networks", SITES_MAX);
	if (t->n == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 64;
		t->row = xrealloc(t->row, t->cap * sizeof(*t->row));
	}
	row->network = arena_dup(&t->arena, str_n(text, ip_net_format(&row->net, text)));
	row->id = arena_dup(&t->arena, row->id.len ? row->id : row->name);
	row->name = arena_dup(&t->arena, row->name.len ? row->name : row->id);
	row->city = arena_dup(&t->arena, row->city);
	row->country = arena_dup(&t->arena, row->country);
	c = country_find(row->country);
	if (c) {
		row->country = str_z(c->name);
		row->country_code = str_n(c->code, 2);
	}
	t->row[t->n++] = *row;
	return 0;
}

/* ---- CSV ---- */

enum column { COL_NETWORK, COL_ID, COL_NAME, COL_CITY, COL_COUNTRY, COL_LAT, COL_LON, COLUMNS };

static const char *const column_names[] = {"network", "id", "name", "city", "country", "lat", "lon", NULL};

struct csv {
	const char *file;
	struct str rest;
	unsigned line; /* of the line at hand, from 1 */
	struct arena scratch; /* of the line at hand */
	struct str field[FIELD_MAX];
	unsigned n;
	unsigned column[FIELD_MAX], columns; /* what the header says: enum column of each place */
	bool has[COLUMNS];
};

/* "file:line: text" */
static int wrong(const struct csv *c, struct err *err)
{
	return err_prefix(err, "%s:%u: ", c->file, c->line);
}

/* The next line that says something. */
static bool next_line(struct csv *c, struct str *out)
{
	while (c->rest.len) {
		struct str line = c->rest;

		if (!str_cut(&c->rest, '\n', &line))
			c->rest.len = 0;
		c->line++;
		line = str_trim(line);
		if (line.len && line.p[0] != '#') {
			*out = line;
			return true;
		}
	}
	return false;
}

/* What stands in quotes, behind the first one; *s moves behind the last one. */
static int quoted(struct csv *c, struct str *s, struct str *out, struct err *err)
{
	char *text = arena_bytes(&c->scratch, s->len + 1);
	size_t n = 0, i = 0;

	for (; i < s->len; i++) {
		if (s->p[i] == '"' && (i + 1 == s->len || s->p[i + 1] != '"'))
			break;
		i += s->p[i] == '"';
		text[n++] = s->p[i];
	}
	if (i == s->len)
		return err_set(err, "a quoted field does not end on its line");
	*s = str_trim(str_from(*s, i + 1));
	*out = str_n(text, n);
	return 0;
}

static int split(struct csv *c, struct str line, struct err *err)
{
	bool more = true;

	arena_clear(&c->scratch);
	c->n = 0;
	if (line.len > LINE_MAX_BYTES)
		return err_set(err, "the line has more than %d bytes", LINE_MAX_BYTES);
	if (!utf8_valid(line))
		return err_set(err, "the line is no UTF-8");
	while (more) {
		struct str field = STR("");

		if (c->n == FIELD_MAX)
			return err_set(err, "more than %d fields", FIELD_MAX);
		line = str_trim(line);
		if (line.len && line.p[0] == '"') {
			line = str_from(line, 1);
			if (quoted(c, &line, &field, err) == -1)
				return -1;
			if (line.len && line.p[0] != ',')
				return err_set(err, "text behind the quotes of field %u", c->n + 1);
			more = line.len > 0;
			line = str_from(line, 1);
		} else {
			more = str_cut(&line, ',', &field);
			if (!more)
				field = line;
			field = str_trim(field);
		}
		c->field[c->n++] = field;
	}
	return 0;
}

static int read_header(struct csv *c, struct err *err)
{
	for (unsigned i = 0; i < c->n; i++) {
		unsigned col = 0;

		while (col < COLUMNS && !str_ieq(c->field[i], str_z(column_names[col])))
			col++;
		if (col == COLUMNS) {
			const char *near = nearest_word(c->field[i], column_names, COLUMNS);

			return err_set(err, "unknown column '%.*s'%s%s%s; known are network, id, name, city, country, lat and lon",
				       STR_ARG(str_sub(c->field[i], 0, 64)), near ? ", did you mean '" : "", near ? near : "", near ? "'" : "");
		}
		if (c->has[col])
			return err_set(err, "column '%s' stands there twice", column_names[col]);
		c->has[col] = true;
		c->column[i] = col;
	}
	c->columns = c->n;
	if (!c->has[COL_NETWORK])
		return err_set(err, "the header row names no column 'network'");
	if (!c->has[COL_ID] && !c->has[COL_NAME])
		return err_set(err, "the header row names neither a column 'id' nor 'name'");
	if (c->has[COL_LAT] != c->has[COL_LON])
		return err_set(err, "the header row names only one of 'lat' and 'lon'");
	return 0;
}

static int read_degrees(struct str s, const char *what, double max, double *out, struct err *err)
{
	if (!number_parse_double(s, out) || !(*out >= -max && *out <= max))
		return err_set(err, "'%s' is a number from -%.0f to %.0f, not '%.*s'", what, max, max, STR_ARG(str_sub(s, 0, 64)));
	return 0;
}

static int read_row(struct csv *c, struct sites *t, struct err *err)
{
	struct site row = {.parent = UINT32_MAX, .line = c->line};
	struct str col[COLUMNS] = {{0}};

	if (c->n != c->columns)
		return err_set(err, "%u fields where the header row has %u", c->n, c->columns);
	for (unsigned i = 0; i < c->n; i++)
		col[c->column[i]] = c->field[i];
	row.id = col[COL_ID];
	row.name = col[COL_NAME];
	row.city = col[COL_CITY];
	row.country = col[COL_COUNTRY];
	row.placed = col[COL_LAT].len && col[COL_LON].len;
	if (!row.placed && (col[COL_LAT].len || col[COL_LON].len))
		return err_set(err, "only one of 'lat' and 'lon' has a value");
	if (row.placed && (read_degrees(col[COL_LAT], "lat", 90, &row.lat, err) == -1 || read_degrees(col[COL_LON], "lon", 180, &row.lon, err) == -1))
		return -1;
	return sites_add(t, &row, col[COL_NETWORK], err);
}

int sites_read(struct sites *t, const char *file, struct str text, struct err *err)
{
	struct csv c = {.file = file, .rest = text};
	struct str line;
	int rc = 0;

	if (str_starts(text, STR("\xef\xbb\xbf")))
		c.rest = str_from(text, 3);
	arena_init(&c.scratch, NULL);
	while (rc == 0 && next_line(&c, &line)) {
		rc = split(&c, line, err);
		if (rc == 0)
			rc = c.columns ? read_row(&c, t, err) : read_header(&c, err);
		if (rc)
			wrong(&c, err);
	}
	arena_release(&c.scratch);
	if (rc == 0 && !c.columns)
		rc = err_set(err, "%s: there is no header row such as network,id,name", file);
	return rc;
}

static int slurp(const char *file, char **text, size_t *len, struct err *err)
{
	struct stat st;
	ssize_t n = 1;
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd == -1)
		return err_sys(err, "cannot open '%s'", file);
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || st.st_size > SITES_BYTES_MAX) {
		close(fd);
		return err_set(err, "'%s' is not a regular file of at most %d bytes", file, SITES_BYTES_MAX);
	}
	*text = xmalloc(SITES_BYTES_MAX < st.st_size + 1 ? SITES_BYTES_MAX : (size_t)st.st_size + 1);
	for (*len = 0; n > 0 && *len < (size_t)st.st_size; *len += (size_t)n) {
		n = read(fd, *text + *len, (size_t)st.st_size - *len);
		if (n == -1) {
			err_sys(err, "cannot read '%s'", file);
			free(*text);
			close(fd);
			return -1;
		}
	}
	close(fd);
	return 0;
}

int sites_read_file(struct sites *t, const char *file, struct err *err)
{
	char *text;
	size_t len;
	int rc;

	if (slurp(file, &text, &len, err) == -1)
		return -1;
	rc = sites_read(t, file, str_n(text, len), err);
	free(text);
	return rc;
}

/* ---- looking up ---- */

/* By address, wider ones first: what has a network stands before it. */
static int by_net(const void *a, const void *b)
{
	const struct site *x = a, *y = b;
	int d = ip_cmp(&x->net.ip, &y->net.ip);

	if (d == 0)
		d = x->net.bits - y->net.bits;
	return d ? d : x->line < y->line ? -1 : x->line > y->line;
}

int sites_ready(struct sites *t, const char *file, struct err *err)
{
	if (t->n)
		qsort(t->row, t->n, sizeof(*t->row), by_net);
	for (size_t i = 0; i < t->n; i++) {
		struct site *s = &t->row[i];
		uint32_t up = i ? (uint32_t)(i - 1) : UINT32_MAX;

		if (i && ip_eq(&s->net.ip, &s[-1].net.ip) && s->net.bits == s[-1].net.bits)
			return s->line && s[-1].line
				       ? err_set(err, "%s:%u: network '%.*s' stands in line %u already", file, s->line, STR_ARG(s->network), s[-1].line)
				       : err_set(err, "network '%.*s' is there twice: in '%s' and in 'sites'", STR_ARG(s->network), file);
		/* The row before, or one that it lies in, or none. */
		while (up != UINT32_MAX && !ip_net_has(&t->row[up].net, &s->net.ip))
			up = t->row[up].parent;
		s->parent = up;
	}
	return 0;
}

const struct site *sites_find(const struct sites *t, const struct ip *ip)
{
	size_t low = 0, high = t->n;
	uint32_t at;

	/* The first row that begins behind ip. */
	while (low < high) {
		size_t mid = (low + high) / 2;

		if (ip_cmp(&t->row[mid].net.ip, ip) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	/* Networks nest or lie apart: the longest that has ip is the one before, or one that this lies in. */
	at = low ? (uint32_t)(low - 1) : UINT32_MAX;
	while (at != UINT32_MAX && !ip_net_has(&t->row[at].net, ip))
		at = t->row[at].parent;
	return at == UINT32_MAX ? NULL : &t->row[at];
}
