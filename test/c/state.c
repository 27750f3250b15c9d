/* Weights of other programs: files made here byte by byte, each rule broken in turn, and what is
 * hostile on purpose. */
#include "formats/digest.h"
#include "formats/weights/safetensors.h"
#include "formats/weights/state.h"
#include "lib/base/err.h"
#include "lib/base/rng.h"
#include "test/c/check.h"
#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <unistd.h>

struct bytes {
	uint8_t *v;
	size_t n;
};

static void add(struct bytes *b, const void *data, size_t n)
{
	b->v = xrealloc(b->v, b->n + n + 1, 1);
	if (n)
		memcpy(b->v + b->n, data, n);
	b->n += n;
}

#define ADD(b, literal) add(b, literal, sizeof(literal) - 1)

static void add_i64(struct bytes *b, int64_t v)
{
	add(b, &v, sizeof v);
}

static int says(const char *part)
{
	int found = strstr(fail_message(), part) != NULL;
	if (!found)
		printf("# '%s' is not in: %s\n", part, fail_message());
	return found;
}

/* 0: read to its end; -1. The tensors go to a[0..*n), room for 32. The file lies in memory of
 * its own, so that reading beyond it is seen. */
static int read_state(const struct bytes *file, struct array *a, int *n)
{
	uint8_t *copy = xmalloc(file->n);
	if (file->n)
		memcpy(copy, file->v, file->n);
	struct state_reader *r = state_open_memory(copy, file->n);
	struct array next;
	int got = -1;
	*n = 0;
	while (r && (got = state_next(r, &next)) > 0) {
		if (a && *n < 32)
			a[*n] = next;
		else
			fd2_array_free(&next);
		++*n;
	}
	if (r)
		state_close(r);
	free(copy);
	return got;
}

/* It must be refused with a sentence that has this part; the file is freed. */
static int refused(struct bytes file, const char *part)
{
	int n, got = read_state(&file, NULL, &n);
	free(file.v);
	if (got == 0)
		printf("# read, with %d tensors, and not refused: %s\n", n, part);
	return got == -1 && says(part);
}

static struct bytes safetensors(const char *header, size_t data)
{
	struct bytes b = {0};
	add_i64(&b, (int64_t)strlen(header));
	add(&b, header, strlen(header));
	for (size_t i = 0; i < data; i++)
		add(&b, &(uint8_t){(uint8_t)i}, 1);
	return b;
}

#define T(name, type, shape, from, to)                                                             \
	"\"" name "\":{\"dtype\":\"" type "\",\"shape\":" shape ",\"data_offsets\":[" from "," to  \
	"]}"

static struct bytes good_safetensors(void)
{
	return safetensors("{\"__metadata__\":{\"tool\":\"x\"}," T("b", "U8", "[3]", "8",
	                       "11") "," T("a", "F32", "[2,1]", "0", "8") "," T("none", "I64",
	                       "[0,7]", "11", "11") "," T("one", "BOOL", "[]", "11", "12") "}  ",
	    12);
}

static void safetensors_are_read(void)
{
	struct bytes file = good_safetensors();
	struct array a[32];
	int n;
	CHECK(read_state(&file, a, &n) == 0 && n == 4);
	CHECK_STR(a[0].name, "b");
	CHECK(a[0].dtype == DT_U8 && a[0].size == 3 && fd2_array_at(&a[0], 2) == 10);
	CHECK(a[1].dtype == DT_F32 && a[1].rank == 2 && a[1].shape[0] == 2 &&
	      !memcmp(a[1].data, "\0\1\2\3\4\5\6\7", 8));
	CHECK(a[2].rank == 2 && a[2].shape[1] == 7 && a[2].size == 0);
	CHECK(a[3].rank == 0 && a[3].dtype == DT_BOOL && fd2_array_at(&a[3], 0) == 1);
	for (int i = 0; i < n; i++)
		fd2_array_free(&a[i]);

	struct state_reader *r = state_open_memory(file.v, file.n);
	CHECK_STR(state_format(r), "safetensors");
	CHECK_STR(json_string_value(json_object_get(state_meta(r), "tool")), "x");
	state_close(r);
	free(file.v);
}

