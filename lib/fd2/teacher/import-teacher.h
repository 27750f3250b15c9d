/* fd2-teacher --import: a trained network of another program -> teacher.fd2, without training. */
#ifndef FD2_IMPORT_TEACHER_H
#define FD2_IMPORT_TEACHER_H
#include "lib/fd2/teacher/train-teacher.h"

/* Settings; paths are as on the command line. */
struct import_config {
	const char *weights, *out;
	const char *classes; /* file with their names, or a shard; NULL: the weights name them */
	/* options, and defaults for what the file does not say; the number of maps is the file's */
	struct teacher_network network;
	double alpha;
};

/* 0, or -1 with fail_message(). */
int stage_import_teacher(const struct import_config *config);
#endif
