/* Soft labels: how views are shuffled and mixed, what a stream of them brings back, and how
 * batches are used again. */
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/rng.h"
#include "lib/fd2/labels/label-pool.h"
#include "test/c/check.h"

enum { N = 5, BATCH = 2, BATCHES = 3, K = 3, W = 13, H = 9, S = 8, PIXELS = 3 * S * S };

static const struct normal normal = {{0.5, 0.4, 0.3}, {0.2, 0.3, 0.4}};
static struct item items[N];
static struct dataset set = {.v = items, .n = N};

static void make_set(void)
{
	struct rng r = rng_at(1, RNG_TEST, 0, 0, 0);
	for (int i = 0; i < N; i++) {
		items[i] = (struct item){.key = "class/image", .image = image_new(W, H)};
		for (int k = 0; k < 3 * W * H; k++)
			items[i].image.rgb[k] = (uint8_t)rng_below(&r, 256);
	}
}

static void fill(float *v, int n)
{
	struct rng r = rng_at(2, RNG_TEST, 0, 0, 0);
	for (int i = 0; i < n; i++)
		v[i] = (float)rng_normal(&r);
}

static double mixed(const float *v, int i, int pixel, const struct mix *m, const struct view *views)
{
	int x = pixel / 3 % S, y = pixel / 3 / S;
	double own = v[i * PIXELS + pixel], other = v[views[i].with * PIXELS + pixel];
	if (m->kind == MIX_MIXUP)
		return (double)m->lambda * own + (1 - (double)m->lambda) * other;
	return m->kind == MIX_CUTMIX && x >= m->x0 && x < m->x1 && y >= m->y0 && y < m->y1 ? other
	                                                                                   : own;
}

static void mixes_are_a_sum_or_a_box(void)
{
	static float before[3 * PIXELS], after[3 * PIXELS];
	const struct view views[] = {{.with = 2}, {.with = 0}, {.with = 1}};
	const struct mix mixes[] = {{MIX_NONE, 0.5F, 0, 0, S, S}, {MIX_CUTMIX, 0.5F, 1, 2, 7, 5},
	    {MIX_CUTMIX, 0.5F, 3, 3, 3, 8}, {MIX_MIXUP, 0.25F, 0, 0, 0, 0},
	    {MIX_MIXUP, 0, 0, 0, S, S}, {MIX_MIXUP, 1, 0, 0, 0, 0}};
	for (size_t k = 0; k < sizeof mixes / sizeof *mixes; k++) {
		fill(before, 3 * PIXELS);
		memcpy(after, before, sizeof after);
		mix_apply(after, 3, S, &mixes[k], views);
		for (int i = 0; i < 3 * PIXELS; i++)
			CHECK_NEAR(after[i],
			    mixed(before, i / PIXELS, i % PIXELS, &mixes[k], views), 1e-6);
	}
}

static void mixes_are_drawn_as_named(void)
{
	enum { DRAWS = 4000 };
	double sum = 0, squares = 0;
	int whole = 0;
	struct view v[4];
	for (int i = 0; i < DRAWS; i++) {
		struct mix m = mix_random(MIX_MIXUP, v, 4, S, 7, 0, i);
		CHECK(m.lambda >= 0 && m.lambda <= 1 && m.x0 == m.x1 && m.y0 == m.y1);
		CHECK((1 << v[0].with | 1 << v[1].with | 1 << v[2].with | 1 << v[3].with) == 15);
		sum += (double)m.lambda;
		squares += (double)m.lambda * (double)m.lambda;
		m = mix_random(MIX_CUTMIX, v, 4, S, 7, 0, i);
		CHECK(m.x0 >= 0 && m.x1 <= S && m.y0 >= 0 && m.y1 <= S);
		CHECK((m.x1 - m.x0) * (m.y1 - m.y0) <= (1 - (double)m.lambda) * S * S + 1e-4);
		if (m.x0 > 0 && m.x1 < S && m.y0 > 0 && m.y1 < S) { /* it is not cut */
			int half = (int)(S * sqrt(1 - (double)m.lambda)) / 2;
			CHECK(m.x1 - m.x0 == 2 * half && m.y1 - m.y0 == 2 * half);
			whole += half > 0;
		}
		m = mix_random(MIX_NONE, v, 4, S, 7, 0, i);
		CHECK(m.lambda == 1 && v[0].with == 0 && v[3].with == 3);
	}
	CHECK_NEAR(sum / DRAWS, 0.5, 0.02); /* Beta(1,1) */
	CHECK_NEAR(squares / DRAWS, 1.0 / 3, 0.02);
	CHECK(whole > DRAWS / 10);
	for (int kind = MIX_NONE; kind <= MIX_MIXUP; kind++)
		CHECK(mix_of(mix_name((enum mix_kind)kind)) == kind);
	CHECK(mix_of("cut") == -1);
	for (int fit = FIT_SHORT; fit <= FIT_WHOLE; fit++)
		CHECK((int)fit_of(fit_name((enum fit)fit)) == fit);
	CHECK(!fit_name(FIT_NONE) && fit_of("tall") == FIT_NONE);
}