static void rules_of_safetensors_hold(void)
{
	struct bytes b = {0};
	enum { MANY = 3 << 20 };
	char *many = xmalloc(MANY + 1);
	memset(many, '[', MANY);
	many[0] = '{';
	many[MANY] = '\0';
	CHECK(refused(safetensors(many, 0), "has more than 2621440 values"));
	free(many);
	CHECK(refused(safetensors("{" T("a", "U8", "[2]", "0", "3") "}", 3),
	    "tensor 'a' of 'memory' has data that do not fit its shape"));
	CHECK(refused(
	    safetensors("{" T("a", "U8", "[2]", "0", "2") "," T("b", "U8", "[2]", "1", "3") "}", 3),
	    "an overlap before the data"));
	CHECK(refused(
	    safetensors("{" T("a", "U8", "[2]", "0", "2") "," T("b", "U8", "[2]", "0", "2") "}", 2),
	    "an overlap"));
	CHECK(refused(
	    safetensors("{" T("a", "U8", "[2]", "0", "2") "," T("b", "U8", "[2]", "3", "5") "}", 5),
	    "a hole before the data of tensor 'b'"));
	CHECK(refused(safetensors("{" T("a", "U8", "[2]", "1", "3") "}", 3), "a hole"));
	CHECK(refused(safetensors("{" T("a", "U8", "[2]", "0", "2") "}", 3),
	    "'memory' has 1 bytes after its end"));
	CHECK(refused(safetensors("{" T("a", "U8", "[3]", "0", "3") "}", 2),
	    "is cut short: it has 2 of 3 bytes"));
	CHECK(refused(
	    safetensors("{" T("a", "U8", "[1]", "0", "1") "," T("a", "U8", "[1]", "1", "2") "}", 2),
	    "duplicate"));
	CHECK(refused(
	    safetensors("{" T("a", "F8_E5M2", "[1]", "0", "1") "}", 1), "has the type F8_E5M2"));
	CHECK(refused(safetensors("{" T("a", "F32", "[4611686018427387904,4]", "0", "0") "}", 0),
	    "do not fit its shape"));
	CHECK(refused(
	    safetensors("{" T("a", "U8", "[-1]", "0", "0") "}", 0), "lacks a dtype, a shape"));
	CHECK(refused(safetensors("{" T("a", "U8", "[1,1,1,1,1,1,1,1,1]", "0", "1") "}", 1),
	    "lacks a dtype, a shape"));
	CHECK(refused(safetensors("{" T("a", "U8", "[1]", "1", "0") "}", 1), "its data_offsets"));
	CHECK(refused(safetensors("{" T("a", "U8", "[1]", "0.0", "1") "}", 1), "its data_offsets"));
	CHECK(refused(safetensors("{" T("a", "U8", "[1]", "-1", "0") "}", 1), "its data_offsets"));
	CHECK(refused(safetensors("{\"a\":7}", 0), "lacks a dtype"));
	CHECK(refused(safetensors("{" T("", "U8", "[1]", "0", "1") "}", 1), "whose name is empty"));
	CHECK(refused(
	    safetensors("{" T("a\\u0007b", "U8", "[1]", "0", "1") "}", 1), "whose name is"));
	CHECK(refused(
	    safetensors("{\"__metadata__\":{\"x\":1}," T("a", "U8", "[1]", "0", "1") "}", 1),
	    "metadata of 'memory' are not all strings"));
	CHECK(refused(safetensors("{}", 0), "holds no tensors"));
	CHECK(refused(safetensors("{\"a\":", 0), "is not a JSON object"));
	CHECK(refused(safetensors("[]", 0), "neither a file of torch.save nor safetensors"));
	add(&b, "\xff\xff\xff\x7f\0\0\0\0{}", 10);
	CHECK(refused(b, "its header is said to have 2147483647 bytes"));
	b = (struct bytes){0};
	add(&b, "\x40\0\0\0\0\0\0\0{}", 10);
	CHECK(refused(b, "is cut short"));
	b = (struct bytes){0};
	add(&b, "\xff\xff\xff\xff\xff\xff\xff\xff{}", 10);
	CHECK(refused(b, "neither"));
}

static void other_types_are_widened(void)
{
	struct bytes b = {0};
	struct array a[32];
	int n;
	const char header[] = "{" T("bf", "BF16", "[2]", "0", "4") "," T("i8", "I8", "[1]", "4",
	    "5") "," T("bool", "BOOL", "[1]", "5", "6") "," T("i16", "I16", "[1]", "6",
	    "8") "," T("u16", "U16", "[1]", "8", "10") "," T("u32", "U32", "[1]", "10", "14") "}";
	add_i64(&b, sizeof header - 1);
	add(&b, header, sizeof header - 1);
	add(&b, "\x80\x3f\x00\xc0\xff\x07\xfe\xff\xff\xff\xff\xff\xff\xff", 14);
	CHECK(read_state(&b, a, &n) == 0 && n == 6);
	CHECK(a[0].dtype == DT_F32 && fd2_array_at(&a[0], 0) == 1 && fd2_array_at(&a[0], 1) == -2);
	CHECK(a[1].dtype == DT_I32 && fd2_array_at(&a[1], 0) == -1);
	CHECK(a[2].dtype == DT_BOOL && fd2_array_at(&a[2], 0) == 1);
	CHECK(a[3].dtype == DT_I32 && fd2_array_at(&a[3], 0) == -2);
	CHECK(a[4].dtype == DT_I32 && fd2_array_at(&a[4], 0) == 65535);
	CHECK(a[5].dtype == DT_I64 && fd2_array_at(&a[5], 0) == 4294967295.0);
	for (int i = 0; i < n; i++)
		fd2_array_free(&a[i]);
	free(b.v);
}

