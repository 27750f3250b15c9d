#include "lib/base/progress.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/out.h"

/* Seconds from one line to the next, and from a count to a note. */
static const double on_terminal = 0.1, elsewhere = 20, still = 1;

static struct {
	const char *what;
	long total, first, done;
	double start, shown; /* when the loop began; when a line was last printed */
	double counted;      /* when the count last changed */
	bool terminal, on_screen, counting;
} p;

double elapsed(void)
{
	static struct timespec zero;
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!zero.tv_sec)
		zero = now;
	return (double)(now.tv_sec - zero.tv_sec) + (double)(now.tv_nsec - zero.tv_nsec) / 1e9;
}

static void clear(void)
{
	if (!p.on_screen)
		return;
	p.on_screen = false;
	if (write(STDERR_FILENO, "\r\033[K", 4) < 0)
		p.terminal = false;
}

void progress_start(const char *what, long total)
{
	err_before_print = clear;
	const char *term = getenv("TERM");
	bool terminal = verbosity >= 1 && isatty(STDERR_FILENO) && term && strcmp(term, "dumb");
	p.what = out_feeds_pipe() && verbosity < 2 ? NULL : what;
	p.total = total;
	p.done = 0;
	p.start = p.shown = p.counted = elapsed();
	p.terminal = terminal;
	p.on_screen = p.counting = false;
}

static void clock_text(char *out, size_t size, double seconds)
{
	long s = (long)seconds;
	if (s >= 3600)
		snprintf(out, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
	else
		snprintf(out, size, "%ld:%02ld", s / 60, s % 60);
}

/* A line as wide as the terminal would wrap, and could not be redrawn. Bytes are taken for
 * columns; no UTF-8 character is cut. */
static void redraw(char *line)
{
	struct winsize w;
	size_t room = ioctl(STDERR_FILENO, TIOCGWINSZ, &w) || !w.ws_col ? 79 : w.ws_col - 1u;
	if (strlen(line) > room) {
		while (room && ((unsigned char)line[room] & 0xc0) == 0x80)
			room--;
		line[room] = '\0';
	}
	plain_text(line);
	char shown[512];
	int n = snprintf(shown, sizeof shown, "\r%s\033[K", line);
	p.on_screen = write(STDERR_FILENO, shown, (size_t)n) > 0;
}

/* "312/1240  25.1/s  0:37 left": the rate is that of this run, what a resumed run found done
 * does not count. */
static void count_text(char *out, size_t size, double now)
{
	char left[32] = "?";
	double rate =
	    p.counting && now > p.start ? (double)(p.done - p.first) / (now - p.start) : 0;
	int n = p.total ? snprintf(out, size, "%ld/%ld", p.done, p.total)
	                : snprintf(out, size, "%ld", p.done);
	if (rate > 0)
		n += snprintf(out + n, size - (size_t)n, "  %.1f/s", rate);
	if (rate > 0 && p.total) {
		clock_text(left, sizeof left, (double)(p.total - p.done) / rate);
		snprintf(out + n, size - (size_t)n, "  %s left", left);
	}
}

static void show(const char *fmt, va_list ap)
{
	double now = elapsed();
	if (!p.what || now - p.shown < (p.terminal ? on_terminal : elsewhere) ||
	    (!p.terminal && verbosity < 2))
		return;
	char count[128], text[160], line[400];
	count_text(count, sizeof count, now);
	vsnprintf(text, sizeof text, fmt, ap);
	p.shown = now;
	snprintf(line, sizeof line, "%s  %s  %s", p.what, count, text);
	if (p.terminal)
		redraw(line);
	else
		chat("%s", line);
}

void progress_at(long done, const char *fmt, ...)
{
	va_list ap;
	p.counted = elapsed();
	if (!p.counting) {
		p.counting = true;
		p.first = done;
		p.start = p.counted;
	}
	p.done = done;
	va_start(ap, fmt);
	show(fmt, ap);
	va_end(ap);
}

void progress_note(const char *fmt, ...)
{
	va_list ap;
	if (elapsed() - p.counted < still)
		return;
	va_start(ap, fmt);
	show(fmt, ap);
	va_end(ap);
}

void progress_end(void)
{
	clear();
	p.what = NULL;
}
