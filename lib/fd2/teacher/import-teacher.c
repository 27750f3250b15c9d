/* Makes a teacher of a trained network, without training: a classifier alone, which suffices for
 * soft labels, --plain and RDED; or, with CAL and prototypes, the checkpoint of FD2's authors or a
 * teacher of ours. */
#include "lib/fd2/teacher/import-teacher.h"

#include "lib/base/err.h"
#include "lib/base/names.h"
#include "lib/base/opts.h"
#include "lib/data/class-names.h"
#include "lib/fd2/stage.h"
#include "lib/fd2/teacher/teacher.h"
#include "lib/nn/pretrained.h"

/* Takes a setting from the file's meta, if it is there and no option sets it. */
static void take_number(int *to, json_t *meta, const char *key, const char *option)
{
	if (!opt_given(option))
		json_unpack(meta, "{s:i}", key, to);
}

static void take_numbers(double to[3], json_t *meta, const char *option)
{
	if (!opt_given(option))
		json_unpack(meta, "{s:[FFF]}", option, &to[0], &to[1], &to[2]);
}

static int take_meta(struct teacher *t, const char **arch, json_t *meta, const char *path)
{
	const char *fit = NULL;
	const double *s = t->normal.std;
	take_number(&t->size, meta, "size", "size");
	take_number(&t->last_stride, meta, "last_stride", "last-stride");
	take_numbers(t->normal.mean, meta, "mean");
	take_numbers(t->normal.std, meta, "std");
	if (!opt_given("arch"))
		json_unpack(meta, "{s:s}", "arch", arch);
	if (!opt_given("alpha"))
		json_unpack(meta, "{s:F}", "alpha", &t->alpha);
	if (!opt_given("fit") && !json_unpack(meta, "{s:s}", "fit", &fit) &&
	    fit_of(fit) != FIT_NONE)
		t->fit = fit_of(fit);
	bool stride = t->last_stride == 1 || t->last_stride == 2;
	if (t->size < 8 || t->size > 4096 || !stride || !(s[0] > 0 && s[1] > 0 && s[2] > 0) ||
	    !(t->alpha >= 0 && t->alpha <= 1))
		return fail("the meta of '%s' holds a value out of range", path);
	json_t *classes = json_object_get(meta, "classes");
	if (!t->class_names && classes)
		t->class_names = names_from_json(classes, &t->classes);
	return 0;
}

/* Reads everything but the weights. */
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
	if (!err && !maps && opt_changed("alpha"))
		err = fail("--alpha is for CAL, which '%s' does not have", path);
	if (!maps)
		t->alpha = 0;
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
	    .normal = network->normal,
	    .alpha = config->alpha};
	int err = out_try(config->out, 0);
	if (!err)
		err = describe(&t, config);
	struct pretrained from = {.classes = (const char *const *)t.class_names, .whole = true};
	if (!err)
		err = pretrained_read(&t.backbone, config->weights, &from);
	struct out *out = err ? NULL : out_open(config->out, 0);
	if (out) {
		json_t *provenance = opts_provenance();
		json_object_set_new(
		    provenance, "inputs", json_pack("{s:s}", "import", from.digest));
		err = teacher_write(&t, out, provenance);
	}
	if (!err && out)
		say("%s with %d classes, %s", t.backbone.arch->name, t.classes,
		    counted(t.cal.maps, "attention maps").text);
	teacher_free(&t);
	return err || !out ? -1 : 0;
}

STAGE(stage_import_teacher)
