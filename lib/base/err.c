#include "lib/base/err.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/io.h"

enum { LINE = 2048 };

const char *prog_name = "fd2";
int verbosity;
void (*err_before_print)(void);

static _Thread_local char message[LINE];

/* The arguments may point into `message`. */
static void remember(const char *fmt, va_list ap)
{
	char text[LINE];
	vsnprintf(text, sizeof text, fmt, ap);
	memcpy(message, text, sizeof text);
}

int fail(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	remember(fmt, ap);
	va_end(ap);
	return -1;
}

void *fail_null(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	remember(fmt, ap);
	va_end(ap);
	return NULL;
}

const char *fail_message(void)
{
	return *message ? message : "unknown error";
}

/* Returns the length in bytes of the UTF-8 sequence at b; 0: it is not one. */
static size_t sequence(const unsigned char *b)
{
	size_t n = b[0] < 0xc2 ? 0 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : b[0] < 0xf5 ? 4 : 0;
	for (size_t i = 1; i < n; i++)
		if ((b[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* Replaces C0, C1 (U+009B means ESC [), and bytes that a terminal without UTF-8 takes for C1. */
void plain_text(char *text)
{
	for (unsigned char *b = (unsigned char *)text; *b;) {
		size_t n = *b < 0x80 ? 1 : sequence(b);
		bool control = *b < 0x20 || *b == 0x7f || (n == 2 && b[0] == 0xc2 && b[1] < 0xa0) ||
		               (!n && *b < 0xa0);
		if (control)
			memset(b, '?', n ? n : 1);
		b += n ? n : 1;
	}
}

char *plain_copy(const char *text)
{
	char *copy = xstrdup(text);
	plain_text(copy);
	return copy;
}

struct counted counted(long n, const char *plural)
{
	struct counted c;
	size_t end = strlen(plural);
	if (n == 1)
		end -= strstr(plural, "sses") || strstr(plural, "ches") ? 2 : 1;
	snprintf(c.text, sizeof c.text, "%ld %.*s", n, (int)end, plural);
	return c;
}

/* Prints one line with a single write. */
static void print(const char *fmt, va_list ap)
{
	char line[LINE + 128];
	int n = snprintf(line, 100, "%s: ", prog_name);
	int body = vsnprintf(line + n, LINE, fmt, ap);
	n += body < LINE ? body : LINE - 1;
	plain_text(line);
	line[n++] = '\n';
	if (err_before_print)
		err_before_print();
	io_write(STDERR_FILENO, line, (size_t)n);
}

#define PRINT_IF(condition)                                                                        \
	do {                                                                                       \
		va_list ap;                                                                        \
		va_start(ap, fmt);                                                                 \
		if (condition)                                                                     \
			print(fmt, ap);                                                            \
		va_end(ap);                                                                        \
	} while (0)

void warn(const char *fmt, ...)
{
	PRINT_IF(verbosity >= 1);
}

void say(const char *fmt, ...)
{
	PRINT_IF(verbosity >= 1);
}

void chat(const char *fmt, ...)
{
	PRINT_IF(verbosity >= 2);
}

void complain(const char *fmt, ...)
{
	PRINT_IF(1);
}

void die(const char *fmt, ...)
{
	PRINT_IF(1);
	exit(EXIT_FAILED);
}

void die_usage(const char *fmt, ...)
{
	PRINT_IF(1);
	fprintf(stderr, "try '%s --help'\n", prog_name);
	exit(EXIT_USAGE);
}

static void *checked(void *p)
{
	if (!p)
		die("out of memory");
	return p;
}

void *xmalloc(size_t n)
{
	return checked(malloc(n ? n : 1));
}

void *xcalloc(size_t n, size_t size)
{
	return checked(calloc(n ? n : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t n, size_t size)
{
	return checked(reallocarray(p, n ? n : 1, size ? size : 1));
}

char *xstrdup(const char *s)
{
	return checked(strdup(s));
}

char *xasprintf(const char *fmt, ...)
{
	char *s;
	va_list ap;
	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	return checked(s);
}
