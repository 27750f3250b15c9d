/* Finds the classes of a sequence of shards, in the class list of a __fd2__ or by the samples'
 * folders (tree.h), and checks that labels, folders and lists agree. */
#ifndef FD2_SHARD_CLASSES_H
#define FD2_SHARD_CLASSES_H
#include <jansson.h>

#include "formats/shard/sample.h"

struct shard_classes {
	void *folders;     /* a search tree */
	struct folder **v; /* the folders in order of appearance, at the end one per class */
	int n_folders;
	char **seen; /* names of all folders, even without samples */
	int n_seen;
	long numbers; /* count of samples with a number and no folder */
	long highest; /* highest such number; -1: none */
	json_t *list; /* the first class list; NULL: none */
	const char *list_shard;
	/* set at the end; borrowed from the list or the folders */
	const char **classes;
	int n_classes;
};

/* A shard's name must live as long as *c. Functions return 0, or -1: fail_message. */

/* Notes a folder, before its samples. */
void shard_classes_see(struct shard_classes *c, const char *folder);
/* Notes a sample's label; g has the names of its members. */
int shard_classes_take(struct shard_classes *c, const struct sample *s, const struct group *g);
/* Takes the class list of a __fd2__. */
int shard_classes_list(struct shard_classes *c, const char *shard, json_t *list);
/* Sets c->classes, after all samples. shard: the last one. */
int shard_classes_end(struct shard_classes *c, const char *shard);
/* Returns the class of a folder's samples, at the end. NULL: it has none. */
const char *shard_classes_of(const struct shard_classes *c, const char *folder);
void shard_classes_free(struct shard_classes *c);
#endif
