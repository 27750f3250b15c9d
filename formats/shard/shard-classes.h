/* Which classes a sequence of shards has: those of the class list of a __fd2__, or the folders of
 * its samples, by tree.h; and that labels, folders and lists agree. */
#ifndef FD2_SHARD_CLASSES_H
#define FD2_SHARD_CLASSES_H
#include <jansson.h>

#include "formats/shard/sample.h"

struct shard_classes {
	void *folders;     /* a search tree */
	struct folder **v; /* the folders in order of appearance, at the end one per class */
	int n_folders;
	char **seen; /* names of all folders, of which some may hold no sample */
	int n_seen;
	long numbers; /* samples with a number and no folder */
	long highest; /* such number; -1 */
	json_t *list; /* the first one; NULL */
	const char *list_shard;
	/* at the end; borrowed from the list or the folders */
	const char **classes;
	int n_classes;
};

/* A name of a shard must live as long as *c. Functions that return int return -1 with
 * fail_message. */

/* A folder, before what is in it. */
void shard_classes_see(struct shard_classes *c, const char *folder);
/* A sample's label; g says how its members are called. */
int shard_classes_take(struct shard_classes *c, const struct sample *s, const struct group *g);
/* The class list of a __fd2__. */
int shard_classes_list(struct shard_classes *c, const char *shard, json_t *list);
/* After all samples: fills classes. shard: the last one. */
int shard_classes_end(struct shard_classes *c, const char *shard);
/* The class of a folder's samples, at the end. NULL: it has none. */
const char *shard_classes_of(const struct shard_classes *c, const char *folder);
void shard_classes_free(struct shard_classes *c);
#endif
