#include "lib/fd2/distill/schedule.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/fd2/batch/class-range.h"
#include "lib/torch/start.h"

enum { FULL_PASS = 100 }; /* images that fill a GPU */

/* Refuses to cut batches: BatchNorm statistics are over all classes of a batch. */
static int check_whole_batches(const struct schedule *s, int classes)
{
	long batch = s->config->batch;
	if (s->first % batch || ((s->last + 1) % batch && s->last != classes - 1))
		return fail("--classes %d-%d cuts a batch of %ld classes: BatchNorm statistics are "
		            "over whole batches, so give multiples of --batch",
		    s->first, s->last, batch);
	return 0;
}

int schedule_init(struct schedule *s, const struct schedule_config *config, int classes,
    bool independent, bool together)
{
	struct class_range range;
	if (class_range(&range, &config->classes, classes, "the teacher knows") < 0)
		return -1;
	*s = (struct schedule){.config = config,
	    .independent = independent,
	    .together = together,
	    .first = range.first,
	    .last = range.last,
	    .next_id = 1};
	s->next_class = s->last + 1;
	s->taken = xcalloc((size_t)config->ipc, sizeof *s->taken);
	return check_whole_batches(s, classes);
}

void schedule_free(struct schedule *s)
{
	free(s->taken);
	s->taken = NULL;
}

static bool is_asked_for(const struct schedule *s, int id)
{
	return !s->config->id || (id - 1) % s->config->group == s->config->id - 1;
}

long schedule_size(const struct schedule *s)
{
	long batches = (s->last - s->first) / s->config->batch + 1, indices = 0;
	for (int id = 1; id <= s->config->ipc; id++)
		indices += is_asked_for(s, id);
	return batches * indices;
}

static int classes_in_batch(const struct schedule *s, int first)
{
	int left = s->last - first + 1;
	return left < s->config->batch ? left : (int)s->config->batch;
}

int schedule_indices(const struct schedule *s)
{
	int n = classes_in_batch(s, s->first), most = (int)s->config->indices_per_pass;
	if (!most && s->together)
		most = (int)s->config->ipc;
	else if (!most)
		most = torch_on_gpu() ? (FULL_PASS + n - 1) / n : 1;
	return most < INDICES_MAX ? most : INDICES_MAX;
}

/* Sets s->now to the next indices that do not depend on one another: with L_S, those at the same
 * place in their groups. */
static void next_indices(struct schedule *s)
{
	struct index_batch *b = &s->now;
	b->indices = 0;
	for (int id = s->next_id; id <= s->config->ipc && b->indices < schedule_indices(s); id++) {
		bool apart =
		    s->independent || !b->indices || (id - b->ids[0]) % s->config->group == 0;
		if (s->taken[id - 1] || !is_asked_for(s, id) || !apart)
			continue;
		s->taken[id - 1] = true;
		b->ids[b->indices++] = id;
	}
	s->next_id = b->indices ? b->ids[0] + 1 : (int)s->config->ipc + 1;
}

bool schedule_next(struct schedule *s, struct index_batch *b)
{
	if (s->next_class > s->last) {
		next_indices(s);
		s->next_class = s->first;
	}
	*b = s->now;
	b->first = s->next_class;
	b->n = classes_in_batch(s, b->first);
	s->next_class += b->n;
	return b->indices > 0;
}

static bool is_stored(const struct history *h, const struct index_batch *b, int id)
{
	for (int k = b->first; k < b->first + b->n; k++)
		if (!history_has(h, k, id))
			return false;
	return true;
}

struct index_batch schedule_left(
    const struct schedule *s, const struct index_batch *b, const struct history *h)
{
	struct index_batch left = {.first = b->first, .n = b->n};
	for (int i = 0; i < b->indices; i++)
		if (!is_stored(h, b, b->ids[i]))
			left.ids[left.indices++] = b->ids[i];
	return left.indices && s->together ? *b : left;
}