static void every_order_of_quarters_is_drawn(void)
{
	enum { DRAWS = 4800 };
	static int seen[256];
	struct augment plain = {.min_scale = 0.5}, shuffle = {.min_scale = 0.5, .shuffle = true};
	int orders = 0;
	for (int i = 0; i < DRAWS; i++) {
		struct view a = view_random(&items[0].image, S, &plain, 3, 1, i),
		            b = view_random(&items[0].image, S, &shuffle, 3, 1, i);
		CHECK(!a.shuffled && b.shuffled && !memcmp(&a.box, &b.box, sizeof a.box) &&
		      a.flip == b.flip);
		seen[b.quarters[0] | b.quarters[1] << 2 | b.quarters[2] << 4 |
		     b.quarters[3] << 6]++;
	}
	for (int i = 0; i < 256; i++)
		if (seen[i]) {
			int q[] = {i & 3, i >> 2 & 3, i >> 4 & 3, i >> 6};
			CHECK((1 << q[0] | 1 << q[1] | 1 << q[2] | 1 << q[3]) == 15);
			CHECK_THAT(seen[i] > 130 && seen[i] < 270, "order %d: %d of %d", i, seen[i],
			    DRAWS); /* 200, 5 sigma */
			orders++;
		}
	CHECK(orders == 24);
}

static struct stream_writer *create(const char *path, const struct view_options *v)
{
	json_t *meta = json_object();
	view_options_to_meta(v, meta);
	return stream_create(out_open(path, 0), "labels", meta);
}

static void draw(struct epoch *e, const struct view_options *v, long number)
{
	epoch_init(e, N, BATCH, K, v);
	epoch_draw(e, &set, &(struct view_draw){S, 0.3, 5}, NULL, number);
	for (int i = 0; i < N * K; i++)
		e->logits[i] = (uint16_t)(0x3c00 + number * N * K + i);
}

/* Sample k of an epoch, rendered from pixels that a loop of our own has put in order. */
static void render_alone(float *out, const struct epoch *e, int k)
{
	struct view v = {.box = e->views[k].box, .flip = e->views[k].flip};
	const struct image *im = &items[e->views[k].image].image;
	struct image shuffled = image_new(W, H);
	for (int y = 0; y < H; y++)
		for (int x = 0; x < W; x++) {
			int from_x = x, from_y = y;
			if (e->options.shuffled && x != W / 2 &&
			    y != H / 2) { /* both sides are odd */
				int q = e->views[k].quarters[2 * (y > H / 2) + (x > W / 2)];
				from_x = x % (W / 2 + 1) + (q % 2) * (W / 2 + 1);
				from_y = y % (H / 2 + 1) + (q / 2) * (H / 2 + 1);
			}
			memcpy(
			    shuffled.rgb + 3 * (y * W + x), im->rgb + 3 * (from_y * W + from_x), 3);
		}
	view_render(out, &shuffled, &v, S, &normal);
	image_free(&shuffled);
}

static void check_batch(const struct epoch *e, int i, const struct batch *b)
{
	static float alone[BATCH * PIXELS];
	int n = epoch_size(e, i), first = e->starts[i];
	for (int k = 0; k < n; k++)
		render_alone(alone + k * PIXELS, e, first + k);
	for (int p = 0; p < n * PIXELS; p++)
		CHECK_NEAR(b->pixels[p],
		    mixed(alone, p / PIXELS, p % PIXELS, &e->mixes[i], e->views + first), 1e-6);
}

