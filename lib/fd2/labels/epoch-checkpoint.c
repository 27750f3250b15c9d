#include "lib/fd2/labels/epoch-checkpoint.h"

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/progress.h"

static int take_state(struct epoch_checkpoint *b, json_t *state)
{
	json_int_t epoch;
	if (json_unpack(state, "{s:I, s:i}", "epoch", &epoch, "batches", &b->batches) ||
	    b->batches < 1)
		return fail("cannot resume: '%s' holds no state of fd2-relabel", b->file.path);
	b->epoch = (long)epoch;
	return 0;
}

int epoch_checkpoint_open(struct epoch_checkpoint *b, const char *out, bool resume, json_t *inputs)
{
	json_t *state = NULL;
	*b = (struct epoch_checkpoint){0};
	b->params = (struct params){.v = &b->logits, .n = 1};
	b->network = (struct trained){.params = &b->params, .optim = &b->none};
	checkpoint_init(&b->file, out, &b->network, 1, inputs);
	int err = checkpoint_check(&b->file, resume);
	if (!err && resume)
		err = checkpoint_state(&b->file, &state);
	if (!err && state)
		err = take_state(b, state);
	json_decref(state);
	return err;
}

/* Makes b->logits a tensor of the epoch's logits up to the n-th chosen batch. Returns their
 * number. */
static int64_t connect(struct epoch_checkpoint *b, const struct epoch *e, const int *chosen, int n)
{
	int64_t shape[] = {e->starts[chosen[n - 1] + 1], e->classes};
	b->logits = (struct param){.name = "logits", .t = tensor_from(e->logits, T_F16, 2, shape)};
	return shape[0] * shape[1];
}

static int load(struct epoch_checkpoint *b, struct epoch *drawn, const int *chosen)
{
	json_t *state = NULL;
	tensor_scope_begin(NO_GRAD);
	int64_t count = connect(b, drawn, chosen, b->batches);
	int err = checkpoint_load(&b->file, &state);
	if (!err && tensor_read(b->logits.t, T_F16, drawn->logits, count) < 0)
		err = fail("cannot resume: %s", tensor_error());
	tensor_scope_end();
	json_decref(state);
	return err;
}

int epoch_checkpoint_load(
    struct epoch_checkpoint *b, struct epoch *drawn, const int *chosen, int n, long number)
{
	if (!b->batches || b->epoch != number)
		return 0;
	if (b->batches > n)
		return fail("cannot resume: '%s' has more batches than the epoch", b->file.path);
	if (load(b, drawn, chosen) < 0)
		return -1;
	say("resumed in epoch %ld, after %d of %d batches", number + 1, b->batches, n);
	log_event(json_pack(
	    "{s:s, s:I, s:i}", "event", "resume", "epoch", (json_int_t)number, "step", b->batches));
	return b->batches;
}

int epoch_checkpoint_save(
    struct epoch_checkpoint *b, const struct epoch *drawn, const int *chosen, int n, long number)
{
	tensor_scope_begin(NO_GRAD);
	connect(b, drawn, chosen, n);
	int err = checkpoint_save(
	    &b->file, json_pack("{s:I, s:i}", "epoch", (json_int_t)number, "batches", n));
	tensor_scope_end();
	return err;
}

void epoch_checkpoint_remove(struct epoch_checkpoint *b)
{
	if (!b->file.path)
		return;
	checkpoint_remove(&b->file);
	b->file.saved = elapsed();
	b->batches = 0;
}

void epoch_checkpoint_free(struct epoch_checkpoint *b)
{
	checkpoint_free(&b->file);
}
