/* Does what _save of torch/serialization.py and Python's pickle, protocol 2, do for the one list of
 * formats/fkd/fkd.h. */
#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

#include "formats/fkd/fkd.h"
#include "lib/base/err.h"

enum { OTHERS_MAX = 4 << 20 }; /* bytes for 2^16 images of everything but the logits */

#define ADD(b, literal) blob_append(b, literal, sizeof(literal) - 1)

static void add_text(struct blob *b, const char *s)
{
	uint32_t n = (uint32_t)strlen(s);
	ADD(b, "X");
	blob_append(b, &n, sizeof n);
	blob_append(b, s, n);
}

/* Adds an integer below 2^31. */
static void add_int(struct blob *b, int64_t v)
{
	int32_t word = (int32_t)v;
	ADD(b, "J");
	blob_append(b, &word, sizeof word);
}

static void add_real(struct blob *b, double v)
{
	uint64_t bits;
	memcpy(&bits, &v, sizeof bits);
	bits = __builtin_bswap64(bits);
	ADD(b, "G");
	blob_append(b, &bits, sizeof bits);
}

enum { TENSORS = 4 };

/* A tensor in C order, of one to three dimensions; the i-th is in storage i. */
struct tensor {
	const char *type; /* of its storage */
	int rank;
	int64_t shape[3];
	const void *data;
	size_t element;
};

static void tensors(const struct fkd_batch *b, struct tensor t[TENSORS])
{
	int64_t n = b->n, K = b->classes;
	t[0] = (struct tensor){"FloatStorage", 2, {n, 4}, b->coords, sizeof *b->coords};
	t[1] = (struct tensor){"BoolStorage", 1, {n}, b->flips, sizeof *b->flips};
	t[2] = (struct tensor){"LongStorage", 1, {n}, b->with, sizeof *b->with};
	t[3] = (struct tensor){"HalfStorage", 2, {n, K}, b->logits, sizeof *b->logits};
	if (b->branches == 2)
		t[3] = (struct tensor){"HalfStorage", 3, {2, n, K}, b->logits, sizeof *b->logits};
}

/* Returns the number of elements in dimensions `from` and up. */
static int64_t elements(const struct tensor *t, int from)
{
	int64_t n = 1;
	for (int i = from; i < t->rank; i++)
		n *= t->shape[i];
	return n;
}

/* Adds _rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict()). */
static void add_tensor(struct blob *b, const struct tensor *t, int key)
{
	char name[2] = {(char)('0' + key), '\0'};
	ADD(b, "ctorch._utils\n_rebuild_tensor_v2\n((");
	add_text(b, "storage");
	ADD(b, "ctorch\n");
	blob_append(b, t->type, strlen(t->type));
	ADD(b, "\n");
	add_text(b, name);
	add_text(b, "cpu");
	add_int(b, elements(t, 0));
	ADD(b, "tQK\0(");
	for (int i = 0; i < t->rank; i++)
		add_int(b, t->shape[i]);
	ADD(b, "t(");
	for (int i = 1; i < t->rank; i++)
		add_int(b, elements(t, i));
	ADD(b, "K\1t\x89"
	       "ccollections\nOrderedDict\n)RtR");
}

static void add_list(struct blob *b, const struct fkd_batch *batch, const struct tensor t[TENSORS])
{
	ADD(b, "\x80\x02](");
	for (int i = 0; i < 3; i++)
		add_tensor(b, &t[i], i);
	add_real(b, batch->lambda);
	if (batch->mixing == FKD_MIXUP) {
		ADD(b, "N");
	} else {
		ADD(b, "](");
		for (int i = 0; i < 4; i++)
			add_int(b, batch->box[i]);
		ADD(b, "e");
	}
	add_tensor(b, &t[3], 3);
	ADD(b, "e.");
}

static la_ssize_t drain(struct archive *a, void *ctx, const void *data, size_t n)
{
	(void)a;
	blob_append(ctx, data, n);
	return (la_ssize_t)n;
}

/* Adds a member. The archive is in memory, so only running out of it can fail, which ends the
 * program. */
static void member(struct archive *a, const char *name, const void *data, size_t n)
{
	struct archive_entry *e = archive_entry_new();
	archive_entry_set_pathname(e, name);
	archive_entry_set_size(e, (la_int64_t)n);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0644);
	if (archive_write_header(a, e) != ARCHIVE_OK ||
	    archive_write_data(a, data, n) != (la_ssize_t)n)
		die("cannot write a zip archive: %s", archive_error_string(a));
	archive_entry_free(e);
}

int fkd_write(const struct fkd_batch *b, struct blob *to)
{
	const int64_t logits =
	    (int64_t)b->branches * b->n * b->classes * (int64_t)sizeof *b->logits;
	if (logits > FKD_FILE_MAX - OTHERS_MAX)
		return fail(
		    "a batch of %d images and %d classes takes more than 1 GiB", b->n, b->classes);
	struct tensor t[TENSORS];
	struct blob pickle = {0};
	tensors(b, t);
	add_list(&pickle, b, t);
	to->size = 0;
	struct archive *a = archive_write_new();
	archive_write_set_format_zip(a);
	archive_write_set_options(a, "zip:compression=store");
	archive_write_set_bytes_in_last_block(a, 1);
	archive_write_open(a, to, NULL, drain, NULL);
	member(a, "batch/data.pkl", pickle.data, pickle.size);
	member(a, "batch/byteorder", "little", 6);
	for (int i = 0; i < TENSORS; i++) {
		char name[] = "batch/data/0";
		name[sizeof name - 2] = (char)('0' + i);
		member(a, name, t[i].data, (size_t)elements(&t[i], 0) * t[i].element);
	}
	member(a, "batch/version", "3\n", 2);
	archive_write_close(a);
	archive_write_free(a);
	free(pickle.data);
	return 0;
}
