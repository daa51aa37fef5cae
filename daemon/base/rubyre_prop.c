/*
 * rubyre_prop.c - what has a name in Ruby's expressions: \d \w, [:alpha:], \p{Greek}. As ranges, and as properties that PCRE2 and libonig
 * have the same names for.
 *
 * Set-up code, but for set_many_letters(): runs when a configuration is compiled, on any thread.
 */
#include "base/rubyre_set.h"

#include "base/arena.h"

struct posix_class {
	const char *name;
	const char *props; /* PCRE2's properties whose union it is in Unicode */
	const char *extra; /* pairs of ASCII bounds that the properties lack */
	const char *ascii; /* pairs of bounds within ASCII */
	bool cased;	   /* in Unicode it holds letters that have another case */
};

/* The nine ASCII symbols in punct: Ruby counts them since 2.5, Unicode's P does not. */
static const struct posix_class posix_classes[] = {
	{"alnum", "\\p{Alphabetic}\\p{Nd}", "", "09AZaz", true},
	{"alpha", "\\p{Alphabetic}", "", "AZaz", true},
	{"blank", "\\p{Zs}", "\t\t", "\t\t  "},
	{"cntrl", "\\p{Cc}", "", "\x01\x1f\x7f\x7f"},
	{"digit", "\\p{Nd}", "", "09"},
	{"graph", "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Cf}\\p{Co}", "", "!~", true},
	{"lower", "\\p{Lowercase}", "", "az", true},
	{"print", "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Cf}\\p{Co}\\p{Zs}", "", " ~", true},
	{"punct", "\\p{P}", "$$++<>^^``||~~", "!/:@[`{~"},
	{"space", "\\p{White_Space}", "", "\t\r  "},
	{"upper", "\\p{Uppercase}", "", "AZ", true},
	{"xdigit", "", "09AFaf", "09AFaf"},
	{"word", "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}", "", "09AZ__az", true},
	{0},
};

static void add_pairs(struct set *s, const char *pairs)
{
	for (; *pairs; pairs += 2)
		set_add(s, (unsigned char)pairs[0], (unsigned char)pairs[1]);
}

static void add_class(struct set *s, const struct posix_class *c, bool neg, bool ascii)
{
	struct set one;

	set_init(&one);
	if (ascii) {
		add_pairs(&one, c->ascii);
		if (strcmp(c->name, "cntrl") == 0)
			set_add(&one, 0, 0);
	} else {
		add_pairs(&one, c->extra);
		buf_str(&one.props, str_z(c->props));
		one.cased = c->cased;
	}
	set_union(s, &one, neg);
	set_release(&one);
}

bool set_add_posix(struct set *s, struct str name, bool neg, enum set_mode mode)
{
	struct set one;

	if (str_ieq(name, STR("ascii"))) {
		set_init(&one);
		set_add(&one, 0, 0x7f);
		set_union(s, &one, neg);
		set_release(&one);
		return true;
	}
	for (const struct posix_class *c = posix_classes; c->name; c++) {
		if (str_ieq(name, str_z(c->name))) {
			add_class(s, c, neg, mode == SET_ASCII);
			return true;
		}
	}
	return false;
}

void set_add_escape(struct set *s, char letter, bool neg, enum set_mode mode)
{
	const char *name = letter == 'd' ? "digit" : letter == 'w' ? "word" : letter == 's' ? "space" : "xdigit";

	for (const struct posix_class *c = posix_classes; c->name; c++)
		if (strcmp(c->name, name) == 0)
			add_class(s, c, neg, mode != SET_UNICODE);
}

static const struct {
	const char *name, *category;
} categories[] = {
	{"other", "C"}, {"control", "Cc"}, {"format", "Cf"}, {"unassigned", "Cn"}, {"privateuse", "Co"},
	{"surrogate", "Cs"}, {"letter", "L"}, {"casedletter", "L&"}, {"lc", "L&"}, {"lowercaseletter", "Ll"},
	{"modifierletter", "Lm"}, {"otherletter", "Lo"}, {"titlecaseletter", "Lt"}, {"uppercaseletter", "Lu"},
	{"mark", "M"}, {"combiningmark", "M"}, {"nonspacingmark", "Mn"}, {"spacingmark", "Mc"}, {"enclosingmark", "Me"},
	{"number", "N"}, {"decimalnumber", "Nd"}, {"letternumber", "Nl"}, {"othernumber", "No"},
	{"punctuation", "P"}, {"connectorpunctuation", "Pc"}, {"dashpunctuation", "Pd"}, {"openpunctuation", "Ps"},
	{"closepunctuation", "Pe"}, {"initialpunctuation", "Pi"}, {"finalpunctuation", "Pf"}, {"otherpunctuation", "Po"},
	{"symbol", "S"}, {"mathsymbol", "Sm"}, {"currencysymbol", "Sc"}, {"modifiersymbol", "Sk"}, {"othersymbol", "So"},
	{"separator", "Z"}, {"spaceseparator", "Zs"}, {"lineseparator", "Zl"}, {"paragraphseparator", "Zp"},
};

