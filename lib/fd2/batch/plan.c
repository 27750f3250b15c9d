#include "lib/fd2/batch/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "lib/base/err.h"
#include "lib/base/opts.h"
#include "lib/base/progress.h"

/* Seconds for which a part is timed. Its first call, which allocates what later calls reuse, counts
 * only if it takes that long. */
static const double enough = 2;

/* Returns seconds per unit; < 0: fail_message. */
static double time_part(const struct plan *p, const struct plan_part *part)
{
	double start = elapsed(), done = part->some(p->stage), seconds = elapsed() - start;
	if (done <= 0)
		return -1;
	if (seconds >= enough)
		return seconds / done;
	done = 0;
	start = elapsed();
	do {
		double some = part->some(p->stage);
		if (some <= 0)
			return -1;
		done += some;
	} while (elapsed() - start < enough && done < part->units);
	return (elapsed() - start) / done;
}

static void print_duration(double seconds)
{
	char text[32];
	clock_text(text, sizeof text, seconds + 0.5);
	printf("%s", text);
}

static void print_parts(const struct plan *p, const double *seconds)
{
	double all = 0;
	for (int i = 0; i < PLAN_PARTS && p->parts[i].unit; i++)
		all += p->parts[i].units * seconds[i];
	printf("time    about ");
	print_duration(all);
	for (int i = 0; i < PLAN_PARTS && p->parts[i].unit; i++)
		printf("%s %.0f %s of %.3g ms", i ? "," : ":", p->parts[i].units, p->parts[i].unit,
		    1e3 * seconds[i]);
	printf("\n");
}

static void print_size(const char *name, double bytes)
{
	if (bytes >= 1e9)
		printf("%s%.1f GB\n", name, bytes / 1e9);
	else if (bytes >= 1e6)
		printf("%s%.1f MB\n", name, bytes / 1e6);
	else
		printf("%s%.1f kB\n", name, bytes / 1e3);
}

static void print_memory(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	print_size("memory  ", (double)u.ru_maxrss * 1024);
}

static void print_preset(void)
{
	char *preset = opts_preset();
	if (preset)
		printf("preset  %s\n", preset);
	free(preset);
}

static int estimate(const struct plan *p)
{
	double seconds[PLAN_PARTS];
	int err = 0;
	progress_start("time a few steps", "steps", 0);
	for (int i = 0; i < PLAN_PARTS && p->parts[i].unit && !err; i++)
		err = (seconds[i] = time_part(p, &p->parts[i])) < 0 ? -1 : 0;
	progress_end();
	if (err)
		return err;
	printf("work    %s\n", p->work);
	print_preset();
	print_parts(p, seconds);
	print_memory();
	print_size("output  about ", p->bytes(p->stage));
	return 0;
}

int plan_tell(struct plan *p, bool dry)
{
	int err = dry ? estimate(p) : 0;
	if (!dry)
		chat("%s", p->work);
	free(p->work);
	p->work = NULL;
	return err;
}
