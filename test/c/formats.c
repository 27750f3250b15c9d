/* Both formats: bytes as specified, whole round trips, and a sentence for every damage. */
#include "formats/digest.h"
#include "formats/json.h"
#include "formats/npy.h"
#include "formats/shard/shard.h"
#include "formats/shard/tree.h"
#include "formats/stream/stream.h"
#include "lib/base/err.h"
#include "lib/data/soft-label.h"
#include "test/c/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct bytes {
	uint8_t *v;
	size_t n;
};

static struct bytes read_file(const char *path)
{
	struct bytes b = {xmalloc(1 << 20), 0};
	FILE *f = fopen(path, "rb");

	CHECK(f != NULL);
	if (f) {
		b.n = fread(b.v, 1, 1 << 20, f);
		fclose(f);
	}
	return b;
}

static void write_file(const char *path, const void *data, size_t n)
{
	FILE *f = fopen(path, "wb");

	CHECK(f && fwrite(data, 1, n, f) == n);
	if (f)
		fclose(f);
}

static int says(const char *part)
{
	int found = strstr(fail_message(), part) != NULL;

	if (!found)
		printf("# '%s' is not in: %s\n", part, fail_message());
	return found;
}

/* 0: read to its end, *n tensors; -1. */
static int read_stream(const void *data, size_t size, int *n)
{
	struct stream_reader *r = fd2_stream_open_memory(data, size, NULL);
	struct array a;
	int got = -1;

	*n = 0;
	while (r && (got = fd2_stream_next(r, &a)) > 0) {
		fd2_array_free(&a);
		++*n;
	}
	if (r)
		fd2_stream_close(r);
	return got;
}

static struct stream_writer *begin_stream(const char *path)
{
	struct out *out = out_open(path, 0);

	return stream_create(out, "test",
	    json_pack("{s:s, s:[iif], s:{s:b, s:n}}", "tool", "x", "v", 1, -70000, 0.5, "o", "t", 1,
	        "n"));
}

static struct bytes small_stream(void)
{
	const int64_t shape[] = {3};
	const uint16_t half[] = {0x3c00, 0xc000, 0x0001}; /* 1, -2, 2^-24 */
	const double real = 0.1;
	struct stream_writer *w = begin_stream("small.fd2");

	CHECK(fd2_stream_put(w, "h", DT_F16, 1, shape, half) == 0);
	CHECK(fd2_stream_put(w, "d", DT_F64, 0, NULL, &real) == 0);
	CHECK(fd2_stream_finish(w) == 0);
	return read_file("small.fd2");
}

static void stream_bytes_are_msgpack_numpys(void)
{
	static const char header[] = "\x84\xa6"
	                             "format\xaa"
	                             "fd2-stream\xa7"
	                             "version\x02\xa4"
	                             "kind\xa4"
	                             "test\xa4"
	                             "meta\x83";
	static const char h[] = "\x82\xa4"
	                        "name\xa1h\xa5"
	                        "value\x85\xc4\x02"
	                        "nd\xc3\xc4\x04"
	                        "type\xa3<f2\xc4\x04"
	                        "kind\xc4\x00\xc4\x05"
	                        "shape\x91\x03\xc4\x04"
	                        "data\xc4\x06\x00\x3c\x00\xc0\x01\x00"
	                        "\x82\xa4"
	                        "name\xa1"
	                        "d";
	static const char end[] = "\x84\xa3"
	                          "end\xc3\xa5"
	                          "count\x02\xa5"
	                          "crc32\xce";
	static const char digest[] = "\xa6"
	                             "digest\xd9\x40";
	struct bytes b = small_stream();

	CHECK(!memcmp(b.v, header, sizeof header - 1));
	CHECK(memmem(b.v, b.n, h, sizeof h - 1) != NULL);
	const uint8_t *tail = b.v + b.n - 64 - (sizeof digest - 1);
	CHECK(!memcmp(tail, digest, sizeof digest - 1));
	CHECK(!memcmp(tail - 4 - (sizeof end - 1), end, sizeof end - 1));
	free(b.v);
}

static void stream_round_trip(void)
{
	static const int64_t shapes[][8] = {{2, 3}, {0}, {4, 0, 2}, {1, 1, 1, 1, 1, 1, 1, 2}, {7}};
	static const int ranks[] = {2, 0, 3, 8, 1};
	uint8_t data[512];
	struct array a;

	for (int i = 0; i < 512; i++)
		data[i] = (uint8_t)(i * 37 & 1);
	struct stream_writer *w = begin_stream("round.fd2");
	for (int t = DT_F16; t <= DT_BOOL; t++)
		for (int i = 0; i < 5; i++)
			CHECK(
			    fd2_stream_put(w, "x", (enum dtype)t, ranks[i], shapes[i], data) == 0);
	CHECK(fd2_stream_finish(w) == 0);

	struct stream_reader *r = fd2_stream_open("round.fd2", "test");
	CHECK_STR(fd2_stream_kind(r), "test");
	CHECK(stream_require(r, "tool") == 0 && stream_require(r, "v o.t tool o.n o") == 0);
	CHECK(stream_require(r, "tool o.x v") == -1 &&
	      says("the meta of 'round.fd2' lacks 'o.x', which a stream of kind test needs"));
	CHECK(stream_require(r, "v tool.x") == -1 && says("lacks 'tool.x'"));
	CHECK(stream_require(r, "to") == -1 && says("lacks 'to'"));
	CHECK(json_is_null(json_object_get(json_object_get(fd2_stream_meta(r), "o"), "n")));
	CHECK(json_integer_value(json_array_get(json_object_get(fd2_stream_meta(r), "v"), 1)) ==
	      -70000);
	for (int t = DT_F16; t <= DT_BOOL; t++)
		for (int i = 0; i < 5; i++) {
			CHECK(fd2_stream_next(r, &a) == 1);
			CHECK((int)a.dtype == t && a.rank == ranks[i] &&
			      !memcmp(a.shape, shapes[i], (size_t)a.rank * sizeof *a.shape));
			CHECK(!memcmp(a.data, data, a.size));
			fd2_array_free(&a);
		}
	CHECK(fd2_stream_next(r, &a) == 0 && fd2_stream_next(r, &a) == 0);
	CHECK(strlen(fd2_stream_digest(r)) == 64);
	fd2_stream_close(r);
}

