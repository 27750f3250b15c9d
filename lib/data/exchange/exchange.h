/* The face of lib/data/exchange: distilled images in the folders of other programs, and back;
 * lib/fd2/labels/fkd-* does labels.
 *
 * A program's folders are torchvision ImageFolders that number classes by the sorted order of
 * their names, so that class and image stand in them as padded numbers. The file classes.json,
 * which ImageFolder passes over, tells which class is which. */
#ifndef FD2_EXCHANGE_H
#define FD2_EXCHANGE_H
#include <jansson.h>
#include <stdbool.h>

struct exchange_form {
	const char *name;   /* as the user writes it */
	const char *prefix; /* of a class's folder, before its number */
	int digits;         /* of a class's and an image's number; more where these do not do */
	bool png;
};
extern const struct exchange_form exchange_forms[]; /* ends with one without a name */
#define EXCHANGE_CHOICES "cv-dd|fadrm|rded"         /* their names, in that order */

/* A shard, read twice, as folders; `out` must not be there. -1: fail_message. */
int exchange_write(const struct exchange_form *form, char *const *shards, int n, const char *out);
/* An ImageFolder of JPEGs, which pass unchanged, and PNGs, which become JPEGs with the same
 * pixels as a .npy, as a shard. classes: what class_names_read reads; NULL: those of classes.json,
 * or the folders' own. -1: fail_message. */
int exchange_read(const char *folder, const char *classes, const char *out);

#define EXCHANGE_MAP "classes.json"
struct exchange_map {
	char **classes; /* NULL: no names are known */
	int n_classes;
	json_t *images; /* in the shard's order, each {"file": ..., "id": ...}; NULL: unknown */
	bool numbered;  /* its samples have a .cls */
};
/* Of folder/classes.json; all NULL where there is none. -1: fail_message. */
int exchange_map_read(struct exchange_map *map, const char *folder);
/* Of what class_names_read reads. -1: fail_message. */
int exchange_names_read(struct exchange_map *map, const char *path);
void exchange_map_free(struct exchange_map *map);
#endif
