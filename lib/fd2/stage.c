#include "lib/fd2/stage.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/libtorch.h"
#include "lib/base/opts.h"
#include "lib/base/par.h"

static const char library[] = "libfd2-torch.so";

/* Returns the path of the library, in the folder of the file that holds this function. */
static char *library_path(void)
{
	Dl_info here;
	if (!dladdr((void *)stage_exit, &here) || !here.dli_fname)
		return xstrdup(library);
	const char *slash = strrchr(here.dli_fname, '/');
	int n = slash ? (int)(slash - here.dli_fname) + 1 : 0;
	return xasprintf("%.*s%s", n, here.dli_fname, library);
}

/* ISO C has no cast from void * to a function pointer; POSIX promises that both have the same
 * bytes. */
static int find_function(void *handle, const char *name, void *pointer_to_function)
{
	void *symbol = dlsym(handle, name);
	if (!symbol)
		return fail("%s has no '%s'; is it from another version of fd2?", library, name);
	memcpy(pointer_to_function, &symbol, sizeof symbol);
	return 0;
}

/* Replaces --dtype auto and --threads 0 by what they mean here, which provenance then records. */
static int resolve(void *handle)
{
	bool (*bf16_is_faster)(void) = NULL;
	if (find_function(handle, "torch_bf16_is_faster", &bf16_is_faster) < 0)
		return -1;
	if (common.dtype == DTYPE_AUTO)
		common.dtype = bf16_is_faster() ? DTYPE_BF16 : DTYPE_F32;
	common.threads = par_threads();
	return 0;
}

static int run_stage(const char *entry, const void *config)
{
	int (*start)(const char *device, int threads) = NULL, (*run)(const void *) = NULL;
	const char *(*error)(void) = NULL;
	/* libgomp's threads spin while they wait, on CPUs that other stages could use; libgomp
	 * reads this when it is loaded */
	if (!getenv("OMP_WAIT_POLICY"))
		setenv("GOMP_SPINCOUNT", "1000", 0);
	if (libtorch_load() < 0)
		return -1;
	char *path = library_path();
	void *handle = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
	free(path);
	if (!handle)
		return libtorch_no_load(dlerror());
	if (find_function(handle, "torch_start", &start) < 0 ||
	    find_function(handle, "tensor_error", &error) < 0 ||
	    find_function(handle, entry, &run) < 0)
		return -1;
	if (start(common.device == DEVICE_CUDA ? "cuda" : "cpu", (int)common.threads) < 0)
		return fail("cannot start libtorch: %s", error());
	return resolve(handle) < 0 ? -1 : run(config);
}

NO_RETURN void stage_exit(const char *entry, const void *config)
{
	quick_exit(fd2_finish(run_stage(entry, config)));
}
