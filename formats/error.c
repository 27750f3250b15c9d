#include "formats/fd2/error.h"

#include "lib/base/err.h"

const char *fd2_error(void)
{
	return fail_message();
}
