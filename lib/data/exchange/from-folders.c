/* Writes the folders of another program as a shard. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "formats/input.h"
#include "formats/npy.h"
#include "formats/bytes.h"
#include "formats/shard/sample.h"
#include "formats/shard/shard.h"
#include "lib/base/err.h"
#include "lib/base/names.h"
#include "lib/base/opts.h"
#include "lib/base/progress.h"
#include "lib/data/exchange/exchange.h"
#include "lib/data/exchange/half.h"
#include "lib/data/unique-ids.h"
#include "lib/image/png.h"

enum { QUALITY = 95 };

/* "new000/class000_id000.jpg", and its id in the shard. */
struct file {
	char *name, *id;
	int class;
	bool png;
};

struct reading {
	const char *root;
	char **folders; /* sorted */
	int n_folders;
	struct file *v; /* in ImageFolder's order, or in the map's */
	int n, cap;
	struct exchange_map map;
	struct shard_writer *shard;
	int alpha, deep; /* PNGs that lost alpha or depth (struct image_notes) */
};

static int visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Lists the names in a folder, sorted, without hidden ones. -1: fail_message. */
static int list(const char *path, char ***names)
{
	struct dirent **v;
	int n = scandir(path, &v, visible, by_name);
	if (n < 0)
		return fail("cannot open '%s': %s", path, strerror(errno));
	*names = xcalloc((size_t)n + 1, sizeof **names);
	for (int i = 0; i < n; i++) {
		(*names)[i] = xstrdup(v[i]->d_name);
		free(v[i]);
	}
	free(v);
	return n;
}

