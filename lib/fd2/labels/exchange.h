/* The stages of fd2-exchange: labels.fd2 + distilled shard -> a label store of the FKD family, and
 * back. Paths are as on the command line. Each stage returns 0, or -1 with fail_message(). */
#ifndef FD2_LABELS_EXCHANGE_H
#define FD2_LABELS_EXCHANGE_H
#include "lib/base/opts.h"
#include "lib/fd2/labels/label-bn.h"

struct fkd_job {
	const char *from, *out;
	struct opt_list images;
	long fkd_seed, size; /* size 0: as STORE.json says, or 224 */
	enum label_bn bn;    /* LABEL_BN_UNSET: as STORE.json says, or batch */
	bool two_branches;   /* write [2,n,K] like FD2's authors, with NaN for CAL */
	enum fkd_branch { FKD_CAL, FKD_BACKBONE } branch; /* branch to read from a store with two */
};
#define FKD_BRANCHES "cal|backbone"
int stage_fkd_write(const struct fkd_job *job);
int stage_fkd_read(const struct fkd_job *job);
#endif
