#!/usr/bin/env bats
# Figures: coordinates of images, what fd2-plot draws, and fd2-report's page.

bats_require_minimum_version 1.5.0
load helpers

embed() {
	"$python" "$root/pipelines/embed" "$@"
}

# with_sklearn: sets $python to one that has scikit-learn too, or skips the test. make check does
# not install it.
with_sklearn() {
	for python in "$root/build/venv/bin/python" python3; do
		! "$python" -c 'import msgpack, numpy, sklearn' 2>/dev/null || return 0
	done
	skip "no scikit-learn"
}

# clusters FILE: features of 6 classes in a plane, turned into 9 dimensions, and the plane's
# coordinates in FILE.plane
clusters() {
	"$python" - "$1" "$root/test/cli" <<-'END'
		import sys
		import numpy as np
		sys.path.insert(0, sys.argv[2])
		from separation import write
		r = np.random.default_rng(5)
		turn = np.linalg.qr(r.normal(size=(9, 9)))[0][:2]
		features, plane = {}, {}
		for c in range(6):
		    centre = np.array([9 * np.cos(c), 5 * np.sin(c)])
		    for i in range(8):
		        key = f"class-{c}/{i + 1:04d}"
		        plane[key] = centre + 0.3 * r.normal(size=2)
		        features[key] = (plane[key] @ turn + 1).astype("f4")
		write(sys.argv[1], "features", {"inputs": {"teacher": "ab" * 32}}, features)
		np.savetxt(sys.argv[1] + ".plane", np.array(list(plane.values())))
	END
}

@test "embed: PCA keeps the distances of a plane" {
	need_python
	clusters f.fd2
	embed --method pca f.fd2 >pca.tsv
	[ "$(head -n 2 pca.tsv | cut -f 1-3 | xargs)" = "set class id f class-0 0001" ]
	"$python" - <<-'END'
		import numpy as np
		x = np.loadtxt("f.fd2.plane")
		y = np.loadtxt("pca.tsv", skiprows=1, usecols=(3, 4))
		def far(a):
		    return np.linalg.norm(a[:, None] - a[None], axis=2)
		assert y.shape == (48, 2) and far(x).max() > 15
		assert abs(far(x) - far(y)).max() < 1e-3, abs(far(x) - far(y)).max()
		assert abs(y.mean(0)).max() < 1e-3 and y[:, 0].var() > y[:, 1].var()
	END
	embed --method pca --classes 3 --per-class 2 f.fd2 f.fd2 | cut -f 2,3 | tail -n 6 | xargs |
		grep -x 'class-0 0001 class-0 0002 class-2 0001 class-2 0002 class-4 0001 class-4 0002'
}

@test "embed: what it cannot place" {
	need_python
	clusters f.fd2
	run -1 --separate-stderr embed --perplexity 16 f.fd2
	said "embed: perplexity 16 needs 49 images or more, not 48"
	head -c 1000 f.fd2 >cut.fd2
	run -1 --separate-stderr embed cut.fd2
	said "embed: 'cut.fd2' is cut or damaged"
	echo >text
	run -1 --separate-stderr embed text
	said "embed: 'text' is not a stream of attention maps or features"
	run -1 --separate-stderr embed --classes 1 --per-class 2 f.fd2
	said "embed: expected 3 images or more, not 2"
}

@test "embed: t-SNE keeps classes together, and is the same twice" {
	with_sklearn
	clusters f.fd2
	embed f.fd2 >one.tsv
	embed f.fd2 | cmp - one.tsv
	"$python" - <<-'END'
		import numpy as np
		rows = [line.split("\t") for line in open("one.tsv")][1:]
		y = np.array([r[3:] for r in rows], float)
		far = np.linalg.norm(y[:, None] - y[None], axis=2) + 1e9 * np.eye(len(y))
		assert all(rows[i][1] == rows[k][1] for i, k in enumerate(far.argmin(1)))
	END
}
