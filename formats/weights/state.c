#include "formats/weights/state.h"

#include <stdlib.h>
#include <string.h>

#include "formats/digest.h"
#include "formats/input.h"
#include "formats/weights/safetensors.h"
#include "formats/weights/state-table.h"
#include "formats/weights/torch-file.h"
#include "lib/base/err.h"

static const char expected[] = "a file of weights";

struct state_reader {
	const char *format;
	struct stream_reader *stream; /* or: */
	struct bytes *place;          /* where the tensors' bytes are */
	struct state_table table;
	json_t *meta;
	int next;
	struct digest sum;
	char digest[DIGEST_HEX];
};

static int refuse_tar(struct input *in)
{
	const char *name = input_name(in);
	return fail("'%s' is a tar archive, such as an image shard; expected a file of weights. "
	            "Weights of torch 0.1 that you trust are converted by python3 -c "
	            "\"import torch; torch.save(torch.load('FILE', weights_only=False), 'x.pth')\"",
	    name);
}

/* 0: the content can be read; -1: fail_message. */
static int check_content(struct input *in, int content)
{
	switch (content) {
	case CONTENT_TAR:
		return refuse_tar(in);
	case CONTENT_STREAM:
	case CONTENT_ZIP:
	case CONTENT_PICKLE:
	case CONTENT_SAFETENSORS:
		return 0;
	case CONTENT_OTHER:
		if (input_foreign(in))
			return input_refuse(in, expected);
		return fail(
		    "'%s' is neither a file of torch.save nor safetensors nor a tensor stream",
		    input_name(in));
	default:
		return input_refuse(in, expected);
	}
}

static int take_stream(struct state_reader *r, struct stream_reader *s, const char *name)
{
	r->format = "fd2-stream";
	r->stream = s;
	if (!s)
		return -1;
	const char *kind = fd2_stream_kind(s);
	return !strcmp(kind, "teacher") || !strcmp(kind, "student")
	           ? 0
	           : fail("'%s' holds %s; expected %s", name, kind, expected);
}

static int take_file(struct state_reader *r, struct bytes *file, int content)
{
	struct bytes *storages = NULL;
	int err = -1;
	if (!file)
		return -1;
	r->place = file;
	if (content == CONTENT_SAFETENSORS) {
		r->format = "safetensors";
		err = safetensors_read(file, &r->table, &r->meta);
	} else if (content == CONTENT_PICKLE) {
		r->format = "torch-legacy";
		err = torch_legacy_read(file, &r->table);
	} else {
		r->format = "torch-zip";
		err = torch_zip_read(file, &r->table, &storages);
	}
	if (!err)
		err = table_close(&r->table, bytes_name(file));
	if (storages) {
		bytes_close(file);
		r->place = storages;
	}
	return err;
}

static struct state_reader *reader_new(void)
{
	struct state_reader *r = xcalloc(1, sizeof *r);
	digest_begin(&r->sum);
	return r;
}

static struct state_reader *open_path(const char *path, bool nested)
{
	struct input *in = input_open(path);
	int content = in ? input_content(in) : -1, err = content < 0 ? -1 : 0;
	if (!err)
		err = check_content(in, content);
	input_close(in); /* what was read comes again when it is opened again */
	if (err < 0)
		return NULL;
	struct state_reader *r = reader_new();
	r->table.nested = nested;
	err = content == CONTENT_STREAM ? take_stream(r, fd2_stream_open(path, NULL), path)
	                                : take_file(r, bytes_open(path), content);
	if (!err)
		return r;
	state_close(r);
	return NULL;
}

struct state_reader *state_open(const char *path)
{
	return open_path(path, false);
}

struct state_reader *state_open_nested(const char *path)
{
	return open_path(path, true);
}

struct state_reader *state_open_memory(const void *data, size_t size)
{
	struct input *in = input_open_memory(data, size);
	int content = input_content(in);
	struct state_reader *r = check_content(in, content) < 0 ? NULL : reader_new();
	int err = !r ? -1
	          : content == CONTENT_STREAM
	              ? take_stream(r, fd2_stream_open_memory(data, size, NULL), "memory")
	              : take_file(r, bytes_open_memory(data, size), content);
	input_close(in);
	if (!err)
		return r;
	if (r)
		state_close(r);
	return NULL;
}

const char *state_format(const struct state_reader *r)
{
	return r->format;
}

json_t *state_meta(const struct state_reader *r)
{
	return r->stream ? fd2_stream_meta(r->stream) : r->meta;
}

const struct state_tensor *state_tensors(const struct state_reader *r, int *n)
{
	*n = r->table.n;
	return r->stream ? NULL : r->table.v;
}

static void count_in(struct state_reader *r, const struct array *a)
{
	char *name = xasprintf("%s %s", a->name, fd2_dtype_name(a->dtype));
	for (int i = 0; i < a->rank; i++) {
		char *longer = xasprintf("%s %lld", name, (long long)a->shape[i]);
		free(name);
		name = longer;
	}
	char *line = xmalloc(DIGEST_HEX + 2 + strlen(name));
	digest_add(&r->sum, line, digest_line(line, name, a->data, a->size));
	free(line);
	free(name);
}

int state_next(struct state_reader *r, struct array *a)
{
	*a = (struct array){0};
	if (r->stream)
		return fd2_stream_next(r->stream, a);
	if (r->next == r->table.n) {
		digest_hex(r->digest, &r->sum);
		return 0;
	}
	if (table_read(&r->table.v[r->next], r->place, a) < 0)
		return -1;
	r->next++;
	count_in(r, a);
	return 1;
}

const char *state_digest(const struct state_reader *r)
{
	return r->stream ? fd2_stream_digest(r->stream) : r->digest;
}

void state_close(struct state_reader *r)
{
	if (r->stream)
		fd2_stream_close(r->stream);
	bytes_close(r->place);
	table_free(&r->table);
	json_decref(r->meta);
	free(r);
}
