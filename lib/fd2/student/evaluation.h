/* Students in training: what the files of fd2-eval's stage share. */
#ifndef FD2_EVALUATION_H
#define FD2_EVALUATION_H
#include "lib/fd2/labels/label-pool.h"
#include "lib/fd2/labels/label-set.h"
#include "lib/fd2/student/eval.h"
#include "lib/fd2/student/student.h"
#include "lib/nn/checkpoint.h"

/* A run of fd2-eval: its inputs, its students and how far they are. */
struct evaluation {
	const struct eval_config *config;
	struct label_set labels;          /* without a stream: the options' values */
	struct dataset images, val, test; /* test: empty without --test */
	struct student *students;         /* config->n_students */
	struct trained *trained;          /* the same students, for the checkpoint */
	struct checkpoint checkpoint;
	struct batch batch;
	Tensor *x, *teacher, *targets; /* shared by the lessons of full batches */
	struct epoch epoch;            /* the labels' current epoch */
	struct pool pool;              /* with --reuse-labels */
	int epochs;                    /* epochs of training */
	long val_every;                /* 0: only after the last one */
	size_t label_bytes;            /* size of the label tensors that were used */
	/* progress: finished epochs, and finished batches of the next one */
	int done, batches_done;
};

/* eval-inputs.c. Reads the inputs and starts the students; the caller has set config. 1: the
 * outputs are finished already. -1: fail_message names the inputs that do not belong together, or
 * the output that cannot be written. */
int evaluation_prepare(struct evaluation *ev);

/* eval-lesson.c. Makes the lesson of batch i of epoch e, already rendered. All full batches share
 * the same tensors. */
struct lesson evaluation_lesson(struct evaluation *ev, int e, int i);

/* eval.c */
/* Sets the views of `epoch`, the next one, and its labels: reads them, or draws the views. 1: done;
 * 0: the labels have ended; -1: fail_message. */
int evaluation_next_epoch(struct evaluation *ev, long epoch);
/* Renders batch i of that epoch and takes a step of each student on it. -1: fail_message. */
int evaluation_train_batch(struct evaluation *ev, int epoch, int i);
/* Counts every student's scores on d. STOPPED: a signal came; -1: fail_message. */
int evaluation_measure(struct evaluation *ev, const struct dataset *d);

/* eval-plan.c. Tells what is left to do. A dry run uses up the labels. -1: fail_message. */
int evaluation_tell_plan(struct evaluation *ev);

/* eval-resume.c */
/* Restores the state of an interrupted run. */
int evaluation_load(struct evaluation *ev);
/* Saves the state between two steps. */
int evaluation_save(struct evaluation *ev);
/* After a signal: saves the state and returns -1, with a message that says how to go on. */
int evaluation_stop(struct evaluation *ev);

/* eval-finished.c. 1: --resume found these students' lines, and said so; 0: there is work to do;
 * -1: fail_message, the lines are of other students. */
int evaluation_finished(const struct evaluation *ev);

/* eval-results.c */
/* Returns the keys of a result line that are known before training: who learns what. */
json_t *result_task(const struct evaluation *ev, const struct student *s);
/* Returns a digest of what a run's students share: the options given, what they learn from and what
 * they are measured on. Leaves out what a line itself names. */
json_t *made_from(const struct evaluation *ev);
/* Call the rest once the students are trained and measured on test, or on val without --test. */

/* Writes the student as a tensor stream, or as safetensors if the name ends in ".safetensors"; does
 * nothing without --save. */
int save_student(const struct evaluation *ev);
/* Writes a JSON line per student, with accuracies as fractions, like DD-Ranking. It holds no times,
 * so the same run gives the same bytes. */
int print_results(const struct evaluation *ev);
/* Writes a JSON line of per-class results for each student; does nothing without --report. */
int print_report(const struct evaluation *ev);
/* Writes what each student cost to the log and, with --verbose, to the terminal. */
void log_costs(const struct evaluation *ev);
#endif
