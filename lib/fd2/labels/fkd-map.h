/* What a store of labels cannot say of itself, in a file STORE.json beside it, since whoever
 * reads the store counts what lies in it: the meta of our label stream, with the class list and
 * the digest of the images. */
#ifndef FD2_FKD_MAP_H
#define FD2_FKD_MAP_H
#include <jansson.h>

/* "STORE.json", to be freed. */
char *fkd_map_path(const char *store);
/* *map: a new reference, or NULL where there is none. -1: fail_message. */
int fkd_map_read(json_t **map, const char *store);
#endif
