/* Which folder names the class of an image where folders are nested: torchvision's ImageFolder
 * takes the first one below the root. A tree in which that would be a guess is refused. */
#ifndef FD2_TREE_H
#define FD2_TREE_H
#include <stddef.h>

/* A folder, "photos/cat/indoor", and its class. */
struct tree_folder {
	const char *shard;  /* where it was met first, for messages */
	char *name, *class; /* class: to be freed; NULL until tree_classes */
};

/* Sorts folders by their names and keeps one of each name, at the beginning. Returns how many. */
int tree_distinct(struct tree_folder *v, int n);
/* The one of that name among n distinct ones; NULL: there is none. */
struct tree_folder *tree_find(struct tree_folder *v, int n, const char *name);
void tree_free(struct tree_folder *v, int n);

/* Sets the class of each of n folders that hold images: the first component of its name, behind the
 * components that all these names begin with ("cat"). A name is never used up by that: alone,
 * "photos/cat" is "cat". The `empty` folders after them in v hold no image: a class is one that
 * such a name ends with ("photos/dog"); above and below that, and outside of the common folder,
 * they are not classes, and their class stays NULL.
 * -1: fail_message. Refused are a training and a held-out set side by side ("train/cat",
 * "val/cat"), and a folder's name below two others ("cat/indoor", "dog/indoor"), unless nothing
 * else tells images of a class apart ("cat/images", "dog/images"). */
int tree_classes(struct tree_folder *v, int n, int empty);

enum tree_role { TREE_NONE, TREE_TRAIN, TREE_VAL, TREE_TEST };
/* What a folder with that name of n bytes holds by convention. */
enum tree_role tree_role(const char *name, size_t n);
#endif