static void elements_become_doubles(void)
{
	const uint16_t half[] = {0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0x83ff};
	const double expected[] = {
	    1, -2, 5.9604644775390625e-8, 65504, INFINITY, -6.097555160522461e-5};
	const int64_t whole[] = {-5, INT64_C(1) << 40};
	const struct array h = {.dtype = DT_F16, .size = sizeof half, .data = (void *)half};
	const struct array l = {.dtype = DT_I64, .size = sizeof whole, .data = (void *)whole};

	for (int i = 0; i < 6; i++)
		CHECK(fd2_array_at(&h, i) == expected[i]);
	CHECK(fd2_array_count(&h) == 6 && fd2_array_count(&l) == 2);
	CHECK(fd2_array_at(&l, 0) == -5 && fd2_array_at(&l, 1) == 1099511627776.0);
}

static void large_tensors_are_split(void)
{
	const int64_t shape[] = {9, 1 << 20, 2};
	size_t size = 9u << 23;
	uint8_t *data = xmalloc(size);
	struct array a;

	for (size_t i = 0; i < size; i += 4096)
		memcpy(data + i, &i, sizeof i);
	struct stream_writer *w = begin_stream("large.fd2");
	CHECK(fd2_stream_put(w, "big", DT_F32, 3, shape, data) == 0);
	CHECK(fd2_stream_put(w, "wide", DT_U8, 2, (int64_t[]){1, (64 << 20) + 1}, data) == -1 &&
	      says("64 MiB"));
	fd2_stream_abandon(w);
	CHECK(access("large.fd2", F_OK) == -1);

	w = begin_stream("large.fd2");
	CHECK(fd2_stream_put(w, "big", DT_F32, 3, shape, data) == 0);
	CHECK(fd2_stream_finish(w) == 0);
	struct stream_reader *r = fd2_stream_open("large.fd2", NULL);
	CHECK(fd2_stream_next(r, &a) == 1);
	CHECK(a.size == size && a.shape[0] == 9 && !memcmp(a.data, data, size));
	fd2_array_free(&a);
	CHECK(fd2_stream_next(r, &a) == 0);
	fd2_stream_close(r);
	unlink("large.fd2");
	free(data);
}

/* Tensors of a stream that was read to its end, again and in any order. */
static void tensors_are_found_at_their_places(void)
{
	enum { TENSORS = 5, VALUES = 300000 }; /* more than is read ahead */
	const int64_t shape[] = {VALUES};
	static float v[VALUES];
	uint64_t at[TENSORS];
	struct array a;
	struct stream_writer *w = begin_stream("places.fd2");
	for (int i = 0; i < TENSORS; i++) {
		v[VALUES - 1] = (float)i;
		CHECK(!fd2_stream_put(w, "v", DT_F32, 1, shape, v));
	}
	CHECK(!fd2_stream_finish(w));
	struct stream_reader *r = fd2_stream_open("places.fd2", NULL);
	for (int i = 0; i < TENSORS; i++) {
		at[i] = stream_tell(r).size;
		CHECK(fd2_stream_next(r, &a) == 1);
		fd2_array_free(&a);
	}
	CHECK(fd2_stream_next(r, &a) == 0);
	for (int i = 0; i < 2 * TENSORS; i++) {
		int k = 3 * i % TENSORS;
		CHECK(!stream_seek(r, at[k]) && fd2_stream_next(r, &a) == 1);
		CHECK_NEAR(fd2_array_at(&a, VALUES - 1), k, 0);
		fd2_array_free(&a);
	}
	fd2_stream_close(r);
	struct bytes b = read_file("places.fd2");
	r = fd2_stream_open_memory(b.v, b.n, NULL);
	CHECK(stream_seek(r, at[1]) < 0 && says("it is not a regular file"));
	fd2_stream_close(r);
	free(b.v);
	unlink("places.fd2");
}

static int put(struct stream_writer *w, const char *name, int rank, const int64_t *shape)
{
	return fd2_stream_put(w, name, DT_F32, rank, shape, "");
}

static void json_has_bounds(void)
{
	static const char text[] = "{\"a\":[1,2,3]}", list[] = "[1]", twice[] = "{\"a\":1,\"a\":2}";
	json_t *object = parse_json_object(text, sizeof text - 1, 4, "'%s'", "x");

	CHECK(object);
	json_decref(object);
	CHECK(!parse_json_object(text, sizeof text - 1, 3, "'%s'", "x") &&
	      says("'x' has more than 3 values"));
	CHECK(!parse_json_object(list, sizeof list - 1, 9, "'%s'", "x") &&
	      says("'x' is not a JSON object: another value"));
	CHECK(!parse_json_object(twice, sizeof twice - 1, 9, "'%s'", "x") &&
	      says("'x' is not a JSON object: duplicate"));
}

static void a_stream_takes_what_can_be_read(void)
{
	struct stream_writer *w = fd2_stream_create("limits.fd2", "any", NULL);
	const int64_t huge = (int64_t)1 << 40;
	char name[1200] = "";

	memset(name, 'x', 1025);
	CHECK(put(w, name, 1, (int64_t[]){1}) == -1 && says("is longer than 1024 bytes"));
	CHECK(put(w, "a", 9, (int64_t[9]){0}) == -1 && says("has 9 dimensions, more than 8"));
	CHECK(put(w, "a", 2, (int64_t[]){1, -1}) == -1 &&
	      says("dimension 1 of tensor 'a' is negative"));
	CHECK(put(w, "a", 2, (int64_t[]){1, 1 << 25}) == -1 && says("has rows of over 64 MiB"));
	CHECK(put(w, "a", 3, (int64_t[]){1, huge, huge}) == -1 && says("has rows of over 64 MiB"));
	CHECK(put(w, "a", 1, &huge) == -1 && says("has over 64 GiB"));
	fd2_stream_abandon(w);
}

