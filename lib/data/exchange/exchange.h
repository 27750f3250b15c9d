/* The face of lib/data/exchange: converts distilled images to the folders of other programs and
 * back; lib/fd2/labels/fkd-* converts labels.
 *
 * These programs read torchvision ImageFolders, which number classes in the sorted order of their
 * names; classes and images are therefore named by padded numbers. The file classes.json, which
 * ImageFolder ignores, has the names of the classes. */
#ifndef FD2_EXCHANGE_H
#define FD2_EXCHANGE_H
#include <jansson.h>
#include <stdbool.h>

struct exchange_form {
	const char *name;   /* as the user writes it */
	const char *prefix; /* of a class's folder, before its number */
	int digits;         /* of a class's and an image's number; more if these do not suffice */
	bool png;
};
extern const struct exchange_form exchange_forms[]; /* the last has no name */
#define EXCHANGE_CHOICES "cv-dd|fadrm|rded"         /* their names, in that order */

/* Writes shards, which it reads twice, as folders; `out` must not exist. -1: fail_message. */
int exchange_write(const struct exchange_form *form, char *const *shards, int n, const char *out);
/* Writes an ImageFolder as a shard: JPEGs unchanged, PNGs as JPEGs with their exact pixels in a
 * .npy. classes: a file or folder for class_names_read; NULL: takes the names from classes.json, or
 * the folders. -1: fail_message. */
int exchange_read(const char *folder, const char *classes, const char *out);

#define EXCHANGE_MAP "classes.json"
struct exchange_map {
	char **classes; /* NULL: unknown */
	int n_classes;
	json_t *images; /* in the shard's order, {"file": ..., "id": ...} each; NULL: unknown */
	bool numbered;  /* the shard's samples have a .cls */
};
/* Reads folder/classes.json; leaves all NULL if there is none. -1: fail_message. */
int exchange_map_read(struct exchange_map *map, const char *folder);
/* Reads only the class names, with class_names_read. -1: fail_message. */
int exchange_names_read(struct exchange_map *map, const char *path);
void exchange_map_free(struct exchange_map *map);
#endif
