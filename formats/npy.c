#include "formats/npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

enum { ALIGN = 64, PREFIX = 10 }; /* magic, version, header length */

/* The header is a Python dict, padded with spaces so that the data begin at a multiple of 64,
 * ended by a newline. */
uint8_t *npy_f16(const void *data, int rank, const int64_t *shape, size_t *size)
{
	char dims[128] = "";
	size_t count = 1;
	for (int i = 0; i < rank; i++) {
		size_t used = strlen(dims);
		snprintf(
		    dims + used, sizeof dims - used, i ? ", %lld" : "%lld", (long long)shape[i]);
		count *= (size_t)shape[i];
	}
	char *dict = xasprintf("{'descr': '<f2', 'fortran_order': False, 'shape': (%s%s), }", dims,
	    rank == 1 ? "," : "");
	size_t begin = (PREFIX + strlen(dict) + 1 + ALIGN - 1) / ALIGN * ALIGN,
	       header = begin - PREFIX;
	uint8_t *file = xmalloc(begin + 2 * count);
	memcpy(file, "\x93NUMPY\x01\x00", 8);
	file[8] = (uint8_t)(header & 255);
	file[9] = (uint8_t)(header >> 8);
	memset(file + PREFIX, ' ', header);
	memcpy(file + PREFIX, dict, strlen(dict));
	file[begin - 1] = '\n';
	memcpy(file + begin, data, 2 * count);
	free(dict);
	*size = begin + 2 * count;
	return file;
}