static void stream_cut_anywhere_is_noticed(void)
{
	struct bytes b = small_stream();
	int n;

	CHECK(read_stream(b.v, b.n, &n) == 0 && n == 2);
	for (size_t i = 0; i < b.n; i++) {
		uint8_t *cut = xmalloc(i); /* of its own, so that reading beyond it is seen */

		memcpy(cut, b.v, i);
		CHECK(read_stream(cut, i, &n) == -1);
		free(cut);
	}
	free(b.v);
}

static void stream_flipped_bits_are_noticed(void)
{
	struct bytes b = small_stream();
	int n;

	for (size_t i = 0; i < 8 * b.n; i++) {
		b.v[i / 8] ^= (uint8_t)(1 << i % 8);
		CHECK(read_stream(b.v, b.n, &n) == -1);
		b.v[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	free(b.v);
}

static void bytes_after_the_end_are_noticed(void)
{
	struct bytes b = small_stream();
	int n;

	memcpy(b.v + b.n, "more", 4);
	CHECK(read_stream(b.v, b.n + 4, &n) == -1 && n == 2 &&
	      says("'memory' has 4 bytes after its end"));
	free(b.v);
}

/* A header, then `record`. */
static int read_record(const char *record, size_t n)
{
	static const char header[] = "\x84\xa6"
	                             "format\xaa"
	                             "fd2-stream\xa7"
	                             "version\x01\xa4"
	                             "kind\xa1"
	                             "k\xa4"
	                             "meta\x80";
	uint8_t *v = xmalloc(sizeof header - 1 + n);
	int count;

	memcpy(v, header, sizeof header - 1);
	memcpy(v + sizeof header - 1, record, n);
	int got = read_stream(v, sizeof header - 1 + n, &count);
	free(v);
	return got == -1 ? count : -1;
}

#define RECORD(s) read_record(s, sizeof s - 1)
#define NAMED "\x82\xa4name\xa1x\xa5value"
#define CLOSED "\x84\xa4name\xa1x\xa4part\x92\x00\x02\xa5shape"

/* Few bytes that claim much must not be believed. */
static void stream_claims_are_checked(void)
{
	char nested[100];

	CHECK(RECORD("\xdd\xff\xff\xff\xff") == 0 && says("damaged"));
	CHECK(RECORD("\xdf\xff\xff\xff\xff") == 0 && says("damaged"));
	CHECK(RECORD("\xc6\xff\xff\xff\xff") == 0 && says("over 64 MiB"));
	CHECK(RECORD("\xc6\x03\xff\xff\xff") == 0 && says("cut short"));
	CHECK(
	    RECORD("\xc1") == 0 && RECORD("\xc7\x01\x01\x01") == 0 && RECORD("\xd4\x01\x01") == 0);
	memset(nested, '\x91', sizeof nested);
	CHECK(read_record(nested, sizeof nested) == 0 && says("damaged"));
	CHECK(RECORD("\x80") == 0 && says("not a tensor"));
	CHECK(RECORD("\x07") == 0 && says("not a tensor"));
	CHECK(RECORD(NAMED "\x81\xc4\x02nd\xc0") == 0 && says("msgpack-numpy"));
	CHECK(
	    RECORD(NAMED "\x82\xc4\x02nd\xc3\xc4\x04kind\xc4\x01O") == 0 && says("Python objects"));
	CHECK(RECORD(NAMED "\x82\xc4\x02nd\xc3\xc4\x04kind\xc4\x01V") == 0 && says("structures"));
	CHECK(
	    RECORD(NAMED "\x82\xc4\x02nd\xc3\xc4\x04type\xa3<f9") == 0 && says("type other than"));
	CHECK(RECORD(NAMED "\x84\xc4\x02nd\xc3\xc4\x04type\xa3<f4\xc4\x05shape\x91\x02\xc4\x04"
	                   "data\xc4\x04"
	                   "abcd") == 0 &&
	      says("another size than its shape"));
	CHECK(RECORD(NAMED "\x84\xc4\x02nd\xc3\xc4\x04type\xa3<"
	                   "f4\xc4\x05shape\x92\xcf\x80\x00\x00\x00\x00\x00\x00\x00\x02\xc4\x04"
	                   "data\xc4\x00") == 0 &&
	      says("another size than its shape"));
	CHECK(RECORD(NAMED "\x84\xc4\x02nd\xc3\xc4\x04type\xa3<f4\xc4\x05shape\x91\xff\xc4\x04"
	                   "data\xc4\x00") == 0 &&
	      says("another size than its shape"));
	CHECK(RECORD(CLOSED "\x91\x02\xa5value\x84\xc4\x02nd\xc3\xc4\x04type\xa3|"
	                    "u1\xc4\x05shape\x91\x03\xc4\x04"
	                    "data\xc4\x03"
	                    "abc") == 0 &&
	      says("different types or shapes"));
	CHECK(RECORD(CLOSED "\x91\xcf\x7f\xff\xff\xff\xff\xff\xff\xff\xa5value\x84\xc4\x02nd\xc3"
	                    "\xc4\x04type\xa3|"
	                    "u1\xc4\x05shape\x91\x01\xc4\x04"
	                    "data\xc4\x01"
	                    "a") == 0 &&
	      says("has an invalid part"));
	CHECK(RECORD(CLOSED "\x91\x02\xa5value\x84\xc4\x02nd\xc3\xc4\x04type\xa3|"
	                    "u1\xc4\x05shape\x91\x01\xc4\x04"
	                    "data\xc4\x01"
	                    "a\x83\xa3"
	                    "end\xc3\xa5"
	                    "count\x01\xa5"
	                    "crc32\x00") == 0);
	CHECK(RECORD("\x83\xa3"
	             "end\xc3\xa5"
	             "count\x05\xa5"
	             "crc32\x00") == 0 &&
	      says("holds 0 tensors where its end says 5"));
	CHECK(RECORD("\x83\xa3"
	             "end\xc3\xa5"
	             "count\x00\xa5"
	             "crc32\x00") == 0 &&
	      says("checksum"));
	CHECK(RECORD("\x83\xa3"
	             "end\xc3\xa5"
	             "count\x00\xa6"
	             "digest\xa0") == 0 &&
	      says("checksum"));
	CHECK(RECORD("\x82\xa3"
	             "end\xc3\xa5"
	             "count\x00") == 0 &&
	      says("neither crc32 nor digest"));
}

/* Keys and kind as str, and NumPy's scalars. */
static void stream_dialects_are_read(void)
{
	CHECK(RECORD(NAMED "\x85\xa2nd\xc3\xa4type\xa3<f4\xa4kind\xa1"
	                   "f\xa5shape\x91\x01\xa4"
	                   "data\xc4\x04"
	                   "abcd") == 1);
	CHECK(RECORD(NAMED "\x83\xc4\x02nd\xc2\xc4\x04type\xa3<f4\xc4\x04"
	                   "data\xc4\x04"
	                   "abcd") == 1);
}

/* Constants of 64 and 16 digits in these tests come from Python: hashlib, and a version of the
 * old hash written after its specification. */
static void streams_of_version_1_are_read(void)
{
	static const char v1[] = "\x84\xa6"
	                         "format\xaa"
	                         "fd2-stream\xa7"
	                         "version\x01\xa4"
	                         "kind\xa1"
	                         "k\xa4"
	                         "meta\x80" NAMED "\x83\xc4\x02nd\xc2\xc4\x04type\xa3<f4\xc4\x04"
	                         "data\xc4\x04"
	                         "abcd"
	                         "\x83\xa3"
	                         "end\xc3\xa5"
	                         "count\x01\xa5"
	                         "crc32\xce\xdf\xf1\x11\xea";
	struct stream_reader *r = fd2_stream_open_memory(v1, sizeof v1 - 1, "k");
	struct array a;

	CHECK(r && fd2_stream_next(r, &a) == 1 && !memcmp(a.data, "abcd", 4));
	fd2_array_free(&a);
	CHECK(fd2_stream_next(r, &a) == 0);
	CHECK_STR(fd2_stream_digest(r), "15a1f96285672698");
	fd2_stream_close(r);
}

static void other_inputs_are_recognised(void)
{
	static const char v3[] = "\x84\xa6"
	                         "format\xaa"
	                         "fd2-stream\xa7"
	                         "version\x03\xa4"
	                         "kind\xa1"
	                         "k\xa4"
	                         "meta\x80";
	uint8_t zeros[1024] = {0};
	struct bytes b = small_stream();
	int n;

	CHECK(read_stream("", 0, &n) == -1 && says("'memory' is empty"));
	CHECK(read_stream("hello\n", 6, &n) == -1 &&
	      says("neither a tar archive nor a tensor stream"));
	CHECK(read_stream(zeros, sizeof zeros, &n) == -1 &&
	      says("is a file that begins with zero bytes; expected a tensor stream"));
	CHECK(read_stream("\xff\xd8\xff\xe0", 4, &n) == -1 && says("is a JPEG image"));
	CHECK(read_stream(v3, sizeof v3 - 1, &n) == -1 && says("of version 3; this program reads"));
	CHECK(!fd2_stream_open("small.fd2", "teacher") &&
	      says("'small.fd2' is a tensor stream of kind test, expected kind teacher"));
	CHECK(!fd2_stream_open("none.fd2", NULL) && says("cannot open 'none.fd2': No such file"));
	CHECK(!fd2_shard_open((char *[]){"none.tar"}, 1) &&
	      says("cannot open 'none.tar': No such file"));
	free(b.v);
}

static const char *const classes[] = {"a.1", "b c", "d"};

/* 0: read to its end with *n samples; -1. */
static int read_shards(char *const *paths, int n_paths, int *n, char digest[DIGEST_HEX])
{
	struct shard_reader *r = fd2_shard_open(paths, n_paths);
	struct sample s;
	int got = -1;

	*n = 0;
	while (r && (got = fd2_shard_next(r, &s)) > 0)
		++*n;
	if (got == 0 && digest)
		strcpy(digest, fd2_shard_digest(r));
	if (r)
		fd2_shard_close(r);
	return got;
}

static int read_shard(const char *path, int *n, char digest[DIGEST_HEX])
{
	return read_shards((char *[]){(char *)path}, 1, n, digest);
}

enum { SAMPLES = 4 };

/* Sample i: its image has 300 * i + 1 bytes; parts as in a distilled shard. */
static int add(struct shard_writer *w, int i)
{
	uint8_t image[300 * SAMPLES];
	char id[16];

	memset(image, i + 1, sizeof image);
	snprintf(id, sizeof id, "%04d", i);
	return fd2_shard_add(
	    w, classes[i % 3], id, i % 3, image, (size_t)(300 * i + 1), "npy", 3, NULL);
}

static json_t *settings(double beta)
{
	return json_pack(
	    "{s:s, s:[s], s:{s:f}}", "tool", "test", "argv", "test", "options", "beta", beta);
}

static void make_shard(const char *path, int flags)
{
	struct shard_writer *w = shard_create(out_open(path, flags), settings(0.5), classes, 3);

	for (int i = 0; i < SAMPLES; i++)
		CHECK(add(w, i) == 0);
	CHECK(fd2_shard_finish(w) == 0);
}

static void shard_round_trip(void)
{
	struct sample s;
	int n;

	make_shard("x.tar", 0);
	struct shard_reader *r = fd2_shard_open((char *[]){"x.tar"}, 1);
	for (int i = 0; i < SAMPLES; i++) {
		CHECK(fd2_shard_next(r, &s) == 1);
		CHECK_STR(s.folder, classes[i % 3]);
		CHECK_STR(s.shard, "x.tar");
		CHECK(s.cls == i % 3 && s.image_size == (size_t)(300 * i + 1) &&
		      s.image[0] == i + 1 && s.npy_size == 3 && !s.json);
	}
	CHECK_STR(s.key, "a.1/0003");
	CHECK(fd2_shard_next(r, &s) == 0);
	CHECK_STR(fd2_shard_classes(r, &n)[1], "b c");
	CHECK(n == 3 && json_integer_value(json_object_get(fd2_shard_meta(r), "count")) == SAMPLES);
	CHECK_STR(
	    json_string_value(json_object_get(fd2_shard_meta(r), "digest")), fd2_shard_digest(r));
	fd2_shard_close(r);

	struct bytes one = read_file("x.tar");
	make_shard("x.tar", 0);
	struct bytes two = read_file("x.tar");
	CHECK(one.n == two.n && !memcmp(one.v, two.v, one.n));
	free(one.v);
	free(two.v);
}

static void shard_cut_anywhere_is_noticed(void)
{
	int n;

	make_shard("x.tar", 0);
	struct bytes b = read_file("x.tar");
	for (size_t i = 0; i<b.n; i += i % 512> 1 && i % 512 < 510 ? 36 : 1) {
		write_file("cut.tar", b.v, i);
		CHECK(read_shard("cut.tar", &n, NULL) == -1);
	}
	write_file("cut.tar", b.v, b.n);
	CHECK(read_shard("cut.tar", &n, NULL) == 0 && n == SAMPLES);
	free(b.v);
}

static void shard_names_are_checked_before_writing(void)
{
	struct shard_writer *w = shard_create(out_open("names.tar", 0), settings(0.5), classes, 3);

	CHECK(fd2_shard_add(w, "a", "x.y", 0, "j", 1, NULL, 0, NULL) == -1 &&
	      says("ids have no dots"));
	CHECK(fd2_shard_add(w, "a", "", 0, "j", 1, NULL, 0, NULL) == -1);
	CHECK(fd2_shard_add(w, "../a", "x", 0, "j", 1, NULL, 0, NULL) == -1);
	CHECK(fd2_shard_add(w, "/a", "x", 0, "j", 1, NULL, 0, NULL) == -1);
	CHECK(fd2_shard_add(w, "__a__", "x", 0, "j", 1, NULL, 0, NULL) == -1 &&
	      says("invalid class name"));
	CHECK(fd2_shard_add(w, NULL, "x", -1, "j", 1, NULL, 0, NULL) == -1 && says("has no label"));
	CHECK(fd2_shard_add(w, "a", "x", -1, NULL, 0, NULL, 0, NULL) == -1 && says("has no image"));
	CHECK(fd2_shard_add(w, "a", "x", 0, "j", 1, "n", SHARD_MEMBER_MAX + 1, NULL) == -1 &&
	      says("'a/x.npy' is larger than 256 MiB"));
	fd2_shard_abandon(w);
	CHECK(access("names.tar", F_OK) == -1);
}

static uint8_t tar[64 << 10];
static size_t tar_size;

static void member_of_type(const char *name, const char *data, char type, const char *size)
{
	uint8_t *b = tar + tar_size;
	unsigned sum = 0;

	memset(b, 0, 512);
	strcpy((char *)b, name);
	strcpy((char *)b + 100, "0000644");
	strcpy((char *)b + 108, "0000000");
	strcpy((char *)b + 116, "0000000");
	if (size)
		strcpy((char *)b + 124, size);
	else
		snprintf((char *)b + 124, 12, "%011o", (unsigned)strlen(data));
	strcpy((char *)b + 136, "00000000000");
	memset(b + 148, ' ', 8);
	b[156] = (uint8_t)type;
	memcpy(b + 257,
	    "ustar\0"
	    "00",
	    8);
	for (int i = 0; i < 512; i++)
		sum += b[i];
	snprintf((char *)b + 148, 8, "%06o", sum);
	tar_size += 512;
	size_t blocks = (strlen(data) + 511) / 512 * 512;
	memset(tar + tar_size, 0, blocks);
	memcpy(tar + tar_size, data, strlen(data));
	tar_size += blocks;
}

static void member(const char *name, const char *data)
{
	member_of_type(name, data, '0', NULL);
}

static void end_tar(const char *path)
{
	memset(tar + tar_size, 0, 1024);
	write_file(path, tar, tar_size + 1024);
	tar_size = 0;
}

/* Samples in the tar made so far, or -1 (fail_message). */
static int try_tar(void)
{
	int n;

	end_tar("hand.tar");
	return read_shard("hand.tar", &n, NULL) < 0 ? -1 : n;
}

static void hand_made_shards_are_read(void)
{
	member_of_type("./", "", '5', NULL);
	member_of_type("./train/", "", '5', NULL);
	member("./train/dog/1.JPG", "j");
	member("./train/dog/2.b.jpeg", "j");
	member("./train/cat/.hidden.jpg", "j");
	member("./train/cat/notes.txt", "t");
	member("./train/cat/noext", "t");
	member("./__other__", "t");
	member("./train/cat/1.jpg", "j");
	end_tar("hand.tar");
	struct shard_reader *r = fd2_shard_open((char *[]){"hand.tar"}, 1);
	struct sample s;
	int n;
	CHECK(fd2_shard_next(r, &s) == 1);
	CHECK_STR(s.key, "train/dog/1");
	CHECK_STR(s.folder, "train/dog");
	CHECK(fd2_shard_next(r, &s) == 1);
	CHECK_STR(s.key, "train/dog/2.b");
	CHECK(fd2_shard_next(r, &s) == 1);
	CHECK_STR(s.key, "train/cat/1");
	CHECK(fd2_shard_next(r, &s) == 0);
	const char *const *names = fd2_shard_classes(r, &n);
	CHECK(n == 2 && !strcmp(names[0], "cat") && !strcmp(names[1], "dog") && !fd2_shard_meta(r));
	CHECK_STR(fd2_shard_class(r, "train/dog"), "dog");
	CHECK_STR(fd2_shard_class(r, "dog"), NULL);
	fd2_shard_close(r);

	/* webdataset: the number before or after the image, no folder. */
	member("0001.cls", "7");
	member("0001.jpg", "j");
	member("0001.txt", "caption");
	member("0002.jpg", "j");
	member("0002.json", "{}");
	member("0002.cls", "12\n");
	end_tar("hand.tar");
	r = fd2_shard_open((char *[]){"hand.tar"}, 1);
	CHECK(fd2_shard_next(r, &s) == 1 && s.cls == 7 && !s.folder);
	CHECK(fd2_shard_next(r, &s) == 1 && s.cls == 12 && s.json_size == 2);
	CHECK(fd2_shard_next(r, &s) == 0 && !fd2_shard_classes(r, &n) && n == 0);
	fd2_shard_close(r);
}

/* The folders of a tree, the last ones without images where a slash ends them, then their classes,
 * or a part of the sentence that refuses it. */
static void check_tree(const char *folders, const char *expected)
{
	struct tree_folder v[8];
	char *names = xstrdup(folders), *rest = names, got[256] = "";
	int n = 0, empty = 0;
	for (char *name; (name = strsep(&rest, " ")); n++) {
		size_t last = strlen(name) - 1;
		empty += name[last] == '/';
		name[last] = name[last] == '/' ? '\0' : name[last];
		v[n] = (struct tree_folder){"x", name, NULL};
	}
	int err = tree_classes(v, n - empty, empty);
	for (int i = 0; i < n; i++) {
		size_t at = strlen(got);
		if (v[i].class)
			snprintf(got + at, sizeof got - at, at ? " %s" : "%s", v[i].class);
		free(v[i].class);
	}
	CHECK_THAT(err ? !!strstr(fail_message(), expected) : !strcmp(got, expected),
	    "'%s' gives '%s', not '%s'", folders, err ? fail_message() : got, expected);
	free(names);
}

static void nested_folders_name_classes(void)
{
	check_tree("cat dog", "cat dog");
	check_tree("photos/cat photos/dog", "cat dog");
	check_tree("a/b/cat a/b/dog", "cat dog");
	check_tree("photos/cat", "cat");
	check_tree("cat/tabby cat/siamese dog/pug", "cat cat dog");
	check_tree("cat cat/tabby dog", "cat cat dog");
	check_tree("n1/images n2/images n3/images", "n1 n2 n3");
	check_tree("train/n1/images train/n2/images", "n1 n2");
	check_tree("bus car train", "bus car train");
	check_tree("bus test train", "bus test train");
	check_tree("ab abc", "ab abc");
	check_tree("a/x ab/y", "a ab");
	check_tree("cat dog bird/", "cat dog bird");
	check_tree("p/cat p/dog p/ q/ p/bird/ p/cat/old/ pbird/", "cat dog bird");
	check_tree("n1/images n2/images n1/ n2/ n3/ n3/images/", "n1 n2 n1 n2 n3");
	check_tree("cat/tabby cat/ cat/siamese/", "tabby siamese");
	check_tree("bird/", "");
	check_tree("train/cat val/cat", "'x' has 'train' and 'val' side by side");
	check_tree("d/Train/cat d/Train/dog d/test/dog", "'d/Train' and 'd/test'");
	check_tree("train/cat valid/dog", "'train' and 'valid'");
	check_tree("images/train images/val", "'images/train' and 'images/val'");
	check_tree("extra/dog train/cat test/cat", "'train' and 'test'");
	check_tree("cat/train cat/val dog/train", "'train' below 'cat' and below 'dog'");
	check_tree("cat/in cat/out dog/in", "'in' below 'cat' and below 'dog'");
	check_tree("a/blue b/blue b/red", "'blue' below 'a' and below 'b'");
	check_tree("blue new/blue new/red", "'blue' at the top and below 'new'");
}

static void hand_made_faults_are_named(void)
{
	CHECK(try_tar() == -1 && says("'hand.tar' is a file that begins with zero bytes"));
	member("a/1.jpg", "j");
	member("a/2.jpg", "j");
	member("a/1.cls", "0");
	CHECK(try_tar() == -1 && says("'a/1' appears again with member 'a/1.cls'") &&
	      says("tar --sort=name"));
	member("a/1.jpg", "j");
	member("a/1.jpeg", "j");
	CHECK(try_tar() == -1 && says("'a/1.jpg' and 'a/1.jpeg' would be one sample"));
	member("1.jpg", "j");
	CHECK(try_tar() == -1 && says("member '1.jpg' has no label (no folder and no 1.cls)"));
	member("1.jpg", "j");
	member("1.cls", "dog");
	CHECK(try_tar() == -1 && says("member '1.cls' is not a class number"));
	member("1.cls", "5");
	CHECK(try_tar() == -1 && says("'1.cls' has no image"));
	member("a/1.png", "p");
	CHECK(try_tar() == -1 && says("'a/1.png'") && says("'fd2-import folder' converts"));
	member("/a/1.jpg", "j");
	CHECK(try_tar() == -1 && says("leads out"));
	member("a/../../1.jpg", "j");
	CHECK(try_tar() == -1 && says("leads out"));
	member_of_type("a/1.jpg", "", '0', "77777777777");
	CHECK(try_tar() == -1 && says("larger than 256 MiB"));
	member("t/1.jpg", "j");
	member("t/1.cls", "1");
	member("t/2.jpg", "j");
	member("t/2.cls", "2");
	CHECK(try_tar() == -1 && says("folder 't' holds classes 1 and 2"));
	member("1.jpg", "j");
	member("1.cls", "1");
	member("t/2.jpg", "j");
	CHECK(try_tar() == -1 && says("by number alone"));
}

static void end_members_are_checked(void)
{
	member("a/1.jpg", "j");
	member("__fd2__", "{\"classes\":[\"a\"],\"count\":1}");
	CHECK(try_tar() == 1);
	member("a/1.jpg", "j");
	member("__fd2__", "{\"count\":12}");
	CHECK(try_tar() == -1 && says("'hand.tar' holds 1 samples where its __fd2__ says 12"));
	member("__fd2__", "{\"count\":1}");
	member("a/1.jpg", "j");
	CHECK(try_tar() == -1 && says("before its samples"));
	member("a/1.jpg", "j");
	member("__fd2__", "{\"count\":1,\"digest\":\"0123456789abcdef\"}");
	CHECK(try_tar() == -1 && says("damaged"));
	member("a/1.jpg", "j");
	member("__fd2__", "[1]");
	CHECK(try_tar() == -1 && says("not a JSON object"));
	member("a/1.jpg", "j");
	member("__fd2__", "{\"format_version\":3}");
	CHECK(try_tar() == -1 && says("of version 3; this program reads versions 1 and 2"));
	member("a/1.jpg", "j");
	member("__fd2__", "{\"classes\":[\"b\"]}");
	CHECK(try_tar() == -1 && says("class 'a' of 'hand.tar' is not in the class list"));
	member("b/1.jpg", "j");
	member("b/1.cls", "0");
	member("__fd2__", "{\"classes\":[\"a\",\"b\"]}");
	CHECK(try_tar() == -1 && says("say 0 where 'hand.tar' lists it as 1"));
	member("b/1.jpg", "j");
	member("b/1.cls", "2");
	member("__fd2__", "{\"classes\":[\"c\",\"b\",\"b\",\"a\"]}");
	CHECK(try_tar() == -1 && says("say 2 where 'hand.tar' lists it as 1"));
}

/* Digests are of the version that every part of the set has; others have that of today. */
static void shards_of_version_1_are_read(void)
{
	static const char today[] =
	    "574d8d884aa7a22ab62ab9fe878e3e03b2cb05303a8c21facf649d0aac87d649";
	static const char v1[] = "{\"count\":1,\"digest\":\"3ddfd1ca371c7f92\"}";
	char digest[DIGEST_HEX], v2[128];
	int n;

	member("a/1.jpg", "j");
	member("__fd2__", v1);
	end_tar("v1.tar");
	CHECK(read_shard("v1.tar", &n, digest) == 0);
	CHECK_STR(digest, "3ddfd1ca371c7f92");
	member("a/1.jpg", "j");
	end_tar("plain.tar");
	CHECK(read_shard("plain.tar", &n, digest) == 0);
	CHECK_STR(digest, today);
	snprintf(v2, sizeof v2, "{\"format_version\":2,\"digest\":\"%s\"}", today);
	member("a/1.jpg", "j");
	member("__fd2__", v2);
	end_tar("v2.tar");
	CHECK(read_shard("v2.tar", &n, digest) == 0);
	CHECK_STR(digest, today);
	member("a/2.jpg", "j");
	end_tar("more.tar");
	CHECK(read_shards((char *[]){"v1.tar", "more.tar"}, 2, &n, digest) == 0 && n == 2 &&
	      strlen(digest) == 64);
	member("a/1.jpg", "k");
	member("__fd2__", v1);
	CHECK(try_tar() == -1 && says("is damaged"));
	CHECK(digests_differ(
	    today, "574d8d884aa7a22ab62ab9fe878e3e03b2cb05303a8c21facf649d0aac87d640"));
	CHECK(!digests_differ(today, today) && !digests_differ(today, "3ddfd1ca371c7f92"));
}

static void shards_must_agree(void)
{
	int n;

	member("a/1.jpg", "j");
	member("__fd2__", "{\"classes\":[\"a\",\"b\"],\"count\":1}");
	end_tar("one.tar");
	member("c/1.jpg", "j");
	member("__fd2__", "{\"classes\":[\"a\",\"c\"],\"count\":1}");
	end_tar("two.tar");
	member("a/1.jpg", "k");
	end_tar("again.tar");
	CHECK(read_shards((char *[]){"one.tar", "two.tar"}, 2, &n, NULL) == -1 &&
	      says("class 1 is 'c' in 'two.tar' and 'b' in 'one.tar'"));
	CHECK(read_shards((char *[]){"one.tar", "again.tar"}, 2, &n, NULL) == -1 &&
	      says("sample 'a/1' of 'again.tar' is also in 'one.tar'"));
}

/* The same samples in one shard, in three, behind each other in one file, unpacked in folders. */
static void digest_is_of_samples_alone(void)
{
	char path[32], whole[DIGEST_HEX], other[DIGEST_HEX];
	uint8_t *cat = xmalloc(1 << 20);
	size_t size = 0;
	int n;

	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "p-%02d.tar", i + 8);
		struct shard_writer *w = shard_create(out_open(path, 0), settings(i), classes, 3);
		CHECK(add(w, i) == 0 && fd2_shard_finish(w) == 0);
		struct bytes b = read_file(path);
		memcpy(cat + size, b.v, b.n);
		size += b.n;
		free(b.v);
	}
	write_file("cat.tar", cat, size);
	free(cat);
	struct shard_writer *w = shard_create(out_open("whole.tar", 0), NULL, NULL, 0);
	CHECK(add(w, 0) == 0 && add(w, 1) == 0 && add(w, 2) == 0 && fd2_shard_finish(w) == 0);
	CHECK(read_shard("whole.tar", &n, whole) == 0 && n == 3);
	CHECK(read_shard("p-{08..10}.tar", &n, other) == 0 && n == 3);
	CHECK_STR(other, whole);
	CHECK(read_shard("cat.tar", &n, other) == 0 && n == 3);
	CHECK_STR(other, whole);
	CHECK(read_shard("p-{08..11}.tar", &n, other) == -1 && says("p-11.tar"));

	mkdir("folder", 0777);
	struct shard_reader *r = fd2_shard_open((char *[]){"whole.tar"}, 1);
	struct sample s;
	while (fd2_shard_next(r, &s) > 0) {
		char name[64], cls[8];
		snprintf(name, sizeof name, "folder/%s", s.folder);
		mkdir(name, 0777);
		snprintf(name, sizeof name, "folder/%s.jpg", s.key);
		write_file(name, s.image, s.image_size);
		snprintf(name, sizeof name, "folder/%s.npy", s.key);
		write_file(name, s.npy, s.npy_size);
		snprintf(name, sizeof name, "folder/%s.cls", s.key);
		write_file(name, cls, (size_t)snprintf(cls, sizeof cls, "%ld\n", s.cls));
	}
	fd2_shard_close(r);
	CHECK(read_shard("folder", &n, other) == 0 && n == 3);
	CHECK_STR(other, whole);
}

