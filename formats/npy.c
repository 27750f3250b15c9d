#include "formats/npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

enum { ALIGN = 64, PREFIX = 10 }; /* magic, version, header length */

/* Returns the *begin bytes before the data: a Python dict, padded with spaces so that the data
 * begin at a multiple of 64, and a newline. Sets *data to the size of the data in bytes. */
static uint8_t *header_f16(int rank, const int64_t *shape, size_t *begin, size_t *data)
{
	char dims[128] = "";
	*data = sizeof(uint16_t);
	for (int i = 0; i < rank; i++) {
		size_t used = strlen(dims);
		snprintf(
		    dims + used, sizeof dims - used, i ? ", %lld" : "%lld", (long long)shape[i]);
		*data *= (size_t)shape[i];
	}
	char *dict = xasprintf("{'descr': '<f2', 'fortran_order': False, 'shape': (%s%s), }", dims,
	    rank == 1 ? "," : "");
	*begin = (PREFIX + strlen(dict) + 1 + ALIGN - 1) / ALIGN * ALIGN;
	size_t length = *begin - PREFIX;
	uint8_t *header = xmalloc(*begin);
	memcpy(header, "\x93NUMPY\x01\x00", 8);
	header[8] = (uint8_t)(length & 255);
	header[9] = (uint8_t)(length >> 8);
	memset(header + PREFIX, ' ', length);
	memcpy(header + PREFIX, dict, strlen(dict));
	header[*begin - 1] = '\n';
	free(dict);
	return header;
}

uint8_t *npy_f16(const void *data, int rank, const int64_t *shape, size_t *size)
{
	size_t begin, n;
	uint8_t *header = header_f16(rank, shape, &begin, &n);
	uint8_t *file = xrealloc(header, begin + n, 1);
	memcpy(file + begin, data, n);
	*size = begin + n;
	return file;
}

bool npy_is_f16(const uint8_t *file, size_t size, int rank, const int64_t *shape, size_t *begin)
{
	size_t n;
	uint8_t *header = header_f16(rank, shape, begin, &n);
	bool is = size == *begin + n && !memcmp(file, header, *begin);
	free(header);
	return is;
}
