/* Messages and failure.
 *
 * A message is one line on stderr, in one write: "fd2-distill: cannot read 'a.tar': not a tar
 * archive". Lower case, what failed first, names in single quotes; control characters are replaced
 * by '?'.
 *
 * A function that fails returns fail("...") (always -1) or fail_null("..."), which leave the
 * sentence in a thread-local buffer; fd2_finish prints it. What a stage has to say while it works
 * and when it has worked, it says with warn, say and chat, formats only with warn. A program that
 * does not call fd2_start sees nothing of that. Only tools exit, but for want of memory, and where
 * a thread finds that an image that was read before can no longer be read (lib/data/store.h). */
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

/* Remember a sentence; returns -1 (or NULL). The arguments may include fail_message() itself, to
 * add context in front. */
int fail(const char *fmt, ...) PRINTF_LIKE(1, 2);
void *fail_null(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* The last sentence of this thread; never NULL. */
const char *fail_message(void);

void warn(const char *fmt, ...) PRINTF_LIKE(1, 2); /* verbosity >= 1 */
void say(const char *fmt, ...)
    PRINTF_LIKE(1, 2); /* results and counts for the reader; verbosity >= 1 */
void chat(const char *fmt, ...) PRINTF_LIKE(1, 2);          /* verbosity >= 2 */
void complain(const char *fmt, ...) PRINTF_LIKE(1, 2);      /* always: the sentence of a failure */
void die(const char *fmt, ...) PRINTF_LIKE(1, 2) NO_RETURN; /* exit 1 */
void die_usage(const char *fmt, ...)
    PRINTF_LIKE(1, 2) NO_RETURN; /* exit 2, with the hint "try 'x --help'" */

/* Called before a message is printed, to wipe a progress line. */
extern void (*err_before_print)(void);

/* Replaces control characters, U+0080 to U+009F too, by '?', so that a name out of an archive
 * cannot drive the terminal. */
void plain_text(char *text);
char *plain_copy(const char *text);

/* "1 image", "3 images" for a message; `plural` is "classes", "batches" or ends in a plain -s. */
struct counted {
	char text[64];
};
struct counted counted(long n, const char *plural);

/* Allocation that never returns NULL (dies with a sentence); sizes are multiplied with an
 * overflow check. Free with free(). */
void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2);

#ifdef __cplusplus
}
#endif
#endif