static void safetensors_are_written(void)
{
	static const char header[] = "{\"__metadata__\":{\"tool\":\"x\"}," T("l", "I64", "[]", "0",
	    "8") "," T("a", "F32", "[2]", "8", "16") "," T("b", "I32", "[1,1]", "16",
	    "20") "," T("h", "F16", "[1]", "20", "22") "," T("u", "U8", "[0]", "22", "22") "}";
	uint8_t data[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	struct array v[] = {{"u", DT_U8, 1, {0}, 0, data}, {"b", DT_I32, 2, {1, 1}, 4, data},
	    {"a", DT_F32, 1, {2}, 8, data}, {"h", DT_F16, 1, {1}, 2, data},
	    {"l", DT_I64, 0, {0}, 8, data}};
	json_t *meta = json_pack("{s:s}", "tool", "x"), *bad = json_pack("{s:i}", "tool", 1);
	size_t padded = (sizeof header - 1 + 7) / 8 * 8;
	struct bytes file = {xcalloc(1, 4096), 0};
	CHECK(safetensors_write(out_open("x.safetensors", 0), v, 5, meta) == 0);
	FILE *f = fopen("x.safetensors", "rb");
	file.n = fread(file.v, 1, 4096, f);
	fclose(f);
	CHECK(file.n == 8 + padded + 22 && file.v[0] == (padded & 255) && file.v[1] == padded >> 8);
	CHECK(!memcmp(file.v + 8, header, sizeof header - 1) && file.v[8 + padded - 1] == ' ');
	CHECK(!memcmp(file.v + 8 + padded + 16, data, 4));
	struct array a[32];
	int n;
	CHECK(read_state(&file, a, &n) == 0 && n == 5);
	for (int i = 0; i < n; i++)
		fd2_array_free(&a[i]);
	free(file.v);
	unlink("x.safetensors");
	v[0].name = "a";
	CHECK(safetensors_write(out_open("x.safetensors", 0), v, 5, NULL) == -1 &&
	      says("two tensors 'a'"));
	v[0].name = "\xff";
	CHECK(
	    safetensors_write(out_open("x.safetensors", 0), v, 5, NULL) == -1 && says("not UTF-8"));
	CHECK(safetensors_write(out_open("x.safetensors", 0), v, 1, bad) == -1 &&
	      says("'tool' is none"));
	CHECK(access("x.safetensors", F_OK) == -1);
	json_decref(meta);
	json_decref(bad);
}

static void add_text(struct bytes *b, const char *s)
{
	ADD(b, "X");
	add(b, &(uint32_t){(uint32_t)strlen(s)}, 4);
	add(b, s, strlen(s));
}

static void add_number(struct bytes *b, int64_t v)
{
	ADD(b, "\x8a\x08");
	add_i64(b, v);
}

static void add_storage(struct bytes *b, const char *type, const char *key, int64_t count)
{
	ADD(b, "(");
	add_text(b, "storage");
	ADD(b, "ctorch\n");
	add(b, type, strlen(type));
	ADD(b, "\n");
	add_text(b, key);
	add_text(b, "cpu");
	add_number(b, count);
	ADD(b, "NtQ");
}

static void add_numbers(struct bytes *b, int rank, const int64_t *v)
{
	ADD(b, "(");
	for (int i = 0; i < rank; i++)
		add_number(b, v[i]);
	ADD(b, "t");
}

/* A view of the storage, as the value of a dict's key. */
static void add_tensor(struct bytes *b, const char *name, const char *key, int64_t count,
    int64_t offset, int rank, const int64_t *shape, const int64_t *stride)
{
	add_text(b, name);
	ADD(b, "ctorch._utils\n_rebuild_tensor_v2\n(");
	add_storage(b, "FloatStorage", key, count);
	add_number(b, offset);
	add_numbers(b, rank, shape);
	add_numbers(b, rank, stride);
	ADD(b, "\x89NtR");
}

#define SHAPE(...)                                                                                 \
	(int64_t[])                                                                                \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

/* Two storages "s" (6 elements: 0..5) and "t" (1), and views of them; the names begin with
 * module. */
static struct bytes good_pickle(void)
{
	struct bytes b = {0};
	ADD(&b, "\x80\x02}(");
	add_text(&b, "epoch");
	ADD(&b, "K\x07");
	add_text(&b, "args");
	ADD(&b, "cargparse\nNamespace\n)\x81}bcnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n("
	        "U\x02i8K\x00K\x01tRU\x08"
	        "12345678tR0");
	add_text(&b, "model");
	ADD(&b, "ccollections\nOrderedDict\n)R(");
	add_tensor(&b, "module.whole", "s", 6, 0, 2, SHAPE(2, 3), SHAPE(3, 1));
	add_tensor(&b, "module.turned", "s", 6, 0, 2, SHAPE(3, 2), SHAPE(1, 3));
	add_tensor(&b, "module.column", "s", 6, 1, 1, SHAPE(2), SHAPE(3));
	add_tensor(&b, "module.spread", "t", 1, 0, 2, SHAPE(2, 2), SHAPE(0, 0));
	add_tensor(&b, "module.none", "s", 6, 6, 2, SHAPE(0, 5), SHAPE(5, 1));
	add_tensor(&b, "module.one", "s", 6, 5, 0, NULL, NULL);
	add_text(&b, "module.text");
	add_text(&b, "no tensor");
	ADD(&b, "u}");
	add_text(&b, "_metadata");
	ADD(&b, "}sbu.");
	return b;
}

static const float storage_s[] = {0, 1, 2, 3, 4, 5}, storage_t[] = {9};

static void legacy_begin(struct bytes *b)
{
	ADD(b,
	    "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}");
	add_text(b, "little_endian");
	ADD(b, "\x88s.");
}

static struct bytes legacy(struct bytes object)
{
	struct bytes b = {0};
	legacy_begin(&b);
	add(&b, object.v, object.n);
	free(object.v);
	ADD(&b, "\x80\x02](");
	add_text(&b, "t");
	add_text(&b, "s");
	ADD(&b, "e.");
	add_i64(&b, 1);
	add(&b, storage_t, sizeof storage_t);
	add_i64(&b, 6);
	add(&b, storage_s, sizeof storage_s);
	return b;
}

struct zip {
	struct archive *archive;
	uint8_t memory[1 << 16];
	size_t used;
};

static struct zip *zip_begin(const char *options)
{
	struct zip *z = xcalloc(1, sizeof *z);
	z->archive = archive_write_new();
	archive_write_set_format_zip(z->archive);
	archive_write_set_options(z->archive, options);
	archive_write_set_bytes_in_last_block(z->archive, 1);
	CHECK(archive_write_open_memory(z->archive, z->memory, sizeof z->memory, &z->used) ==
	      ARCHIVE_OK);
	return z;
}

static void zip_add(struct zip *z, const char *name, const void *data, size_t n)
{
	struct archive_entry *e = archive_entry_new();
	archive_entry_set_pathname(e, name);
	archive_entry_set_size(e, (la_int64_t)n);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0644);
	CHECK(archive_write_header(z->archive, e) == ARCHIVE_OK &&
	      archive_write_data(z->archive, data, n) == (la_ssize_t)n);
	archive_entry_free(e);
}

