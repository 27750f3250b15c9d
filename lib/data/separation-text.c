#include "lib/data/separation-text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/names.h"
#include "lib/base/out.h"

static void add(json_t *result, const char *key, double x)
{
	json_object_set_new(result, key, json_real_or_null(x));
}

void separation_add(
    json_t *result, const struct separation *s, const struct attn_set *set, int group)
{
	add(result, "dispersion", s->dispersion);
	add(result, "inter_class", s->inter_class);
	add(result, "nearest_centre", s->nearest_centre);
	add(result, "fisher_ratio", s->fisher_ratio);
	add(result, "silhouette", s->silhouette);
	if (set->n && set->v[0].map.data)
		add(result, "attention_trace", attention_trace(set, group));
}

char *set_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;
	char *name = xstrdup(slash ? slash + 1 : path ? path : "-");
	char *dot = strrchr(name, '.');
	if (dot && dot > name)
		*dot = '\0';
	return name;
}

/* Formats a number; "-" if it is undefined. */
static char *figure(double x)
{
	return isfinite(x) ? xasprintf("%.6g", x) : xstrdup("-");
}

static int put(struct out *out, const char *set, const struct separation *s, int c)
{
	const struct class_separation *k = &s->classes[c];
	char *own = figure(k->dispersion), *all = figure(k->inter_class),
	     *nearest = figure(k->nearest_centre);
	char *of = plain_copy(set), *class = plain_copy(k->name),
	     *other = plain_copy(k->nearest < 0 ? "-" : s->classes[k->nearest].name);
	char *line = xasprintf(
	    "%s\t%s\t%d\t%s\t%s\t%s\t%s\n", of, class, k->images, own, all, nearest, other);
	int err = out_write(out, line, strlen(line));
	free(of);
	free(class);
	free(other);
	free(line);
	free(own);
	free(all);
	free(nearest);
	return err;
}

int separation_write(const char *path, const struct separation *sets, char *const *names, int n)
{
	static const char head[] =
	    "set\tclass\timages\tdispersion\tinter_class\tnearest_centre\tnearest_class\n";
	struct out *out = out_open(path, OUT_TEXT);
	if (!out)
		return -1;
	int err = out_write(out, head, sizeof head - 1);
	for (int i = 0; i < n; i++)
		for (int c = 0; c < sets[i].n && !err; c++)
			err = put(out, names[i], &sets[i], c);
	if (err < 0) {
		out_abandon(out);
		return -1;
	}
	return out_close(out);
}
