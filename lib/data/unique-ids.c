#include "lib/data/unique-ids.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

static int by_id(const void *a, const void *b)
{
	const struct id_slot *x = a, *y = b;
	return x->set != y->set ? x->set - y->set : strcmp(*x->id, *y->id);
}

static void free_nothing(void *slot)
{
	(void)slot;
}

void ids_tell_apart(struct id_slot *v, int n)
{
	void *taken = NULL; /* a search tree */
	qsort(v, (size_t)n, sizeof *v, by_id);
	for (int i = 0; i < n; i++)
		tsearch(&v[i], &taken, by_id); /* keeps the first of equal ids */
	for (int i = 1, same = 0, number = 1; i < n; i++) {
		if (by_id(&v[i], &v[same])) {
			same = i;
			number = 1;
			continue;
		}
		do {
			free(*v[i].id);
			*v[i].id = xasprintf("%s-%d", *v[same].id, ++number);
		} while (*(struct id_slot **)tsearch(&v[i], &taken, by_id) != &v[i]);
	}
	tdestroy(taken, free_nothing);
}
