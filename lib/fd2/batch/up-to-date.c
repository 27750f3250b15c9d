#include "lib/fd2/batch/up-to-date.h"

#include <stdlib.h>
#include <unistd.h>

#include "formats/shard/shard.h"
#include "lib/base/err.h"
#include "lib/base/provenance.h"
#include "lib/nn/checkpoint.h"

static int read_whole(struct shard_reader *r)
{
	struct sample s;
	int got;
	while ((got = fd2_shard_next(r, &s)) > 0)
		;
	return got;
}

static int check_finished(const char *path, const json_t *provenance)
{
	struct shard_reader *r = fd2_shard_open((char *[]){(char *)path}, 1);
	int err = r ? read_whole(r) : -1;
	if (!err)
		err = provenance_agree(path, fd2_shard_meta(r), provenance);
	if (r)
		fd2_shard_close(r);
	return err ? fail("%s; remove it, or leave --resume out", fail_message()) : 0;
}

static bool is_published(const char *path)
{
	char *partial = out_part_name(path);
	bool published = access(partial, F_OK) && !access(path, F_OK);
	free(partial);
	return published;
}

int shard_up_to_date(const char *path, const json_t *provenance, bool dry)
{
	/* a run stopped before its first image is whole leaves only PATH.ckpt */
	if (checkpoint_left(path) || !is_published(path))
		return 0;
	if (check_finished(path, provenance) < 0)
		return -1;
	out_made_already(path, dry);
	return 1;
}

int stream_read_to_end(struct stream_reader *r)
{
	struct array a;
	int got;
	while ((got = fd2_stream_next(r, &a)) > 0)
		fd2_array_free(&a);
	return got;
}

int stream_up_to_date(const char *path, const char *kind, const json_t *meta, bool dry)
{
	if (!is_published(path))
		return 0;
	struct stream_reader *r = fd2_stream_open(path, kind);
	int err = r ? provenance_agree(path, fd2_stream_meta(r), meta) : -1;
	if (!err)
		err = stream_read_to_end(r);
	if (r)
		fd2_stream_close(r);
	if (err)
		return fail("%s; remove it, or leave --resume out", fail_message());
	out_made_already(path, dry);
	return 1;
}
