/* For the files that each know one family of layouts: what the archives hold, and the plan of
 * what becomes of it. */
#ifndef FD2_IMPORT_PLAN_H
#define FD2_IMPORT_PLAN_H
#include "lib/base/err.h"
#include "lib/data/import/import.h"
#include <stddef.h>

struct import_file {
	const char *archive;
	char *name;       /* of the member; a folder's own name stands in front */
	const char *tail; /* its last two components */
	bool foreign;     /* an image, but no JPEG */
	int split, class; /* the plan; split -1: left out */
	char *id;
};

struct import_list {
	const char *archive; /* NULL: it is a file of its own */
	char *name;
	char *text; /* `size` bytes and a '\0' */
	size_t size;
};

struct import_source {
	struct import_file *files; /* sorted by tail */
	int n, cap;
	int others; /* files other than images */
	char *other;
	struct import_list *lists;
	int lists_n;
	char **paths; /* archives and folders */
	int paths_n;
	char **archives; /* their names, for messages */
	int archives_n;
};

/* lists: base names of the files whose text is needed; they may also be given as paths of their
 * own. */
int source_open(
    struct import_source *s, char *const *paths, int n, const char *const *lists, int lists_n);
void source_close(struct import_source *s);
/* NULL: not there. */
struct import_list *source_list(const struct import_source *s, const char *name);
/* The image whose name ends with `path` (two components or more). NULL: fail_message ("is not
 * there", "is there twice"). */
struct import_file *source_image(const struct import_source *s, const char *path);
/* The second pass: calls `take` with the bytes of each file of the plan whose split is needed. */
int source_read(struct import_source *s, const bool needed[SPLITS],
    int (*take)(void *ctx, const struct import_file *f, const void *data, size_t size), void *ctx);

/* A list, line by line. */
struct lines {
	const struct import_list *list;
	char *text; /* the line, without white space at its ends; may be changed */
	size_t at;
	int number;
};
/* 1: a line that is not empty; 0: the end; -1: a line with zeros in it. */
int lines_next(struct lines *l);
/* "'cub.tgz': 'images.txt', line 7: ..."; -1. */
int lines_fail(const struct lines *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* "'cub.tgz': 'images.txt': ..."; -1. */
int list_fail(const struct import_list *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Cuts the line's first word off its rest; NULL where there is nothing after it. */
char *cut_word(char *line);
/* A decimal number from min to max; -1 otherwise. */
long parse_number(const char *text, long min, long max);

struct import_plan {
	bool needed[SPLITS];
	char **names;   /* of the classes, as the data set writes them */
	char **folders; /* and as folders */
	int n;
	int images[SPLITS];
};

/* Adds a class after the others. Its folder has '-' where the name has '/'. -1: two classes have
 * one folder, or no folder can be named so. */
int plan_class(struct import_plan *p, const char *name);
/* -1, without a message: no such class. */
int plan_find(const struct import_plan *p, const char *name);
/* Puts an image into a split and a class; its id is its file's name, with '_' for dots. -1: it
 * is in one already, or no JPEG. */
int plan_image(struct import_plan *p, struct import_file *f, int split, int class);

struct import_layout {
	const char *looks; /* what is looked for, as a message says it */
	const char *const
	    *lists; /* base names; the layout is this one when the first is there. NULL: folders */
	const char *const *also;     /* optional lists; NULL: none */
	const char *folders[SPLITS]; /* without lists: the names of the splits' folders */
	int (*plan)(struct import_plan *p, struct import_source *s, const struct import_layout *l);
};

/* For one's own photographs. Leaves out, with a warning, what has no class. */
int plan_photographs(struct import_plan *p, struct import_source *s, const struct import_job *job);
/* Puts a photograph of any format into the plan, under an id that its class does not have yet. */
void plan_photograph(struct import_plan *p, struct import_file *f, int split, int class, char *id);

int plan_cub(struct import_plan *p, struct import_source *s, const struct import_layout *l);
int plan_aircraft(struct import_plan *p, struct import_source *s, const struct import_layout *l);
int plan_cars_devkit(struct import_plan *p, struct import_source *s, const struct import_layout *l);
int plan_cars_annos(struct import_plan *p, struct import_source *s, const struct import_layout *l);
int plan_folders(struct import_plan *p, struct import_source *s, const struct import_layout *l);
/* The folders' split that a file is in as SPLIT/CLASS/FILE; -1: none. */
int folders_split(const struct import_file *f, const struct import_layout *l);
#endif
