#include "lib/fd2/expert/trajectories.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/input.h"
#include "lib/base/err.h"
#include "lib/base/names.h"
#include "lib/base/progress.h"
#include "lib/fd2/teacher/teacher.h"
#include "lib/nn/weights.h"

struct trajectory_file {
	const char *path;
	struct stream_reader *reader;
	int experts, epochs;
	uint64_t *at; /* [experts][epochs + 1]: offsets of the weights in the file */
};

void trajectory_prefix(char prefix[TRAJECTORY_PREFIX_MAX], int expert, int epoch)
{
	snprintf(prefix, TRAJECTORY_PREFIX_MAX, "%d/%d/", expert, epoch);
}

static int read_weight(const struct trajectory_file *f, const char *prefix, struct weights_in *in)
{
	struct array a;
	int got = fd2_stream_next(f->reader, &a);
	if (got <= 0)
		return got < 0 ? -1 : fail("'%s' has no weights '%s...'", f->path, prefix);
	size_t n = strlen(prefix);
	int taken = strncmp(a.name, prefix, n) ? 0 : weights_take(in, a.name + n, &a);
	if (taken < 0)
		fail("'%s': %s", f->path, fail_message());
	else if (!taken)
		fail("'%s' has tensor '%s' where one of '%s...' belongs", f->path, a.name, prefix);
	fd2_array_free(&a);
	return taken > 0 ? 0 : -1;
}

/* Reads the weights from the reader's current position. */
static int read_weights(
    const struct trajectory_file *f, int expert, int epoch, const struct params *to)
{
	char prefix[TRAJECTORY_PREFIX_MAX];
	struct weights_in in;
	trajectory_prefix(prefix, expert, epoch);
	weights_begin(&in, to);
	for (int i = 0; i < to->n; i++)
		if (read_weight(f, prefix, &in) < 0) {
			free(in.seen);
			return -1;
		}
	return weights_whole(&in) < 0 ? fail("'%s': %s...%s", f->path, prefix, fail_message()) : 0;
}

/* Reads all weights once and records their offsets. */
static int go_through(struct trajectory_file *f, const struct params *scratch)
{
	struct array a;
	size_t n = 0, of_expert = (size_t)f->epochs + 1;
	for (int e = 0; e < f->experts; e++) {
		f->at = xrealloc(f->at, n + of_expert, sizeof *f->at);
		for (int t = 0; t <= f->epochs; t++) {
			f->at[n++] = stream_tell(f->reader).size;
			if (read_weights(f, e, t, scratch) < 0)
				return -1;
			progress_add(1, NULL);
		}
	}
	int got = fd2_stream_next(f->reader, &a);
	if (got <= 0)
		return got;
	fail("'%s' has tensor '%s' after its last expert", f->path, a.name);
	fd2_array_free(&a);
	return -1;
}

struct meta {
	const char *arch, *fit;
	int size;
	struct normal normal;
	json_t *classes;
};

static int read_meta(struct meta *m, struct trajectory_file *f)
{
	json_error_t e;
	double *mean = m->normal.mean, *std = m->normal.std;
	if (stream_require(f->reader, "arch classes size fit mean std experts epochs") < 0)
		return -1;
	if (json_unpack_ex(fd2_stream_meta(f->reader), &e, 0,
	        "{s:s, s:o, s:i, s:s, s:[FFF], s:[FFF], s:i, s:i}", "arch", &m->arch, "classes",
	        &m->classes, "size", &m->size, "fit", &m->fit, "mean", &mean[0], &mean[1], &mean[2],
	        "std", &std[0], &std[1], &std[2], "experts", &f->experts, "epochs", &f->epochs))
		return fail("the meta of '%s' is incomplete: %s", f->path, e.text);
	if (f->experts < 1 || f->experts > 1 << 20 || f->epochs < 1 || f->epochs > 1 << 20)
		return fail("the meta of '%s' holds a value out of range", f->path);
	return 0;
}

