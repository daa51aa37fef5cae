#include "test.h"

#include "base/hash.h"
#include "enrichers/lease.h"

enum { S = 1000000000 };

static struct leases l;
static struct ip ip;

static struct holder dhcp(uint8_t last, const char *host)
{
	return (struct holder){.kind = LEASE_DHCP, .has_mac = true, .mac = {2, 0, 0, 0, 0, last}, .host = str_z(host)};
}

static void begin(void)
{
	leases_init(&l, 64, 86400ll * S);
	ip_parse(STR("10.20.0.100"), &ip);
}

static void given(int64_t t, int64_t lease, uint8_t last, const char *host)
{
	struct holder who = dhcp(last, host);

	lease_given(&l, &ip, t * S, lease * S, &who, STR("id"));
}

static void ended(int64_t t, uint8_t last)
{
	struct holder who = dhcp(last, "");

	lease_ended(&l, &ip, t * S, last ? &who : NULL);
}

/* Whose it was at t: the last octet of the MAC, 0 for nobody. */
static int at(int64_t t)
{
	struct lease_answer a;

	return lease_at(&l, &ip, t * S, &a) ? a.mark->who.mac[5] : 0;
}

static void test_one_lease(void)
{
	struct lease_answer a;

	begin();
	given(1000, 600, 1, "alice-laptop");
	CHECK_INT(at(999), 0);
	CHECK_INT(at(1000), 1);
	CHECK_INT(at(1599), 1);
	CHECK_INT(at(1600), 0);
	given(1300, 600, 1, "alice-laptop"); /* a renewal extends, and begins nothing */
	CHECK(lease_at(&l, &ip, 1800ll * S, &a));
	CHECK(a.since == 1000ll * S && a.until == 1900ll * S && !a.assumed && a.confidence == 100);
	ended(1500, 1);
	CHECK_INT(at(1499), 1);
	CHECK_INT(at(1500), 0);
	ended(1200, 2); /* somebody else's release ends nothing */
	CHECK_INT(at(1400), 1);
	leases_release(&l);
}

static void test_end_that_nobody_says(void)
{
	struct lease_answer a;

	begin();
	given(0, 0, 1, "a");
	CHECK(lease_at(&l, &ip, 3600ll * S, &a) && a.assumed && a.until == 86400ll * S);
	given(5, 0, 1, "a"); /* the second server of the pair, or a retransmission */
	CHECK(lease_at(&l, &ip, 3600ll * S, &a) && a.until == 86405ll * S);
	given(305, 0, 1, "a"); /* a renewal: at half of the lease time */
	CHECK(lease_at(&l, &ip, 400ll * S, &a) && a.assumed && a.until == 905ll * S && a.confidence == 80);
	CHECK_INT(at(905), 0);
	given(5000, 0, 2, "b");
	CHECK(lease_at(&l, &ip, 5000ll * S, &a) && a.until == (5000 + 86400ll) * S);
	leases_release(&l);
}

static void test_takeover(void)
{
	struct lease_answer a;

	begin();
	given(0, 3600, 1, "a");
	given(1000, 3600, 2, "b");
	CHECK_INT(at(999), 1);
	CHECK_INT(at(1000), 2);
	CHECK(lease_at(&l, &ip, 500ll * S, &a) && a.until == 1000ll * S && !a.assumed);
	leases_release(&l);
}

/* All orders of reception of the same six lines give the same answers. */
static void test_any_order(void)
{
	static const struct {
		int64_t t;
		int what; /* of whom: > 0 given, < 0 given back */
	} line[] = {{100, 1}, {400, 1}, {500, -1}, {600, 2}, {900, 2}, {1100, 3}};
	static const int64_t when[] = {99, 100, 399, 450, 499, 550, 600, 899, 1000, 1099, 1100, 1699, 1700};
	static const int want[] = {0, 1, 1, 1, 1, 0, 2, 2, 2, 2, 3, 3, 0};
	int order[6] = {0, 1, 2, 3, 4, 5};

	for (int n = 0; n < 720; n++) {
		int k = n, used[6] = {0};

		for (int i = 0; i < 6; i++) {
			int pick = k % (6 - i), j = 0;

			k /= 6 - i;
			for (;; j++)
				if (!used[j] && pick-- == 0)
					break;
			used[j] = 1;
			order[i] = j;
		}
		begin();
		for (int i = 0; i < 6; i++) {
			int w = line[order[i]].what;

			if (w > 0)
				given(line[order[i]].t, 600, (uint8_t)w, "x");
			else
				ended(line[order[i]].t, (uint8_t)-w);
		}
		for (size_t i = 0; i < sizeof(when) / sizeof(*when); i++)
			if (at(when[i]) != want[i]) {
				fprintf(stderr, "order %d%d%d%d%d%d at %lld: %d, not %d\n", order[0], order[1], order[2], order[3], order[4],
					order[5], (long long)when[i], at(when[i]), want[i]);
				CHECK(false);
			}
		CHECK_INT(at(500), 0);
		leases_release(&l);
	}
}

static void test_twice(void)
{
	begin();
	for (int i = 0; i < 3; i++) {
		given(100, 600, 1, "a");
		ended(300, 1);
		given(400, 600, 2, "b");
	}
	CHECK_INT(at(200), 1);
	CHECK_INT(at(350), 0);
	CHECK_INT(at(500), 2);
	leases_release(&l);
}

