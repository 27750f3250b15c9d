/* STORE.json: the meta of our label stream, with the class list and the digest of the images. It is
 * a file next to a label store STORE, since programs that read the store count the files in it. */
#ifndef FD2_FKD_MAP_H
#define FD2_FKD_MAP_H
#include <jansson.h>

/* Returns "STORE.json"; the caller frees it. */
char *fkd_map_path(const char *store);
/* Sets *map to a new reference, or NULL if there is no file. -1: fail_message. */
int fkd_map_read(json_t **map, const char *store);
#endif
