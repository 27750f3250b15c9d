/* Prints the first epoch of soft labels as fd2-eval renders it: f32 [N][size][size][3], normalised
 * and mixed. The oracle of render.py in fd2-stream(5). usage: batch LABELS SHARD */
#include <stdio.h>

#include "lib/base/err.h"
#include "lib/fd2/labels/label-set.h"

int main(int argc, char **argv)
{
	struct label_set labels;
	struct dataset images;
	struct batch batch;
	struct epoch epoch;
	if (argc != 3)
		die_usage("expected LABELS and SHARD");
	if (label_set_open(&labels, argv[1]) < 0 ||
	    label_set_images(&labels, &images, argv + 2, 1) < 0)
		die("%s", fail_message());
	batch_init(&batch, labels.batch, labels.size);
	epoch_init(&epoch, images.n, labels.batch, labels.classes, &labels.views);
	if (epoch_read(&epoch, labels.stream, 0, &images, labels.size) <= 0)
		die("%s", fail_message());
	for (int i = 0; i < epoch.batches; i++) {
		int n = epoch_render(&epoch, i, &batch, &images, &labels.normal);
		fwrite(
		    batch.pixels, 3 * sizeof(float), (size_t)n * labels.size * labels.size, stdout);
	}
	return fclose(stdout) ? 1 : 0;
}