static void test_sightings(void)
{
	struct holder who = dhcp(7, "printer");
	struct lease_answer a;

	begin();
	lease_seen(&l, &ip, 100ll * S, &who, STR("x"));
	CHECK(lease_at(&l, &ip, 200ll * S, &a) && a.mark->who.mac[5] == 7 && a.confidence == 50);
	given(50, 1000, 1, "a"); /* a sighting closes nothing */
	CHECK_INT(at(200), 1);
	leases_release(&l);
}

static void test_bounds(void)
{
	struct holder who = dhcp(1, "h");

	begin();
	for (uint32_t i = 0; i < 1000; i++) {
		uint8_t b[4] = {10, 0, (uint8_t)(i >> 8), (uint8_t)i};
		struct ip one = ip_v4(b);

		lease_given(&l, &one, i * (int64_t)S, 0, &who, STR(""));
	}
	CHECK_INT(l.rows, 64);
	CHECK_INT(l.evicted, 936);
	for (int i = 0; i < 1000; i++)
		given(i * 10, 5, (uint8_t)(1 + i % 200), "many");
	CHECK_INT(lease_find(&l, &ip)->n, LEASE_MARKS);
	CHECK(l.cut > 0);
	CHECK_INT(at(9992), 1 + 999 % 200);
	given(INT64_MAX / S, INT64_MAX / S, 3, "far");
	given(INT64_MIN / S, 1, 4, "far");
	CHECK_INT(at(9992), 1 + 999 % 200);
	leases_release(&l);
}

static void test_bytes(void)
{
	struct leases other;
	struct buf b;
	struct lease_answer a;
	const struct lease_row *r;

	begin();
	given(100, 600, 1, "alice-laptop");
	ended(300, 1);
	given(400, 0, 2, "bobs-phone");
	buf_init(&b, 0);
	r = lease_find(&l, &ip);
	lease_row_write(r, &b);
	leases_init(&other, 64, 86400ll * S);
	/* Torn anywhere: refused, and nothing is there. */
	for (size_t n = 0; n < b.len; n++)
		CHECK(!lease_row_read(&other, &ip, str_n(b.p, n)));
	CHECK(!lease_find(&other, &ip) || lease_find(&other, &ip)->n == 0);
	CHECK(lease_row_read(&other, &ip, buf_slice(&b)));
	CHECK(lease_at(&other, &ip, 200ll * S, &a) && str_eq(a.mark->who.host, STR("alice-laptop")) && a.until == 300ll * S);
	CHECK(!lease_at(&other, &ip, 350ll * S, &a));
	CHECK(lease_at(&other, &ip, 450ll * S, &a) && a.assumed && str_eqz(str_z("id"), a.mark->event_id));
	CHECK(lease_by_mac(&other, (const uint8_t[]){2, 0, 0, 0, 0, 2}, 450ll * S, &a));
	buf_release(&b);
	leases_release(&other);
	leases_release(&l);
}

/* A larger table takes over a smaller one, and the other way round; rows come and go at places that collide. */
static void test_adopt(void)
{
	struct leases small, large;
	struct lease_answer a;
	struct holder who = {.has_mac = true};
	struct ip x;

	leases_init(&small, 64, 3600ll * S);
	for (unsigned i = 0; i < 1000; i++) {
		CHECK(ip_parse(str_z("10.0.0.0"), &x));
		x.b[14] = (uint8_t)(i >> 8);
		x.b[15] = (uint8_t)i;
		who.mac[5] = (uint8_t)i;
		who.mac[4] = (uint8_t)(i >> 8);
		lease_given(&small, &x, (int64_t)i * S, 0, &who, STR(""));
		for (unsigned k = 0; k <= i; k++) {
			x.b[14] = (uint8_t)(k >> 8);
			x.b[15] = (uint8_t)k;
			CHECK((lease_find(&small, &x) != NULL) == (k + 64 > i));
		}
	}
	CHECK_INT(small.rows, 64);
	leases_init(&large, 500, 3600ll * S);
	leases_adopt(&large, &small);
	CHECK_INT(large.rows, 64);
	for (unsigned i = 0; i < 500; i++) {
		x.b[14] = 77;
		x.b[15] = (uint8_t)i;
		x.b[13] = (uint8_t)(i >> 8);
		lease_given(&large, &x, 2000ll * S, 0, &who, STR(""));
	}
	CHECK_INT(large.rows, 500);
	CHECK(lease_at(&large, &x, 2000ll * S, &a) && lease_by_mac(&large, who.mac, 2000ll * S, &a));
	leases_init(&small, 16, 3600ll * S);
	leases_adopt(&small, &large);
	CHECK_INT(small.rows, 16);
	CHECK(lease_at(&small, &x, 2000ll * S, &a));
	leases_release(&small);
	leases_release(&large);
}

int main(void)
{
	hash_init(NULL);
	test_one_lease();
	test_end_that_nobody_says();
	test_takeover();
	test_any_order();
	test_twice();
	test_sightings();
	test_bounds();
	test_bytes();
	test_adopt();
	return test_end();
}
