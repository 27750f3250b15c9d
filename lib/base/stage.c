#include "lib/base/stage.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/libtorch.h"
#include "lib/base/opts.h"

static const char library[] = "libfd2-torch.so";

/* The path of the library beside the one that holds this function. */
static char *beside(void)
{
	Dl_info here;
	if (!dladdr((void *)stage_run, &here) || !here.dli_fname)
		return xstrdup(library);
	const char *slash = strrchr(here.dli_fname, '/');
	int n = slash ? (int)(slash - here.dli_fname) + 1 : 0;
	return xasprintf("%.*s%s", n, here.dli_fname, library);
}

/* ISO C has no cast from void * to a function pointer; POSIX promises that the bytes agree. */
static int function(void *handle, const char *name, void *pointer_to_function)
{
	void *symbol = dlsym(handle, name);
	if (!symbol)
		return fail("%s has no '%s'; is it of another version?", library, name);
	memcpy(pointer_to_function, &symbol, sizeof symbol);
	return 0;
}

int stage_run(const char *name, const void *job)
{
	int (*start)(const char *device, int threads) = NULL, (*run)(const void *job) = NULL;
	const char *(*error)(void) = NULL;
	/* libgomp's threads spin while they wait, on CPUs that other stages could use; read when
	 * it is loaded */
	if (!getenv("OMP_WAIT_POLICY"))
		setenv("GOMP_SPINCOUNT", "1000", 0);
	if (libtorch_load() < 0)
		return -1;
	char *path = beside();
	void *handle = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
	free(path);
	if (!handle)
		return fail("cannot load libtorch: %s", dlerror());
	if (function(handle, "torch_start", &start) < 0 ||
	    function(handle, "tensor_error", &error) < 0 || function(handle, name, &run) < 0)
		return -1;
	if (start(common.device == DEVICE_CUDA ? "cuda" : "cpu", (int)common.threads) < 0)
		return fail("cannot start libtorch: %s", error());
	return run(job);
}
