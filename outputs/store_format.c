#include "outputs/store_format.h"

#include "event/json.h"

const char store_schema[] =
	"CREATE TABLE event(id INTEGER PRIMARY KEY, eid TEXT, host TEXT, program TEXT, message TEXT, doc BLOB NOT NULL);"
	"CREATE TABLE batch(no INTEGER PRIMARY KEY, received INTEGER NOT NULL, n INTEGER NOT NULL, ids BLOB NOT NULL);"
	"CREATE TABLE segment(no INTEGER PRIMARY KEY, batch INTEGER NOT NULL, n INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, ids BLOB NOT NULL);"
	"CREATE TABLE posting(segment INTEGER NOT NULL, key BLOB NOT NULL, events BLOB NOT NULL, PRIMARY KEY(segment, key)) WITHOUT ROWID;"
	"CREATE TABLE dictionary(no INTEGER PRIMARY KEY, data BLOB NOT NULL);"
	"CREATE VIEW log AS SELECT strftime('%Y-%m-%dT%H:%M:%fZ', (id >> 21) / 1000.0, 'unixepoch') AS time, host, program, message, eid, id FROM event;";

int64_t store_ms_of(struct ts t)
{
	if (t.s < 0 || t.s > (int64_t)1 << 40)
		return t.s < 0 ? 0 : INT64_MAX;
	return t.s * 1000 + t.ns / 1000000;
}

static size_t put_number(char *q, uint64_t v)
{
	size_t n = 0;

	while (v >= 0x80) {
		q[n++] = (char)(v | 0x80);
		v >>= 7;
	}
	q[n++] = (char)v;
	return n;
}

void store_put_ids(struct buf *b, const int64_t *ids, size_t n)
{
	char *q = buf_room(b, n * 10);
	int64_t last = 0;
	size_t len = 0;

	if (!q)
		return;
	for (size_t i = 0; i < n; i++) {
		len += put_number(q + len, (uint64_t)ids[i] - (uint64_t)last);
		last = ids[i];
	}
	b->len += len;
}

bool store_take_id(struct str *blob, int64_t *last)
{
	uint64_t v = 0;
	unsigned shift = 0;

	for (size_t i = 0; i < blob->len && shift < 64; i++, shift += 7) {
		v |= (uint64_t)(blob->p[i] & 0x7f) << shift;
		if (!(blob->p[i] & 0x80)) {
			*blob = str_from(*blob, i + 1);
			*last = (int64_t)((uint64_t)*last + v);
			return true;
		}
	}
	*blob = STR("");
	return false;
}

int store_event(struct event *ev, struct arena *a, struct str json, struct err *err)
{
	struct value v, *time;
	struct ts t;

	event_init(ev, a);
	if (json_read(a, &json, NULL, &v, err) == -1)
		return -1;
	if (v.type != V_MAP)
		return err_set(err, "the document is no object");
	ev->root = *v.map;
	time = map_find_str(&ev->root, STR("@timestamp"));
	if (value_is(time, V_STRING) && ts_parse_iso(value_str(time), &t))
		*time = v_time(t);
	return 0;
}

bool store_name_parse(struct str name, int64_t *day, unsigned *part, struct str *rest)
{
	uint64_t year, month, dom, n = 1;
	struct ts t;

	if (name.len < 13 || !ts_parse_iso(str_sub(name, 0, 10), &t))
		return false;
	*rest = name;
	if (!str_take_u64(rest, 4, 9999, &year) || !str_starts(*rest, STR("-")))
		return false;
	*rest = str_from(*rest, 1);
	if (!str_take_u64(rest, 2, 12, &month) || !str_starts(*rest, STR("-")))
		return false;
	*rest = str_from(*rest, 1);
	if (!str_take_u64(rest, 2, 31, &dom) || !str_starts(*rest, STR(".")))
		return false;
	*rest = str_from(*rest, 1);
	if (str_take_u64(rest, 6, 999999, &n)) {
		if (!str_starts(*rest, STR(".")) || n < 2)
			return false;
		*rest = str_from(*rest, 1);
	}
	if (!str_starts(*rest, STR("db")))
		return false;
	*rest = str_from(*rest, 2);
	*day = civil_days((int64_t)year, (int)month, (int)dom);
	*part = (unsigned)n;
	return true;
}

size_t store_name(int64_t day, unsigned part, char out[STORE_NAME_MAX])
{
	struct civil c;
	int n;

	civil_from_seconds(day * 86400, &c);
	if (part > 1)
		n = snprintf(out, STORE_NAME_MAX, "%04d-%02d-%02d.%u.db", (int)(c.year % 10000), c.month, c.day, part);
	else
		n = snprintf(out, STORE_NAME_MAX, "%04d-%02d-%02d.db", (int)(c.year % 10000), c.month, c.day);
	return (size_t)n;
}
