#include "lib/fd2/labels/fkd-map.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/json.h"
#include "lib/base/err.h"

char *fkd_map_path(const char *store)
{
	size_t n = strlen(store);
	while (n > 1 && store[n - 1] == '/')
		n--;
	return xasprintf("%.*s.json", (int)n, store);
}

int fkd_map_read(json_t **map, const char *store)
{
	char *path = fkd_map_path(store);
	int err = 0;
	*map = NULL;
	if (!access(path, F_OK)) {
		*map = read_json_object(path);
		err = *map ? 0 : -1;
	}
	free(path);
	return err;
}
