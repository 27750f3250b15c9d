#include "formats/shard/sample.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/err.h"

enum { CLS_MAX = 1 << 24 };

const char *const part_names[PARTS] = {"jpg", "cls", "npy", "json"};

static bool one_of(const char *ext, const char *const *names)
{
	for (; *names; names++)
		if (!strcasecmp(ext, *names))
			return true;
	return false;
}

bool is_hidden(const char *name)
{
	size_t n = strcspn(name, "/");
	return *name == '.' || strstr(name, "/.") ||
	       (n >= 4 && !strncmp(name, "__", 2) && !strncmp(name + n - 2, "__", 2));
}

enum part part_of(const char *name, char key[SHARD_NAME_MAX + 1])
{
	static const char *const jpeg[] = {"jpg", "jpeg", NULL};
	static const char *const foreign[] = {
	    "png", "webp", "bmp", "gif", "tif", "tiff", "ppm", "pgm", "heic", "avif", NULL};
	const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name,
	           *dot = strrchr(base, '.');
	if (!dot || dot == base || is_hidden(name))
		return PART_NONE;
	memcpy(key, name, (size_t)(dot - name));
	key[dot - name] = '\0';
	if (one_of(dot + 1, jpeg))
		return PART_IMAGE;
	for (enum part p = PART_CLS; p < PARTS; p++)
		if (!strcasecmp(dot + 1, part_names[p]))
			return p;
	return one_of(dot + 1, foreign) ? PART_FOREIGN : PART_NONE;
}

/* Sets the folder of a key: all but its last component. */
static void folder_of(char folder[SHARD_NAME_MAX + 1], const char *key)
{
	const char *slash = strrchr(key, '/');
	size_t n = slash ? (size_t)(slash - key) : 0;
	memcpy(folder, key, n);
	folder[n] = '\0';
}

int group_take(struct group *g, const char *shard, enum part p, const char *key, struct member *m)
{
	if (!g->open) {
		g->open = true;
		strcpy(g->key, key);
		folder_of(g->folder, key);
	}
	if (g->has[p])
		return fail("'%s': '%s' and '%s' would be one sample; rename one of them", shard,
		    g->names[p], m->name);
	strcpy(g->last, m->name);
	strcpy(g->names[p], m->name);
	g->has[p] = true;
	struct blob old = g->parts[p];
	g->parts[p] = m->data;
	m->data = old;
	m->data.size = 0;
	return 0;
}

/* Parses decimal digits; allows white space after them. */
static int parse_cls(const struct blob *b, long *cls)
{
	size_t i = 0;
	*cls = 0;
	while (i < b->size && isdigit(b->data[i]) && *cls < CLS_MAX)
		*cls = 10 * *cls + (b->data[i++] - '0');
	bool digits = i > 0;
	while (i < b->size && isspace(b->data[i]))
		i++;
	return digits && i == b->size && *cls < CLS_MAX ? 0 : -1;
}

int group_sample(struct group *g, const char *shard, struct sample *s)
{
	const struct blob *b = g->parts;
	*s = (struct sample){
	    .shard = shard, .key = g->key, .folder = *g->folder ? g->folder : NULL, .cls = -1};
	if (g->has[PART_CLS] && parse_cls(&b[PART_CLS], &s->cls) < 0)
		return fail("'%s': member '%s.cls' is not a class number", shard, g->key);
	if (g->has[PART_IMAGE]) {
		s->image = b[PART_IMAGE].data;
		s->image_size = b[PART_IMAGE].size;
	}
	if (g->has[PART_NPY]) {
		s->npy = b[PART_NPY].data;
		s->npy_size = b[PART_NPY].size;
	}
	if (g->has[PART_JSON]) {
		s->json = b[PART_JSON].data;
		s->json_size = b[PART_JSON].size;
	}
	return 0;
}

void group_close(struct group *g)
{
	g->open = false;
	memset(g->has, 0, sizeof g->has);
}

void group_free(struct group *g)
{
	for (int p = 0; p < PARTS; p++)
		free(g->parts[p].data);
}

void sample_sum(struct sample_sum *sum, const struct sample *s)
{
	char name[SHARD_NAME_MAX + 8], cls[24] = "";
	sum->n = 0;
	if (s->cls >= 0)
		snprintf(cls, sizeof cls, "%ld", s->cls);
	const void *data[PARTS] = {s->image, *cls ? cls : NULL, s->npy, s->json};
	const size_t size[PARTS] = {s->image_size, strlen(cls), s->npy_size, s->json_size};
	for (int p = 0; p < PARTS; p++) {
		snprintf(name, sizeof name, "%s.%s", s->key, part_names[p]);
		if (data[p])
			sum->n += digest_line(sum->lines + sum->n, name, data[p], size[p]);
	}
}

uint64_t digest_v1_add_sample(uint64_t h, const struct sample *s)
{
	int64_t cls = s->cls;
	h = digest_v1_add(h, s->key, strlen(s->key));
	h = digest_v1_add(h, &cls, sizeof cls);
	h = digest_v1_add(h, s->image, s->image_size);
	h = digest_v1_add(h, s->npy, s->npy_size);
	return digest_v1_add(h, s->json, s->json_size);
}