static void count_seen(void *ctx, const struct sample *s)
{
	CHECK(s->image_size == (size_t)(300 * *(int *)ctx + 1) && s->npy_size == 3);
	++*(int *)ctx;
}

/* Resumes k.tar.part and finishes it. */
static void finish_rest(const struct bytes *whole)
{
	int have = 0;
	struct shard_writer *w =
	    shard_resume("k.tar", settings(0.5), classes, 3, count_seen, &have);

	CHECK(w != NULL);
	if (!w)
		return;
	for (int i = have; i < SAMPLES; i++)
		CHECK(add(w, i) == 0);
	CHECK(fd2_shard_finish(w) == 0);
	struct bytes b = read_file("k.tar");
	CHECK(b.n == whole->n && !memcmp(b.v, whole->v, b.n));
	free(b.v);
	unlink("k.tar");
}

static void broken_off_anywhere_it_goes_on(void)
{
	int n;

	make_shard("k.tar", OUT_KEEP);
	struct bytes whole = read_file("k.tar");
	CHECK(read_shard("k.tar", &n, NULL) == 0 && n == SAMPLES);
	for (size_t i = 0; i <= whole.n; i += i % 512 > 1 && i % 512 < 510 ? 255 : 1) {
		write_file("k.tar.part", whole.v, i);
		finish_rest(&whole);
	}
	finish_rest(&whole); /* without a .part */
	free(whole.v);
}

