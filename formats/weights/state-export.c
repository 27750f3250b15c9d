#include <stdlib.h>
#include <string.h>

#include "formats/weights/safetensors.h"
#include "formats/weights/state.h"
#include "lib/base/err.h"

struct list {
	struct array *v;
	int n;
};

static int read_all(struct list *l, struct state_reader *r)
{
	struct array a;
	int got;
	while ((got = state_next(r, &a)) > 0) {
		if (!strncmp(a.name, "cal.", 4)) {
			fd2_array_free(&a);
			continue;
		}
		l->v = xrealloc(l->v, (size_t)l->n + 1, sizeof *l->v);
		l->v[l->n++] = a;
	}
	return got;
}

int state_export(const char *path, struct out *out)
{
	struct list l = {0};
	struct state_reader *r = state_open(path);
	int err = r ? read_all(&l, r) : -1;
	if (!err) {
		json_t *metadata = safetensors_metadata(state_meta(r));
		err = safetensors_write(out, l.v, l.n, metadata);
		json_decref(metadata);
	} else {
		out_abandon(out);
	}
	for (int i = 0; i < l.n; i++)
		fd2_array_free(&l.v[i]);
	free(l.v);
	if (r)
		state_close(r);
	return err;
}
