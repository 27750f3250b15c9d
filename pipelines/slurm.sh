#!/usr/bin/env bash
#SBATCH --cpus-per-task=8
# Makes one of the files of a list: a task of a Slurm array, or of any other scheduler that sets
# SLURM_ARRAY_TASK_ID, counted from 1.
#
#   make -s -f pipelines/paper/cub.mk ARCHIVE=CUB_200_2011.tgz THREADS=8 list-sets >sets
#   sbatch --array=1-$(wc -l <sets) pipelines/slurm.sh sets \
#       -f pipelines/paper/cub.mk ARCHIVE=CUB_200_2011.tgz THREADS=8
#
# list-sets prints the files of all sets, one batch of classes each, after it has made what they
# share, so that no two tasks make it; list-teachers and list-students likewise. The arguments after
# the list are given to make and must be those that made the list. All tasks work in the same
# folder. Submit the number of a task that was stopped again to resume it.
set -euo pipefail

if (($# < 3)); then
	echo "usage: SLURM_ARRAY_TASK_ID=N slurm.sh LIST -f MAKEFILE [VARIABLE=VALUE ...]" >&2
	exit 2
fi
task=${SLURM_ARRAY_TASK_ID:?is not set: start this as an array, sbatch --array=1-N}
if [[ ! $task =~ ^[0-9]+$ ]] || ((10#$task == 0)); then
	echo "slurm.sh: task $task: lines are counted from 1 (sbatch --array=1-N)" >&2
	exit 1
fi
target=$(sed -n "$((10#$task))p" "$1" | tr -d '\r')
if [ -z "$target" ]; then
	echo "slurm.sh: '$1' has no line $task" >&2
	exit 1
fi
exec make "${@:2}" "$target"
