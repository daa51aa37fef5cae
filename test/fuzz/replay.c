/*
 * replay.c - main() of a fuzz target in an ordinary build: runs the seeds, then a bounded number of mutations of them.
 *
 *	fuzz_WORD [-n MUTATIONS] [-s SEED] FILE|FOLDER...
 *
 * The mutations are drawn from a seeded generator, so a failure comes again; the input at hand is written to
 * crash-WORD in the current folder before the target aborts (by a handler of SIGABRT and of the sanitizers' end).
 */
#include "fuzz.h"

#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { INPUT_MAX = 1 << 17, SEEDS_MAX = 4096 };

struct seed {
	uint8_t *p;
	size_t len;
};

static struct seed seeds[SEEDS_MAX];
static size_t seeds_n;
static uint64_t state;
static const uint8_t *current;
static size_t current_len;
static const char *program;

/* xorshift64*: good enough to choose places, and the same everywhere. */
static uint64_t draw(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 2685821657736338717u;
}

static size_t below(size_t n)
{
	return n ? draw() % n : 0;
}

static void save_current(void)
{
	const char *slash = strrchr(program, '/');
	char name[256];
	FILE *f;

	snprintf(name, sizeof(name), "crash-%s", slash ? slash + 1 : program);
	f = fopen(name, "w");
	if (!f)
		return;
	(void)fwrite(current, 1, current_len, f);
	fclose(f);
	fprintf(stderr, "the input was written to %s (%zu bytes)\n", name, current_len);
}

static void on_abort(int sig)
{
	save_current();
	signal(sig, SIG_DFL);
	raise(sig);
}

/* The sanitizers call this before they end the process. */
void __asan_on_error(void);
void __asan_on_error(void)
{
	save_current();
}

static void run(const uint8_t *p, size_t len)
{
	/* An own allocation of exactly this size: reading one byte past the end is then seen. */
	uint8_t *copy = malloc(len ? len : 1);

	if (!copy)
		abort();
	if (len)
		memcpy(copy, p, len);
	current = copy;
	current_len = len;
	alarm(20);
	LLVMFuzzerTestOneInput(copy, len);
	alarm(0);
	free(copy);
}

static int load_file(const char *path)
{
	FILE *f = fopen(path, "r");
	struct seed s;

	if (!f || seeds_n == SEEDS_MAX) {
		fprintf(stderr, "cannot read '%s'\n", path);
		if (f)
			fclose(f);
		return -1;
	}
	s.p = malloc(INPUT_MAX);
	if (!s.p)
		abort();
	s.len = fread(s.p, 1, INPUT_MAX, f);
	fclose(f);
	/* There may be thousands. */
	s.p = realloc(s.p, s.len ? s.len : 1);
	if (!s.p)
		abort();
	seeds[seeds_n++] = s;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int load(const char *path)
{
	char *names[SEEDS_MAX];
	size_t n = 0;
	int status = 0;
	struct dirent *e;
	DIR *d = opendir(path);

	if (!d)
		return load_file(path);
	/* Sorted: the order of a folder must not decide which mutations are drawn. */
	while ((e = readdir(d)) && n < SEEDS_MAX)
		if (e->d_name[0] != '.')
			names[n++] = strdup(e->d_name);
	closedir(d);
	qsort(names, n, sizeof(*names), by_name);
	for (size_t i = 0; i < n; i++) {
		char full[4096];

		snprintf(full, sizeof(full), "%s/%s", path, names[i]);
		status |= load_file(full);
		free(names[i]);
	}
	return status;
}

/* One to four changes of a seed: a bit, a byte, a run cut or doubled, a number's edge, a piece of another seed. */
static size_t mutate(uint8_t *out, const struct seed *s)
{
	static const char *const tokens[] = {"\xff", "\0", "\n", "\r\n", "9999999999", "-1", "<", ">", "[", "]", "\"", "\\", "{", "}",
					     "%{", "\xc3", "\xed\xa0\x80", "\xf0\x9f\x98\x80", "\x1b[", "  ", "=>", "\\u0000"};
	size_t len = s->len, changes = 1 + below(4);

	memcpy(out, s->p, len);
	while (changes--) {
		size_t at = below(len + 1), n = 1 + below(16), room = INPUT_MAX - len;
		const struct seed *other = &seeds[below(seeds_n)];
		const char *t = tokens[below(sizeof(tokens) / sizeof(*tokens))];

		switch (below(7)) {
		case 0:
			if (len)
				out[below(len)] ^= (uint8_t)(1u << below(8));
			break;
		case 1:
			if (len)
				out[below(len)] = (uint8_t)draw();
			break;
		case 2: /* cut */
			n = n < len - at ? n : len - at;
			memmove(out + at, out + at + n, len - at - n);
			len -= n;
			break;
		case 3: /* double */
			n = n < len - at ? n : len - at;
			if (n > room)
				break;
			memmove(out + at + n, out + at, len - at);
			len += n;
			break;
		case 4: /* insert a token */
			n = *t ? strlen(t) : 1;
			if (n > room)
				break;
			memmove(out + at + n, out + at, len - at);
			memcpy(out + at, t, n);
			len += n;
			break;
		case 5: /* the end is missing */
			len = at;
			break;
		default: /* goes on as another seed does */
			n = below(other->len + 1);
			if (at + (other->len - n) > INPUT_MAX)
				break;
			memcpy(out + at, other->p + n, other->len - n);
			len = at + (other->len - n);
			break;
		}
	}
	return len;
}

int main(int argc, char **argv)
{
	unsigned long mutations = 2000;
	uint64_t first = 1;
	int i, status = 0;
	uint8_t *work = malloc(INPUT_MAX);

	program = argv[0];
	for (i = 1; i + 1 < argc && argv[i][0] == '-'; i += 2) {
		if (!strcmp(argv[i], "-n"))
			mutations = strtoul(argv[i + 1], NULL, 10);
		else if (!strcmp(argv[i], "-s"))
			first = strtoull(argv[i + 1], NULL, 10);
	}
	for (; i < argc; i++)
		status |= load(argv[i]);
	if (status || !seeds_n || !work) {
		fprintf(stderr, "usage: %s [-n MUTATIONS] [-s SEED] FILE|FOLDER...   (at least one seed)\n", argv[0]);
		return 1;
	}
	signal(SIGABRT, on_abort);
	signal(SIGALRM, on_abort);
	signal(SIGSEGV, on_abort);
	run((const uint8_t *)"", 0);
	for (size_t k = 0; k < seeds_n; k++)
		run(seeds[k].p, seeds[k].len);
	for (unsigned long m = 0; m < mutations; m++) {
		state = (first + m) * 0x9e3779b97f4a7c15u | 1;
		run(work, mutate(work, &seeds[below(seeds_n)]));
	}
	printf("%zu seeds, %lu mutations from %llu\n", seeds_n, mutations, (unsigned long long)first);
	for (size_t k = 0; k < seeds_n; k++)
		free(seeds[k].p);
	free(work);
	return 0;
}
