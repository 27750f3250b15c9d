#include "formats/shard/member-name.h"

#include <archive_entry.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/names.h"

/* Returns the composed text, a new string. Uses libarchive, which composes what it converts from
 * UTF-8, so that names equal those that it reads from a pax header. */
static char *compose(char *text)
{
	bool ascii = true;
	for (const char *c = text; *c; c++)
		ascii &= !(*c & 0x80);
	struct archive_entry *e = ascii ? NULL : archive_entry_new();
	const char *composed =
	    e && archive_entry_update_pathname_utf8(e, text) ? archive_entry_pathname(e) : NULL;
	char *made = xstrdup(composed ? composed : text);
	archive_entry_free(e);
	free(text);
	return made;
}

/* Adds a path's components to `to`, separated by single slashes. ".." removes the last one if `up`
 * allows it. False: the path leads out, or is too long. */
static bool add_components(char *to, const char *path, bool up)
{
	while (*path) {
		size_t n = strcspn(path, "/"), have = strlen(to);
		if (n == 2 && !strncmp(path, "..", 2)) {
			char *slash = strrchr(to, '/');
			if (!up || !have)
				return false;
			*(slash ? slash : to) = '\0';
		} else if (n && !(n == 1 && *path == '.')) {
			if (have + n + 1 > MEMBER_NAME_MAX)
				return false;
			if (have)
				to[have++] = '/';
			memcpy(to + have, path, n);
			to[have + n] = '\0';
		}
		path += n;
		path += strspn(path, "/");
	}
	return true;
}

int member_name(char to[MEMBER_NAME_MAX + 1], const char *shard, const char *raw)
{
	char *name = compose(name_utf8(raw));
	int err = 0;
	*to = '\0';
	if (strlen(name) > MEMBER_NAME_MAX)
		err = fail("'%s': the name of member '%.40s...' is longer than %d bytes", shard,
		    name, MEMBER_NAME_MAX);
	else if (*name == '/' || !add_components(to, name, false))
		err = fail("'%s': the name of member '%s' leads out of the archive", shard, name);
	free(name);
	return err;
}

int member_link_target(char to[MEMBER_NAME_MAX + 1], const char *link, const char *raw)
{
	char *name = compose(name_utf8(raw));
	const char *slash = strrchr(link, '/');
	size_t n = slash ? (size_t)(slash - link) : 0;
	memcpy(to, link, n);
	to[n] = '\0';
	int err = *name != '/' && add_components(to, name, true) ? 0 : -1;
	free(name);
	return err;
}
