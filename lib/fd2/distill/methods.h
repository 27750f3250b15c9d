/* The table of base methods: X(identifier, name). To add one, add a line here and a file that
 * defines `const struct method IDENTIFIER`; option table, --help and completion follow. */
#ifndef FD2_METHODS_H
#define FD2_METHODS_H
#include "lib/fd2/distill/initial.h"
#include "lib/fd2/distill/method.h"

#define FD2_METHODS(X)                                                                             \
	X(sre2l, "sre2l")                                                                          \
	X(sre2l_plus, "sre2l++")                                                                   \
	X(cda, "cda")                                                                              \
	X(lpld, "lpld")                                                                            \
	X(g_vbsm, "g-vbsm")                                                                        \
	X(edc, "edc")                                                                              \
	X(fadrm, "fadrm")                                                                          \
	X(fadrm_plus, "fadrm+")

#define FD2_METHOD_ID(id, name) METHOD_##id,
enum method_id { FD2_METHODS(FD2_METHOD_ID) METHODS };
/* "sre2l|sre2l++..." for OPT_CHOICE */
#define FD2_METHOD_CHOICE(id, name) "|" name
#define METHOD_CHOICES (&(FD2_METHODS(FD2_METHOD_CHOICE))[1])

/* Options that replace the method's own values. Those not given are OPT_UNSET (whole numbers), NAN,
 * or the enum's UNSET; sizes is empty. */
struct method_config {
	enum method_id method;
	enum start_id start;
	enum bn_form bn_form;
	struct crop_curriculum crops;
	struct layer_match match;
	long steps, roll;
	double lr, r_bn, residual, flatness;
	struct opt_ints sizes; /* seen_sizes */
	long image_size;
};

const struct method *method_of(enum method_id id);
/* Sets *m to the method as config asks for it, with sizes for teachers of `size` pixels. -1:
 * fail_message; the method cannot do that. */
int method_configure(struct method *m, const struct method_config *config, int teachers, int size);
/* Records its settings in provenance, including those that no option gave. */
void method_record(const struct method *m);
#endif
