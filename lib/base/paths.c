#include "lib/base/paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"

enum { RANGE_MAX = 1000000 };

static void add(struct paths *p, char *path)
{
	p->v = xrealloc(p->v, (size_t)p->n + 1, sizeof *p->v);
	p->v[p->n++] = path;
}

int paths_add(struct paths *p, const char *path)
{
	int first_at, first_end, last_end, first, last;
	const char *brace = strchr(path, '{');
	while (brace && (last_end = 0,
	                    sscanf(brace, "{%n%9d%n..%9d}%n", &first_at, &first, &first_end, &last,
	                        &last_end),
	                    !last_end))
		brace = strchr(brace + 1, '{');
	if (!brace || access(path, F_OK) == 0) {
		add(p, xstrdup(path));
		return 0;
	}
	if (first < 0 || last < first)
		return fail("the range in '%s' is not one from low to high", path);
	if (last - first >= RANGE_MAX)
		return fail("the range in '%s' has over a million numbers", path);
	int err = 0;
	for (int i = first; i <= last && !err; i++) {
		char *one = xasprintf("%.*s%0*d%s", (int)(brace - path), path, first_end - first_at,
		    i, brace + last_end);
		err = paths_add(p, one);
		free(one);
	}
	return err;
}

void paths_free(struct paths *p)
{
	for (int i = 0; i < p->n; i++)
		free(p->v[i]);
	free(p->v);
}
