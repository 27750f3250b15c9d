#include "lib/base/start.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/files.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/base/out.h"
#include "lib/base/progress.h"
#include "lib/base/stop.h"

/* Sets UTF-8 for member names, whatever the user's language; numbers and sorting stay C's. */
static void set_locale(void)
{
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		setlocale(LC_CTYPE, "");
}

/* Opens closed standard files: otherwise the next file we open would get the number, and messages
 * would go into it. Opens /dev/null in the wrong mode, so that using it is still an error. */
static void fill_standard_files(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
			return;
}

static ssize_t write_stdout(void *unused, const char *data, size_t n)
{
	(void)unused;
	return (ssize_t)io_write(STDOUT_FILENO, data, n);
}

/* Makes stdout wait for a non-blocking pipe, at which stdio would give up. */
static void wait_for_stdout(void)
{
	if (fcntl(STDOUT_FILENO, F_GETFL) & O_NONBLOCK)
		stdout = fopencookie(NULL, "w", (cookie_io_functions_t){.write = write_stdout});
}

/* Leaves a removed working folder if no file is named relative to it: libtorch does not start in
 * one. */
static void leave_removed_folder(void)
{
	char *here = getcwd(NULL, 0);
	if (!here && errno == ENOENT && files_absolute() && chdir("/") < 0)
		warn("cannot leave the working folder, which was removed: %s", strerror(errno));
	free(here);
}

/* Runs at every exit except by a signal, die() included. */
static void clean_up(int status, void *unused)
{
	(void)unused;
	out_abandon_all();
	log_close(status);
}

static json_t *start_event(void)
{
	json_t *event = opts_provenance();
	json_object_set_new(event, "argv", opts_argv());
	return event;
}

int fd2_start(const struct tool *tool, int argc, char **argv)
{
	prog_name = tool->name;
	elapsed();
	fill_standard_files();
	set_locale();
	wait_for_stdout();
	stop_watch();
	on_exit(clean_up, NULL);
	int first = opts_parse(tool, argc, argv);
	if (first < 0)
		exit(fd2_finish(0));
	leave_removed_folder();
	if (common.log && log_open(common.log, start_event()) < 0)
		die("%s", fail_message());
	return first;
}

/* Closes stdout. If its reader is gone, the process ends by SIGPIPE, even if the parent ignored
 * that. */
static int close_stdout(void)
{
	bool bad = ferror(stdout);
	errno = 0;
	struct pollfd end = {.fd = STDOUT_FILENO};
	if (fflush(stdout) == 0 && !bad)
		return fclose(stdout);
	if (errno == EPIPE || (poll(&end, 1, 0) > 0 && end.revents & POLLERR))
		out_die_by(SIGPIPE);
	return -1;
}

int fd2_finish(int status)
{
	int code = status < 0 ? EXIT_FAILED : status;
	progress_end();
	if (status < 0)
		complain("%s", fail_message());
	out_abandon_all();
	if (close_stdout()) {
		complain("cannot write standard output%s%s", errno ? ": " : "",
		    errno ? strerror(errno) : "");
		code = EXIT_FAILED;
	}
	code = log_close(code) < 0 ? EXIT_FAILED : code;
	if (status < 0)
		stop_end();
	return code;
}
