/* For the files that implement the layouts: the contents of the archives, and the plan of what to
 * import. */
#ifndef FD2_IMPORT_PLAN_H
#define FD2_IMPORT_PLAN_H
#include "lib/base/err.h"
#include "lib/data/import/import.h"
#include <stddef.h>

struct import_file {
	const char *archive;
	char *name;       /* of the member, after the folder's own name if it is in a folder */
	const char *tail; /* its last two components */
	bool foreign;     /* an image, but not a JPEG */
	int split, class; /* as planned; split -1: left out */
	char *id;
};

struct import_list {
	const char *archive; /* NULL: the list is a separate file */
	char *name;
	char *text; /* `size` bytes and a '\0' */
	size_t size;
};

struct import_source {
	struct import_file *files; /* sorted by tail */
	int n, cap;
	int others; /* number of files other than images */
	char *other;
	struct import_list *lists;
	int lists_n;
	char **paths; /* archives and folders */
	int paths_n;
	char **archives; /* their names, for messages */
	int archives_n;
};

/* Lists the files in archives and folders. lists: base names of the files whose text is needed;
 * they may also be among the paths. */
int source_open(
    struct import_source *s, char *const *paths, int n, const char *const *lists, int lists_n);
void source_close(struct import_source *s);
/* Finds a list. NULL: there is none of that name. */
struct import_list *source_list(const struct import_source *s, const char *name);
/* Finds the image whose name ends with `path` (two components or more). NULL: fail_message ("is not
 * there", "is there twice"). */
struct import_file *source_image(const struct import_source *s, const char *path);
/* Reads the archives again: calls `take` with each planned file whose split is needed. */
int source_read(struct import_source *s, const bool needed[SPLITS],
    int (*take)(void *ctx, const struct import_file *f, const void *data, size_t size), void *ctx);

/* Reads a list line by line. */
struct lines {
	const struct import_list *list;
	char *text; /* the line, trimmed; may be changed */
	size_t at;
	int number;
};
/* Reads the next non-empty line. 1: it is in l->text; 0: the end; -1: fail_message, the line has
 * NUL bytes. */
int lines_next(struct lines *l);
/* Fails with "'cub.tgz': 'images.txt', line 7: ..."; returns -1. */
int lines_fail(const struct lines *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Fails with "'cub.tgz': 'images.txt': ..."; returns -1. */
int list_fail(const struct import_list *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Ends `line` after its first word and returns the rest; NULL if no blank follows the word. */
char *cut_word(char *line);
/* Parses a decimal number from min to max; -1 if it is not one. */
long parse_number(const char *text, long min, long max);

struct import_plan {
	bool needed[SPLITS];
	char **names;   /* of the classes, as the data set writes them */
	char **folders; /* the same as names of folders */
	int n;
	int images[SPLITS];
};

/* Adds a class after the others. In its folder's name, '-' replaces '/'. -1: fail_message, two
 * classes have the same folder, or the name is not valid for a folder. */
int plan_class(struct import_plan *p, const char *name);
/* Finds a class by name. -1, without a message: no such class. */
int plan_find(const struct import_plan *p, const char *name);
/* Assigns an image to a split and a class; its id is its file's name without extension, with '_'
 * for dots. -1: fail_message, it is assigned already, or not a JPEG. */
int plan_image(struct import_plan *p, struct import_file *f, int split, int class);

struct import_layout {
	const char *looks; /* the expected files, for messages */
	const char *const
	    *lists;              /* base names; the first identifies the layout. NULL: folders do */
	const char *const *also; /* optional lists; NULL: none */
	const char *folders[SPLITS]; /* without lists: the names of the splits' folders */
	int (*plan)(struct import_plan *p, struct import_source *s, const struct import_layout *l);
};

/* Plans the user's own photographs. Leaves out, with a warning, those without a class. */
int plan_photographs(struct import_plan *p, struct import_source *s, const struct import_job *job);
/* Adds a photograph of any format to the plan, under an id that its class does not have yet. */
void plan_photograph(struct import_plan *p, struct import_file *f, int split, int class, char *id);

int plan_cub(struct import_plan *p, struct import_source *s, const struct import_layout *l);
int plan_aircraft(struct import_plan *p, struct import_source *s, const struct import_layout *l);
int plan_cars_devkit(struct import_plan *p, struct import_source *s, const struct import_layout *l);
int plan_cars_annos(struct import_plan *p, struct import_source *s, const struct import_layout *l);
int plan_folders(struct import_plan *p, struct import_source *s, const struct import_layout *l);
/* Returns the split of a file SPLIT/CLASS/FILE by the layout's folders; -1: none. */
int folders_split(const struct import_file *f, const struct import_layout *l);
#endif
