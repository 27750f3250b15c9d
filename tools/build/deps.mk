# What fd2 is built from, and how it is installed: libtorch, CUDA, Debian packages.

TORCH_VERSION := $(shell sed -n 's/^torch==\([0-9.]*\).*/\1/p' lib/torch/requirements.txt)
SITE = $(B)/site
LIBTORCH ?= $(or $(shell pkg-config --variable=prefix 'libtorch = $(TORCH_VERSION)' 2>/dev/null), \
	$(SITE)/torch)
LIBTORCH := $(strip $(LIBTORCH))
# Empty when libtorch is not ours: then it is neither downloaded nor installed.
OURS = $(filter $(SITE)/torch,$(LIBTORCH))
NVCC ?= $(if $(CUDA),$(SITE)/nvidia/cu13/bin/nvcc,$(shell command -v nvcc))
NVCC := $(NVCC)
CUDA_LIBS = $(if $(CUDA),$(SITE)/nvidia/ok)
ifneq ($(CUDA),)
ifeq ($(and $(OURS),$(NVCC)),)
$(error CUDA=1 adds to the libtorch that make downloads: do not give LIBTORCH= or an empty NVCC=)
endif
endif

# Debian packages, as tools/build/packages takes them: PROBE=PACKAGE.
BUILD_NEEDS = $(firstword $(CC))=gcc $(firstword $(CXX))=g++ pkg-config=pkg-config \
	libarchive.pc=libarchive-dev jansson.pc=libjansson-dev libjpeg.pc=libjpeg-dev \
	msgpack-c.pc,msgpack.pc=libmsgpack-c-dev,libmsgpack-dev nettle.pc=nettle-dev \
	zlib.pc=zlib1g-dev matio.pc=libmatio-dev libpng.pc=libpng-dev
# Those that fd2-import is built without where they cannot be installed: WebP and AVIF.
BUILD_WISHES = libwebpdemux.pc=libwebp-dev libavif.pc=libavif-dev
CHECK_NEEDS = bats=bats mandoc=mandoc shellcheck=shellcheck jq=jq column=bsdextrautils file=file \
	xz=xz-utils zstd=zstd venv=python3-venv clang=clang lowdown=lowdown gnuplot=gnuplot-nox

# What pkg-config says about the libraries in a variable. It is asked once; a failure is not kept,
# because `deps` may install what is missing.
CORE_PC = libarchive jansson libjpeg nettle zlib \
	$(shell pkg-config --exists msgpack-c 2>/dev/null && echo msgpack-c || echo msgpack)
PHOTO_PC = libpng $(photo_libs)
photo_libs = $(foreach l,libwebpdemux libwebp libavif, \
	$(shell pkg-config --exists $l 2>/dev/null && echo $l))
IMPORT_PC = matio $(PHOTO_PC)
EXCHANGE_PC = libpng
pc = $(or $(pc_$(1)),$(eval pc_$(1) := $$(shell pkg-config --cflags --libs $($(1)) 2>/dev/null)) \
	$(pc_$(1)))
pc_cflags = $(filter-out -l% -L% -Wl%,$(call pc,$(1)))

# This stamp holds the libtorch that it was made for.
DEPS = $(B)/deps
ifneq ($(LIBTORCH),$(and $(wildcard $(LIBTORCH)/lib/libtorch_cpu.so),$(file <$(DEPS))))
$(DEPS): FORCE
endif
.PHONY: deps deps-check
deps: $(DEPS) $(CUDA_LIBS) ## install what is missing: Debian packages (root or sudo), libtorch
$(DEPS): tools/build/deps.mk lib/torch/requirements.txt
	@tools/build/deps $(LIBTORCH) $(SITE) $(BUILD_NEEDS) -- $(BUILD_WISHES)
	@mkdir -p $(B); echo '$(LIBTORCH)' >$@

$(SITE)/nvidia/ok: lib/torch/requirements-cuda.txt | $(DEPS)
	@echo "  pip  CUDA's libraries and compiler, about 2.1 GB"
	@tools/build/wheels $(SITE) $<; touch $@

deps-check: $(B)/deps.check
$(B)/deps.check: tools/build/deps.mk | $(DEPS)
	@tools/build/packages $(CHECK_NEEDS)
	@touch $@

# For clang-format and the tests that read our files with Python; without it they are skipped.
$(B)/venv/ok: test/requirements.txt | $(B)/deps.check
	@rm -rf $(@D); { python3 -m venv $(@D) && $(@D)/bin/python -m pip install --quiet \
		--disable-pip-version-check --only-binary=:all: --require-hashes -r $< && \
		touch $@; } || echo "  no $(@D): the tests that need it are skipped" >&2

$(B)/wheel-tools/ok: tools/build/requirements.txt | $(DEPS)
	@tools/build/packages pip=python3-pip; tools/build/pip-into $(@D) $<; touch $@
