#include "lib/base/progress.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static struct {
	const char *what;
	long total, first;
	double start, shown; /* when the loop began; when a line was last printed */
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

void progress_start(const char *what, long total)
{
	const char *term = getenv("TERM");
	bool terminal = verbosity >= 1 && isatty(STDERR_FILENO) && term && strcmp(term, "dumb");
	p.what = what;
	p.total = total;
	p.start = p.shown = elapsed();
	p.terminal = terminal;
	p.on_screen = p.counting = false;
}

void progress_clear(void)
{
	if (!p.on_screen)
		return;
	p.on_screen = false;
	if (write(STDERR_FILENO, "\r\033[K", 4) < 0)
		p.terminal = false;
}

static void clock_text(char *out, size_t size, double seconds)
{
	long s = (long)seconds;
	if (s >= 3600)
		snprintf(out, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
	else
		snprintf(out, size, "%ld:%02ld", s / 60, s % 60);
}

/* A line as wide as the terminal would wrap, and could not be redrawn. Bytes are taken for columns; no UTF-8 character is cut. */
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

/* The rate is that of this run: what a resumed run found done does not count. */
void progress_at(long done, const char *fmt, ...)
{
	double now = elapsed();
	if (!p.counting) {
		p.counting = true;
		p.first = done;
		p.start = now;
	}
	if (!p.what || now - p.shown < (p.terminal ? 0.1 : 60) || (!p.terminal && verbosity < 2))
		return;
	char left[32] = "?", text[160], line[400];
	double rate = now > p.start ? (double)(done - p.first) / (now - p.start) : 0;
	if (rate > 0)
		clock_text(left, sizeof left, (double)(p.total - done) / rate);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	p.shown = now;
	snprintf(line, sizeof line, "%s  %ld/%ld  %.1f/s  %s left  %s", p.what, done, p.total, rate, left, text);
	if (p.terminal)
		redraw(line);
	else
		chat("%s", line);
}

void progress_end(void)
{
	progress_clear();
	p.what = NULL;
}
