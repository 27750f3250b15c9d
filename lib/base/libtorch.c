#include "lib/base/libtorch.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/opts.h"
#include "lib/base/par.h"

#ifndef FD2_LIBTORCH_VERSION
#define FD2_LIBTORCH_VERSION "2.11.0"
#endif

enum { VERSION_SIZE = 64, SPACE = 480 << 20 /* bytes that libtorch needs to load */ };

/* Reads the version, "2.11.0+cu130", from PyTorch's version.py; "" if there is none. */
static void version_of(const char *folder, char version[VERSION_SIZE])
{
	char *path = xasprintf("%s/version.py", folder), *line = NULL;
	size_t room = 0;
	FILE *file = fopen(path, "re");
	*version = '\0';
	while (file && !*version && getline(&line, &room, file) >= 0)
		sscanf(line, "__version__ = '%63[^'\n]", version);
	if (file)
		fclose(file);
	free(line);
	free(path);
}

/* Returns what is wrong with the torch in the folder; NULL if it is the release that fd2 was built
 * for, in any build. Another release has another C++ interface. */
static char *problem(const char *folder, const char *version)
{
	if (!*version)
		return xasprintf(
		    "no torch in '%s', and fd2 needs torch %s", folder, FD2_LIBTORCH_VERSION);
	size_t n = strcspn(version, "+");
	if (n != strlen(FD2_LIBTORCH_VERSION) || memcmp(version, FD2_LIBTORCH_VERSION, n) != 0)
		return xasprintf("torch %s in '%s', but fd2 needs torch %s", version, folder,
		    FD2_LIBTORCH_VERSION);
	return NULL;
}

char *libtorch_describe(void)
{
	char version[VERSION_SIZE];
	const char *folder = getenv("FD2_TORCH");
	if (!folder || !*folder)
		return xstrdup("libtorch " FD2_LIBTORCH_VERSION);
	version_of(folder, version);
	char *wrong = problem(folder, version);
	return wrong ? wrong : xasprintf("libtorch %s in '%s'", version, folder);
}

int libtorch_no_load(const char *why)
{
	if (strstr(why, "failed to map segment") || strstr(why, "annot allocate memory"))
		return fail("cannot load libtorch: out of memory (it needs about 1 GB of address "
		            "space; see ulimit -v)");
	return fail("cannot load libtorch: %s", why);
}

/* Checks for a working folder: without one, oneMKL ends the process with a misleading message. */
static int check_folder(void)
{
	char *here = getcwd(NULL, 0);
	bool removed = !here && errno == ENOENT;
	free(here);
	return removed ? fail("the working folder was removed, and libtorch does not start "
	                      "without one: change to another")
	               : 0;
}

/* Checks for memory: without it, libtorch's constructors would end the process. */
static int check_space(void)
{
	void *p = mmap(NULL, SPACE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return libtorch_no_load("cannot allocate memory");
	munmap(p, SPACE);
	return 0;
}

int libtorch_load(void)
{
	char version[VERSION_SIZE];
	const char *folder = getenv("FD2_TORCH");
	if (check_folder() < 0 || check_space() < 0)
		return -1;
	if (common.threads > par_cpus())
		warn("--threads %ld is more than the %d CPUs that this process may use, and slower",
		    common.threads, par_cpus());
	if (!folder || !*folder)
		return 0;
	version_of(folder, version);
	char *wrong = problem(folder, version);
	if (wrong) {
		fail("cannot load libtorch: %s", wrong);
		free(wrong);
		return -1;
	}
	char *path = xasprintf("%s/lib/libtorch_cpu.so", folder);
	void *library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
	free(path);
	return library ? 0 : libtorch_no_load(dlerror());
}
