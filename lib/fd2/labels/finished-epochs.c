#include "lib/fd2/labels/finished-epochs.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/claim.h"
#include "lib/base/err.h"
#include "lib/base/provenance.h"

static bool is_empty(const char *path)
{
	struct stat st;
	return stat(path, &st) || !st.st_size;
}

static int check_lock(const char *path)
{
	int lock = lock_file(path);
	if (lock < 0)
		return -1;
	close(lock);
	return 0;
}

/* Fails if FILE.part has labels: nobody asked to keep them, or to throw them away. */
static int check_unfinished(const struct finished_epochs *k)
{
	struct array a;
	bool any = fd2_stream_next(k->reader, &a) > 0;
	if (any)
		fd2_array_free(&a);
	return any ? fail("'%s' holds labels of an interrupted run: go on with --resume, or remove "
	                  "it",
	                 k->part)
	           : 0;
}

static int check_settings(struct finished_epochs *k, json_t *meta)
{
	if (provenance_agree(k->part, fd2_stream_meta(k->reader), meta) < 0)
		return fail("cannot resume: %s", fail_message());
	k->end = stream_tell(k->reader);
	return 0;
}

static void end_reading(struct finished_epochs *k)
{
	if (k->reader)
		fd2_stream_close(k->reader);
	k->reader = NULL;
}

int finished_epochs_open(struct finished_epochs *k, const char *path, bool resume, json_t *meta)
{
	*k = (struct finished_epochs){.part = out_part_name(path)};
	if (is_empty(k->part))
		return 0;
	if (check_lock(k->part) < 0)
		return -1;
	if (!(k->reader = fd2_stream_open(k->part, "labels")))
		return fail("%s; remove it", fail_message());
	if (resume)
		return check_settings(k, meta);
	int err = check_unfinished(k);
	end_reading(k);
	return err;
}

static bool same_view(const struct view *a, const struct view *b)
{
	return a->image == b->image && a->box.x == b->box.x && a->box.y == b->box.y &&
	       a->box.w == b->box.w && a->box.h == b->box.h && a->flip == b->flip &&
	       a->with == b->with &&
	       (!a->shuffled || !memcmp(a->quarters, b->quarters, sizeof a->quarters));
}

static bool same_mix(const struct mix *a, const struct mix *b)
{
	return a->lambda == b->lambda && a->x0 == b->x0 && a->y0 == b->y0 && a->x1 == b->x1 &&
	       a->y1 == b->y1;
}

static bool same_views(const struct epoch *a, const struct epoch *b)
{
	bool same = true;
	for (int i = 0; i < a->n; i++)
		same &= same_view(&a->views[i], &b->views[i]);
	for (int i = 0; i < a->batches; i++)
		same &= same_mix(&a->mixes[i], &b->mixes[i]);
	return same;
}

/* Reads epoch `number`. 1: its views are those of `drawn`; 0: FILE.part has ended; -1: the epoch is
 * damaged or differs. */
static int read_epoch(struct finished_epochs *k, const struct epoch *drawn, long number,
    const struct dataset *d, int size)
{
	if (!k->epoch.views)
		epoch_init(&k->epoch, drawn->images, drawn->batch, drawn->classes, &drawn->options);
	epoch_lay_out(&k->epoch, drawn->n);
	int got = epoch_read(&k->epoch, k->reader, number, d, size);
	if (got > 0 && !same_views(drawn, &k->epoch)) {
		warn("'%s' is damaged in epoch %ld: it is labelled again from there on", k->part,
		    number + 1);
		return -1;
	}
	return got;
}

bool finished_epochs_has(struct finished_epochs *k, const struct epoch *drawn, long number,
    const struct dataset *d, int size)
{
	if (!k->reader)
		return false;
	if (drawn->batches && read_epoch(k, drawn, number, d, size) <= 0) {
		end_reading(k);
		return false;
	}
	k->end = stream_tell(k->reader);
	k->epochs = number + 1;
	return true;
}

void finished_epochs_close(struct finished_epochs *k)
{
	end_reading(k);
	epoch_free(&k->epoch);
	free(k->part);
	*k = (struct finished_epochs){0};
}