static int check_classes(
    const struct trajectory_file *f, json_t *list, const struct trajectories_for *want)
{
	int n;
	char **names = names_from_json(list, &n), *file = xasprintf("'%s'", f->path);
	int err = classes_agree(file, names, n, "the shards", want->classes, want->n_classes);
	names_free(names, n);
	free(file);
	return err;
}

static int check_meta(
    const struct trajectory_file *f, const struct meta *m, const struct trajectories_for *want)
{
	if (want->arch && strcmp(m->arch, want->arch))
		return fail("'%s' has experts of %s, not of %s", f->path, m->arch, want->arch);
	if (m->size != want->size)
		return fail("'%s' has experts for images of %d pixels, not of %d", f->path, m->size,
		    want->size);
	if (fit_of(m->fit) != want->fit)
		return fail("'%s' has experts for photographs fitted by --fit %.16s, not %s",
		    f->path, m->fit, fit_name(want->fit));
	if (memcmp(&m->normal, want->normal, sizeof m->normal))
		return fail("'%s' has experts that normalise images with another mean or deviation",
		    f->path);
	return check_classes(f, m->classes, want);
}

static int open_file(
    struct trajectories *t, struct trajectory_file *f, const struct trajectories_for *want)
{
	struct trajectories_for own = *want;
	struct meta m;
	if (input_is_pipe(f->path))
		return fail("'%s' is a pipe, but experts are read again and again", f->path);
	if (!(f->reader = fd2_stream_open(f->path, "trajectories")) || read_meta(&m, f) < 0)
		return -1;
	if (!own.arch)
		own.arch = t->arch;
	const struct arch *arch = check_meta(f, &m, &own) < 0 ? NULL : arch_find(m.arch);
	if (!arch)
		return -1;
	t->arch = arch->name;
	t->experts += f->experts;
	t->epochs = !t->epochs || f->epochs < t->epochs ? f->epochs : t->epochs;
	return 0;
}

static int go_through_all(struct trajectories *t, const struct trajectories_for *want)
{
	const struct arch_options o = {
	    .classes = want->n_classes, .size = want->size, .last_stride = 2, .bare = true};
	struct backbone scratch;
	int err = backbone_init(&scratch, t->arch, &o, 0);
	progress_start("read", "epochs", 0);
	for (int i = 0; i < t->n_files && !err; i++)
		err = go_through(&t->files[i], &scratch.params);
	progress_end();
	backbone_free(&scratch);
	return err;
}

int trajectories_open(
    struct trajectories *t, const struct opt_list *paths, const struct trajectories_for *made_for)
{
	*t = (struct trajectories){.n_files = paths->n};
	t->files = xcalloc((size_t)paths->n, sizeof *t->files);
	for (int i = 0; i < paths->n; i++) {
		t->files[i].path = paths->v[i];
		if (open_file(t, &t->files[i], made_for) < 0)
			return -1;
	}
	return go_through_all(t, made_for);
}

void trajectories_close(struct trajectories *t)
{
	for (int i = 0; i < t->n_files; i++) {
		if (t->files[i].reader)
			fd2_stream_close(t->files[i].reader);
		free(t->files[i].at);
	}
	free(t->files);
	*t = (struct trajectories){0};
}

json_t *trajectories_digests(const struct trajectories *t)
{
	json_t *list = json_array();
	for (int i = 0; i < t->n_files; i++)
		json_array_append_new(list, json_string(fd2_stream_digest(t->files[i].reader)));
	return list;
}

int trajectories_read(const struct trajectories *t, int expert, int epoch, const struct params *to)
{
	const struct trajectory_file *f = t->files;
	while (expert >= f->experts)
		expert -= f++->experts;
	if (stream_seek(
	        f->reader, f->at[(size_t)expert * ((size_t)f->epochs + 1) + (size_t)epoch]) < 0)
		return -1;
	return read_weights(f, expert, epoch, to);
}
