#include "pipeline/hash_order.h"
#include "base/javahash.h"

/* "a" and "[a]" are one field. */
static struct str bare(struct str s)
{
	if (s.len > 2 && s.p[0] == '[' && s.p[s.len - 1] == ']' && str_chr(str_sub(s, 1, s.len - 2), ']') < 0)
		return str_sub(s, 1, s.len - 2);
	return s;
}

static bool same_field(struct str a, struct str b)
{
	return str_eq(bare(a), bare(b));
}

static bool text_names(struct str text, struct str field)
{
	ptrdiff_t at;

	while ((at = str_find(text, STR("%{"))) >= 0) {
		struct str name;

		text = str_from(text, (size_t)at + 2);
		if (!str_cut(&text, '}', &name))
			return false;
		if (same_field(name, field))
			return true;
	}
	return false;
}

/* Does the value read or write the field? */
static bool concerns(const struct option *o, const struct ast_value *v, struct str field)
{
	for (size_t i = 0; v->kind == AST_ARRAY && i < v->n; i++)
		if (concerns(o, v->item[i], field))
			return true;
	if (v->kind != AST_STRING && v->kind != AST_BAREWORD)
		return false;
	return (o->flags & OPT_FIELDS_IN_TURN && same_field(v->text, field)) || text_names(v->text, field);
}

static bool same_target(const struct option *o, const struct ast_value *a, const struct ast_value *b)
{
	return o->flags & OPT_FIELDS_IN_TURN && a->kind == AST_STRING && b->kind == AST_STRING && same_field(a->text, b->text);
}

void hash_order_check(struct plugin_ctx *ctx, const struct option *o, const struct ast_value *hash)
{
	struct str *key;
	uint32_t *perm, *turn;

	if (hash->kind != AST_HASH || hash->n < 2 || hash->n > 1000)
		return;
	key = arena_alloc(ctx->arena, hash->n * sizeof(*key));
	perm = arena_alloc(ctx->arena, hash->n * sizeof(*perm));
	turn = arena_alloc(ctx->arena, hash->n * sizeof(*turn));
	for (size_t i = 0; i < hash->n; i++)
		key[i] = hash->item[2 * i]->text;
	java_hash_order(key, hash->n, perm);
	for (uint32_t i = 0; i < hash->n; i++)
		turn[perm[i]] = i;
	for (size_t i = 0; i < hash->n; i++) {
		const struct ast_value *v = hash->item[2 * i + 1];

		for (size_t j = i + 1; j < hash->n; j++) {
			const struct ast_value *w = hash->item[2 * j + 1];

			if (turn[i] < turn[j] || str_eq(key[i], key[j]) || !(concerns(o, v, key[j]) || concerns(o, w, key[i]) || same_target(o, v, w)))
				continue;
			diag_warn(ctx->diag, hash->item[2 * j]->pos,
				  "'%.*s' is taken before '%.*s', which stands above it: as in Logstash, the order is that of a hash map. Two filters in a row keep theirs", STR_ARG(key[j]), STR_ARG(key[i]));
			return;
		}
	}
}
