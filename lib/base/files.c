#include "lib/base/files.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/paths.h"

/* What a path refers to: a file, or a folder and the name that a new file will have in it. */
struct file {
	const char *path, *option; /* option: of an output */
	const void *list;
	bool written, folder, standard; /* standard: a standard file, open but maybe unused */
	dev_t device;
	ino_t inode;
	char *name; /* of a new file; otherwise "" */
	int order;  /* position on the command line */
};

static struct file *files;
static int n_files, cap_files;
static bool standard_input, relative;
static const char *standard_output; /* the option that writes to it */

static void add(struct file f, const struct stat *st)
{
	if (n_files == cap_files) {
		cap_files = cap_files ? 2 * cap_files : 64;
		files = xrealloc(files, (size_t)cap_files, sizeof *files);
	}
	f.folder = S_ISDIR(st->st_mode) && !*f.name;
	f.device = st->st_dev;
	f.inode = st->st_ino;
	f.order = n_files;
	files[n_files++] = f;
}

static void read_one(const char *path, const void *list)
{
	struct stat st;
	if (!strcmp(path, "-") || io_descriptor(path) == STDIN_FILENO) {
		if (standard_input)
			die_usage("standard input can be read once only, and it is given twice");
		standard_input = true;
	} else if (!stat(path, &st)) {
		add((struct file){.path = path, .list = list, .name = ""}, &st);
	}
}

void files_read(const char *path, const void *list)
{
	static struct paths paths; /* from all calls; kept for messages */
	int first = paths.n;
	relative |= *path != '/' && strcmp(path, "-");
	if (paths_add(&paths, path) < 0)
		die_usage("%s", fail_message());
	for (int i = first; i < paths.n; i++)
		read_one(paths.v[i], list);
}

static void use_standard_output(const char *path, const char *option)
{
	if (standard_output)
		die_usage("--%s and --%s are both '%s'", option, standard_output, path);
	standard_output = option;
}

/* Adds the file that an output refers to, or the folder in which it will be created. */
static void add_target(char *target, struct file f)
{
	struct stat st;
	f.name = "";
	if (!stat(target, &st)) {
		if (S_ISREG(st.st_mode))
			add(f, &st);
		return;
	}
	char *slash = strrchr(target, '/'), *name = slash ? slash + 1 : target;
	char *copy = xstrdup(name);
	*name = '\0';
	f.name = copy;
	if (stat(*target ? target : ".", &st))
		free(copy);
	else
		add(f, &st);
}

void files_written(const char *path, const char *option)
{
	if (!strcmp(path, "-") || io_descriptor(path) == STDOUT_FILENO) {
		use_standard_output(path, option);
		return;
	}
	if (io_descriptor(path) >= 0)
		return;
	relative |= *path != '/';
	char *target = io_target(path);
	if (target)
		add_target(target, (struct file){.path = path, .option = option, .written = true});
	free(target);
}

static void add_standard(int fd, const char *path, bool written)
{
	struct stat st;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode))
		add((struct file){.path = path, .written = written, .standard = true, .name = ""},
		    &st);
}

static int compare(const struct file *a, const struct file *b)
{
	return a->device != b->device ? (a->device > b->device) - (a->device < b->device)
	       : a->inode != b->inode ? (a->inode > b->inode) - (a->inode < b->inode)
	                              : strcmp(a->name, b->name);
}

static int by_file(const void *a, const void *b)
{
	const struct file *x = a, *y = b;
	int d = compare(x, y);
	return d ? d : x->order - y->order;
}

static void refuse(const struct file *a, const struct file *b)
{
	const struct file *in = a->written ? b : a, *out = a->written ? a : b;
	bool one_name = !strcmp(a->path, b->path);
	if (in->written != out->written) {
		if (one_name)
			die_usage("'%s' is both read and written", a->path);
		die_usage("'%s' and '%s' are one file, which is both read and written", in->path,
		    out->path);
	}
	if (a->standard || b->standard || (!a->written && (!a->list || a->list != b->list)))
		return;
	if (a->written && one_name)
		die_usage("--%s and --%s are both '%s'", b->option, a->option, a->path);
	if (a->written)
		die_usage(
		    "--%s '%s' and --%s '%s' are one file", b->option, b->path, a->option, a->path);
	if (one_name)
		die_usage("'%s' is given twice", a->path);
	die_usage("'%s' and '%s' are one file, which is given twice", a->path, b->path);
}

static bool is_image(const char *name)
{
	static const char *const endings[] = {
	    ".jpg", ".jpeg", ".png", ".webp", ".avif", ".npy", ".cls", NULL};
	const char *dot = strrchr(name, '.');
	for (int i = 0; dot && endings[i]; i++)
		if (!strcasecmp(dot, endings[i]))
			return true;
	return false;
}

/* Refuses an output that would replace an image in an input folder. */
static void check_inside(const struct file *folder, const struct file *out)
{
	char a[PATH_MAX], b[PATH_MAX];
	if (*out->name || !is_image(out->path) || !realpath(folder->path, a) ||
	    !realpath(out->path, b))
		return;
	size_t n = strlen(a);
	if (!strncmp(a, b, n) && (b[n] == '/' || !strcmp(a, "/")))
		die_usage(
		    "'%s' is written, and it is in '%s', which is read", out->path, folder->path);
}

void files_check(void)
{
	add_standard(STDIN_FILENO, "standard input", false);
	add_standard(STDOUT_FILENO, "standard output", true);
	if (n_files)
		qsort(files, (size_t)n_files, sizeof *files, by_file);
	for (int i = 0; i < n_files; i++)
		for (int k = i + 1; k < n_files && !compare(&files[i], &files[k]); k++)
			refuse(&files[i], &files[k]);
	for (int i = 0; i < n_files; i++)
		for (int k = 0; k < n_files; k++)
			if (files[i].folder && files[k].written)
				check_inside(&files[i], &files[k]);
}

bool files_absolute(void)
{
	return !relative;
}