/* What a reader of the stream renders is what was looked at when it was written, bit for bit,
 * and what the text says. */
static void views_come_back(void)
{
	struct batch written, read;
	batch_init(&written, BATCH, S);
	batch_init(&read, BATCH, S);
	for (int kind = 0; kind < 6; kind++) {
		struct view_options v = {(enum mix_kind)(kind / 2), kind % 2}, found;
		struct epoch e, again;
		draw(&e, &v, 0);
		struct stream_writer *w = create("views.fd2", &v);
		CHECK(w && epoch_write(&e, w, 0) == 0 && fd2_stream_finish(w) == 0);
		struct stream_reader *r = fd2_stream_open("views.fd2", "labels");
		CHECK(r && view_options_from_meta(&found, fd2_stream_meta(r)) == 0 &&
		      found.mix == v.mix && found.shuffled == v.shuffled);
		epoch_init(&again, N, BATCH, K, &found);
		CHECK(epoch_read(&again, r, 0, &set, S) == 1 &&
		      epoch_read(&again, r, 1, &set, S) == 0);
		CHECK(!memcmp(e.logits, again.logits, N * K * sizeof *e.logits));
		for (int i = 0; i < BATCHES; i++) {
			int n = epoch_render(&e, i, &written, &set, &normal);
			CHECK(n == (i == 2 ? 1 : 2) &&
			      epoch_render(&again, i, &read, &set, &normal) == n);
			CHECK(!memcmp(
			    written.pixels, read.pixels, (size_t)n * PIXELS * sizeof(float)));
			check_batch(&again, i, &read);
		}
		/* 2 bytes a logit; 4 ids, 16 box, 1 flip, 4 with a row; 4 lambda, 16 mix a batch */
		CHECK(epoch_bytes(&e) ==
		      (size_t)(N * (2 * K + 25 + (v.shuffled ? 4 : 0)) + BATCHES * 20));
		fd2_stream_close(r);
		epoch_free(&e);
		epoch_free(&again);
	}
	batch_free(&written);
	batch_free(&read);
}

static void meta_is_checked(void)
{
	struct view_options v;
	json_t *meta = json_pack("{s:s}", "mix", "blend");
	CHECK(view_options_from_meta(&v, meta) < 0);
	CHECK_STR(
	    fail_message(), "the labels' meta has mix 'blend', expected one of none|cutmix|mixup");
	json_object_set_new(meta, "mix", json_integer(1));
	CHECK(view_options_from_meta(&v, meta) < 0);
	json_object_clear(meta);
	CHECK(view_options_from_meta(&v, meta) == 0 && v.mix == MIX_CUTMIX && !v.shuffled);
	json_decref(meta);
}

/* Four epochs of which batches 0 and 2, 1, none, and 2 are there. A batch is known by its first
 * logit. */
static const int kept[4][2] = {{0, 0}, {0, 2}, {1, 1}, {3, 2}};
enum { KEPT = 4, EPOCHS = 4 };

static uint16_t mark(int place)
{
	return (uint16_t)(0x3c00 + kept[place][0] * N * K + kept[place][1] * BATCH * K);
}

static void write_kept(const char *path)
{
	const struct view_options v = {MIX_CUTMIX, false};
	struct stream_writer *w = create(path, &v);
	struct epoch e, some;
	epoch_init(&some, N, BATCH, K, &v);
	for (int number = 0; number < EPOCHS; number++) {
		draw(&e, &v, number);
		epoch_clear(&some);
		for (int i = 0; i < KEPT; i++)
			if (kept[i][0] == number)
				epoch_append(&some, &e, kept[i][1]);
		CHECK(epoch_write(&some, w, number) == 0);
		epoch_free(&e);
	}
	CHECK(fd2_stream_finish(w) == 0);
	epoch_free(&some);
}

static struct pool open_pool(const char *path, long epochs, long batches, uint64_t seed)
{
	struct pool p = {.labels = fd2_stream_open(path, "labels"),
	    .images = &set,
	    .size = S,
	    .epochs = epochs,
	    .batches = batches,
	    .seed = seed};
	pool_init(&p, BATCH, K, &(struct view_options){MIX_CUTMIX, false});
	return p;
}