static void finished_samples_stay_when_abandoned(void)
{
	int have = 0;
	struct shard_writer *w =
	    shard_create(out_open("k.tar", OUT_KEEP), settings(0.5), classes, 3);

	CHECK(add(w, 0) == 0 && add(w, 1) == 0);
	fd2_shard_abandon(w);
	w = shard_resume("k.tar", settings(0.5), classes, 3, count_seen, &have);
	CHECK(w && have == 2);
	CHECK(fd2_shard_add(w, "d", "x", 2, "j", 1, NULL, 0, NULL) == -1 && says("other members"));
	fd2_shard_abandon(w);
	CHECK(!shard_resume("k.tar", settings(0.25), classes, 3, NULL, NULL) &&
	      says("made with --beta 0.5, not with --beta 0.25"));
	CHECK(!shard_resume("k.tar", settings(0.5), classes, 2, NULL, NULL) &&
	      says("list of classes"));
	write_file("k.tar.part", "something else", 14);
	CHECK(!shard_resume("k.tar", settings(0.5), classes, 3, NULL, NULL) &&
	      says("was not started by this program"));
	unlink("k.tar.part");
}

static void npy_header_is_numpys(void)
{
	const uint16_t v[6] = {0};
	size_t size;
	uint8_t *b = npy_f16(v, 3, (int64_t[]){3, 1, 2}, &size);

	CHECK(size == 140 && !memcmp(b,
	                         "\x93NUMPY\x01\x00\x76\x00{'descr': '<f2', 'fortran_order': "
	                         "False, 'shape': (3, 1, 2), }",
	                         71));
	CHECK(b[127] == '\n');
	free(b);
}