static struct bytes zip_end(struct zip *z)
{
	struct bytes b = {0};
	CHECK(archive_write_close(z->archive) == ARCHIVE_OK);
	archive_write_free(z->archive);
	add(&b, z->memory, z->used);
	free(z);
	return b;
}

#define STORE "zip:compression=store"

static void zip_add_pickle(struct zip *z, struct bytes object)
{
	zip_add(z, "x/data.pkl", object.v, object.n);
	free(object.v);
}

static struct bytes zip(struct bytes object)
{
	struct zip *z = zip_begin(STORE);
	zip_add(z, "x/data/s", storage_s, sizeof storage_s);
	zip_add_pickle(z, object);
	zip_add(z, "x/byteorder", "little", 6);
	zip_add(z, "x/../data/s", "bad", 3);
	zip_add(z, "x/data/t", storage_t, sizeof storage_t);
	return zip_end(z);
}

static int elements_are(const struct array *a, int n, const double *v)
{
	int good = fd2_array_count(a) == n;
	for (int i = 0; i < n && good; i++)
		good = fd2_array_at(a, i) == v[i];
	return good;
}

#define ELEMENTS(...)                                                                              \
	sizeof(((double[]){__VA_ARGS__})) / sizeof(double), (double[])                             \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

static void check_good(struct bytes file)
{
	struct array a[32];
	int n;
	CHECK(read_state(&file, a, &n) == 0 && n == 6);
	if (n != 6)
		printf("# %s\n", fail_message());
	free(file.v);
	if (n != 6)
		return;
	CHECK_STR(a[0].name, "whole");
	CHECK(elements_are(&a[0], ELEMENTS(0, 1, 2, 3, 4, 5)) && a[0].rank == 2 &&
	      a[0].shape[1] == 3);
	CHECK_STR(a[1].name, "turned");
	CHECK(elements_are(&a[1], ELEMENTS(0, 3, 1, 4, 2, 5)) && a[1].shape[0] == 3);
	CHECK(elements_are(&a[2], ELEMENTS(1, 4)));
	CHECK(elements_are(&a[3], ELEMENTS(9, 9, 9, 9)));
	CHECK(a[4].size == 0 && a[4].shape[1] == 5);
	CHECK(elements_are(&a[5], ELEMENTS(5)) && a[5].rank == 0);
	for (int i = 0; i < n; i++)
		fd2_array_free(&a[i]);
}

static void legacy_files_are_read(void)
{
	check_good(legacy(good_pickle()));
}

/* The very first files name a part of a storage: (key, first, count). */
static void parts_of_storages_are_read(void)
{
	static const char *const parts[] = {"U\x01vK\x02K\x03\x87", "U\x01vK\x05K\x02\x87"};
	for (int i = 0; i < 2; i++) {
		struct bytes b = {0};
		struct array a[32];
		int n;
		ADD(&b, "\x80\x02}(");
		add_tensor(&b, "t", "t", 1, 0, 0, NULL, NULL);
		add_text(&b, "part");
		ADD(&b, "ctorch._utils\n_rebuild_tensor\n(("
		        "U\x07storagectorch\nFloatStorage\nU\x01sU\x03"
		        "cpuK\x06");
		add(&b, parts[i], strlen(parts[i]));
		ADD(&b, "tQK\x01K\x02\x85K\x01\x85tRu.");
		struct bytes file = legacy(b);
		if (i) {
			CHECK(refused(file, "damaged pickle"));
			continue;
		}
		CHECK(read_state(&file, a, &n) == 0 && n == 2);
		CHECK(elements_are(&a[1], ELEMENTS(3, 4)));
		fd2_array_free(&a[0]);
		fd2_array_free(&a[1]);
		free(file.v);
	}
}

