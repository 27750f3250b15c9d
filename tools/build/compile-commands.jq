# The lines of `make -n` as a compilation database.
[inputs
	| select(test(" -c -o .*[.]cc?$"))
	| {$directory, command: ., file: (split(" ") | last)}]
