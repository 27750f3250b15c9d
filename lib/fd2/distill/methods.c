#include "lib/fd2/distill/methods.h"

#include <math.h>

#include "lib/base/err.h"
#include "lib/fd2/distill/job.h"

#define DECLARE(id, name, about) extern const struct method id;
#define ADDRESS(id, name, about) &id,
FD2_METHODS(DECLARE)
static const struct method *const methods[] = {FD2_METHODS(ADDRESS)};
static const char *const starts[] = {
    [START_MOSAIC] = "mosaic", [START_REAL] = "real", [START_NOISE] = "noise"};

const char *start_name(enum start start)
{
	return starts[start];
}

/* A method's sizes are for 224 pixels; others are scaled to even numbers, which the first
 * convolution is fast with. */
static int scaled(int side, int size)
{
	return side == 224 ? size : 2 * (int)lround(side * size / 448.0);
}

static void take_sizes(struct method *m, const struct distill_job *job, int size)
{
	for (int p = 0; p < m->parts; p++)
		m->sizes[p] = scaled(m->sizes[p], size);
	if (!job->sizes.n)
		return;
	m->parts = job->sizes.n;
	for (int p = 0; p < m->parts; p++)
		m->sizes[p] = (int)job->sizes.v[p];
}

int method_of(struct method *m, const struct distill_job *job, int size)
{
	*m = *methods[job->method];
	if (job->teachers.n > 1 && !m->several)
		return fail("%s has one teacher, and %d were given; fadrm+ takes several", m->name,
		    job->teachers.n);
	take_sizes(m, job, size);
	if (job->init != START_UNSET)
		m->start = job->init;
	if (job->steps != OPT_UNSET)
		m->steps = job->steps;
	if (!isnan(job->lr))
		m->lr = job->lr;
	if (!isnan(job->r_bn))
		m->r_bn = job->r_bn;
	if (m->parts == 1)
		m->residual = 0;
	if (isnan(job->residual))
		return 0;
	m->residual = job->residual;
	return m->parts > 1 ? 0
	                    : fail("--residual is mixed in between parts, and %s has one; give "
	                           "several with --sizes",
	                          m->name);
}
