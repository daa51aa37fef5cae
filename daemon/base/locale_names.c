/*
 * locale_names.c - names of months, weekdays, halves of the day and eras in some languages.
 *
 * The names are those of the Unicode CLDR as Java 25 gives them for dates (a month in the genitive where the language has
 * one), so that a configuration written for Logstash reads the same texts. A region stands here only where it
 * differs from its language.
 *
 * Tables only: any thread.
 */
#include "base/locale_names.h"

#include "base/utf8.h"

const struct locale_names locale_english = {
	.tag = "en",
	.months = {{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"},
		   {"January", "February", "March", "April", "May", "June", "July", "August", "September",
			     "October", "November", "December"}},
	.weekdays = {{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"},
		     {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}},
	.halves = {"AM", "PM"},
	.eras = {"BC", "AD"},
};

/* A tag that names no known language. */
static const struct locale_names locale_root = {
	.tag = "",
	.months = {{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"},
		   {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}},
	.weekdays = {{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"},
		     {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}},
	.halves = {"AM", "PM"},
	.eras = {"BCE", "CE"},
};

static const struct locale_names table[] = {
	{
		.tag = "cs",
		.months = {{"led", "úno", "bře", "dub", "kvě", "čvn", "čvc", "srp", "zář", "říj", "lis", "pro"},
			   {"ledna", "února", "března", "dubna", "května", "června", "července", "srpna", "září",
				     "října", "listopadu", "prosince"}},
		.weekdays = {{"po", "út", "st", "čt", "pá", "so", "ne"},
			     {"pondělí", "úterý", "středa", "čtvrtek", "pátek", "sobota", "neděle"}},
		.halves = {"dop.", "odp."},
		.eras = {"př. n. l.", "n. l."},
	},
	{
		.tag = "da",
		.months = {{"jan.", "feb.", "mar.", "apr.", "maj", "jun.", "jul.", "aug.", "sep.", "okt.", "nov.",
			     "dec."},
			   {"januar", "februar", "marts", "april", "maj", "juni", "juli", "august", "september",
				     "oktober", "november", "december"}},
		.weekdays = {{"man.", "tirs.", "ons.", "tors.", "fre.", "lør.", "søn."},
			     {"mandag", "tirsdag", "onsdag", "torsdag", "fredag", "lørdag", "søndag"}},
		.halves = {"AM", "PM"},
		.eras = {"f.Kr.", "e.Kr."},
	},
	{
		.tag = "de",
		.months = {{"Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.",
			     "Dez."},
			   {"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September",
				     "Oktober", "November", "Dezember"}},
		.weekdays = {{"Mo.", "Di.", "Mi.", "Do.", "Fr.", "Sa.", "So."},
			     {"Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"}},
		.halves = {"AM", "PM"},
		.eras = {"v. Chr.", "n. Chr."},
	},
	{
		.tag = "de-AT de-IT",
		.months = {{"Jän.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sep.", "Okt.", "Nov.",
			     "Dez."},
			   {"Jänner", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September",
				     "Oktober", "November", "Dezember"}},
		.weekdays = {{"Mo.", "Di.", "Mi.", "Do.", "Fr.", "Sa.", "So."},
			     {"Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"}},
		.halves = {"AM", "PM"},
		.eras = {"v. Chr.", "n. Chr."},
	},
	{
		.tag = "es",
		.months = {{"ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic"},
			   {"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre",
				     "octubre", "noviembre", "diciembre"}},
		.weekdays = {{"lun", "mar", "mié", "jue", "vie", "sáb", "dom"},
			     {"lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"}},
		.halves = {"a.\u00a0m.", "p.\u00a0m."},
		.eras = {"a. C.", "d. C."},
	},
	{
		.tag = "es-419 es-BR es-BZ es-CU es-US",
		.months = {{"ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic"},
			   {"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre",
				     "octubre", "noviembre", "diciembre"}},
		.weekdays = {{"lun", "mar", "mié", "jue", "vie", "sáb", "dom"},
			     {"lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"}},
		.halves = {"a.m.", "p.m."},
		.eras = {"a.C.", "d.C."},
	},
	{
		.tag = "es-AR es-BO es-CL es-CO es-CR es-DO es-EC es-GT es-HN es-NI es-PA es-PR es-SV",
		.months = {{"ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic"},
			   {"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre",
				     "octubre", "noviembre", "diciembre"}},
		.weekdays = {{"lun", "mar", "mié", "jue", "vie", "sáb", "dom"},
			     {"lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"}},
		.halves = {"a.\u00a0m.", "p.\u00a0m."},
		.eras = {"a.C.", "d.C."},
	},
	{
		.tag = "es-MX",
		.months = {{"ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"},
			   {"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre",
				     "octubre", "noviembre", "diciembre"}},
		.weekdays = {{"lun", "mar", "mié", "jue", "vie", "sáb", "dom"},
			     {"lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"}},
		.halves = {"a.m.", "p.m."},
		.eras = {"a.C.", "d.C."},
	},
	{
		.tag = "es-PE es-UY",
		.months = {{"ene.", "feb.", "mar.", "abr.", "may.", "jun.", "jul.", "ago.", "set.", "oct.", "nov.",
			     "dic."},
			   {"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "setiembre",
				     "octubre", "noviembre", "diciembre"}},
		.weekdays = {{"lun", "mar", "mié", "jue", "vie", "sáb", "dom"},
			     {"lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"}},
		.halves = {"a.\u00a0m.", "p.\u00a0m."},
		.eras = {"a.C.", "d.C."},
	},
	{
		.tag = "es-PY es-VE",
		.months = {{"ene.", "feb.", "mar.", "abr.", "may.", "jun.", "jul.", "ago.", "sept.", "oct.", "nov.",
			     "dic."},
			   {"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre",
				     "octubre", "noviembre", "diciembre"}},
		.weekdays = {{"lun", "mar", "mié", "jue", "vie", "sáb", "dom"},
			     {"lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"}},
		.halves = {"a.\u00a0m.", "p.\u00a0m."},
		.eras = {"a.C.", "d.C."},
	},
	{
		.tag = "fi",
		.months = {{"tammi", "helmi", "maalis", "huhti", "touko", "kesä", "heinä", "elo", "syys", "loka",
			     "marras", "joulu"},
			   {"tammikuuta", "helmikuuta", "maaliskuuta", "huhtikuuta", "toukokuuta", "kesäkuuta",
				     "heinäkuuta", "elokuuta", "syyskuuta", "lokakuuta", "marraskuuta",
				     "joulukuuta"}},
		.weekdays = {{"ma", "ti", "ke", "to", "pe", "la", "su"},
			     {"maanantaina", "tiistaina", "keskiviikkona", "torstaina", "perjantaina", "lauantaina",
				     "sunnuntai"}},
		.halves = {"ap.", "ip."},
		.eras = {"eKr.", "jKr."},
	},
	{
		.tag = "fr",
		.months = {{"janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.",
			      "déc."},
			   {"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre",
				     "octobre", "novembre", "décembre"}},
		.weekdays = {{"lun.", "mar.", "mer.", "jeu.", "ven.", "sam.", "dim."},
			     {"lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"}},
		.halves = {"AM", "PM"},
		.eras = {"av. J.-C.", "ap. J.-C."},
	},
	{
		.tag = "fr-CA",
		.months = {{"janv.", "févr.", "mars", "avr.", "mai", "juin", "juill.", "août", "sept.", "oct.",
			     "nov.", "déc."},
			   {"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre",
				     "octobre", "novembre", "décembre"}},
		.weekdays = {{"lun.", "mar.", "mer.", "jeu.", "ven.", "sam.", "dim."},
			     {"lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"}},
		.halves = {"a.m.", "p.m."},
		.eras = {"av. J.-C.", "ap. J.-C."},
	},
	{
		.tag = "fr-CM",
		.months = {{"janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.",
			      "déc."},
			   {"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre",
				     "octobre", "novembre", "décembre"}},
		.weekdays = {{"lun.", "mar.", "mer.", "jeu.", "ven.", "sam.", "dim."},
			     {"lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"}},
		.halves = {"matin", "soir"},
		.eras = {"av. J.-C.", "ap. J.-C."},
	},
	{
		.tag = "fr-MA",
		.months = {{"jan.", "fév.", "mar.", "avr.", "mai", "jui.", "juil.", "août", "sept.", "oct.", "nov.",
			     "déc."},
			   {"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre",
				     "octobre", "novembre", "décembre"}},
		.weekdays = {{"lun.", "mar.", "mer.", "jeu.", "ven.", "sam.", "dim."},
			     {"lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"}},
		.halves = {"a.m.", "p.m."},
		.eras = {"av. J.-C.", "ap. J.-C."},
	},
	{
		.tag = "it",
		.months = {{"gen", "feb", "mar", "apr", "mag", "giu", "lug", "ago", "set", "ott", "nov", "dic"},
			   {"gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto",
				     "settembre", "ottobre", "novembre", "dicembre"}},
		.weekdays = {{"lun", "mar", "mer", "gio", "ven", "sab", "dom"},
			     {"lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato", "domenica"}},
		.halves = {"AM", "PM"},
		.eras = {"a.C.", "d.C."},
	},
	{
		.tag = "ja",
		.months = {{"1月", "2月", "3月", "4月", "5月", "6月", "7月", "8月", "9月", "10月", "11月", "12月"},
			   {"1月", "2月", "3月", "4月", "5月", "6月", "7月", "8月", "9月", "10月", "11月", "12月"}},
		.weekdays = {{"月", "火", "水", "木", "金", "土", "日"},
			     {"月曜日", "火曜日", "水曜日", "木曜日", "金曜日", "土曜日", "日曜日"}},
		.halves = {"午前", "午後"},
		.eras = {"紀元前", "西暦"},
	},
	{
		.tag = "nb no",
		.months = {{"jan.", "feb.", "mars", "apr.", "mai", "juni", "juli", "aug.", "sep.", "okt.", "nov.",
			     "des."},
			   {"januar", "februar", "mars", "april", "mai", "juni", "juli", "august", "september",
				     "oktober", "november", "desember"}},
		.weekdays = {{"man.", "tir.", "ons.", "tor.", "fre.", "lør.", "søn."},
			     {"mandag", "tirsdag", "onsdag", "torsdag", "fredag", "lørdag", "søndag"}},
		.halves = {"a.m.", "p.m."},
		.eras = {"f.Kr.", "e.Kr."},
	},
	{
		.tag = "nl",
		.months = {{"jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"},
			   {"januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september",
				     "oktober", "november", "december"}},
		.weekdays = {{"ma", "di", "wo", "do", "vr", "za", "zo"},
			     {"maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag"}},
		.halves = {"a.m.", "p.m."},
		.eras = {"v.Chr.", "n.Chr."},
	},
	{
		.tag = "pl",
		.months = {{"sty", "lut", "mar", "kwi", "maj", "cze", "lip", "sie", "wrz", "paź", "lis", "gru"},
			   {"stycznia", "lutego", "marca", "kwietnia", "maja", "czerwca", "lipca", "sierpnia",
				     "września", "października", "listopada", "grudnia"}},
		.weekdays = {{"pon.", "wt.", "śr.", "czw.", "pt.", "sob.", "niedz."},
			     {"poniedziałek", "wtorek", "środa", "czwartek", "piątek", "sobota", "niedziela"}},
		.halves = {"AM", "PM"},
		.eras = {"p.n.e.", "n.e."},
	},
	{
		.tag = "pt",
		.months = {{"jan.", "fev.", "mar.", "abr.", "mai.", "jun.", "jul.", "ago.", "set.", "out.", "nov.",
			     "dez."},
			   {"janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro",
				     "outubro", "novembro", "dezembro"}},
		.weekdays = {{"seg.", "ter.", "qua.", "qui.", "sex.", "sáb.", "dom."},
			     {"segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira", "sábado",
				      "domingo"}},
		.halves = {"AM", "PM"},
		.eras = {"a.C.", "d.C."},
	},
	{
		.tag = "pt-AO pt-CH pt-CV pt-GQ pt-GW pt-LU pt-MO pt-MZ pt-PT pt-ST pt-TL",
		.months = {{"jan.", "fev.", "mar.", "abr.", "mai.", "jun.", "jul.", "ago.", "set.", "out.", "nov.",
			     "dez."},
			   {"janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro",
				     "outubro", "novembro", "dezembro"}},
		.weekdays = {{"segunda", "terça", "quarta", "quinta", "sexta", "sábado", "domingo"},
			     {"segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira", "sábado",
				      "domingo"}},
		.halves = {"da manhã", "da tarde"},
		.eras = {"a.C.", "d.C."},
	},
	{
		.tag = "ru",
		.months = {{"янв.", "февр.", "мар.", "апр.", "мая", "июн.", "июл.", "авг.", "сент.", "окт.", "нояб.",
			     "дек."},
			   {"января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября",
				     "октября", "ноября", "декабря"}},
		.weekdays = {{"пн", "вт", "ср", "чт", "пт", "сб", "вс"},
			     {"понедельник", "вторник", "среда", "четверг", "пятница", "суббота", "воскресенье"}},
		.halves = {"AM", "PM"},
		.eras = {"до н. э.", "н. э."},
	},
	{
		.tag = "sv",
		.months = {{"jan.", "feb.", "mars", "apr.", "maj", "juni", "juli", "aug.", "sep.", "okt.", "nov.",
			     "dec."},
			   {"januari", "februari", "mars", "april", "maj", "juni", "juli", "augusti", "september",
				     "oktober", "november", "december"}},
		.weekdays = {{"mån", "tis", "ons", "tors", "fre", "lör", "sön"},
			     {"måndag", "tisdag", "onsdag", "torsdag", "fredag", "lördag", "söndag"}},
		.halves = {"fm", "em"},
		.eras = {"f.Kr.", "e.Kr."},
	},
	{

		.tag = "en-001 en-150 en-AG en-AI en-AT en-BB en-BE en-BM en-BS en-BW en-BZ en-CC en-CH en-CK en-CM en-CX "
		       "en-CY en-CZ en-DE en-DG en-DK en-DM en-ER en-ES en-FI en-FJ en-FK en-FM en-FR en-GB en-GD en-GG en- "
		       "GH en-GI en-GM en-GS en-GY en-HK en-HU en-ID en-IL en-IM en-IN en-IO en-IT en-JE en-JM en-KE en-KI "
		       "en-KN en-KY en-LC en-LR en-LS en-MG en-MO en-MS en-MT en-MU en-MV en-MW en-MY en-NA en-NF en-NG en- "
		       "NL en-NO en-NR en-NU en-NZ en-PG en-PK en-PL en-PN en-PT en-PW en-RO en-RW en-SB en-SC en-SD en-SE "
		       "en-SG en-SH en-SI en-SK en-SL en-SS en-SX en-SZ en-TC en-TK en-TO en-TT en-TV en-TZ en-UG en-VC en- "
		       "VG en-VU en-WS en-ZA en-ZM en-ZW",
		.months = {{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sept", "Oct", "Nov", "Dec"},
			   {"January", "February", "March", "April", "May", "June", "July", "August", "September",
				     "October", "November", "December"}},
		.weekdays = {{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"},
			     {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}},
		.halves = {"am", "pm"},
		.eras = {"BC", "AD"},
	},
	{
		.tag = "en-AU",
		.months = {{"Jan", "Feb", "Mar", "Apr", "May", "June", "July", "Aug", "Sept", "Oct", "Nov", "Dec"},
			   {"January", "February", "March", "April", "May", "June", "July", "August", "September",
				     "October", "November", "December"}},
		.weekdays = {{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"},
			     {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}},
		.halves = {"am", "pm"},
		.eras = {"BC", "AD"},
	},
	{
		.tag = "en-CA",
		.months = {{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"},
			   {"January", "February", "March", "April", "May", "June", "July", "August", "September",
				     "October", "November", "December"}},
		.weekdays = {{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"},
			     {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}},
		.halves = {"a.m.", "p.m."},
		.eras = {"BC", "AD"},
	},
	{
		.tag = "en-IE",
		.months = {{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sept", "Oct", "Nov", "Dec"},
			   {"January", "February", "March", "April", "May", "June", "July", "August", "September",
				     "October", "November", "December"}},
		.weekdays = {{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"},
			     {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}},
		.halves = {"a.m.", "p.m."},
		.eras = {"BC", "AD"},
	},
};

/* Languages of the same source that are not in the table: taking them for English would fail silently, line by line. */
static const char elsewhere[] =
	"af agq ak am ar as asa ast az bas be bem bez bg bgc bho blo bm bn bo br brx bs ca ccp ce ceb cgg "
	"chr ckb csw cv cy dav dje doi dsb dua dyo dz ebu ee el eo et eu ewo fa ff fil fo fur fy ga gaa "
	"gd gl gsw gu guz gv ha haw he hi hr hsb ht hu hy ia id ie ig ii is jgo jmc jv ka kab kam kde kea "
	"kgp khq ki kk kkj kl kln km kn ko kok ks ksb ksf ksh ku kw kxv ky lag lb lg lij lkt lmo ln lo "
	"lrc lt lu luo luy lv mai mas mer mfe mg mgh mgo mi mk ml mn mni mr ms mt mua my mzn naq nd nds "
	"ne nmg nn nnh nqo nso nus nyn oc om or os pa pcm pis ps qu raj rm rn ro rof rw rwk sa sah saq "
	"sat sbp sc sd se seh ses sg shi si sk sl smn sn so sq sr st su sw syr szl ta te teo tg th ti tk "
	"tn to tok tr tt twq tzm ug uk ur uz vai vec vi vmw vun wae wo xh xnr xog yav yi yo yrl yue za "
	"zgh zh zu";

/* ---- finding ---- */

static bool has_word(const char *words, struct str word)
{
	struct str s = str_z(words), w;

	while (s.len) {
		if (!str_cut(&s, ' ', &w)) {
			w = s;
			s.len = 0;
		}
		if (str_ieq(w, word))
			return true;
	}
	return false;
}

/* The next part of a language tag: letters and digits. */
static struct str subtag(struct str *tag)
{
	size_t n = 0;
	struct str s;

	while (n < tag->len && ch_alnum(tag->p[n]))
		n++;
	s = str_sub(*tag, 0, n);
	*tag = str_from(*tag, n);
	if (tag->len && (tag->p[0] == '-' || tag->p[0] == '_'))
		*tag = str_from(*tag, 1);
	return s;
}

const struct locale_names *locale_find(struct str tag)
{
	struct str lang = subtag(&tag), part = subtag(&tag);
	char both[16];

	for (size_t i = 0; i < lang.len; i++)
		if (!ch_alpha(lang.p[i]))
			return NULL;
	if (lang.len == 1 && (lang.p[0] == 'C' || lang.p[0] == 'c') && part.len == 0)
		return &locale_root;
	if (lang.len < 2 || lang.len > 8 || (lang.len > 3 && lang.len < 5))
		return NULL;
	if (part.len == 4) /* a script, as in "pt-Latn-PT" */
		part = subtag(&tag);
	if (part.len == 2 || part.len == 3) {
		memcpy(both, lang.p, lang.len);
		both[lang.len] = '-';
		memcpy(both + lang.len + 1, part.p, part.len);
		for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
			if (has_word(table[i].tag, str_n(both, lang.len + 1 + part.len)))
				return &table[i];
	}
	if (str_ieq(lang, STR("en")))
		return &locale_english;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (has_word(table[i].tag, lang))
			return &table[i];
	return has_word(elsewhere, lang) ? NULL : &locale_root;
}

/* ---- matching ---- */

/* Of the letters that occur above: Latin-1, Latin Extended-A, Cyrillic. */
static uint32_t lower(uint32_t c)
{
	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? c + 32 : c;
	if ((c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x410 && c <= 0x42f))
		return c + 32;
	if (c >= 0x400 && c <= 0x40f)
		return c + 80;
	if ((c >= 0x100 && c <= 0x12f) || (c >= 0x14a && c <= 0x177))
		return c | 1;
	if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e))
		return c + (c & 1);
	return c;
}

static uint32_t upper(uint32_t c)
{
	if (c < 0x80)
		return c >= 'a' && c <= 'z' ? c - 32 : c;
	if ((c >= 0xe0 && c <= 0xfe && c != 0xf7) || (c >= 0x430 && c <= 0x44f))
		return c - 32;
	if (c >= 0x450 && c <= 0x45f)
		return c - 80;
	if ((c >= 0x100 && c <= 0x12f) || (c >= 0x14a && c <= 0x177))
		return c & ~1u;
	if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e))
		return c - !(c & 1);
	return c;
}

/* Bytes of s that are this name in one of its three forms, or 0. */
static size_t match_name(const char *name, struct str s)
{
	struct str n = str_z(name), t = s;
	bool as_is = true, all_lower = true, all_upper = true;

	while (n.len && t.len) {
		int32_t a = utf8_next(&n), b = utf8_next(&t);

		as_is &= a == b;
		all_lower &= (int32_t)lower((uint32_t)a) == b;
		all_upper &= (int32_t)upper((uint32_t)a) == b;
		if (b < 0 || !(as_is || all_lower || all_upper))
			return 0;
	}
	return n.len ? 0 : s.len - t.len;
}

int locale_match(const char *const *names[2], int n, struct str s, size_t *len)
{
	int best = -1;

	*len = 0;
	for (int form = 0; form < 2; form++) {
		for (int i = 0; i < n; i++) {
			size_t k = match_name(names[form][i], s);

			if (k > *len) {
				*len = k;
				best = i;
			}
		}
	}
	return best;
}
