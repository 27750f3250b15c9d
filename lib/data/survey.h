/* A set of labelled images at a glance: number and sizes per class, and the first ones of each
 * class. */
#ifndef FD2_SURVEY_H
#define FD2_SURVEY_H
#include "formats/shard/shard.h"
#include "lib/image/image.h"

struct survey_class {
	char *name;
	long count;
	struct image *images; /* the kept ones */
	int n;
};

struct survey {
	/* What to do, set before survey_read: */
	bool decode;          /* every image; the first that is damaged ends it */
	int keep_side;        /* keep images of at least this side for the sheet; 0: none */
	long per_class, most; /* how many are kept of a class, and in all (0: all) */
	/* What was found: */
	struct survey_class *v; /* after survey_read: numbers, then the other names, sorted */
	int n;
	long samples, kept;
	long min_w, max_w, min_h, max_h, sized; /* of `sized` images whose header is readable */
	double bytes;
};

/* 0, or -1 with fail_message. Images that cannot be decoded for the sheet are left out with a
 * warning. */
int survey_read(struct survey *s, struct shard_reader *r);
/* The same of FILE.part, which an unfinished run left: the samples from which --resume goes on. */
int survey_read_unfinished(struct survey *s, const char *part);
/* The kept images as a JPEG at `path`, each class below its name; columns and cell as in draw.h.
 * Says how many are left out. -1: fail_message. */
int survey_sheet(const struct survey *s, const char *path, int columns, int cell);
void survey_free(struct survey *s);
#endif
