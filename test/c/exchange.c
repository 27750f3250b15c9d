/* What fd2-exchange reads of other programs and writes for them: batches of labels, PNGs,
 * folders; broken in every place. */
#include "formats/fkd/fkd.h"
#include "lib/base/err.h"
#include "lib/base/folder.h"
#include "lib/base/choice.h"
#include "lib/base/rng.h"
#include "lib/data/exchange/exchange.h"
#include "lib/image/png.h"
#include "test/c/check.h"
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int says(const char *part)
{
	int found = strstr(fail_message(), part) != NULL;
	if (!found)
		printf("# '%s' is not in: %s\n", part, fail_message());
	return found;
}

static struct fkd_batch good_batch(void)
{
	static float coords[] = {0, 0.25f, 1, 0.5f, 0.125f, 0, 0.75f, 1};
	static uint8_t flips[] = {1, 0};
	static int64_t with[] = {1, 0};
	static uint16_t logits[] = {0x3c00, 0xc000, 0, 0x7bff, 0x0001, 0x8000};
	return (struct fkd_batch){
	    FKD_CUTMIX, 2, 3, 1, coords, flips, with, 0.375, {1, 0, 30, 17}, logits};
}

static void same_batch(const struct fkd_batch *b, const struct fkd_batch *want)
{
	CHECK(b->mixing == want->mixing && b->n == want->n && b->classes == want->classes &&
	      b->lambda == want->lambda);
	CHECK(!memcmp(b->box, want->box, sizeof b->box));
	CHECK(!memcmp(b->coords, want->coords, 8 * sizeof *b->coords) &&
	      !memcmp(b->flips, want->flips, 2));
	CHECK(!memcmp(b->with, want->with, 2 * sizeof *b->with) &&
	      !memcmp(b->logits, want->logits, 6 * sizeof *b->logits));
}

static void batches_come_back(void)
{
	struct fkd_batch want = good_batch(), got;
	struct blob one = {0}, two = {0};
	CHECK(fkd_write(&want, &one) == 0);
	CHECK(fkd_write(&want, &two) == 0);
	CHECK(one.size == two.size && !memcmp(one.data, two.data, one.size));
	CHECK(fkd_read_memory(&got, one.data, one.size) == 0);
	same_batch(&got, &want);
	fkd_free(&got);
	want.mixing = FKD_MIXUP;
	memset(want.box, 0, sizeof want.box);
	CHECK(fkd_write(&want, &one) == 0);
	CHECK(fkd_read_memory(&got, one.data, one.size) == 0);
	same_batch(&got, &want);
	fkd_free(&got);
	free(one.data);
	free(two.data);
}

static void two_branches_come_back(void)
{
	static uint16_t logits[] = {0x7e00, 0x7e00, 0x7e00, 0, 1, 2, 3, 4, 5, 6, 7, 8};
	struct fkd_batch want = good_batch(), got;
	struct blob file = {0};
	want.branches = 2;
	want.logits = logits;
	CHECK(fkd_write(&want, &file) == 0);
	CHECK(fkd_read_memory(&got, file.data, file.size) == 0);
	same_batch(&got, &want);
	CHECK(got.branches == 2 && !memcmp(got.logits, logits, sizeof logits));
	fkd_free(&got);
	free(file.data);
}

/* The bytes `from` of the pickle become `to`, of the same length; the member's checksum is
 * ignored by what looks for it in vain. */
static int read_changed(const char *from, const char *to, size_t n)
{
	struct fkd_batch batch = good_batch(), got;
	struct blob file = {0};
	CHECK(fkd_write(&batch, &file) == 0);
	uint8_t *at = memmem(file.data, file.size, from, n);
	CHECK(at != NULL);
	if (at)
		memcpy(at, to, n);
	int err = fkd_read_memory(&got, file.data, file.size);
	fkd_free(&got);
	free(file.data);
	return err;
}

static void checksums_are_looked_at(void)
{
	CHECK(read_changed("LongStorage", "HalfStorage", 11) == -1 && says("'memory'"));
	CHECK(read_changed("little", "bigger", 6) == -1 && says("'memory'"));
	CHECK(read_changed("batch/data/3", "batch/data/4", 12) == -1 && says("'memory'"));
}

static void cut_batches_are_noticed(void)
{
	struct fkd_batch batch = good_batch(), got;
	struct blob file = {0};
	CHECK(fkd_write(&batch, &file) == 0);
	for (size_t n = 0; n < file.size; n++) {
		uint8_t *copy = xmalloc(n);
		if (n)
			memcpy(copy, file.data, n);
		if (fkd_read_memory(&got, copy, n) == 0)
			CHECK_THAT(0, "reads whole when cut to %zu of %zu bytes", n, file.size);
		fkd_free(&got);
		free(copy);
	}
	CHECK(1);
	free(file.data);
}

/* Whatever it is then, it is read within bounds: the sanitizers watch. */
static void changed_batches_do_no_harm(void)
{
	enum { ROUNDS = 6000 };
	struct fkd_batch batch = good_batch(), got;
	struct blob file = {0};
	int refused = 0;
	CHECK(fkd_write(&batch, &file) == 0);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct rng r = rng_at(1, RNG_TEST, round, 0, 0);
		uint8_t *copy = xmalloc(file.size);
		memcpy(copy, file.data, file.size);
		for (uint32_t k = 0, many = 1 + rng_below(&r, 4); k < many; k++)
			copy[rng_below(&r, (uint32_t)file.size)] = (uint8_t)rng_u32(&r);
		refused += fkd_read_memory(&got, copy, file.size) < 0;
		fkd_free(&got);
		free(copy);
	}
	CHECK_THAT(refused > ROUNDS / 2, "%d of %d refused", refused, ROUNDS);
	free(file.data);
}

