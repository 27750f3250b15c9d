/* usage: state FILE OUT: what the reader finds in a file of weights, as safetensors. */
#include <stdlib.h>

#include "formats/weights/safetensors.h"
#include "formats/weights/state.h"
#include "lib/base/err.h"

int main(int argc, char **argv)
{
	struct state_reader *r =
	    argc == 3 ? state_open(argv[1]) : fail_null("usage: state FILE OUT");
	struct array *v = NULL, a;
	int n = 0, got;
	if (!r)
		die("%s", fail_message());
	while ((got = state_next(r, &a)) > 0) {
		v = xrealloc(v, (size_t)n + 1, sizeof *v);
		v[n++] = a;
	}
	struct out *out = got ? NULL : out_open(argv[2], 0);
	if (!out || safetensors_write(out, v, n, NULL) < 0)
		die("%s", fail_message());
	for (int i = 0; i < n; i++)
		fd2_array_free(&v[i]);
	free(v);
	state_close(r);
	return 0;
}