static bool is_folder(const char *path)
{
	struct stat st;
	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

/* Returns the id for a key: ids have no dots. */
static char *id_of(const char *key)
{
	char *id = xstrdup(key);
	for (char *c = id; *c; c++)
		if (*c == '.')
			*c = '_';
	return id;
}

/* Notes an image; skips other files, as ImageFolder does. */
static int take_file(struct reading *r, int class, const char *base)
{
	char key[SHARD_NAME_MAX + 1];
	enum part part = strlen(base) > SHARD_NAME_MAX ? PART_NONE : part_of(base, key);
	const char *dot = strrchr(base, '.');
	bool png = part == PART_FOREIGN && !strcasecmp(dot, ".png");
	if (part == PART_FOREIGN && !png)
		return fail(
		    "'%s/%s/%s' is neither a JPEG nor a PNG", r->root, r->folders[class], base);
	if (part != PART_IMAGE && !png)
		return 0;
	if (r->n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 256;
		r->v = xrealloc(r->v, (size_t)r->cap, sizeof *r->v);
	}
	r->v[r->n++] =
	    (struct file){xasprintf("%s/%s", r->folders[class], base), id_of(key), class, png};
	return 0;
}

static int scan_class(struct reading *r, int class)
{
	char *path = xasprintf("%s/%s", r->root, r->folders[class]), **names = NULL;
	int n = list(path, &names), before = r->n, err = n < 0 ? -1 : 0;
	for (int i = 0; i < n && !err; i++)
		err = take_file(r, class, names[i]);
	if (!err && r->n == before)
		err = fail("'%s' holds no image", path);
	names_free(names, n);
	free(path);
	return err;
}

static int scan(struct reading *r)
{
	char **names = NULL;
	int n = list(r->root, &names), err = n < 0 ? -1 : 0;
	r->folders = xcalloc((size_t)(n < 0 ? 0 : n) + 1, sizeof *r->folders);
	for (int i = 0; i < n; i++) {
		char *path = xasprintf("%s/%s", r->root, names[i]);
		if (is_folder(path))
			r->folders[r->n_folders++] = xstrdup(names[i]);
		free(path);
	}
	names_free(names, n);
	for (int k = 0; k < r->n_folders && !err; k++)
		err = scan_class(r, k);
	return err || r->n_folders ? err : fail("'%s' holds no folders of images", r->root);
}

static int by_file(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

/* Applies the map's order and ids; it must list each file once. */
static int follow_map(struct reading *r)
{
	size_t i;
	json_t *v;
	int err = 0;
	if (json_array_size(r->map.images) != (size_t)r->n)
		return fail("'%s' holds %s, and its %s lists %zu; remove that list if the "
		            "images are others",
		    r->root, counted(r->n, "images").text, EXCHANGE_MAP,
		    json_array_size(r->map.images));
	qsort(r->v, (size_t)r->n, sizeof *r->v, by_file);
	struct file *ordered = xcalloc((size_t)r->n, sizeof *ordered);
	json_array_foreach (r->map.images, i, v) {
		struct file key = {.name = (char *)json_string_value(json_object_get(v, "file"))};
		struct file *found =
		    err ? NULL : bsearch(&key, r->v, (size_t)r->n, sizeof *r->v, by_file);
		if (!err && (!found || !found->id))
			err = fail("'%s/%s' lists '%.80s' twice, or it is not there", r->root,
			    EXCHANGE_MAP, key.name);
		if (err)
			continue;
		free(found->id);
		found->id = NULL; /* taken */
		ordered[i] = *found;
		ordered[i].id = id_of(json_string_value(json_object_get(v, "id")));
	}
	for (int k = 0; k < r->n && !err; k++)
		r->v[k] = ordered[k];
	for (int k = 0; k < r->n && err; k++)
		free(ordered[k].id);
	free(ordered);
	return err;
}

/* Returns whether a folder's name is only a number, as in the programs of the FKD family. */
static bool is_number(const char *folder)
{
	const char *digits = folder + (strncmp(folder, "new", 3) ? 0 : 3);
	return *digits && digits[strspn(digits, "0123456789")] == '\0';
}

/* Warns if all classes are called by numbers: held-out images use other names, and would be refused
 * much later. */
static void warn_numbers(const struct reading *r)
{
	for (int i = 0; i < r->n_folders; i++)
		if (!is_number(r->folders[i]))
			return;
	warn("the classes are called '%s' ... '%s' after their folders; give their names with "
	     "--classes",
	    r->folders[0], r->folders[r->n_folders - 1]);
}

static int name_classes(struct reading *r, const char *classes)
{
	if (classes ? exchange_names_read(&r->map, classes) < 0
	            : exchange_map_read(&r->map, r->root) < 0)
		return -1;
	if (r->map.classes && r->map.n_classes != r->n_folders)
		return fail("'%s%s%s' names %s, and '%s' holds %s",
		    classes ? input_name_of(classes) : r->root, classes ? "" : "/",
		    classes ? "" : EXCHANGE_MAP, counted(r->map.n_classes, "classes").text, r->root,
		    counted(r->n_folders, "folders").text);
	if (!r->map.classes)
		warn_numbers(r);
	return r->map.images ? follow_map(r) : 0;
}

static uint8_t *npy_of(const struct image *im, size_t *size)
{
	size_t plane = (size_t)im->w * im->h;
	uint16_t *half = xcalloc(3 * plane, sizeof *half);
	for (size_t i = 0; i < 3 * plane; i++)
		half[i] = byte_to_half(im->rgb[3 * (i % plane) + i / plane]);
	uint8_t *npy = npy_f16(half, 3, (int64_t[]){3, im->h, im->w}, size);
	free(half);
	return npy;
}

static int add(struct reading *r, const struct file *f, const void *jpeg, size_t size,
    const void *npy, size_t npy_size)
{
	const char *class = r->map.classes ? r->map.classes[f->class] : r->folders[f->class];
	return fd2_shard_add(r->shard, class, f->id, r->map.numbered ? f->class : -1, jpeg, size,
	    npy, npy_size, NULL);
}

static int add_png(struct reading *r, const struct file *f, const void *data, size_t size)
{
	struct image im;
	struct image_notes notes = {0};
	uint8_t *jpeg, *npy;
	size_t jpeg_size, npy_size;
	if (png_decode(&im, data, size, &notes) < 0)
		return fail("'%s/%s': %s", r->root, f->name, fail_message());
	r->alpha += notes.alpha;
	r->deep += notes.deep;
	int err = jpeg_encode(&im, QUALITY, &jpeg, &jpeg_size);
	if (!err) {
		npy = npy_of(&im, &npy_size);
		err = add(r, f, jpeg, jpeg_size, npy, npy_size);
		free(npy);
		free(jpeg);
	}
	image_free(&im);
	return err;
}

/* Decodes the JPEG only to check it. */
static int add_jpeg(struct reading *r, const struct file *f, const void *data, size_t size)
{
	struct image im;
	if (jpeg_decode(&im, data, size, 0) < 0)
		return fail("'%s/%s': %s", r->root, f->name, fail_message());
	image_free(&im);
	return add(r, f, data, size, NULL, 0);
}

static int add_file(struct reading *r, const struct file *f)
{
	char *path = xasprintf("%s/%s", r->root, f->name);
	struct stat st;
	struct bytes *place = NULL;
	int err =
	    stat(path, &st) || S_ISREG(st.st_mode) ? 0 : fail("'%s' is not a regular file", path);
	if (!err && !(place = bytes_open(path)))
		err = -1;
	free(path);
	if (err < 0)
		return -1;
	size_t size = (size_t)bytes_size(place);
	uint8_t *data = NULL;
	if (size > SHARD_MEMBER_MAX)
		err = fail("'%s' is larger than 256 MiB", bytes_name(place));
	else
		err = bytes_read(place, 0, size, data = xmalloc(size + 1));
	bytes_close(place);
	if (!err)
		err = f->png ? add_png(r, f, data, size) : add_jpeg(r, f, data, size);
	free(data);
	return err;
}

/* Makes ids unique: 1.jpg and 1.png have the same, and so have a.b.jpg and a_b.jpg, and images of
 * one name in different subfolders. */
static void tell_ids_apart(struct reading *r)
{
	struct id_slot *slots = xcalloc((size_t)r->n + 1, sizeof *slots);
	for (int i = 0; i < r->n; i++)
		slots[i] = (struct id_slot){r->v[i].class, &r->v[i].id};
	ids_tell_apart(slots, r->n);
	free(slots);
}

static int write_shard(struct reading *r, const char *path)
{
	struct out *out = out_open(path, 0);
	char **names = r->map.classes ? r->map.classes : r->folders;
	if (!out || !(r->shard = shard_create(
	                  out, opts_provenance(), (const char *const *)names, r->n_folders)))
		return -1;
	progress_start("import", "images", r->n);
	for (int i = 0; i < r->n; i++) {
		if (add_file(r, &r->v[i]) < 0) {
			fd2_shard_abandon(r->shard);
			return -1;
		}
		progress_at(i + 1, "%s", r->v[i].name);
	}
	progress_end();
	return fd2_shard_finish(r->shard);
}

int exchange_read(const char *folder, const char *classes, const char *out)
{
	struct reading r = {.root = folder};
	int err = scan(&r);
	if (!err)
		err = name_classes(&r, classes);
	if (!err) {
		tell_ids_apart(&r);
		err = write_shard(&r, out);
	}
	if (!err && out && strcmp(out, "-"))
		say("%s: %s of %s", out, counted(r.n, "images").text,
		    counted(r.n_folders, "classes").text);
	if (!err && (r.alpha || r.deep))
		say("%d lost their transparency, %d their 16 bits", r.alpha, r.deep);
	for (int i = 0; i < r.n; i++) {
		free(r.v[i].name);
		free(r.v[i].id);
	}
	free(r.v);
	names_free(r.folders, r.n_folders);
	exchange_map_free(&r.map);
	return err;
}