static void zip_files_are_read(void)
{
	check_good(zip(good_pickle()));
}

static void containers_have_one_digest(void)
{
	struct bytes files[] = {legacy(good_pickle()), zip(good_pickle())};
	char digests[2][DIGEST_HEX];
	for (int i = 0; i < 2; i++) {
		struct state_reader *r = state_open_memory(files[i].v, files[i].n);
		struct array a;
		CHECK_STR(state_format(r), i ? "torch-zip" : "torch-legacy");
		CHECK(!state_meta(r));
		while (state_next(r, &a) > 0)
			fd2_array_free(&a);
		strcpy(digests[i], state_digest(r));
		state_close(r);
		free(files[i].v);
	}
	CHECK_STR(digests[0], digests[1]);
	CHECK(strlen(digests[0]) == 64);
}

/* A dict of one view of "s", which has `count` elements; "t" is there, too. */
static struct bytes view(
    int64_t count, int64_t offset, int rank, const int64_t *shape, const int64_t *stride)
{
	struct bytes b = {0};
	ADD(&b, "\x80\x02}(");
	add_tensor(&b, "t", "t", 1, 0, 0, NULL, NULL);
	add_tensor(&b, "x", "s", count, offset, rank, shape, stride);
	ADD(&b, "u.");
	return b;
}

static void views_stay_in_their_storage(void)
{
	static const char outside[] = "tensor 'x' of 'memory' has elements outside of its storage";
	CHECK(refused(legacy(view(6, 0, 1, SHAPE(7), SHAPE(1))), outside));
	CHECK(refused(legacy(view(6, 1, 1, SHAPE(6), SHAPE(1))), outside));
	CHECK(refused(legacy(view(6, 7, 1, SHAPE(0), SHAPE(1))), outside));
	CHECK(refused(legacy(view(6, -1, 1, SHAPE(1), SHAPE(1))), outside));
	CHECK(refused(legacy(view(6, 0, 1, SHAPE(-1), SHAPE(1))), outside));
	CHECK(refused(legacy(view(6, 3, 1, SHAPE(2), SHAPE(-1))), outside));
	CHECK(refused(legacy(view(6, 0, 2, SHAPE(2, 2), SHAPE(INT64_MAX, INT64_MAX))), outside));
	CHECK(refused(legacy(view(6, 0, 2, SHAPE(INT64_MAX, INT64_MAX), SHAPE(0, 0))), outside));
	CHECK(refused(legacy(view(6, 0, 1, SHAPE(INT64_MAX), SHAPE(2))), outside));
	CHECK(refused(legacy(view(6, 0, 1, SHAPE(INT64_C(1) << 40), SHAPE(0))),
	    "repeats its elements too often"));
	CHECK(refused(zip(view(6, 0, 2, SHAPE(4, 3), SHAPE(2, 1))), outside));
	CHECK(refused(
	    zip(view(6, 0, 1, SHAPE(1 << 25), SHAPE(0))), "repeats its elements too often"));
	CHECK(refused(legacy(view(6, 0, 9, SHAPE(1, 1, 1, 1, 1, 1, 1, 1, 1),
	                  SHAPE(1, 1, 1, 1, 1, 1, 1, 1, 1))),
	    "of more than 8 sides"));
	CHECK(refused(legacy(view(7, 0, 1, SHAPE(7), SHAPE(1))),
	    "storage 's' of 'memory' has 6 elements, not 7"));
	CHECK(refused(legacy(view(INT64_C(1) << 62, 0, 1, SHAPE(7), SHAPE(1))),
	    "has 6 elements, not 4611686018427387904"));
	CHECK(refused(legacy(view(-1, 0, 1, SHAPE(1), SHAPE(1))), "not the storage of a tensor"));
	CHECK(refused(
	    zip(view(INT64_C(1) << 62, 0, 1, SHAPE(7), SHAPE(1))), "fewer bytes than its tensors"));
	/* What a side of 1 or 0 says of its stride means nothing. */
	struct bytes odd = legacy(view(6, 5, 2, SHAPE(1, 1), SHAPE(INT64_MAX, INT64_MAX)));
	int n;
	CHECK(read_state(&odd, NULL, &n) == 0 && n == 2);
	free(odd.v);
}

