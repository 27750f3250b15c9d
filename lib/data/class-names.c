#include "lib/data/class-names.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "formats/input.h"
#include "formats/shard/shard.h"
#include "lib/base/err.h"
#include "lib/base/names.h"

enum { TEXT_MAX = 16 << 20 };

static int read_shard(char ***names, int *n, const char *path)
{
	struct shard_reader *r = fd2_shard_open((char *[]){(char *)path}, 1);
	struct sample s;
	int got = -1;
	while (r && (got = fd2_shard_next(r, &s)) > 0)
		;
	const char *const *classes = got ? NULL : fd2_shard_classes(r, n);
	if (!got && !classes)
		got = fail("'%s' names no classes", path);
	else if (!got)
		*names = names_copy(classes, *n);
	if (r)
		fd2_shard_close(r);
	return got;
}

static int read_lines(char ***names, int *n, struct blob *text, const char *path)
{
	static const char mark[] = "\xef\xbb\xbf"; /* Windows puts it before UTF-8 */
	char *at = (char *)text->data, *next;
	*names = NULL;
	*n = 0;
	if (!strncmp(at, mark, strlen(mark)))
		at += strlen(mark);
	for (; *at; at = next) {
		next = at + strcspn(at, "\n");
		next += *next == '\n';
		size_t length = (size_t)(next - at);
		while (length && isspace((unsigned char)at[length - 1]))
			length--;
		at[length] = '\0';
		if (!length)
			continue;
		*names = xrealloc(*names, (size_t)*n + 1, sizeof **names);
		(*names)[(*n)++] = name_utf8(at);
	}
	return *n ? 0 : fail("'%s' names no classes", path);
}

static int check_text(const struct blob *text, const char *path)
{
	const char *s = (const char *)text->data;
	if (!strncmp(s, "\xff\xfe", 2) || !strncmp(s, "\xfe\xff", 2))
		return fail("'%s' is UTF-16; save it as UTF-8", path);
	return strlen(s) < text->size ? fail("'%s' is not a text", path) : 0;
}

static int read_text(char ***names, int *n, struct input *in, const char *path)
{
	struct blob text = {0};
	int err = input_read_all(in, &text, TEXT_MAX);
	if (!err)
		err = check_text(&text, path);
	if (!err)
		err = read_lines(names, n, &text, path);
	free(text.data);
	return err;
}

int class_names_read(char ***names, int *n, const char *path)
{
	struct stat st;
	bool folder = strcmp(path, "-") && !stat(path, &st) && S_ISDIR(st.st_mode);
	struct input *in = folder ? NULL : input_open(path);
	if (!folder && !in)
		return -1;
	int content = folder ? CONTENT_TAR : input_content(in), err = content < 0 ? -1 : 0;
	bool text = content == CONTENT_OTHER && !input_is_packed(in);
	if (text)
		err = read_text(names, n, in, path);
	input_close(in);
	return err < 0 || text ? err : read_shard(names, n, path);
}
