#include "lib/nn/pretrained.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "formats/weights/safetensors.h"
#include "lib/base/err.h"
#include "lib/nn/weights.h"

/* Where a file holds the backbone's tensors: their prefix, and whether arch->rename converts their
 * names. */
struct network {
	int found, count; /* matching parameters, and networks with that many */
	bool renamed;
	char prefix[ARCH_NAME_MAX];
};

struct reading {
	struct backbone *b;
	struct pretrained *want;
	const char *path;
	struct network in_file;
	struct weights_in in;
	char *unknown;     /* first tensor that the backbone does not have */
	bool foreign;      /* it belongs to another kind of network */
	long classes;      /* of a classifier that was skipped; 0: none was */
	bool head, others; /* the file has our classifier; its classes differ */
};

static bool starts(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

static bool is_cal(const char *name)
{
	return starts(name, "cal.");
}

/* Converts the name that FD2's authors give a CAL tensor to ours. False: not a CAL tensor. */
static bool cal_name(char to[ARCH_NAME_MAX], const char *name)
{
	static const char *const theirs[] = {"cal.module.attentions.", "cal.attentions."};
	for (size_t i = 0; i < sizeof theirs / sizeof *theirs; i++)
		if (starts(name, theirs[i]))
			return snprintf(to, ARCH_NAME_MAX, "cal.attention.%s",
			           name + strlen(theirs[i])) < ARCH_NAME_MAX;
	if (!is_cal(name) && strcmp(name, "feature_center") != 0)
		return false;
	const char *inner = starts(name, "cal.module.") ? name + strlen("cal.module.")
	                    : is_cal(name)              ? name + strlen("cal.")
	                                                : "prototypes";
	return snprintf(to, ARCH_NAME_MAX, "cal.%s", inner) < ARCH_NAME_MAX;
}

/* Converts a name in the file to the backbone's. False: it lacks the prefix. */
static bool plain_name(
    char to[ARCH_NAME_MAX], const struct arch *arch, const char *name, const struct network *in)
{
	size_t n = strlen(in->prefix);
	if (!starts(name, in->prefix) || strlen(name + n) >= ARCH_NAME_MAX)
		return false;
	strcpy(to, name + n);
	if (in->renamed)
		arch->rename(to);
	return true;
}

static int matches(
    const struct backbone *b, const struct state_tensor *v, int n, const struct network *in)
{
	char name[ARCH_NAME_MAX];
	int found = 0;
	for (int i = 0; i < n; i++)
		found += plain_name(name, b->arch, v[i].name, in) &&
		         params_find(&b->params, name) != NULL;
	return found;
}

/* Returns whether a word of the prefix is "ema": an exponential moving average. */
static bool is_average(const char *prefix)
{
	for (const char *word = prefix; *word; word += strspn(word, "._")) {
		size_t n = strcspn(word, "._");
		if (n == 3 && !strncasecmp(word, "ema", n))
			return true;
		word += n;
	}
	return false;
}

/* Keeps the network with more of the parameters; among equals the first average, else the first. */
static void consider(struct network *best, const struct network *now)
{
	int count = now->found == best->found ? best->count + 1 : 1;
	bool average = is_average(now->prefix) && !is_average(best->prefix);
	if (now->found < best->found)
		return;
	if (now->found > best->found || average)
		*best = *now;
	best->count = count;
}

/* Considers every prefix under which the file has the backbone's first parameter. */
static void search(struct network *best, const struct backbone *b, const struct state_tensor *v,
    int n, bool renamed)
{
	char name[ARCH_NAME_MAX];
	for (int i = 0; i < n; i++) {
		const char *dot, *at = v[i].name;
		for (; at; at = (dot = strchr(at, '.')) ? dot + 1 : NULL) {
			struct network now = {.renamed = renamed};
			size_t length = (size_t)(at - v[i].name);
			if (length >= sizeof now.prefix)
				break;
			memcpy(now.prefix, v[i].name, length);
			if (!plain_name(name, b->arch, v[i].name, &now) ||
			    strcmp(name, b->params.v[0].name) != 0)
				continue;
			now.found = matches(b, v, n, &now);
			consider(best, &now);
		}
	}
}

static void find_network(struct reading *r, const struct state_tensor *v, int n)
{
	struct network plain = {.found = 1}, renamed = {.found = 1};
	search(&plain, r->b, v, n, false);
	if (r->b->arch->rename)
		search(&renamed, r->b, v, n, true);
	r->in_file = renamed.found > plain.found ? renamed : plain;
	if (r->in_file.count > 1)
		say("'%s' holds %d networks of this kind; '%s' is taken", r->path, r->in_file.count,
		    r->in_file.prefix);
}

/* Returns whether the shapes differ in the number of classes only. */
static bool other_classes(const struct array *a, const Tensor *t)
{
	bool same = a->rank == tensor_rank(t) && a->rank > 0 && a->shape[0] != tensor_size(t, 0);
	for (int i = 1; same && i < a->rank; i++)
		same = a->shape[i] == tensor_size(t, i);
	return same;
}

static bool same_first_part(const char *a, const char *b)
{
	size_t n = strcspn(a, ".");
	return n == strcspn(b, ".") && !strncmp(a, b, n);
}

/* Returns whether a tensor unknown to the backbone shows another network: a further layer in one of
 * the backbone's parts. Heads and losses trained along with it do not. */
static bool is_foreign(const struct backbone *b, const char *name)
{
	for (int i = 0; i < b->params.n; i++) {
		const struct param *p = &b->params.v[i];
		bool classifier = p->t == b->classifier.weight || p->t == b->classifier.bias;
		if (!classifier && !is_cal(p->name) && same_first_part(p->name, name))
			return true;
	}
	return false;
}

static void pass_over(struct reading *r, const char *name)
{
	bool foreign = is_foreign(r->b, name);
	if (!r->unknown || (foreign && !r->foreign)) {
		free(r->unknown);
		r->unknown = xstrdup(name);
	}
	r->foreign |= foreign;
}

static int take(struct reading *r, struct array *a)
{
	const struct linear *fc = &r->b->classifier;
	char name[ARCH_NAME_MAX];
	bool cal = cal_name(name, a->name);
	if (cal && (!r->want->whole || !params_find(&r->b->params, name)))
		return 0;
	if (!cal && !plain_name(name, r->b->arch, a->name, &r->in_file))
		return 0;
	const Tensor *t = params_find(&r->b->params, name);
	bool head = t && (t == fc->weight || t == fc->bias);
	if ((head || cal) && other_classes(a, t)) {
		r->classes = (long)a->shape[0];
		return 0;
	}
	r->head |= head;
	if (head && r->others)
		return 0;
	int taken = weights_take(&r->in, name, a);
	if (!taken)
		pass_over(r, a->name);
	return taken < 0 ? fail("cannot start from '%s': %s", r->path, fail_message()) : 0;
}

static bool is_head(const struct reading *r, const struct param *p)
{
	return p->t == r->b->classifier.weight || p->t == r->b->classifier.bias;
}

/* Returns whether a file may lack p. The oldest files do not count batches. */
static bool may_lack(const struct reading *r, const struct param *p)
{
	bool cal = is_cal(p->name) && !r->want->whole,
	     no_head = !r->head || r->others || r->classes;
	return cal || !strcmp(strrchr(p->name, '.'), ".num_batches_tracked") ||
	       (is_head(r, p) && no_head && !r->want->whole);
}

static int check_whole(const struct reading *r)
{
	const char *arch = r->b->arch->name, *lacks = NULL;
	for (int i = 0; i < r->b->params.n && !lacks; i++)
		if (!r->in.seen[i] && !may_lack(r, &r->b->params.v[i]))
			lacks = r->b->params.v[i].name;
	if (lacks && r->want->whole && r->others)
		return fail("the classes of '%s' are others, or in another order", r->path);
	if (lacks && r->want->whole && (r->classes || !r->head))
		return r->classes
		           ? fail("'%s' classifies %ld classes, not %lld", r->path, r->classes,
		                 (long long)tensor_size(r->b->classifier.weight, 0))
		           : fail("'%s' has no classifier '%s'", r->path, lacks);
	if (lacks && r->unknown)
		return fail("'%s' is not a %s: it lacks tensor '%s' and has an unknown tensor '%s'",
		    r->path, arch, lacks, r->unknown);
	if (lacks)
		return fail("'%s' is not a %s: it has no tensor '%s'", r->path, arch, lacks);
	if (r->foreign)
		return fail(
		    "'%s' is not a %s: it has an unknown tensor '%s'", r->path, arch, r->unknown);
	return 0;
}

static void tell(const struct reading *r)
{
	long long K = (long long)tensor_size(r->b->classifier.weight, 0);
	if (r->classes)
		say("'%s' classifies %ld classes; the classifier starts from random values for "
		    "%lld",
		    r->path, r->classes, K);
	else if (!r->head)
		say("'%s' has no classifier; it starts from random values", r->path);
	else if (r->others)
		say("'%s' classifies other classes; the classifier starts from random values",
		    r->path);
	if (r->unknown)
		say("skipped tensors that a %s does not have, in '%s': '%s' ...", r->b->arch->name,
		    r->path, r->unknown);
}

json_t *pretrained_meta(const struct state_reader *r)
{
	json_t *meta = state_meta(r);
	const char *text = json_string_value(json_object_get(meta, "fd2"));
	return text ? json_loads(text, 0, NULL) : json_incref(meta);
}

/* Returns whether the file names other classes, or orders them differently. */
static bool names_others(const struct state_reader *s, const struct pretrained *want, int n)
{
	json_t *meta = pretrained_meta(s), *list = json_object_get(meta, "classes");
	bool others = false;
	for (int k = 0; want->classes && list && (int)json_array_size(list) == n && k < n; k++) {
		const char *name = json_string_value(json_array_get(list, (size_t)k));
		others |= !name || strcmp(name, want->classes[k]) != 0;
	}
	json_decref(meta);
	return others;
}

static int stream_maps(json_t *meta)
{
	int maps = 0;
	json_unpack(meta, "{s:i}", "maps", &maps);
	return maps < 0 ? 0 : maps;
}

int pretrained_maps(const struct state_reader *r)
{
	int n;
	char name[ARCH_NAME_MAX];
	const struct state_tensor *v = state_tensors(r, &n);
	if (!v)
		return stream_maps(state_meta(r));
	for (int i = 0; i < n; i++)
		if (cal_name(name, v[i].name) && !strcmp(name, "cal.attention.conv.weight"))
			return v[i].rank ? (int)v[i].shape[0] : 0;
	return 0;
}

int pretrained_read(struct backbone *b, const char *path, struct pretrained *p)
{
	struct reading r = {.b = b, .path = path, .want = p};
	struct state_reader *s = state_open(path);
	struct array a;
	int got = 0, n, err = s ? 0 : -1;
	weights_begin(&r.in, &b->params);
	if (!err && state_tensors(s, &n))
		find_network(&r, state_tensors(s, &n), n);
	if (!err)
		r.others = names_others(s, p, (int)tensor_size(b->classifier.weight, 0));
	while (!err && (got = state_next(s, &a)) > 0) {
		err = take(&r, &a);
		fd2_array_free(&a);
	}
	if (!err)
		err = got < 0 ? -1 : check_whole(&r);
	if (!err)
		tell(&r);
	if (!err)
		strcpy(p->digest, state_digest(s));
	free(r.in.seen);
	free(r.unknown);
	if (s)
		state_close(s);
	return err;
}

int pretrained_write(const struct params *p, struct out *out, const json_t *meta)
{
	struct array *v = xcalloc((size_t)p->n, sizeof *v);
	int n = 0, err = 0;
	for (int i = 0; i < p->n && !err; i++)
		if (!(err = weights_array(&v[n], p->v[i].name, p->v[i].t)))
			n++;
	json_t *metadata = safetensors_metadata(meta);
	if (!err)
		err = safetensors_write(out, v, n, metadata);
	else
		out_abandon(out);
	json_decref(metadata);
	for (int i = 0; i < n; i++)
		fd2_array_free(&v[i]);
	free(v);
	return err;
}
