/* A trained network of another program as a teacher, without training: a classifier alone, which
 * suffices for soft labels, --plain and RDED, or the checkpoint of FD2's authors with CAL and
 * prototypes. */
#include "lib/fd2/teacher/import-teacher.h"

#include "lib/base/err.h"
#include "lib/base/names.h"
#include "lib/data/class-names.h"
#include "lib/fd2/stage.h"
#include "lib/fd2/teacher/teacher.h"
#include "lib/nn/pretrained.h"

/* What a file of ours says of itself counts, and the options where it says nothing. */
static int take_meta(struct teacher *t, const char **arch, json_t *meta, const char *path)
{
	const char *fit = NULL;
	double *m = t->normal.mean, *s = t->normal.std;
	json_unpack(meta, "{s:s, s:i}", "arch", arch, "size", &t->size);
	json_unpack(meta, "{s:i}", "last_stride", &t->last_stride);
	json_unpack(meta, "{s:s, s:[FFF], s:[FFF]}", "fit", &fit, "mean", &m[0], &m[1], &m[2],
	    "std", &s[0], &s[1], &s[2]);
	if (fit && fit_of(fit) != FIT_NONE)
		t->fit = fit_of(fit);
	if (t->size < 8 || t->size > 4096 || !(s[0] > 0 && s[1] > 0 && s[2] > 0))
		return fail("the meta of '%s' holds a value out of range", path);
	json_t *classes = json_object_get(meta, "classes");
	if (!t->class_names && classes)
		t->class_names = names_from_json(classes, &t->classes);
	return 0;
}

/* Everything but the weights. */
static int describe(struct teacher *t, const struct import_config *config)
{
	const char *arch = arch_at(config->network.arch)->name, *path = config->weights;
	if (config->classes && class_names_read(&t->class_names, &t->classes, config->classes) < 0)
		return -1;
	struct state_reader *r = state_open(path);
	if (!r)
		return -1;
	int maps = pretrained_maps(r);
	json_t *meta = pretrained_meta(r);
	int err = take_meta(t, &arch, meta, path);
	state_close(r);
	if (!err && t->classes < 2)
		err = fail(
		    "'%s' does not name at least two classes; give them with --classes-from", path);
	if (!err && maps > MAPS_MAX)
		err = fail("'%s' has %d attention maps; at most %d can be", path, maps, MAPS_MAX);
	t->alpha = maps ? config->alpha : 0;
	if (!err)
		err = teacher_init(t, arch, maps, 0);
	json_decref(meta);
	return err;
}

int stage_import_teacher(const struct import_config *config)
{
	const struct teacher_network *network = &config->network;
	struct teacher t = {.size = (int)network->size,
	    .last_stride = (int)network->last_stride,
	    .fit = network->fit,
	    .normal = network->normal};
	int err = out_try(config->out, 0);
	if (!err)
		err = describe(&t, config);
	struct pretrained from = {.classes = (const char *const *)t.class_names, .whole = true};
	if (!err)
		err = pretrained_read(&t.backbone, config->weights, &from);
	struct out *out = err ? NULL : out_open(config->out, 0);
	if (out) {
		json_t *provenance = fd2_provenance();
		json_object_set_new(
		    provenance, "inputs", json_pack("{s:s}", "import", from.digest));
		err = teacher_write(&t, out, provenance);
	}
	if (!err && out)
		say("%s with %d classes, %d attention maps", t.backbone.arch->name, t.classes,
		    t.cal.maps);
	teacher_free(&t);
	return err || !out ? -1 : 0;
}

STAGE(stage_import_teacher)
