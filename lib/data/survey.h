/* An overview of a set of labelled images: number per class, sizes, and the first images of each
 * class. */
#ifndef FD2_SURVEY_H
#define FD2_SURVEY_H
#include "formats/shard/shard.h"
#include "lib/image/image.h"

struct survey_class {
	char *name;
	long count;
	struct image *images; /* those kept */
	int n;
};

struct survey {
	/* Set before survey_read: */
	bool decode;          /* decode every image, and fail at the first damaged one */
	int keep_side;        /* decode images for the sheet to at least this side; 0: keep none */
	long per_class, most; /* how many to keep of a class, and in all (0: all) */
	/* Results: */
	struct survey_class *v; /* sorted: numbers, then other names */
	int n;
	long samples, kept;
	long min_w, max_w, min_h, max_h, sized; /* over the `sized` images with a readable header */
	double bytes;
};

/* Reads all samples. Omits images that cannot be decoded for the sheet, with a warning. -1:
 * fail_message. */
int survey_read(struct survey *s, struct shard_reader *r);
/* Like survey_read, for the FILE.part of an unfinished run: reads the samples that --resume would
 * continue after. */
int survey_read_unfinished(struct survey *s, const char *part);
/* Writes the kept images as a JPEG to `path`, each class below its name; columns and cell as in
 * draw.h. Says how many are left out. -1: fail_message. */
int survey_sheet(const struct survey *s, const char *path, int columns, int cell);
void survey_free(struct survey *s);
#endif
