#include "lib/fd2/distill/methods.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/choice.h"
#include "lib/base/err.h"
#include "lib/base/opts.h"

#define DECLARE(id, name) extern const struct method id;
#define ADDRESS(id, name) &id,
FD2_METHODS(DECLARE)
static const struct method *const methods[METHODS] = {FD2_METHODS(ADDRESS)};

const struct method *method_of(enum method_id id)
{
	return methods[id];
}

/* Scales a size meant for `from` pixels to `to` pixels, to an even number, which makes the first
 * convolution faster. */
static int scaled(int size, int from, int to)
{
	return from == to ? size : size == from ? to : 2 * (int)lround(size * to / (2.0 * from));
}

/* Sets the sizes of each phase for a teacher of `size` pixels. */
static void set_sizes(struct method *m, const struct method_config *config, int size)
{
	int image = config->image_size == OPT_UNSET ? size : (int)config->image_size;
	const struct opt_ints *given = &config->sizes;
	if (given->n)
		m->phases = given->n;
	for (int p = 0; p < m->phases; p++) {
		int seen = given->n ? (int)given->v[p] : scaled(m->seen_sizes[p], 224, size);
		m->seen_sizes[p] = seen;
		m->image_sizes[p] = scaled(seen, size, image);
	}
	m->stored_size = image;
}

/* --sizes and --image-size are each at least 8, but together they could give smaller images. */
static int check_sides(const struct method *m)
{
	enum { LEAST = 8 };
	for (int p = 0; p < m->phases; p++)
		if (m->image_sizes[p] < LEAST)
			return fail("with --image-size %d, images are of %d pixels where the "
			            "teacher sees %d of --sizes; the least is %d",
			    m->stored_size, m->image_sizes[p], m->seen_sizes[p], LEAST);
	return 0;
}

static int set_residual(struct method *m, double residual)
{
	if (m->phases == 1)
		m->residual = 0;
	if (isnan(residual))
		return 0;
	if (!m->connect)
		return fail("--residual is not for %s, which does not mix in the initial image "
		            "between phases",
		    m->name);
	if (m->phases == 1)
		return fail("--residual is mixed in between phases, and there is one; give several "
		            "with --sizes");
	m->residual = residual;
	return 0;
}

static void set_crops(struct crop_curriculum *c, const struct crop_curriculum *given)
{
	if (!isnan(given->min_scale))
		c->min_scale = given->min_scale;
	if (given->curriculum != CURRICULUM_UNSET)
		c->curriculum = given->curriculum;
	if (!isnan(given->milestone))
		c->milestone = given->milestone;
}

/* If options add class statistics to a method without them, their share is 1 by default. */
static void set_match(struct layer_match *m, const struct layer_match *given)
{
	if (m->classes == CLASSES_NONE)
		m->share = 1;
	if (given->classes != CLASSES_UNSET)
		m->classes = given->classes;
	if (!isnan(given->share))
		m->share = given->share;
	if (given->layers != LAYERS_UNSET)
		m->layers = given->layers;
	if (!isnan(given->momentum))
		m->momentum = given->momentum;
}

/* Refuses options that this method, as configured, would ignore. */
static int check_unused(const struct method *m)
{
	if (m->match.classes == CLASSES_NONE && opt_changed("class-share"))
		return fail(
		    "--class-share is for --bn-classes mean and each, and %s has none", m->name);
	if (m->crops.curriculum == CURRICULUM_NONE && opt_changed("crop-milestone"))
		return fail(
		    "--crop-milestone is for --crop-curriculum step, linear and cosine, and "
		    "%s has none",
		    m->name);
	return 0;
}

static int refuse_several(const struct method *m, int teachers)
{
	char others[128] = "";
	for (int i = 0; i < METHODS; i++)
		if (methods[i]->several_teachers)
			sprintf(
			    others + strlen(others), "%s%s", *others ? ", " : "", methods[i]->name);
	return fail(
	    "%s has one teacher, and %d were given; several are for %s", m->name, teachers, others);
}

int method_configure(struct method *m, const struct method_config *config, int teachers, int size)
{
	*m = *method_of(config->method);
	if (teachers > 1 && !m->several_teachers)
		return refuse_several(m, teachers);
	m->bn_form = config->bn_form;
	if (config->start != START_UNSET)
		m->start = start_of(config->start);
	if (config->steps != OPT_UNSET)
		m->steps = config->steps;
	if (!isnan(config->lr))
		m->lr = config->lr;
	if (!isnan(config->r_bn))
		m->r_bn = config->r_bn;
	if (config->roll != OPT_UNSET)
		m->roll = (int)config->roll;
	if (!isnan(config->flatness))
		m->flatness = config->flatness;
	set_crops(&m->crops, &config->crops);
	set_match(&m->match, &config->match);
	set_sizes(m, config, size);
	return check_sides(m) < 0 || check_unused(m) < 0 ? -1 : set_residual(m, config->residual);
}

void method_record(const struct method *m)
{
	json_t *sizes = json_array();
	for (int p = 0; p < m->phases; p++)
		json_array_append_new(sizes, json_integer(m->seen_sizes[p]));
	opt_resolved("sizes", sizes);
	opt_resolved("image-size", json_integer(m->stored_size));
	opt_resolved("steps", json_integer(m->steps));
	opt_resolved("lr", json_real(m->lr));
	opt_resolved("r-bn", json_real(m->r_bn));
	opt_resolved("bn-classes", choice_to_json(CLASS_MATCH_CHOICES, m->match.classes));
	opt_resolved("class-share", json_real(m->match.share));
	opt_resolved("layers", choice_to_json(LAYERS_CHOICES, m->match.layers));
	opt_resolved("statistics-momentum", json_real(m->match.momentum));
	opt_resolved("roll", json_integer(m->roll));
	opt_resolved("flatness", json_real(m->flatness));
	opt_resolved("min-scale", json_real(m->crops.min_scale));
	opt_resolved("crop-curriculum", choice_to_json(CURRICULUM_CHOICES, m->crops.curriculum));
	opt_resolved("crop-milestone", json_real(m->crops.milestone));
	opt_resolved("residual", json_real(m->residual));
}
