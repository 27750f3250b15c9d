/* Ids of images that become one shard: within a class, or within what is written together, they
 * must differ. */
#ifndef FD2_UNIQUE_IDS_H
#define FD2_UNIQUE_IDS_H

struct id_slot {
	int set;   /* ids of other sets may be the same */
	char **id; /* owned by the caller */
};

/* Where several of a set have one id, the later ones get a number: a camera's 1.JPG and a
 * converter's 1.png become 1 and 1-2, or 1-3 where another is 1-2. Sorts v. */
void ids_tell_apart(struct id_slot *v, int n);
#endif
