/*
 * test_message.c - texts with places: where a place ends, that the last one reaches to the end, and that nothing is put by what does not fit.
 */
#include "test.h"

#include "base/hash.h"
#include "parse/message.h"

static struct arena arena;
static struct record r;
static char seen[256];

/* A: an address; U: a user; N: digits only; anything else is noted. */
static bool put(struct record *rec, char place, struct str v)
{
	size_t at = strlen(seen);

	(void)snprintf(seen + at, sizeof(seen) - at, "%c=%.*s;", place, STR_ARG(v));
	if (place == 'A')
		return rec_ip(rec, F_CLIENT_IP, v);
	if (place == 'U')
		rec_user(rec, F_USER_NAME, v);
	if (place == 'N')
		return rec_num(rec, F_NETWORK_BYTES, v);
	return true;
}

static void begin(void)
{
	record_init(&r, &arena);
	seen[0] = 0;
}

static void match(const char *pattern, const char *text, const char *want)
{
	begin();
	if (!message_match(&r, pattern, str_z(text), put)) {
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
	found = message_find(&r, &all, STR("lease 10.3.0.1 taken"), put);
	CHECK(found && strcmp(found->action, "take") == 0);
	CHECK(rec_get(&r, F_EVENT_OUTCOME).type == V_NONE);
	begin();
	found = message_find(&r, &all, STR("10.3.0.1 speaks"), put);
	CHECK(found && strcmp(found->action, "speak") == 0 && rec_get(&r, F_EVENT_TYPE).type == V_NONE);
	begin();
	CHECK(!message_find(&r, &all, STR("lease 10.3.0.1 lost"), put));
	CHECK(r.n == 0);
	begin();
	CHECK(!message_find(&r, &all, STR(""), put));
	CHECK(!message_find(&r, &all, STR("\xff\xfe"), put));
}

int main(void)
{
	hash_init(NULL);
	fields_init();
	arena_init(&arena, NULL);
	test_places();
	test_lists();
	arena_release(&arena);
	return test_end();
}
