#include "lib/base/stop.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "lib/base/out.h"

static const struct {
	int number;
	const char *name;
} signals[] = {{SIGINT, "SIGINT"}, {SIGTERM, "SIGTERM"}, {SIGHUP, "SIGHUP"}, {SIGUSR1, "SIGUSR1"},
    {SIGUSR2, "SIGUSR2"}, {SIGXCPU, "SIGXCPU"}, {SIGALRM, "SIGALRM"}, {SIGPIPE, "SIGPIPE"}};
enum { SIGNALS = sizeof signals / sizeof *signals };

/* timeout(1) and batch systems signal a process and then its whole group: signals within this many
 * seconds are one request. */
static const double one_request = 0.5;

static volatile sig_atomic_t deferred, asked;
static volatile double asked_at;

static double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Notes a request, or ends the process. The reader of messages may go away before a signal comes,
 * or after it: SIGPIPE, which every message raises again, is not a second request. */
static void on_signal(int sig)
{
	int saved = errno;
	bool first = !asked || asked == SIGPIPE;
	if (!deferred || (!first && sig != SIGPIPE && seconds() - asked_at > one_request))
		out_die_by(sig);
	else if (first && asked != sig) {
		asked_at = seconds();
		asked = sig;
	}
	errno = saved;
}

static void watch(int sig, void (*handler)(int))
{
	struct sigaction now, ours = {.sa_handler = handler};
	if (!sigaction(sig, NULL, &now) && now.sa_handler != SIG_IGN)
		sigaction(sig, &ours, NULL);
}

void stop_watch(void)
{
	for (int i = 0; i < SIGNALS; i++)
		watch(signals[i].number, on_signal);
	signal(SIGXFSZ, SIG_IGN); /* a write over ulimit -f fails instead */
}

void stop_defer(void)
{
	deferred = 1;
}

bool stop_asked(void)
{
	return asked != 0;
}

static const char *asked_name(void)
{
	for (int i = 0; i < SIGNALS; i++)
		if (signals[i].number == asked)
			return signals[i].name;
	return "a signal";
}

int stop_fail(const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return fail("stopped by %s: %s", asked_name(), text);
}

void stop_end(void)
{
	if (asked)
		out_die_by(asked);
}
