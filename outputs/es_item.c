/*
 * es_item.c - back from the bytes of an item to what its action line says, and the same items for another index. Pure.
 *
 *	{"create":{"_index":"logs-weir.syslog-default","_id":"AZ..."}}
 */
#include "outputs/es.h"

#include "event/json.h"

/* Where the text of a member begins and how long it is, escapes and all; .p NULL: it is not there. */
static struct str member_text(struct str line, struct str name)
{
	ptrdiff_t at = str_find(line, name);
	size_t end;

	if (at < 0)
		return (struct str){0};
	line = str_from(line, (size_t)at + name.len);
	for (end = 0; end < line.len && line.p[end] != '"'; end++)
		end += line.p[end] == '\\';
	return str_sub(line, 0, end);
}

static struct str action_line(const struct pack *p, const struct pack_item *it)
{
	return str_n(p->bytes.p + it->off, it->head);
}

void es_describe(const struct pack *p, const struct pack_item *it, struct str *index, struct str *id)
{
	struct str head = action_line(p, it);

	*index = member_text(head, STR("\"_index\":\""));
	*id = member_text(head, STR("\"_id\":\""));
}

void es_readdress(struct buf *out, const struct pack *p, uint32_t from, uint32_t to, struct str index)
{
	for (; from < to; from++) {
		const struct pack_item *it = &p->item[from];
		struct str all = item_bytes(p, it), former = member_text(action_line(p, it), STR("\"_index\":\""));

		if (former.p) {
			/* With the quotes on both sides. */
			buf_str(out, str_n(all.p, (size_t)(former.p - 1 - all.p)));
			json_write_string(out, index);
			all = str_from(all, (size_t)(former.p + former.len + 1 - all.p));
		}
		buf_str(out, all);
	}
}