static void nothing_is_run(void)
{
	static const char *const calls[] = {"cos\nsystem\n(U\x02idtR.",
	    "cposix\nsystem\n(U\x02idtR.",
	    "c__builtin__\neval\n(U\x01"
	    "1tR.",
	    "ctorch.storage\n_load_from_bytes\n(U\x01"
	    "1tR.",
	    "\x8c\x02os\x8c\x06system\x93(U\x02idtR.", "cbuiltins\ngetattr\n.", "ctorch\nload\n.",
	    "cnumpy.core.multiarray\n_reconstruct\n.", "ctorch._utils\n_rebuild_tensor_v2.x\n."};
	static const char *const named[] = {"'os.system'", "'posix.system'", "'__builtin__.eval'",
	    "'torch.storage._load_from_bytes'", "'os.system'", "'builtins.getattr'", "'torch.load'",
	    "'numpy.core.multiarray._reconstruct'", "_v2.x'"};
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		for (int zipped = 0; zipped < 2; zipped++) {
			struct bytes b = {0};
			ADD(&b, "\x80\x02");
			add(&b, calls[i], strlen(calls[i]));
			CHECK(refused(zipped ? zip(b) : legacy(b), named[i]) &&
			      says("'memory' asks to run '") && says(": refused"));
		}
}

static void claims_of_pickles_are_checked(void)
{
	static const struct {
		const char *code, *says;
		size_t n;
	} bad[] = {
#define BAD(code, says) {code, says, sizeof(code) - 1}
	    BAD("\x80\x06N.", "protocol 6"),
	    BAD("\x80\x02X\xff\xff\xff\xff", "cut short"),
	    BAD("\x80\x02\x8d\xff\xff\xff\xff\xff\xff\xff\xff", "cut short"),
	    BAD("\x80\x02\x8b\xff\xff\xff\xff", "cut short"),
	    BAD("\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xffN.",
	        "no dict of tensors"), /* FRAME says nothing that we need */
	    BAD("\x80\x02Nr\xff\xff\xff\xff.", "damaged pickle"),
	    BAD("\x80\x02h\x07.", "damaged pickle"),
	    BAD("\x80\x02.", "damaged pickle"),
	    BAD("\x80\x02"
	        "0.",
	        "damaged pickle"),
	    BAD("\x80\x02(.", "damaged pickle"),
	    BAD("\x80\x02t.", "damaged pickle"),
	    BAD("\x80\x02}Ns.", "damaged pickle"),
	    BAD("\x80\x02}(Nu.", "damaged pickle"),
	    BAD("\x80\x02N(NNu.", "damaged pickle"),
	    BAD("\x80\x02\x8f(NNu.", "no dict of tensors"), /* into a set: nowhere */
	    BAD("\x80\x02](NNu.", "damaged pickle"),
	    BAD("\x80\x02}Na.", "damaged pickle"),
	    BAD("\x80\x02)(R.", "damaged pickle"),
	    BAD("\x80\x02))R.", "damaged pickle"),
	    BAD("\x80\x02"
	        "ctorch\nFloatStorage\n)R.",
	        "damaged pickle"),
	    BAD("\x80\x02"
	        "ccollections\nOrderedDict\nNR.",
	        "damaged pickle"),
	    BAD("\x80\x02"
	        "ccollections\nOrderedDict\n(NtR.",
	        "damaged pickle"),
	    BAD("\x80\x02"
	        "ccollections\nOrderedDict\n(](]etR.",
	        "damaged pickle"),
	    BAD("\x80\x02"
	        "ctorch._utils\n_rebuild_parameter\n)R.",
	        "damaged pickle"),
	    BAD("\x80\x02"
	        "ctorch._utils\n_rebuild_tensor_v2\n)R.",
	        "a tensor whose storage or shape is none"),
	    BAD("\x80\x02"
	        "ctorch._utils\n_rebuild_tensor_v2\n(NNNNtR.",
	        "a tensor whose storage or shape is none"),
	    BAD("\x80\x02NQ.", "not the storage of a tensor"),
	    BAD("\x80\x02(NNNNNtQ.", "not the storage of a tensor"),
	    BAD("\x80\x02"
	        "cos",
	        "damaged pickle"),
	    BAD("\x80\x02i__main__\nX\n.", "the instruction 0x69"),
	    BAD("\x80\x02\x82\x01.", "the instruction 0x82"),
	    BAD("\x80\x02]q\x00h\x00"
	        "a.",
	        "no dict of tensors"), /* contains itself */
	    BAD("\x80\x02}U\x05modelh\x00s.", "damaged pickle"),
	    BAD("\x80\x02}q\x00U\x05modelh\x00s.", "list of storages"),
	    BAD("\x80\x02N.", "no dict of tensors"),
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct zip *z = zip_begin(STORE);
		zip_add(z, "x/data.pkl", bad[i].code, bad[i].n);
		bool storages = !strcmp(bad[i].says, "list of storages");
		struct bytes file = zip_end(z), b = {0};
		CHECK(refused(file, storages ? "holds no tensors" : bad[i].says));
		add(&b, bad[i].code, bad[i].n);
		if (storages)
			CHECK(refused(legacy(b), bad[i].says));
		else
			free(b.v);
	}
}

static struct bytes repeated(const char *first, const char *again, size_t n, size_t times)
{
	struct bytes b = {xmalloc(strlen(first) + n * times + 1), 0};
	memcpy(b.v, first, strlen(first));
	b.n = strlen(first);
	for (size_t i = 0; i < times; i++, b.n += n)
		memcpy(b.v + b.n, again, n);
	b.v[b.n++] = '.';
	return b;
}

