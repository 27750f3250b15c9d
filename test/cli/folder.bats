#!/usr/bin/env bats
# Photographs of one's own: their formats, and fd2-import folder.

bats_require_minimum_version 1.5.0
load helpers

@test "folder: every format, depth, kind of colour and orientation decodes as Pillow decodes it" {
	need_python
	run -0 "$python" "$root/test/cli/photos.py" "${FD2_BIN:-$root/build/bin}/../test/photo"
	[[ ${lines[-1]} == *" images compared, 0 differ" ]]
}
