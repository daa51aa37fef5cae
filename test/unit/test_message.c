/*
 * test_message.c - texts with places: where a place ends, that the last one reaches to the end, and that nothing is put by what does not fit.
 */
#include "test.h"

#include "base/hash.h"
#include "parse/message.h"

static struct arena arena;
static struct record r;
static char seen[256];

/* A: an address; U: a user; N: digits only; x, y, z: anything. Each is noted as it is put. */
static void note(char place, struct str v)
{
	size_t at = strlen(seen);

	(void)snprintf(seen + at, sizeof(seen) - at, "%c=%.*s;", place, STR_ARG(v));
}

#define NOTED(c, then)                                              \
	static bool note_##c(struct record *rec, struct str v)      \
	{                                                           \
		note(#c[0], v);                                     \
		(void)rec;                                          \
		return then;                                        \
	}
NOTED(A, rec_ip(rec, F_CLIENT_IP, v))
NOTED(N, rec_num(rec, F_NETWORK_BYTES, v))
NOTED(U, (rec_user(rec, F_USER_NAME, v), true))
NOTED(x, true)
NOTED(y, true)
NOTED(z, true)

static const struct message_place places[] = {AS_CALL('A', note_A), AS_CALL('N', note_N), AS_CALL('U', note_U),
					      AS_CALL('x', note_x), AS_CALL('y', note_y), AS_CALL('z', note_z), {0}};

/* Each kind of row. */
static const struct message_place kinds[] = {
	AS_STR('s', F_EVENT_REASON), AS_RAW('r', "key"),     AS_NUM('n', F_NETWORK_BYTES),  AS_IP('i', F_SOURCE_IP), AS_MAYBE_IP('m', F_DESTINATION_IP),
	AS_MAC('a', F_CLIENT_MAC),   AS_HOST('h', F_CLIENT_DOMAIN), AS_USER('u', F_USER_NAME), {0}};

static void begin(void)
{
	record_init(&r, &arena);
	seen[0] = 0;
}

static void match(const char *pattern, const char *text, const char *want)
{
	begin();
	if (!message_match(&r, pattern, str_z(text), places)) {
		CHECK(!want);
		CHECK(r.n == 0 && r.nip == 0 && r.nuser == 0);
		return;
	}
	CHECK(want != NULL);
	if (want)
		CHECK_STR(str_z(seen), want);
}

static void test_places(void)
{
	match("started", "started", "");
	match("started", "starte", NULL);
	match("started", "started ", NULL);
	match("", "", "");
	match("lease %A by '%U' went offline", "lease 10.3.0.1 by 'carol' went offline", "A=10.3.0.1;U=carol;");
	/* The last place reaches to the end, the others to where the text behind them first stands. */
	match("lease %A by '%U' went offline", "lease 10.3.0.1 by 'x' went offline' went offline", "A=10.3.0.1;U=x' went offline;");
	match("a %x - %y", "a 1 - 2 - 3", "x=1;y=2 - 3;");
	match("%x is here", " is here", "x=;");
	match("%x", "", "x=;");
	match("a%*b%x", "a...bc", "x=c;"); /* %* is nobody's */
	match("sent %N bytes", "sent 12 bytes", "N=12;");
	match("%x[%y]...%z[%U]", "198.51.100.94[vpn]...203.0.113.77[a[b]c]", "x=198.51.100.94;y=vpn;z=203.0.113.77;U=a[b]c;");
	/* What the place cannot be, the text is not: also where others were put before. */
	match("lease %A by '%U' went offline", "lease ten by 'carol' went offline", NULL);
	match("user %U sent %N bytes", "user carol sent many bytes", NULL);
	match("lease %A by", "lease 10.3.0.1", NULL);
	match("lease %A", "leas", NULL);
	/* Literal and tail may not share bytes. */
	match("ab%xba", "aba", NULL);
	match("ab%xba", "abba", "x=;");
}

static const struct messages all = {
	.by = {['l'] = (const struct message[]){{"lease %A given", "give", "network", "start", "success"}, {"lease %A taken", "take", "network", "end", NULL}, {0}}},
	.any = (const struct message[]){{"%A speaks", "speak", "network", NULL, NULL}, {0}},
};

static void test_lists(void)
{
	const struct message *found;

	begin();
	found = message_find(&r, &all, STR("lease 10.3.0.1 taken"), places);
	CHECK(found && strcmp(found->action, "take") == 0);
	CHECK(rec_get(&r, F_EVENT_OUTCOME).type == V_NONE);
	begin();
	found = message_find(&r, &all, STR("10.3.0.1 speaks"), places);
	CHECK(found && strcmp(found->action, "speak") == 0 && rec_get(&r, F_EVENT_TYPE).type == V_NONE);
	begin();
	CHECK(!message_find(&r, &all, STR("lease 10.3.0.1 lost"), places));
	CHECK(r.n == 0);
	begin();
	CHECK(!message_find(&r, &all, STR(""), places));
	CHECK(!message_find(&r, &all, STR("\xff\xfe"), places));
}

static void fits(char letter, const char *text, enum field_id f, const char *want)
{
	char pattern[8] = {'a', ' ', '%', letter};
	struct value v;

	begin();
	CHECK(message_match(&r, pattern, str_z(text), kinds) == (want != NULL || f == F_DESTINATION_IP));
	v = rec_get(&r, f);
	CHECK((v.type != V_NONE) == (want != NULL));
	if (want && v.type == V_STRING)
		CHECK_STR(value_str(&v), want);
}

static void test_kinds(void)
{
	fits('s', "a b c", F_EVENT_REASON, "b c");
	fits('n', "a 12", F_NETWORK_BYTES, "12");
	fits('n', "a twelve", F_NETWORK_BYTES, NULL);
	fits('i', "a 192.0.2.7", F_SOURCE_IP, "192.0.2.7");
	fits('i', "a %any", F_SOURCE_IP, NULL);
	fits('m', "a 192.0.2.7", F_DESTINATION_IP, "192.0.2.7");
	fits('m', "a %any", F_DESTINATION_IP, NULL);
	fits('a', "a f6:80:5f:1d:d1:95", F_CLIENT_MAC, "F6-80-5F-1D-D1-95");
	fits('a', "a f6:80", F_CLIENT_MAC, NULL);
	fits('h', "a PC1.corp.example.", F_CLIENT_DOMAIN, "pc1.corp.example");
	fits('u', "a Bob", F_USER_NAME, "Bob");
	begin();
	CHECK(message_match(&r, "a %r", STR("a b"), kinds) && rec_get(&r, F_WEIR_RAW).type == V_MAP);
	/* A letter without a row. */
	begin();
	CHECK(!message_match(&r, "a %q", STR("a b"), kinds) && r.n == 0);
}

int main(void)
{
	hash_init(NULL);
	fields_init();
	arena_init(&arena, NULL);
	test_places();
	test_lists();
	test_kinds();
	arena_release(&arena);
	return test_end();
}
