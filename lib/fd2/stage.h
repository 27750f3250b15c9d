/* The face of lib/fd2: the paper's stages, and how a tool runs one.
 *
 * teacher trains teachers and asks them (fd2-teacher, fd2-protos, fd2-attn), select chooses real
 * images (fd2-select), distill makes images (fd2-distill), labels labels them (fd2-relabel), and
 * student learns from them (fd2-eval). expert and match make images without a teacher (fd2-expert,
 * fd2-match). batch is what all of them use to get from images to tensors. A stage is a function of
 * a struct of settings: each folder has it in a header.
 *
 * Stages need libtorch and live in libfd2-torch.so, which is opened only after options and inputs
 * have been checked: loading libtorch takes a quarter of a second, and --help should not. A main
 * calls fd2_start, checks its options, and ends with stage_end(stage_x, &config). */
#ifndef FD2_STAGE_H
#define FD2_STAGE_H
#include "lib/base/err.h"
#include "lib/base/start.h"

/* Opens libfd2-torch.so, starts libtorch on common.device with common.threads, runs stage(config)
 * and ends the program as fd2_finish does; the compiler checks the type of config. libtorch's
 * destructors are left out: they take longer than some stages. */
#define stage_end(stage, config) ((void)sizeof stage(config), stage_exit(#stage "_entry", config))
NO_RETURN void stage_exit(const char *entry, const void *config);

/* Next to a stage's definition: its entry, with the one type that stage_exit calls. */
#define STAGE(stage)                                                                               \
	int stage##_entry(const void *config);                                                     \
	int stage##_entry(const void *config)                                                      \
	{                                                                                          \
		return stage(config);                                                              \
	}
#endif