/* Many dicts of one list. */
static struct bytes shared_pairs(void)
{
	static const char begin[] = "\x80\x02"
	                            "ccollections\nOrderedDict\nq\0](NN\x86q\1",
	                  list[] = "e\x85q\2", dict[] = "h\0h\2R0";
	struct bytes b = {0};
	add(&b, begin, sizeof begin - 1);
	for (int i = 0; i < 60000; i++)
		add(&b, "h\1", 2);
	add(&b, list, sizeof list - 1);
	for (int i = 0; i < 50; i++)
		add(&b, dict, sizeof dict - 1);
	add(&b, "N.", 2);
	return b;
}

/* What nests, piles up or multiplies. */
static void bombs_do_not_go_off(void)
{
	CHECK(refused(legacy(shared_pairs()), "over four million entries"));
	CHECK(refused(legacy(repeated("\x80\x02", "(", 1, 5000)), "nested too deep"));
	CHECK(refused(legacy(repeated("\x80\x02", "]", 1, 100000)), "damaged pickle"));
	CHECK(
	    refused(legacy(repeated("\x80\x02", "N0", 2, (1 << 20) + 1)), "over a million values"));
	CHECK(refused(legacy(repeated("\x80\x02N", "\x85", 1, 1 << 19)), "list of storages"));
	/* each list holds the one before twice: 2^64 leaves, were they counted */
	CHECK(refused(legacy(repeated("\x80\x02]", "2\x86", 2, 64)), "list of storages"));
}

static void zip_members_are_checked(void)
{
	uint8_t zeros[30000] = {0};
	struct zip *z = zip_begin(STORE);
	zip_add_pickle(z, good_pickle());
	zip_add(z, "x/data/s", storage_s, sizeof storage_s);
	CHECK(refused(zip_end(z), "lacks member 'x/data/t'"));

	z = zip_begin(STORE);
	zip_add_pickle(z, good_pickle());
	zip_add(z, "x/data/s", storage_s, 20);
	CHECK(refused(zip_end(z), "has not the 24 bytes of its tensors"));

	z = zip_begin(STORE);
	zip_add_pickle(z, good_pickle());
	zip_add(z, "x/data/s", storage_s, sizeof storage_s);
	zip_add(z, "x/data/s", storage_s, sizeof storage_s);
	CHECK(refused(zip_end(z), "comes twice"));

	z = zip_begin(STORE);
	zip_add_pickle(z, good_pickle());
	zip_add(z, "y/data.pkl", "N.", 2);
	CHECK(refused(zip_end(z), "two members data.pkl"));

	z = zip_begin(STORE);
	zip_add_pickle(z, good_pickle());
	zip_add(z, "x/byteorder", "big", 3);
	CHECK(refused(zip_end(z), "big-endian"));
	z = zip_begin(STORE);
	zip_add(z, "x/byteorder", "lottle", 6);
	CHECK(refused(zip_end(z), "does not say its byte order"));

	z = zip_begin(STORE);
	zip_add_pickle(z, good_pickle());
	zip_add(z, "x/constants.pkl", "N.", 2);
	CHECK(refused(zip_end(z), "TorchScript") && says("python3 -c \"import torch; "));

	z = zip_begin(STORE);
	zip_add(z, "a/b.txt", "hello", 5);
	CHECK(refused(zip_end(z), "not of torch.save"));

	z = zip_begin("zip:compression=deflate");
	zip_add(z, "x/data.pkl", zeros, sizeof zeros);
	CHECK(refused(zip_end(z), "member 'x/data.pkl' of 'memory' is compressed"));

	struct bytes plain = good_pickle();
	z = zip_begin("zip:compression=deflate");
	zip_add_pickle(z, plain);
	zip_add(z, "x/data/s", storage_s, sizeof storage_s);
	CHECK(refused(zip_end(z), "is compressed"));

	struct bytes flipped = zip(good_pickle());
	uint8_t *at = memmem(flipped.v, flipped.n, storage_s, sizeof storage_s);
	at[5] ^= 1;
	CHECK(refused(flipped, "cannot read 'memory': ") && says("CRC"));
}

static void other_files_are_named(void)
{
	struct bytes b = {0};
	CHECK(refused(b, "'memory' is empty"));
	ADD(&b, "\x80\x04}.");
	CHECK(refused(b, "'memory' is a bare pickle") && says("pickle.load"));
	b = (struct bytes){0};
	ADD(&b, "some text");
	CHECK(refused(
	    b, "'memory' is neither a file of torch.save nor safetensors nor a tensor stream"));
	b = (struct bytes){xcalloc(1, 1024), 1024};
	CHECK(refused(b, "is a file that begins with zero bytes; expected a file of weights"));
	b = (struct bytes){0};
	ADD(&b, "\xff\xd8\xff\xe0");
	CHECK(refused(b, "is a JPEG image; expected a file of weights"));
	CHECK(!state_open("nowhere.pth") && says("cannot open 'nowhere.pth'"));
}

