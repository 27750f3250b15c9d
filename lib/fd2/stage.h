/* The face of lib/fd2: the paper's stages, and how a tool runs one.
 *
 * teacher trains and applies teachers (fd2-teacher, fd2-protos, fd2-attn), select chooses real
 * images (fd2-select), distill makes images (fd2-distill), labels labels them (fd2-relabel), and
 * student learns from them (fd2-eval). expert and match make images without a teacher (fd2-expert,
 * fd2-match). All of them use batch to turn images into tensors. A stage is a function of a struct
 * of settings, declared in a header of its folder.
 *
 * Stages need libtorch and are in libfd2-torch.so, which is opened only after options and inputs
 * have been checked: loading libtorch takes a quarter of a second, which --help should not. A main
 * calls fd2_start, checks its options, and ends with stage_end(stage_x, &config). */
#ifndef FD2_STAGE_H
#define FD2_STAGE_H
#include "lib/base/err.h"
#include "lib/base/start.h"

/* Opens libfd2-torch.so, starts libtorch on common.device with common.threads, runs stage(config)
 * and exits with the status of fd2_finish; the compiler checks the type of config. Skips libtorch's
 * destructors, which take longer than some stages. */
#define stage_end(stage, config) ((void)sizeof stage(config), stage_exit(#stage "_entry", config))
NO_RETURN void stage_exit(const char *entry, const void *config);

/* Defines a stage's entry, with the type that stage_exit calls; goes next to the stage's
 * definition. */
#define STAGE(stage)                                                                               \
	int stage##_entry(const void *config);                                                     \
	int stage##_entry(const void *config)                                                      \
	{                                                                                          \
		return stage(config);                                                              \
	}
#endif
