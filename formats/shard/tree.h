/* Finds which of nested folders names the class of an image: torchvision's ImageFolder takes the
 * first one below the root. Refuses trees for which that would be a guess. */
#ifndef FD2_TREE_H
#define FD2_TREE_H
#include <stddef.h>

/* A folder, "photos/cat/indoor", and its class. */
struct tree_folder {
	const char *shard;  /* where it was first found, for messages */
	char *name, *class; /* class: to be freed; NULL until tree_classes */
};

/* Sorts folders by name and moves one of each name to the beginning. Returns their number. */
int tree_distinct(struct tree_folder *v, int n);
/* Returns the folder of that name among n distinct ones; NULL: there is none. */
struct tree_folder *tree_find(struct tree_folder *v, int n, const char *name);
void tree_free(struct tree_folder *v, int n);

/* Sets the class of each of n folders with images: the first component of its name ("cat") after
 * those that all these names share. One always remains: alone, "photos/cat" is "cat".
 * The `empty` folders after them in v have no image: a name that ends with its class ("photos/dog")
 * is a class; folders above and below that, and outside of the common folder, are not classes, and
 * their class stays NULL.
 * -1: fail_message. Refuses a training and a held-out set side by side ("train/cat", "val/cat"),
 * and a folder's name below two others ("cat/indoor", "dog/indoor"), unless all nested folders have
 * the same name ("cat/images", "dog/images"). */
int tree_classes(struct tree_folder *v, int n, int empty);

enum tree_role { TREE_NONE, TREE_TRAIN, TREE_VAL, TREE_TEST };
/* Returns what a folder with that name of n bytes holds by convention. */
enum tree_role tree_role(const char *name, size_t n);
#endif