/* Properties of code points that both engines know by the same name. What is none of these or of the former is a script, or libonig's alone. */
static const char *const binary[] = {
	"alphabetic", "any", "asciihexdigit", "bidicontrol", "cased", "caseignorable", "changeswhencasefolded", "changeswhencasemapped",
	"changeswhenlowercased", "changeswhentitlecased", "changeswhenuppercased", "dash", "defaultignorablecodepoint", "deprecated", "diacritic",
	"emoji", "emojicomponent", "emojimodifier", "emojimodifierbase", "emojipresentation", "extendedpictographic", "extender", "graphemebase",
	"graphemeextend", "hexdigit", "idcontinue", "ideographic", "idsbinaryoperator", "idstart", "idstrinaryoperator", "joincontrol",
	"logicalorderexception", "lowercase", "math", "noncharactercodepoint", "patternsyntax", "patternwhitespace", "quotationmark", "radical",
	"regionalindicator", "softdotted", "terminalpunctuation", "unifiedideograph", "uppercase", "variationselector", "whitespace", "xidcontinue",
	"xidstart",
};

/* The name without what does not count in it, in small letters; empty: it cannot be one. */
static struct str plain_name(struct str name, char *room, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < name.len; i++) {
		char c = name.p[i];

		if (c == ' ' || c == '_' || c == '-')
			continue;
		if (!ch_alnum(c) || n == size)
			return STR("");
		room[n++] = ch_lower(c);
	}
	return str_n(room, n);
}

static struct str category_of(struct str name)
{
	for (size_t i = 0; i < sizeof(categories) / sizeof(*categories); i++)
		if (str_eqz(name, categories[i].name) || str_ieq(name, str_z(categories[i].category)))
			return str_z(categories[i].category);
	return STR("");
}

static bool is_binary(struct str name)
{
	for (size_t i = 0; i < sizeof(binary) / sizeof(*binary); i++)
		if (str_eqz(name, binary[i]))
			return true;
	return false;
}

bool set_add_property(struct set *s, struct str name, bool neg, enum set_mode mode, enum rubyre_dialect dialect)
{
	bool pcre2 = dialect == RUBYRE_PCRE2;
	struct str p, category;
	char room[64];

	p = plain_name(name, room, sizeof(room));
	if (!p.len)
		return false;
	if (set_add_posix(s, p, neg, mode))
		return true;
	if (str_eqz(p, "assigned")) {
		p = STR("cn");
		neg = !neg;
	}
	category = category_of(p);
	if (category.len)
		p = str_eqz(category, "L&") && !pcre2 ? STR("LC") : category;
	s->cased |= neg || !category.len || category.p[0] == 'L' || category.p[0] == 'M';
	/* PCRE2 takes the bare name of a script for all that is ever written in it. */
	buf_printf(&s->props, "\\%c{%s%.*s}", neg ? 'P' : 'p', pcre2 && !category.len && !is_binary(p) ? "sc:" : "", STR_ARG(p));
	return true;
}

/* ---- letters that stand for several ---- */

/* What CaseFolding.txt gives more than one letter (status F). */
static const struct set_range many[] = {
	{0xdf, 0xdf}, {0x130, 0x130}, {0x149, 0x149}, {0x1f0, 0x1f0}, {0x390, 0x390}, {0x3b0, 0x3b0}, {0x587, 0x587}, {0x1e96, 0x1e9a},
	{0x1e9e, 0x1e9e}, {0x1f50, 0x1f50}, {0x1f52, 0x1f52}, {0x1f54, 0x1f54}, {0x1f56, 0x1f56}, {0x1f80, 0x1faf}, {0x1fb2, 0x1fb4},
	{0x1fb6, 0x1fb7}, {0x1fbc, 0x1fbc}, {0x1fc2, 0x1fc4}, {0x1fc6, 0x1fc7}, {0x1fcc, 0x1fcc}, {0x1fd2, 0x1fd3}, {0x1fd6, 0x1fd7},
	{0x1fe2, 0x1fe4}, {0x1fe6, 0x1fe7}, {0x1ff2, 0x1ff4}, {0x1ff6, 0x1ff7}, {0x1ffc, 0x1ffc}, {0xfb00, 0xfb06}, {0xfb13, 0xfb17},
};

bool set_many_letters(uint32_t lo, uint32_t hi)
{
	for (size_t i = 0; i < sizeof(many) / sizeof(*many); i++)
		if (lo <= many[i].hi && hi >= many[i].lo)
			return true;
	return false;
}
