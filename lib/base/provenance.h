/* Whether two runs have the same settings and inputs: what --resume asks of the record
 * (fd2_provenance) that an earlier run left, maybe one of an earlier version of fd2.
 *
 * An option that the record lacks had its default, which is what it does when it is not given.
 * Threads and the version of fd2 may differ. */
#ifndef FD2_PROVENANCE_H
#define FD2_PROVENANCE_H
#include <jansson.h>

/* For json_dumps: a decimal as it was given. 17 digits make 0.10000000000000001 of 0.1, which jq
 * 1.7 tells from 0.1. */
#define JSON_DECIMALS JSON_REAL_PRECISION(15)

/* 0 where every entry of `now` is the same in `was`. -1: "'x' was made with --lr 0.1, not with
 * --lr 0.05"; `what` is the file's name. */
int settings_agree(const char *what, const json_t *was, const json_t *now);
/* The same for all options of two runs: "'x' was made with --y 3, which this fd2-distill does not
 * have". */
int options_agree(const char *what, const json_t *was, const json_t *now);
/* The same for other entries: "'x' was made with images 100, not 120". */
int entries_agree(const char *what, const json_t *was, const json_t *now);
/* The same for two records and what a stage adds to them: "'x' was made with teacher 1a2b..., not
 * 3c4d...". */
int provenance_agree(const char *what, const json_t *was, const json_t *now);
#endif
