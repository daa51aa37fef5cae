#include "test.h"

#include "base/ip.h"

#include <arpa/inet.h>

static struct ip ip_z(const char *z)
{
	struct ip ip = {{0}};

	CHECK(ip_parse(str_z(z), &ip));
	return ip;
}

static void test_text(void)
{
	static const struct {
		const char *in, *shortest, *groups;
	} rows[] = {
		{"0.0.0.0", "0.0.0.0", "0.0.0.0"},
		{"255.255.255.255", "255.255.255.255", "255.255.255.255"},
		{"10.20.0.100", "10.20.0.100", "10.20.0.100"},
		{"::ffff:10.20.0.100", "10.20.0.100", "10.20.0.100"},
		{"::FFFF:0a14:64", "10.20.0.100", "10.20.0.100"},
		{"0:0:0:0:0:ffff:1.2.3.4", "1.2.3.4", "1.2.3.4"},
		{"::", "::", "0:0:0:0:0:0:0:0"},
		{"::1", "::1", "0:0:0:0:0:0:0:1"},
		{"1::", "1::", "1:0:0:0:0:0:0:0"},
		{"::1.2.3.4", "::102:304", "0:0:0:0:0:0:102:304"},
		{"2001:4860:4860::8888", "2001:4860:4860::8888", "2001:4860:4860:0:0:0:0:8888"},
		{"2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1", "2001:db8:0:0:1:0:0:1"},
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
		{"2001:0db8:0000:0000:0000:0000:0002:0001", "2001:db8::2:1", "2001:db8:0:0:0:0:2:1"},
		{"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0", "1:2:3:4:5:6:7:0"},
		{"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
		{"1:0:0:4:5:6::", "1::4:5:6:0:0", "1:0:0:4:5:6:0:0"},
		{"1:2:3:4:5:6:255.0.255.0", "1:2:3:4:5:6:ff00:ff00", "1:2:3:4:5:6:ff00:ff00"},
	};
	static const char *const bad[] = {
		"", ".", "1", "1.2.3", "1.2.3.4.", ".1.2.3.4", "1.2.3.4.5", "1.2.3.256", "1.2.3.1000", "01.2.3.4", "1.2.3.00", "1..2.3", " 1.2.3.4",
		"1.2.3.4 ", "0x1.2.3.4", "-1.2.3.4", "1.2.3.4:5", ":", ":::", "1:", ":1", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::",
		"::1:2:3:4:5:6:7:8", "12345::", "g::", "fe80::1%eth0", "[::1]", "::1.2.3", "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4", "1.2.3.4::", "::01.2.3.4",
		"0000:0000:0000:0000:0000:ffff:192.168.100.1000000",
	};
	char text[IP_TEXT];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ip ip = ip_z(rows[i].in), again;

		CHECK_INT(ip_format(&ip, text), strlen(text));
		CHECK_STR(str_z(text), rows[i].shortest);
		CHECK(ip_parse(str_z(text), &again) && ip_eq(&ip, &again));
		CHECK_INT(ip_format_groups(&ip, text), strlen(text));
		CHECK_STR(str_z(text), rows[i].groups);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ip ip = ip_of(7, 7);

		if (ip_parse(str_z(bad[i]), &ip)) {
			fprintf(stderr, "'%s' passes for an address\n", bad[i]);
			CHECK(!"refused");
		}
		CHECK(ip_high(&ip) == 7 && ip_low(&ip) == 7);
	}
	CHECK(!ip_parse((struct str){NULL, 0}, &(struct ip){{0}}));
}

