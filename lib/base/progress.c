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

/* Seconds between two lines, on a terminal and elsewhere, and from the last count to a note. */
static const double redraw_every = 0.1, line_every = 20, note_after = 1;

struct loop {
	const char *what, *unit;
	long total, first, done;
	double begun;   /* when progress_start was called */
	double start;   /* when it first counted, plus the time that inner loops took */
	double counted; /* when the count last changed */
	bool counting;
};

enum { DEPTH = 4 };
static struct loop loops[DEPTH];
static int depth;
static double shown; /* when a line was last printed */
static bool on_screen;

static struct loop *innermost(void)
{
	return depth > 0 && depth <= DEPTH ? &loops[depth - 1] : NULL;
}

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
	ssize_t n = on_screen ? write(STDERR_FILENO, "\r\033[K", 4) : 0;
	on_screen = n < 0;
}

static bool is_terminal(void)
{
	const char *term = getenv("TERM");
	return isatty(STDERR_FILENO) && term && strcmp(term, "dumb");
}

void progress_start(const char *what, const char *unit, long total)
{
	double now = elapsed();
	err_before_print = clear;
	if (!depth)
		shown = now;
	if (depth++ < DEPTH)
		loops[depth - 1] = (struct loop){.what = what,
		    .unit = unit,
		    .total = total,
		    .begun = now,
		    .start = now,
		    .counted = now};
}

void clock_text(char *out, size_t size, double seconds)
{
	long s = (long)seconds;
	if (s >= 3600)
		snprintf(out, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
	else
		snprintf(out, size, "%ld:%02ld", s / 60, s % 60);
}

/* Cuts the line to less than the terminal's width: a line that wraps cannot be redrawn. Counts
 * bytes as columns, and cuts no UTF-8 character in two. */
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
	char text[512];
	int n = snprintf(text, sizeof text, "\r%s\033[K", line);
	on_screen = write(STDERR_FILENO, text, (size_t)n) > 0;
}

/* Formats "25.1 images/s", or "3.2 s/image" if one takes longer than a second. */
static int rate_text(char *out, size_t size, double rate, const char *unit)
{
	if (rate >= 1)
		return snprintf(out, size, "  %.1f %s/s", rate, unit);
	return snprintf(out, size, "  %.1f s/%.*s", 1 / rate, (int)strlen(unit) - 1, unit);
}

/* Formats "312/1240 images  25.1 images/s  0:37 left". The rate counts only this run's work, not
 * what a resumed run found done. */
static void count_text(char *out, size_t size, const struct loop *l, double now)
{
	char left[32] = "?";
	double rate =
	    l->counting && now > l->start ? (double)(l->done - l->first) / (now - l->start) : 0;
	int n = l->total ? snprintf(out, size, "%ld/%ld %s", l->done, l->total, l->unit)
	                 : snprintf(out, size, "%ld %s", l->done, l->unit);
	if (rate > 0)
		n += rate_text(out + n, size - (size_t)n, rate, l->unit);
	if (rate > 0 && l->total) {
		clock_text(left, sizeof left, (double)(l->total - l->done) / rate);
		snprintf(out + n, size - (size_t)n, "  %s left", left);
	}
}

static void show(const struct loop *l, const char *fmt, va_list ap)
{
	double now = elapsed();
	if (now - shown < redraw_every || verbosity < (out_feeds_pipe() ? 2 : 1))
		return;
	bool terminal = is_terminal();
	if (!terminal && (now - shown < line_every || verbosity < 2))
		return;
	char count[128], text[160] = "", line[400];
	count_text(count, sizeof count, l, now);
	if (fmt)
		vsnprintf(text, sizeof text, fmt, ap);
	shown = now;
	snprintf(line, sizeof line, "%s  %s  %s", l->what, count, text);
	if (terminal)
		redraw(line);
	else
		chat("%s", line);
}

static void count(struct loop *l, long done)
{
	l->counted = elapsed();
	if (!l->counting) {
		l->counting = true;
		l->first = done;
		l->start = l->counted;
	}
	l->done = done;
}

void progress_at(long done, const char *fmt, ...)
{
	struct loop *l = innermost();
	va_list ap;
	if (!l)
		return;
	count(l, done);
	va_start(ap, fmt);
	show(l, fmt, ap);
	va_end(ap);
}

void progress_add(long n, const char *fmt, ...)
{
	struct loop *l = innermost();
	va_list ap;
	if (!l)
		return;
	l->counting = true;
	count(l, l->done + n);
	va_start(ap, fmt);
	show(l, fmt, ap);
	va_end(ap);
}

void progress_note(const char *fmt, ...)
{
	struct loop *l = innermost();
	va_list ap;
	if (!l || elapsed() - l->counted < note_after)
		return;
	va_start(ap, fmt);
	show(l, fmt, ap);
	va_end(ap);
}

void progress_end(void)
{
	clear();
	if (!depth)
		return;
	double begun = depth <= DEPTH ? loops[depth - 1].begun : elapsed();
	depth--;
	struct loop *outer = innermost();
	if (outer)
		outer->start += elapsed() - begun;
}
