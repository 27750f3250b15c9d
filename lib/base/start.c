/* The one start and the one end of every tool. */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/opts.h"
#include "lib/base/out.h"

/* Member names are UTF-8 whatever the user's language; numbers and sorting stay C's. */
static void set_locale(void)
{
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		setlocale(LC_CTYPE, "");
}

/* A signal that the parent ignored (nohup) stays ignored. */
static void catch(int sig)
{
	struct sigaction now, ours = {.sa_handler = out_on_signal};
	if (!sigaction(sig, NULL, &now) && now.sa_handler != SIG_IGN)
		sigaction(sig, &ours, NULL);
}

int fd2_start(const struct tool *tool, int argc, char **argv)
{
	prog_name = tool->name;
	elapsed();
	set_locale();
	catch(SIGINT);
	catch(SIGTERM);
	catch(SIGHUP);
	atexit(out_abandon_all);
	int first = opts_parse(tool, argc, argv);
	if (common.log && log_open(common.log) < 0)
		die("%s", fail_message());
	return first;
}

int fd2_finish(int status)
{
	progress_end();
	out_abandon_all();
	int code = status < 0 ? EXIT_FAILED : status;
	if (status < 0)
		complain("%s", fail_message());
	if (fflush(stdout) || ferror(stdout)) {
		complain("cannot write standard output: %s", strerror(errno));
		code = EXIT_FAILED;
	}
	log_close(code);
	return code;
}
