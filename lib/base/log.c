#include "lib/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/out.h"

static int fd = -1;
static bool lost; /* an event could not be written */

/* A file that is something else is not appended to. */
static bool is_log(const char *path)
{
	char first = '{';
	struct stat st;
	int file = !stat(path, &st) && S_ISREG(st.st_mode) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (file < 0)
		return true;
	bool read_it = read(file, &first, 1) >= 0;
	close(file);
	return read_it && first == '{';
}

int log_open(const char *path, json_t *start)
{
	if (!strcmp(path, "-")) {
		json_decref(start);
		return fail("the log needs a file: '-' is standard output");
	}
	bool fit = is_log(path);
	fd = fit ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : -1;
	if (fd < 0) {
		json_decref(start);
		return fit ? fail("cannot write '%s': %s", path, strerror(errno))
		           : fail("'%s' is not a log: it does not begin with a line of JSON", path);
	}
	out_protect(fd, "the log");
	json_object_set_new(start, "event", json_string("start"));
	log_event(start);
	return 0;
}

bool log_wanted(void)
{
	return fd >= 0;
}

void log_event(json_t *event)
{
	if (fd >= 0 && event) {
		json_object_set_new(event, "t", json_real(elapsed()));
		char *text = json_dumps(event, JSON_COMPACT | JSON_REAL_PRECISION(9)),
		     *line = xasprintf("%s\n", text);
		if (io_write(fd, line, strlen(line)) < strlen(line)) {
			complain("cannot write the log: %s", strerror(errno));
			close(fd);
			fd = -1;
			lost = true;
		}
		free(line);
		free(text);
	}
	json_decref(event);
}

json_t *json_real_or_null(double x)
{
	return isfinite(x) ? json_real(x) : json_null();
}

int log_close(int status)
{
	log_event(json_pack("{s:s, s:i}", "event", "end", "status", status));
	if (fd >= 0)
		close(fd);
	fd = -1;
	return lost ? -1 : 0;
}
