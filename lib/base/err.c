#include "lib/base/err.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/io.h"

enum { LINE = 2048 };

const char *prog_name = "fd2";
int verbosity = 1;
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

void plain_text(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

/* One line in one write. */
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
