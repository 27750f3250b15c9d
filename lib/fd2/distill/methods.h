/* The base methods' table: X(identifier, name, what it is). A new one is a line here and a file
 * that defines `const struct method IDENTIFIER`; option table, --help and completion follow.
 * FD2's constraints go on top of any of them. */
#ifndef FD2_METHODS_H
#define FD2_METHODS_H
#include <stdbool.h>

#define FD2_METHODS(X)                                                                             \
	X(sre2l, "sre2l", "SRe2L (Yin et al. 2023): from noise")                                   \
	X(sre2l_plus, "sre2l++", "SRe2L++ (Cui et al. 2025): from mosaics of real patches")        \
	X(fadrm, "fadrm",                                                                          \
	    "FADRM (Cui et al. 2025): in parts of several sizes, with the real image mixed in "    \
	    "between them")                                                                        \
	X(fadrm_plus, "fadrm+", "FADRM+: the same with several teachers in turn")
/* Places in the table, and "|sre2l|sre2l++...": what OPT_CHOICE takes, after its first
 * character. */
#define FD2_METHOD_PLACE(id, name, about) METHOD_##id,
enum method_place { FD2_METHODS(FD2_METHOD_PLACE) };
#define FD2_METHOD_CHOICE(id, name, about) "|" name
#define METHOD_CHOICES (&(FD2_METHODS(FD2_METHOD_CHOICE))[1])

enum start { START_UNSET = -1, START_MOSAIC, START_REAL, START_NOISE };
#define START_CHOICES "mosaic|real|noise"

enum { PARTS_MAX = 16 };

/* What a method is in numbers (fd2-method(7), BASE METHODS). All of them take the same step: a
 * random view, cross-entropy and BN statistics, Adam. */
struct method {
	const char *name;
	enum start start; /* what images begin as */
	bool several;     /* teachers, taken in turn, one a step */
	long steps;       /* an image, split equally over the parts */
	double lr;        /* Adam's, falling as a cosine to 0 over all steps */
	double r_bn;      /* weight of the BN-statistics loss */
	int parts,
	    sizes[PARTS_MAX]; /* side of the images in each part, for a teacher of 224 pixels */
	double residual;      /* share of the initial image in what a later part begins with */
};

/* The method of a job as it will be followed: where an option was given, its value, elsewhere
 * the method's; sizes for a teacher of side `size`. -1: fail_message. */
struct distill_job;
int method_of(struct method *m, const struct distill_job *job, int size);
const char *start_name(enum start start);
#endif
