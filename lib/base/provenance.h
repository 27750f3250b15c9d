/* Checks whether two runs have the same settings and inputs, for --resume: compares the record
 * (opts_provenance) that an earlier run left, perhaps by an earlier version of fd2.
 *
 * An option that the record lacks had its default. Threads and the version of fd2 may differ. */
#ifndef FD2_PROVENANCE_H
#define FD2_PROVENANCE_H
#include <jansson.h>

/* For json_dumps: writes a decimal as it was given. 17 digits would turn 0.1 into
 * 0.10000000000000001, which jq 1.7 distinguishes from 0.1. */
#define JSON_DECIMALS JSON_REAL_PRECISION(15)

/* All return 0, or -1 with fail_message; `what` is the file's name. */

/* Checks that each option of `now` is the same in `was`, which may have others. "'x' was made with
 * --lr 0.1, not with --lr 0.05" */
int options_include(const char *what, const json_t *was, const json_t *now);
/* Checks that `was` has the options of `now` and no other one that was given. "'x' was made with
 * --y 3, which this fd2-distill does not have" */
int options_equal(const char *what, const json_t *was, const json_t *now);
/* Checks that each entry of `now` is the same in `was`, which may have others; does not compare
 * their options. "'x' was made with images 100, not 120" */
int entries_include(const char *what, const json_t *was, const json_t *now);
/* Checks that two records have equal options, and `was` each entry of `now`, including those that a
 * stage adds to opts_provenance(). "'x' was made with teacher 1a2b..., not 3c4d..." */
int provenance_agree(const char *what, const json_t *was, const json_t *now);
#endif
