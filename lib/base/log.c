#include "lib/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/out.h"
#include "lib/base/progress.h"

static int fd = -1;
static bool lost; /* an event could not be written */

/* Returns whether the file is empty or begins with an event, which may be cut off. */
static bool begins_as_log(FILE *file)
{
	static const char begin[] = "{\"tool\":\"fd2-";
	char *line = NULL;
	size_t cap = 0;
	int first = getc(file);
	if (first == EOF)
		return !ferror(file);
	ungetc(first, file);
	ssize_t n = first == '{' ? getline(&line, &cap, file) : 0;
	json_t *event = n > 0 ? json_loadb(line, (size_t)n, 0, NULL) : NULL;
	bool cut = n > 0 && !event && !strncmp(line, begin, strlen(begin));
	bool is = cut || json_is_string(json_object_get(event, "event"));
	json_decref(event);
	free(line);
	return is;
}

/* Returns whether the file may be appended to. *cut: its last line has no newline. */
static bool is_log(const char *path, bool *cut)
{
	struct stat st;
	FILE *file = !stat(path, &st) && S_ISREG(st.st_mode) ? fopen(path, "re") : NULL;
	*cut = false;
	if (!file)
		return true;
	bool is = begins_as_log(file);
	*cut = is && !fseek(file, -1, SEEK_END) && getc(file) != '\n';
	fclose(file);
	return is;
}

int log_open(const char *path, json_t *start)
{
	if (!strcmp(path, "-")) {
		json_decref(start);
		return fail("the log needs a file: '-' is standard output");
	}
	bool cut, fit = is_log(path, &cut);
	fd = fit ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : -1;
	if (fd < 0) {
		json_decref(start);
		return fit ? fail("cannot write '%s': %s", path, strerror(errno))
		           : fail("'%s' is not a log: it does not begin with an event", path);
	}
	if (cut) /* by a full disk, or a signal */
		lost = io_write(fd, "\n", 1) != 1;
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

int log_close(int status)
{
	log_event(json_pack("{s:s, s:i}", "event", "end", "status", status));
	if (fd >= 0)
		close(fd);
	fd = -1;
	return lost ? -1 : 0;
}
