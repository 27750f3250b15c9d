/* STORE.json, a file next to a label store STORE, since programs that read the store count the
 * files in it: the meta of our label stream, with the class list and the digest of the images. */
#ifndef FD2_FKD_MAP_H
#define FD2_FKD_MAP_H
#include <jansson.h>

/* "STORE.json", to be freed. */
char *fkd_map_path(const char *store);
/* *map: a new reference, or NULL where there is none. -1: fail_message. */
int fkd_map_read(json_t **map, const char *store);
#endif
