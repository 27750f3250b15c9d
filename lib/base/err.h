/* Messages and failure.
 *
 * A message is one line on stderr, in one write: "fd2-distill: cannot read 'a.tar': not a tar
 * archive". Lower case, what failed first, names in single quotes; control characters are replaced
 * by '?'.
 *
 * A function that fails returns fail("...") (always -1) or fail_null("..."), which leave the
 * sentence in a thread-local buffer; fd2_finish prints it. Stages report progress and results with
 * warn, say and chat; formats use only warn. A program that does not call fd2_start sees none of
 * these. Only tools exit, except when memory runs out, or when a thread can no longer read an image
 * that was readable before (lib/data/store.h). */
#ifndef FD2_ERR_H
#define FD2_ERR_H
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define NO_RETURN __attribute__((noreturn))

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* Name printed before every message; set by fd2_start. */
extern const char *prog_name;
/* 0: errors only (--quiet; before fd2_start); 1: warnings and results; 2: --verbose. */
extern int verbosity;

/* Store a message; return -1 (or NULL). The arguments may include fail_message() itself, to add
 * context in front. */
int fail(const char *fmt, ...) PRINTF_LIKE(1, 2);
void *fail_null(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Returns this thread's last message; never NULL. */
const char *fail_message(void);

void warn(const char *fmt, ...) PRINTF_LIKE(1, 2); /* verbosity >= 1 */
void say(const char *fmt, ...)
    PRINTF_LIKE(1, 2); /* results and counts for the reader; verbosity >= 1 */
void chat(const char *fmt, ...) PRINTF_LIKE(1, 2);          /* verbosity >= 2 */
void complain(const char *fmt, ...) PRINTF_LIKE(1, 2);      /* always: the message of a failure */
void die(const char *fmt, ...) PRINTF_LIKE(1, 2) NO_RETURN; /* exit 1 */
void die_usage(const char *fmt, ...)
    PRINTF_LIKE(1, 2) NO_RETURN; /* exit 2, with the hint "try 'x --help'" */

/* Called before a message is printed, to wipe a progress line. */
extern void (*err_before_print)(void);

/* Replaces control characters, including U+0080 to U+009F, by '?', so that a name from an archive
 * cannot control the terminal. */
void plain_text(char *text);
char *plain_copy(const char *text);

/* Returns "1 image" or "3 images" for a message; `plural` is "classes", "batches" or ends in a
 * plain -s. */
struct counted {
	char text[64];
};
struct counted counted(long n, const char *plural);

/* Allocate, or end the program with a message; never return NULL. Products of sizes are checked for
 * overflow. Free with free(). */
void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2);

#ifdef __cplusplus
}
#endif
#endif
