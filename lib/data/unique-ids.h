/* Makes ids of images for a shard unique within a class, or within images that are written
 * together. */
#ifndef FD2_UNIQUE_IDS_H
#define FD2_UNIQUE_IDS_H

struct id_slot {
	int set;   /* ids must differ only within a set */
	char **id; /* owned by the caller */
};

/* Appends a number to repeated ids of a set: a camera's 1.JPG and a converter's 1.png become 1 and
 * 1-2, or 1-3 if 1-2 is taken. Sorts v. */
void ids_tell_apart(struct id_slot *v, int n);
#endif