static void close_pool(struct pool *p)
{
	fd2_stream_close(p->labels);
	pool_free(p);
}

/* Which places the batches of `epochs` epochs come from. */
static void go_through(struct pool *p, int epochs, int *places)
{
	struct epoch e;
	epoch_init(&e, N, BATCH, K, &p->read.options);
	for (int n = 0; n < epochs; n++) {
		CHECK(pool_next(p, &e) == 1 && e.batches == BATCHES);
		for (int i = 0; i < BATCHES; i++) {
			int *place = &places[n * BATCHES + i];
			for (*place = 0; *place < KEPT && mark(*place) != e.logits[e.starts[i] * K];
			     ++*place)
				;
			CHECK(*place < KEPT && epoch_size(&e, i) == (kept[*place][1] == 2 ? 1 : 2));
		}
	}
	epoch_free(&e);
}

static void batches_are_used_equally_often(void)
{
	enum { LONG = 8 }; /* 24 steps: six times each */
	int places[LONG * BATCHES], others[LONG * BATCHES], same_order = 0;
	write_kept("kept.fd2");
	struct pool p = open_pool("kept.fd2", EPOCHS, KEPT, 1);
	go_through(&p, 1, places);
	CHECK(p.bytes == 5 * (2 * K + 25) + 3 * 20); /* two epochs: 3 and 2 rows, 2 and 1 batches */
	go_through(&p, LONG - 1, places + BATCHES);
	for (int pass = 0; pass < 6; pass++) {
		int *of = places + pass * KEPT;
		CHECK((1 << of[0] | 1 << of[1] | 1 << of[2] | 1 << of[3]) == 15);
		same_order += !memcmp(of, places, KEPT * sizeof *of);
	}
	for (int i = 0; i < KEPT; i++)
		CHECK(places[i] == i); /* as they come */
	CHECK(same_order < 6);
	CHECK(pool_end(&p) == 0);
	close_pool(&p);
	p = open_pool("kept.fd2", EPOCHS, KEPT, 2);
	go_through(&p, LONG, others);
	CHECK(memcmp(places, others, sizeof places) != 0);
	close_pool(&p);
}

static void pools_are_what_their_meta_promises(void)
{
	struct epoch e;
	epoch_init(&e, N, BATCH, K, &(struct view_options){MIX_CUTMIX, false});
	struct pool few = open_pool("kept.fd2", EPOCHS, KEPT + 1, 1),
	            many = open_pool("kept.fd2", EPOCHS, KEPT - 1, 1),
	            late = open_pool("kept.fd2", EPOCHS - 1, KEPT, 1);
	CHECK(pool_next(&few, &e) == 1 && pool_next(&few, &e) < 0);
	CHECK_STR(
	    fail_message(), "the labels hold only 4 batches, not the 5 that their meta promises");
	CHECK(pool_next(&many, &e) == 1 && pool_end(&many) < 0);
	CHECK_STR(fail_message(),
	    "the labels hold at least 4 batches, not the 3 that their meta promises");
	CHECK(pool_next(&late, &e) == 1 && pool_next(&late, &e) < 0);
	CHECK_STR(fail_message(), "the labels have tensor '3/ids' where whole batches of epoch 2 "
	                          "or a later one are expected");
	close_pool(&few);
	close_pool(&many);
	close_pool(&late);
	epoch_free(&e);
}

int main(void)
{
	char folder[] = "/tmp/fd2-labels.XXXXXX";
	if (!mkdtemp(folder) || chdir(folder) < 0)
		return 1;
	make_set();
	RUN(mixes_are_a_sum_or_a_box);
	RUN(mixes_are_drawn_as_named);
	RUN(every_order_of_quarters_is_drawn);
	RUN(views_come_back);
	RUN(meta_is_checked);
	RUN(batches_are_used_equally_often);
	RUN(pools_are_what_their_meta_promises);
	for (int i = 0; i < N; i++)
		image_free(&items[i].image);
	unlink("views.fd2");
	unlink("kept.fd2");
	return chdir("/") < 0 || rmdir(folder) < 0 ? 1 : check_done();
}
