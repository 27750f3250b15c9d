/* Students in training: what the files of fd2-eval's stage share. */
#ifndef FD2_EVALUATION_H
#define FD2_EVALUATION_H
#include "lib/fd2/labels/label-pool.h"
#include "lib/fd2/labels/label-set.h"
#include "lib/fd2/student/eval.h"
#include "lib/fd2/student/student.h"
#include "lib/nn/checkpoint.h"

/* What a loop returns, besides 0 and -1, when a signal asked it to stop. */
struct evaluation {
	const struct eval_config *config;
	struct label_set labels;          /* no stream: the values of the options */
	struct dataset images, val, test; /* test: empty without --test */
	struct student *students;         /* config->n_students */
	struct trained *trained;          /* the same, for the checkpoint */
	struct checkpoint checkpoint;
	struct batch batch;
	Tensor *x, *teacher, *targets; /* of full batches: of their lessons */
	struct epoch epoch;            /* of labels */
	struct pool pool;              /* with --reuse-labels */
	int epochs;                    /* of the students */
	long val_every;                /* 0: only after the last one */
	size_t label_bytes;            /* of the tensors that were used */
	/* where training is: finished epochs, finished batches of the next one */
	int done, batches_done;
};

/* eval-inputs.c: the caller has set config. -1: fail_message names the inputs that do not belong
 * together, or the output that cannot be written. */
int evaluation_prepare(struct evaluation *ev);

/* eval-lesson.c: batch i of epoch e, which is rendered. Full batches use the same tensors every
 * time. */
struct lesson evaluation_lesson(struct evaluation *ev, int e, int i);

/* eval.c */
/* The views of epoch e, the next one, and its labels: read, or drawn here. 1; 0: the labels have
 * ended; -1: fail_message. */
int evaluation_next_epoch(struct evaluation *ev, long epoch);
/* A step of each student on batch i of that epoch. -1: fail_message. */
int evaluation_train_batch(struct evaluation *ev, int epoch, int i);
/* Counts every student's scores on d. STOPPED; -1: fail_message. */
int evaluation_measure(struct evaluation *ev, const struct dataset *d);

/* eval-plan.c: of what is left to do. A dry run uses the labels up. -1: fail_message. */
int evaluation_tell_plan(struct evaluation *ev);

/* eval-resume.c */
/* Restores the state of an interrupted run. */
int evaluation_load(struct evaluation *ev);
/* Saves the state between two steps. */
int evaluation_save(struct evaluation *ev);
/* After a signal: saves and returns -1 with the sentence that says how to go on. */
int evaluation_stop(struct evaluation *ev);

/* eval-finished.c. 1: a run with --resume finds these students' lines, and says so; 0: there is
 * work; -1: they are of other students. */
int evaluation_finished(const struct evaluation *ev);

/* eval-results.c */
/* Who learned what: the keys of a line that a run knows before it begins. */
json_t *result_task(const struct evaluation *ev, const struct student *s);
/* A digest of what the students of a run share: the options that were given, and what they learn
 * from and are measured on. What a line names itself is left out. */
json_t *made_from(const struct evaluation *ev);
/* The rest is called when the students have learned and were measured on test, or on val without
 * it. */

/* The student as a tensor stream, or as safetensors where the name ends so; nothing without
 * --save. */
int save_student(const struct evaluation *ev);
/* A JSON line per student: accuracies as fractions, as DD-Ranking has them; no times, so that the
 * same run gives the same bytes. */
int print_results(const struct evaluation *ev);
/* A JSON line per student, class by class; nothing without --report. */
int print_report(const struct evaluation *ev);
/* What each student cost, to the log and to the reader of --verbose. */
void log_costs(const struct evaluation *ev);
#endif