static void soft_labels_are_read_as_written(void)
{
	const float p[] = {0.1f, 1e-12f, 1.0f / 3, 0.56666666f};
	char *text = soft_label_to_json(p, 4);
	float *back;
	int n;
	CHECK_STR(text, "{\"soft_label\":[0.100000001,9.99999996e-13,0.333333343,0.566666663]}\n");
	CHECK(!soft_label_from_json((const uint8_t *)text, strlen(text), &back, &n) && n == 4);
	CHECK(!memcmp(back, p, sizeof p));
	free(back);
	free(text);
	CHECK(soft_label_from_json(NULL, 0, &back, &n) < 0 && says("it has no soft_label"));
	free(back);
}

int main(void)
{
	char folder[] = "/tmp/fd2-formats-XXXXXX";

	if (!mkdtemp(folder) || chdir(folder))
		return 1;
	RUN(stream_bytes_are_msgpack_numpys);
	RUN(stream_round_trip);
	RUN(elements_become_doubles);
	RUN(large_tensors_are_split);
	RUN(tensors_are_found_at_their_places);
	RUN(json_has_bounds);
	RUN(a_stream_takes_what_can_be_read);
	RUN(stream_cut_anywhere_is_noticed);
	RUN(stream_flipped_bits_are_noticed);
	RUN(bytes_after_the_end_are_noticed);
	RUN(stream_claims_are_checked);
	RUN(stream_dialects_are_read);
	RUN(streams_of_version_1_are_read);
	RUN(other_inputs_are_recognised);
	RUN(shard_round_trip);
	RUN(shard_cut_anywhere_is_noticed);
	RUN(shard_names_are_checked_before_writing);
	RUN(hand_made_shards_are_read);
	RUN(nested_folders_name_classes);
	RUN(hand_made_faults_are_named);
	RUN(end_members_are_checked);
	RUN(shards_of_version_1_are_read);
	RUN(shards_must_agree);
	RUN(digest_is_of_samples_alone);
	RUN(broken_off_anywhere_it_goes_on);
	RUN(finished_samples_stay_when_abandoned);
	RUN(npy_header_is_numpys);
	RUN(soft_labels_are_read_as_written);
	char *clean = xasprintf("rm -rf %s", folder);
	int err = system(clean);
	free(clean);
	return err ? 1 : check_done();
}