static void other_files_are_refused(void)
{
	struct fkd_batch got;
	CHECK(fkd_read(&got, "nowhere.tar") == -1 && says("cannot open 'nowhere.tar'"));
	CHECK(fkd_read(&got, ".") == -1 && says("'.' is not a file"));
	CHECK(fkd_read_memory(&got, "", 0) == -1 && says("'memory'"));
	CHECK(fkd_read_memory(&got, "hello", 5) == -1 && says("'memory'"));
}

static struct image some_image(void)
{
	struct image im = image_new(13, 7);
	struct rng r = rng_at(2, RNG_TEST, 0, 0, 0);
	for (int i = 0; i < 3 * im.w * im.h; i++)
		im.rgb[i] = (uint8_t)rng_u32(&r);
	return im;
}

static struct image_notes notes;

static void pngs_come_back(void)
{
	struct image im = some_image(), back;
	uint8_t *png;
	size_t size;
	CHECK(png_encode(&im, &png, &size) == 0);
	CHECK(png_decode(&back, png, size, &notes) == 0 && back.w == 13 && back.h == 7 &&
	      !memcmp(back.rgb, im.rgb, 3 * 13 * 7));
	image_free(&back);
	image_free(&im);
	free(png);
	CHECK(png_decode(&back, "", 0, &notes) == -1 && says("not a PNG"));
	CHECK(png_decode(&back, "hello, this is none", 19, &notes) == -1 && says("not a PNG"));
}

static void pngs_that_are_too_large(void)
{
	struct image im = some_image(), back;
	uint8_t *png;
	size_t size;
	CHECK(png_encode(&im, &png, &size) == 0);
	/* IHDR with its checksum, as zlib's crc32 gives it for 60000 x 60000 */
	static const uint8_t ihdr[] = {
	    0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60, 8, 2, 0, 0, 0, 0x0f, 0xb0, 0xe2, 0x15};
	memcpy(png + 16, ihdr, sizeof ihdr);
	CHECK(png_decode(&back, png, size, &notes) == -1 &&
	      says("claims 60000x60000 pixels, more than 64 Mpx"));
	image_free(&im);
	free(png);
}

static void changed_pngs_do_no_harm(void)
{
	struct image im = some_image(), back;
	uint8_t *png;
	size_t size;
	int refused = 0;
	CHECK(png_encode(&im, &png, &size) == 0);
	for (size_t i = 0; i < size; i++)
		for (uint32_t how = 0; how < 4; how++) {
			uint8_t *copy = xmalloc(size);
			memcpy(copy, png, size);
			copy[i] ^= (uint8_t)(0x81 >> how);
			if (png_decode(&back, copy, how ? size : i, &notes) == 0)
				image_free(&back);
			else
				refused++;
			free(copy);
		}
	CHECK_THAT(refused > (int)size, "%d refused", refused);
	image_free(&im);
	free(png);
}

static bool there(const char *path)
{
	return !access(path, F_OK);
}

static void folders_appear_whole(void)
{
	struct folder *f = folder_create("out/");
	CHECK(f && folder_put(f, "a/b/one", "1", 1) == 0 && folder_put(f, "a/b/two", "22", 2) == 0);
	CHECK(folder_put(f, "a/three", "", 0) == 0 && folder_put(f, "four", "4444", 4) == 0);
	CHECK(folder_put(f, "four", "5", 1) == -1 && says("cannot write 'out/four': File exists"));
	CHECK(!there("out") && !folder_create("other") && says("another folder is being written"));
	CHECK(folder_close(f) == 0 && there("out/a/b/two") && there("out/a/three") &&
	      there("out/four"));
	CHECK(!folder_create("out") && says("'out' already exists"));
	CHECK(!folder_create("no/where/x") && says("cannot write 'no/where/x': No such file"));
	CHECK(unlink("out/a/b/one") == 0 && unlink("out/a/b/two") == 0 &&
	      unlink("out/a/three") == 0 && unlink("out/four") == 0);
	CHECK(rmdir("out/a/b") == 0 && rmdir("out/a") == 0 && rmdir("out") == 0);
}

/* main's rmdir at the end fails if something is left. */
static void folders_leave_nothing(void)
{
	struct folder *f = folder_create("out");
	CHECK(f && folder_put(f, "a/b/one", "1", 1) == 0 && folder_put(f, "c", "2", 1) == 0);
	folder_abandon(f);
	f = folder_create("out");
	CHECK(f && folder_put(f, "a", "1", 1) == 0 && mkdir("out", 0777) == 0);
	CHECK(folder_close(f) == -1 && says("'out' already exists") && rmdir("out") == 0);
}

static void forms_stand_in_the_order_of_their_choices(void)
{
	int n = 0;
	for (; exchange_forms[n].name; n++)
		CHECK(choice_of(EXCHANGE_CHOICES, exchange_forms[n].name) == n);
	CHECK(n == 3);
}

int main(void)
{
	char folder[] = "/tmp/fd2-exchange-XXXXXX";
	if (!mkdtemp(folder) || chdir(folder))
		return 1;
	RUN(forms_stand_in_the_order_of_their_choices);
	RUN(batches_come_back);
	RUN(two_branches_come_back);
	RUN(checksums_are_looked_at);
	RUN(cut_batches_are_noticed);
	RUN(changed_batches_do_no_harm);
	RUN(other_files_are_refused);
	RUN(pngs_come_back);
	RUN(pngs_that_are_too_large);
	RUN(changed_pngs_do_no_harm);
	RUN(folders_appear_whole);
	RUN(folders_leave_nothing);
	return chdir("/") || rmdir(folder) ? 1 : check_done();
}