static void names_are_checked(void)
{
	static const char *const bad[] = {"", "a\nb", "\xff\xfe", "a\x7f"};
	char long_name[1100];
	memset(long_name, 'n', sizeof long_name);
	long_name[1099] = '\0';
	for (int i = 0; i < 5; i++) {
		struct bytes b = {0};
		ADD(&b, "\x80\x02}(");
		add_tensor(&b, i < 4 ? bad[i] : long_name, "s", 6, 0, 1, SHAPE(6), SHAPE(1));
		add_tensor(&b, "x", "t", 1, 0, 0, NULL, NULL);
		ADD(&b, "u.");
		CHECK(refused(legacy(b), "whose name is empty, too long or no text"));
	}
	struct bytes twice = {0};
	ADD(&twice, "\x80\x02}(");
	add_tensor(&twice, "x", "s", 6, 0, 1, SHAPE(6), SHAPE(1));
	add_tensor(&twice, "x", "t", 1, 0, 0, NULL, NULL);
	ADD(&twice, "u.");
	CHECK(refused(legacy(twice), "two tensors 'x'"));
}

/* Of each kind of stream, weights are in two. */
static void our_streams_are_read(void)
{
	static const char *const kinds[] = {"teacher", "student", "labels"};
	const float v[] = {1, 2};
	for (int i = 0; i < 3; i++) {
		struct stream_writer *w =
		    stream_create(out_open("x.fd2", 0), kinds[i], json_pack("{s:s}", "arch", "x"));
		CHECK(fd2_stream_put(w, "module.w", DT_F32, 1, SHAPE(2), v) == 0 &&
		      fd2_stream_finish(w) == 0);
		struct state_reader *r = state_open("x.fd2");
		struct array a;
		CHECK((r != NULL) == (i < 2));
		if (!r) {
			CHECK(says("'x.fd2' holds labels; expected a file of weights"));
			continue;
		}
		CHECK_STR(state_format(r), "fd2-stream");
		CHECK_STR(json_string_value(json_object_get(state_meta(r), "arch")), "x");
		CHECK(state_next(r, &a) == 1 && !strcmp(a.name, "module.w") &&
		      fd2_array_at(&a, 1) == 2);
		fd2_array_free(&a);
		CHECK(state_next(r, &a) == 0 && strlen(state_digest(r)) == 64);
		state_close(r);
	}
	unlink("x.fd2");
}

static struct bytes good_file(int i)
{
	return i == 0 ? good_safetensors() : i == 1 ? legacy(good_pickle()) : zip(good_pickle());
}

static void cut_anywhere_is_noticed(void)
{
	for (int i = 0; i < 3; i++) {
		struct bytes file = good_file(i);
		int n;
		for (size_t whole = file.n; file.n-- > 0;)
			if (read_state(&file, NULL, &n) == 0)
				CHECK_THAT(0, "file %d reads whole when cut to %zu of %zu bytes", i,
				    file.n, whole);
		free(file.v);
	}
	CHECK(1);
}

/* Whatever it is then, it is read within bounds: the sanitizers watch. */
static void changed_bytes_do_no_harm(void)
{
	enum { ROUNDS = 4000 };
	int read = 0, refusals = 0, n;
	for (int i = 0; i < 3; i++)
		for (int round = 0; round < ROUNDS; round++) {
			struct bytes file = good_file(i);
			struct rng r = rng_at(1, RNG_MIX, (uint64_t)round, (uint32_t)i, 0);
			for (uint32_t k = 0, many = 1 + rng_below(&r, 4); k < many; k++) {
				uint32_t at = rng_below(&r, (uint32_t)file.n),
				         how = rng_below(&r, 3);
				file.v[at] = how == 0 ? (uint8_t)rng_below(&r, 256)
				             : how == 1
				                 ? 0xff
				                 : file.v[at] ^ (uint8_t)(1 << rng_below(&r, 8));
			}
			if (read_state(&file, NULL, &n) == 0)
				read++;
			else
				refusals++;
			free(file.v);
		}
	CHECK_THAT(read > 0 && refusals > ROUNDS, "%d read, %d refused", read, refusals);
}

int main(void)
{
	char folder[] = "/tmp/fd2-state-XXXXXX";
	if (!mkdtemp(folder) || chdir(folder))
		return 1;
	RUN(safetensors_are_read);
	RUN(rules_of_safetensors_hold);
	RUN(other_types_are_widened);
	RUN(safetensors_are_written);
	RUN(legacy_files_are_read);
	RUN(parts_of_storages_are_read);
	RUN(zip_files_are_read);
	RUN(containers_have_one_digest);
	RUN(views_stay_in_their_storage);
	RUN(nothing_is_run);
	RUN(claims_of_pickles_are_checked);
	RUN(bombs_do_not_go_off);
	RUN(zip_members_are_checked);
	RUN(other_files_are_named);
	RUN(names_are_checked);
	RUN(our_streams_are_read);
	RUN(cut_anywhere_is_noticed);
	RUN(changed_bytes_do_no_harm);
	return chdir("/") || rmdir(folder) ? 1 : check_done();
}
