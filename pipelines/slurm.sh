#!/usr/bin/env bash
#SBATCH --cpus-per-task=8
# Makes one of the files of a list: a task of a Slurm array, or of any other scheduler that sets SLURM_ARRAY_TASK_ID, counted from 1.
#
#   make -s -f pipelines/cub.mk ARCHIVE=CUB_200_2011.tgz THREADS=8 list-sets >sets
#   sbatch --array=1-$(wc -l <sets) pipelines/slurm.sh sets -f pipelines/cub.mk ARCHIVE=CUB_200_2011.tgz THREADS=8
#
# list-sets names the parts of all sets, a batch of classes each, and makes what they share first, so that tasks do not meet at it;
# list-teachers and list-students likewise. What follows the list is given to make: the same as for the list, or settings would have
# changed. All tasks work in the same folder. One that was stopped goes on when its number is submitted again. With GNU parallel,
# here or on other machines (--sshlogin), no script is needed:
#
#   parallel -j 4 make -f pipelines/cub.mk ARCHIVE=CUB_200_2011.tgz THREADS=8 {} :::: sets
set -euo pipefail

if (($# < 3)); then
	echo "usage: SLURM_ARRAY_TASK_ID=N slurm.sh LIST -f MAKEFILE [VARIABLE=VALUE ...]" >&2
	exit 2
fi
target=$(sed -n "${SLURM_ARRAY_TASK_ID:?is not set: start this as an array, sbatch --array=1-N}p" "$1")
if [ -z "$target" ]; then
	echo "slurm.sh: '$1' has no line $SLURM_ARRAY_TASK_ID" >&2
	exit 1
fi
exec make "${@:2}" "$target"