/* Random texts from the alphabet of addresses: what libc takes we take, with the same bytes, and nothing else. */
static void test_like_libc(void)
{
	static const char alphabet[] = "::::..0123af";
	uint64_t seed = 12345, agreed = 0;
	char text[48];

	for (int round = 0; round < 400000; round++) {
		struct ip ip;
		uint8_t want[16] = {[10] = 0xff, [11] = 0xff};
		size_t len = 0;
		bool ours, libc;

		for (size_t n = (size_t)round % 24; len < n; len++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			text[len] = alphabet[(seed >> 33) % (sizeof(alphabet) - 1)];
		}
		text[len] = '\0';
		ours = ip_parse(str_n(text, len), &ip);
		libc = strchr(text, ':') ? inet_pton(AF_INET6, text, want) == 1 : inet_pton(AF_INET, text, want + 12) == 1;
		if (ours != libc || (ours && memcmp(ip.b, want, 16) != 0)) {
			fprintf(stderr, "'%s': %d here, %d in libc\n", text, ours, libc);
			CHECK(!"same as libc");
		}
		agreed += ours;
	}
	CHECK(agreed > 1000);
	/* And from bytes: our text means the same to libc. */
	for (int round = 0; round < 100000; round++) {
		struct ip ip;
		uint8_t back[16];
		char s[IP_TEXT];

		for (int i = 0; i < 16; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			ip.b[i] = seed >> 60 < 9 ? 0 : (uint8_t)(seed >> 40);
		}
		ip_format(&ip, s);
		if (ip_is_v4(&ip))
			continue;
		if (inet_pton(AF_INET6, s, back) != 1 || memcmp(back, ip.b, 16) != 0)
			CHECK(!"libc reads our text");
	}
}

