#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/json.h"
#include "formats/shard/shard.h"
#include "lib/base/err.h"
#include "lib/base/names.h"
#include "lib/data/class-names.h"
#include "lib/data/exchange/exchange.h"

/* Refuses two classes with the same name, which would become one. */
static int check_names(const struct exchange_map *map, const char *path)
{
	char **sorted = xcalloc((size_t)map->n_classes + 1, sizeof *sorted);
	int err = 0;
	for (int i = 0; i < map->n_classes; i++)
		sorted[i] = map->classes[i];
	qsort(sorted, (size_t)map->n_classes, sizeof *sorted, by_string);
	for (int i = 0; i < map->n_classes && !err; i++)
		if (!*sorted[i] || strchr(sorted[i], '/') || strlen(sorted[i]) > SHARD_NAME_MAX)
			err = fail("'%s' has a class '%.80s', which is not a valid folder name",
			    path, sorted[i]);
		else if (i && !strcmp(sorted[i], sorted[i - 1]))
			err = fail("'%s' names class '%s' twice", path, sorted[i]);
	free(sorted);
	return err;
}

static int take_images(struct exchange_map *map, json_t *images, const char *path)
{
	size_t i;
	json_t *v;
	if (!images)
		return 0;
	json_array_foreach (images, i, v)
		if (!json_is_string(json_object_get(v, "file")) ||
		    !json_is_string(json_object_get(v, "id")))
			return fail("'%s' lists images that have no file and id", path);
	if (!json_is_array(images))
		return fail("'%s' has images that are not a list", path);
	map->images = json_incref(images);
	return 0;
}

static int take(struct exchange_map *map, json_t *root, const char *path)
{
	json_t *classes = json_object_get(root, "classes");
	if (classes && !json_is_null(classes)) {
		map->classes = names_from_json(classes, &map->n_classes);
		if (!map->n_classes)
			return fail("'%s' has classes that are not a list of names", path);
	}
	map->numbered = !json_is_false(json_object_get(root, "numbered"));
	return check_names(map, path) < 0 ? -1
	                                  : take_images(map, json_object_get(root, "images"), path);
}

int exchange_map_read(struct exchange_map *map, const char *folder)
{
	char *path = xasprintf("%s/%s", folder, EXCHANGE_MAP);
	int err = 0;
	*map = (struct exchange_map){.numbered = true};
	if (!access(path, F_OK)) {
		json_t *root = read_json_object(path);
		err = root ? take(map, root, path) : -1;
		json_decref(root);
	}
	free(path);
	return err;
}

int exchange_names_read(struct exchange_map *map, const char *path)
{
	*map = (struct exchange_map){.numbered = true};
	return class_names_read(&map->classes, &map->n_classes, path) < 0 ? -1
	                                                                  : check_names(map, path);
}

void exchange_map_free(struct exchange_map *map)
{
	names_free(map->classes, map->n_classes);
	json_decref(map->images);
	*map = (struct exchange_map){0};
}