static void test_nets(void)
{
	static const char *const good[] = {
		"10.0.0.0/8", "0.0.0.0/0", "10.1.2.3/32", "::/0", "2001:db8::/32", "fe80::/10", "2001:db8::1/128", "192.168.5.128/25", "8000::/1",
	};
	static const char *const bad[] = {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/08", "10.0.0.0/-1", "/8", "10.0.0/8", "::/129", "10.0.0.0/8/8", "10.0.0.0/ 8"};
	char text[IP_NET_TEXT];
	struct ip_net net;
	struct ip ip;
	bool host;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CHECK(ip_net_parse(str_z(good[i]), &net, NULL));
		CHECK_INT(ip_net_format(&net, text), strlen(text));
		CHECK_STR(str_z(text), good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK(!ip_net_parse(str_z(bad[i]), &net, &host));
		CHECK(!host);
	}
	CHECK(!ip_net_parse(STR("10.1.2.3/8"), &net, &host) && host);
	CHECK(!ip_net_parse(STR("2001:db8::1/64"), &net, &host) && host);
	CHECK(ip_net_parse(STR("10.1.2.3"), &net, &host) && net.bits == 128 && !host);
	/* Written mapped, counted from bit 0. */
	CHECK(ip_net_parse(STR("::ffff:10.0.0.0/104"), &net, NULL));
	ip_net_format(&net, text);
	CHECK_STR(str_z(text), "10.0.0.0/8");

	CHECK(ip_net_parse(STR("172.16.0.0/12"), &net, NULL));
	ip = ip_z("172.31.255.255");
	CHECK(ip_net_has(&net, &ip));
	ip = ip_z("::ffff:172.16.0.0");
	CHECK(ip_net_has(&net, &ip));
	ip = ip_z("172.32.0.0");
	CHECK(!ip_net_has(&net, &ip));
	ip = ip_z("2001:db8::1");
	CHECK(!ip_net_has(&net, &ip));
	CHECK(ip_net_parse(STR("0.0.0.0/0"), &net, NULL) && !ip_net_has(&net, &ip));
	CHECK(ip_net_parse(STR("::/0"), &net, NULL) && ip_net_has(&net, &ip));

	/* Each length, each way across the middle. */
	ip = ip_of(UINT64_MAX, UINT64_MAX);
	for (unsigned bits = 0; bits <= 128; bits++) {
		struct ip m = ip_mask(&ip, bits);
		unsigned ones = (unsigned)(__builtin_popcountll(ip_high(&m)) + __builtin_popcountll(ip_low(&m)));

		CHECK_INT(ones, bits);
		if (bits)
			CHECK(m.b[(bits - 1) / 8] & 0x80 >> (bits - 1) % 8);
	}
}

static void test_scopes(void)
{
	static const struct {
		const char *ip;
		enum ip_scope scope;
	} rows[] = {
		{"9.255.255.255", IP_GLOBAL}, {"10.0.0.0", IP_PRIVATE}, {"10.255.255.255", IP_PRIVATE}, {"11.0.0.0", IP_GLOBAL},
		{"172.15.255.255", IP_GLOBAL}, {"172.16.0.0", IP_PRIVATE}, {"172.31.255.255", IP_PRIVATE}, {"172.32.0.0", IP_GLOBAL},
		{"192.167.255.255", IP_GLOBAL}, {"192.168.0.0", IP_PRIVATE}, {"192.169.0.0", IP_GLOBAL}, {"127.0.0.1", IP_LOOPBACK},
		{"100.63.255.255", IP_GLOBAL}, {"100.64.0.0", IP_SHARED}, {"100.127.255.255", IP_SHARED}, {"100.128.0.0", IP_GLOBAL},
		{"169.254.1.1", IP_LINK_LOCAL}, {"0.0.0.0", IP_UNSPECIFIED}, {"223.255.255.255", IP_GLOBAL}, {"224.0.0.1", IP_MULTICAST},
		{"239.255.255.255", IP_MULTICAST}, {"240.0.0.1", IP_RESERVED}, {"255.255.255.255", IP_RESERVED}, {"192.0.2.1", IP_RESERVED},
		{"192.0.0.8", IP_RESERVED}, {"192.0.1.1", IP_GLOBAL}, {"198.18.0.1", IP_RESERVED}, {"198.19.255.255", IP_RESERVED},
		{"198.20.0.0", IP_GLOBAL}, {"198.51.100.7", IP_RESERVED}, {"203.0.113.7", IP_RESERVED}, {"8.8.8.8", IP_GLOBAL},
		{"::ffff:10.0.0.1", IP_PRIVATE}, {"::", IP_UNSPECIFIED}, {"::1", IP_LOOPBACK}, {"::2", IP_RESERVED}, {"fc00::1", IP_PRIVATE},
		{"fdff::1", IP_PRIVATE}, {"fe00::1", IP_GLOBAL}, {"fe80::1", IP_LINK_LOCAL}, {"febf::1", IP_LINK_LOCAL}, {"fec0::1", IP_PRIVATE},
		{"ff02::1", IP_MULTICAST}, {"2001:db8::1", IP_RESERVED}, {"2001:db9::1", IP_GLOBAL}, {"2001:4860:4860::8888", IP_GLOBAL},
		{"64:ff9b::8.8.8.8", IP_GLOBAL}, {"64:ff9b::10.0.0.1", IP_PRIVATE}, {"64:ff9b:1::1", IP_RESERVED}, {"100::1", IP_RESERVED},
		{"100:0:0:1::1", IP_GLOBAL}, {"3fff::1", IP_RESERVED}, {"2001:20::1", IP_RESERVED}, {"2001:30::1", IP_GLOBAL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ip ip = ip_z(rows[i].ip);

		if (ip_scope(&ip) != rows[i].scope)
			fprintf(stderr, "%s\n", rows[i].ip);
		CHECK_INT(ip_scope(&ip), rows[i].scope);
		CHECK(ip_is_private(&ip) == (rows[i].scope == IP_PRIVATE || rows[i].scope == IP_SHARED || rows[i].scope == IP_LINK_LOCAL ||
			rows[i].scope == IP_LOOPBACK));
	}
}

static void test_order(void)
{
	struct ip a = ip_z("9.0.0.0"), b = ip_z("10.0.0.0"), c = ip_z("2001:db8::");
	uint8_t wire[4] = {10, 0, 0, 0};
	struct ip w = ip_v4(wire);

	CHECK(ip_cmp(&a, &b) < 0 && ip_cmp(&b, &c) < 0 && ip_cmp(&c, &c) == 0);
	CHECK(ip_eq(&w, &b) && ip_is_v4(&w) && !ip_is_v4(&c));
	w = ip_of(ip_high(&c), ip_low(&c));
	CHECK(ip_eq(&w, &c));
}

int main(void)
{
	test_text();
	test_like_libc();
	test_nets();
	test_scopes();
	test_order();
	return test_end();
}
