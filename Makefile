# fd2: distil a fine-grained image data set. `make help` lists the targets.
#
#   make V=1              show every command
#   make OPT='-O0 -g'     other flags; what they touch is rebuilt
#   make LIBTORCH=/dir    a libtorch of your own (a folder with include/ and lib/) instead of the pinned wheel
#   make CUDA=1           everything for --device cuda: CUDA's libraries and compiler are fetched beside libtorch
#   make NVCC=/dir/nvcc   CUDA's compiler, if it is not on the PATH; NVCC= builds without the kernels for --device cuda
#   make PKG_CONFIG_PATH=… CC=… CXX=…    as everywhere

.DELETE_ON_ERROR:
.DEFAULT_GOAL = all
MAKEFLAGS += --no-builtin-rules
SHELL = /bin/bash
.SHELLFLAGS = -euo pipefail -c

CC = gcc
CXX = g++
AR = ar
V =
Q = $(if $(V),,@)
say = $(if $(V),,@printf '  %-4s %s\n' $(1) $(2))
VERSION = 0.1.0
B = build
PREFIX = /usr/local
DESTDIR =
export FD2_DATA ?= ../shared/data

# --- what fd2 builds on -------------------------------------------------------------------------------------------------

TORCH_VERSION := $(shell sed -n 's/^torch==\([0-9.]*\).*/\1/p' lib/torch/requirements.txt)
SITE = $(B)/site
LIBTORCH ?= $(or $(shell pkg-config --variable=prefix 'libtorch = $(TORCH_VERSION)' 2>/dev/null),$(SITE)/torch)
LIBTORCH := $(LIBTORCH)
# Empty when libtorch is somebody else's: then it is neither fetched nor installed, and found by its absolute path.
OURS = $(filter $(SITE)/torch,$(LIBTORCH))
# Prints "2.11.0"; the numbers moved from the second header to the first in 2.10.
torch_version = cat $(patsubst %,$(LIBTORCH)/include/torch/%/version.h,headeronly csrc/api/include/torch) 2>/dev/null | \
	sed -n 's/^.define TORCH_VERSION_\(MAJOR\|MINOR\|PATCH\) //p' | head -n 3 | paste -sd. || true
# Not from the environment, where CUDA may be a folder.
CUDA =
CUDA_LIBS = $(if $(CUDA),$(SITE)/nvidia/ok)
has_torch = [ -e $(LIBTORCH)/lib/libtorch_cpu.so ] && [ "$$($(torch_version))" = $(TORCH_VERSION) ]

# Probe=Debian package, as tools/build/packages takes them: what `make` needs, and what the tests and the demo call besides.
BUILD_NEEDS = gcc=gcc g++=g++ pkg-config=pkg-config libarchive.pc=libarchive-dev jansson.pc=libjansson-dev libjpeg.pc=libjpeg-dev \
	msgpack-c.pc,msgpack.pc=libmsgpack-c-dev,libmsgpack-dev nettle.pc=nettle-dev zlib.pc=zlib1g-dev matio.pc=libmatio-dev libpng.pc=libpng-dev
# And what is built without where it cannot be had: WebP and AVIF in fd2-import.
BUILD_WISHES = libwebpdemux.pc=libwebp-dev libavif.pc=libavif-dev
CHECK_NEEDS = bats=bats mandoc=mandoc shellcheck=shellcheck jq=jq column=bsdextrautils file=file xz=xz-utils zstd=zstd venv=python3-venv
msgpack = $(shell pkg-config --exists msgpack-c 2>/dev/null && echo msgpack-c || echo msgpack)
pkgs = $(shell pkg-config --$(1) libarchive jansson libjpeg $(msgpack) nettle zlib 2>/dev/null)

# --- flags: not ':=', because pkg-config may be installed only after this file was read ---------------------------------

WARN = -Wall -Wextra -Werror -Wno-missing-field-initializers
OPT = -O2 -g
# For example -fsanitize=address,undefined; compiler and linker get it.
SAN =
CPPFLAGS = -I. -ffile-prefix-map=$(CURDIR)=. -D_GNU_SOURCE -DFD2_VERSION='"$(VERSION)"' -DFD2_LIBTORCH_VERSION='"$(TORCH_VERSION)"'
CFLAGS = -std=c11 $(OPT) $(WARN) -fPIC -fvisibility=default
CXXFLAGS = -std=c++17 $(OPT) $(WARN) -fPIC -fvisibility=hidden -fopenmp \
	-isystem $(LIBTORCH)/include -isystem $(LIBTORCH)/include/torch/csrc/api/include
# Kernels for A100 and H100, and PTX of the latter for newer ones. An element is rounded as on the CPU: no fused multiply-add.
NVCCFLAGS = -std=c++17 -O3 -fmad=false -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90,code=[sm_90,compute_90] \
	-Werror all-warnings -Xcompiler=-Wall,-Wextra,-Werror,-fPIC,-fvisibility=hidden
NVCC ?= $(if $(CUDA),$(SITE)/nvidia/cu13/bin/nvcc,$(shell command -v nvcc))
NVCC := $(NVCC)
ifneq ($(CUDA),)
ifeq ($(and $(OURS),$(NVCC)),)
$(error CUDA=1 completes the libtorch that make fetches: give neither LIBTORCH= nor an empty NVCC=)
endif
endif
LDFLAGS =
LIBS = $(call pkgs,libs) -lm -lpthread -ldl
FLAGS = $(CC) $(CXX) $(CPPFLAGS) $(call pkgs,cflags) $(CFLAGS) $(CXXFLAGS) $(NVCCFLAGS) $(SAN) $(LDFLAGS) $(LIBS) $(photo_libs)

# --- sources ------------------------------------------------------------------------------------------------------------

C_FORMATS = $(wildcard lib/base/*.c formats/*.c formats/*/*.c)
# MATLAB files are read by fd2-import alone, so only it needs libmatio.
C_IMPORT = $(wildcard lib/data/import/*.c) $(C_PHOTO)
C_PHOTO = lib/image/png.c $(wildcard lib/photo/*.c)
photo_libs = $(foreach l,libwebpdemux libavif,$(shell pkg-config --exists $l 2>/dev/null && echo $l))
# Likewise PNGs and libpng.
C_EXCHANGE = lib/image/png.c $(wildcard lib/data/exchange/*.c)
C_CORE = $(C_FORMATS) $(filter-out lib/image/png.c,$(wildcard lib/image/*.c lib/data/*.c)) lib/fd2/stage.c
C_TORCH = $(wildcard lib/kernels/*.c lib/nn/*.c lib/fd2/*/*.c)
CC_TORCH = $(wildcard lib/torch/*.cc)
CU = $(wildcard lib/cuda/*.cu)
TOOLS = $(patsubst tools/%.c,%,$(wildcard tools/fd2-*.c))
SCRIPTS = $(B)/bin/fd2-compare $(B)/lib/fd2/statistics.jq
TESTS = $(patsubst test/c/%.c,$(B)/test/%,$(wildcard test/c/*.c))
# Tests that need libtorch are those that include its side of the library.
TORCH_TESTS := $(patsubst test/c/%.c,$(B)/test/%,$(shell grep -lsE 'include "lib/(torch/tensor|nn/|fd2/)' test/c/*.c))
obj = $(patsubst %,$(B)/obj/%.o,$(basename $(1)))
CORE = $(B)/lib/fd2/libfd2.so
TORCH = $(B)/lib/fd2/libfd2-torch.so
PLUGINS = $(if $(NVCC),$(B)/lib/fd2/libfd2-cuda.so $(B)/lib/fd2/libfd2-graphs.so)

.PRECIOUS: $(B)/obj/%.o $(B)/obj/emulated/%.cc
.PHONY: all tests asan asan-here deps deps-check check check-asan check-fresh check-cuda parity bench lint demo study-cars40 study-methods \
	study-nette install wheel uninstall clean distclean help FORCE
all: deps $(TOOLS:%=$(B)/bin/%) $(SCRIPTS) $(CORE) $(TORCH) $(PLUGINS) $(B)/lib/libfd2fmt.a $(B)/lib/pkgconfig/fd2fmt.pc ## build everything (the default); kernels for --device cuda where nvcc is found

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 14

# --- dependencies -------------------------------------------------------------------------------------------------------

# Two stamps that hold what they were made for. A text that differs from it makes the rule run, without starting a process.
DEPS = $(B)/deps
ifneq ($(LIBTORCH),$(and $(wildcard $(LIBTORCH)/lib/libtorch_cpu.so),$(file <$(DEPS))))
$(DEPS): FORCE
endif
ifneq ($(strip $(FLAGS)),$(file <$(B)/flags))
$(B)/flags: FORCE
endif
$(B)/flags: | $(DEPS) $(CUDA_LIBS)
	@: $(shell mkdir -p $(B))$(file >$@,$(strip $(FLAGS)))

# A folder of nothing but the wheels that a list names.
pip_into = rm -rf $(1); PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --target $(1) \
	--no-deps --only-binary=:all: --require-hashes
# Those of a list with libtorch, unpacked into $(SITE).part.
fetch = $(call pip_into,$(SITE).part) --python-version 3.11 --implementation cp \
	$(patsubst %,--platform %_x86_64,manylinux_2_28 manylinux_2_27 manylinux_2_25 manylinux_2_18 manylinux_2_17 manylinux2014) -r $(1)

deps: $(DEPS) $(CUDA_LIBS) ## install what is missing: Debian packages (as root or by sudo), libtorch into build/site
$(DEPS): Makefile lib/torch/requirements.txt
	@mkdir -p $(B); tools/build/packages $(BUILD_NEEDS) $(if $(OURS),$$($(has_torch) || echo pip=python3-pip)) -- $(BUILD_WISHES)
ifneq ($(OURS),)
	@$(has_torch) || { [ "$$(uname -m)" = x86_64 ] || \
		{ echo "no wheel of libtorch is pinned for $$(uname -m): give yours with LIBTORCH=" >&2; exit 1; }; \
	echo "  pip  libtorch $(TORCH_VERSION), about 550 MB"; $(call fetch,lib/torch/requirements.txt); \
	rm -rf $(SITE); mv $(SITE).part $(SITE); }
endif
	@$(has_torch) || { v=$$($(torch_version)); v=$${v:+libtorch $$v}; \
	echo "$(LIBTORCH) is $${v:-no libtorch}; fd2 is built for $(TORCH_VERSION)" >&2; exit 1; }
	@echo '$(LIBTORCH)' >$@

$(SITE)/nvidia/ok: lib/torch/requirements-cuda.txt | $(DEPS)
	@echo "  pip  CUDA's libraries and compiler, about 2.1 GB"; $(call fetch,$<)
	@cp -alf $(SITE).part/. $(SITE)/; rm -rf $(SITE).part; touch $@

deps-check: $(B)/deps.check
$(B)/deps.check: Makefile | $(DEPS)
	@tools/build/packages $(CHECK_NEEDS)
	@touch $@

# For the tests that read our files with Python, and the layout of C; without it they are skipped, and say so.
$(B)/venv/ok: test/requirements.txt | $(B)/deps.check
	@rm -rf $(@D); { python3 -m venv $(@D) && $(@D)/bin/python -m pip install --quiet --disable-pip-version-check \
		--only-binary=:all: --require-hashes -r $< && touch $@; } || echo "  no $(@D): the tests that need it are skipped" >&2

# --- compiling and linking ----------------------------------------------------------------------------------------------

$(B)/obj/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,cc,$<)
	$(Q)$(CC) $(CPPFLAGS) $(call pkgs,cflags) $(CFLAGS) $(SAN) -MMD -MP -c -o $@ $<

$(B)/obj/%.o: %.cc $(B)/flags
	@mkdir -p $(@D)
	$(call say,c++,$<)
	$(Q)$(CXX) $(CPPFLAGS) $(CXXFLAGS) $(SAN) -MMD -MP -c -o $@ $<

$(B)/obj/%.o: %.cu $(B)/flags
	@mkdir -p $(@D)
	$(call say,nvcc,$<)
	$(Q)$(NVCC) -I. $(NVCCFLAGS) -MMD -MP -c -o $@ $<

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

$(CORE): $(call obj,$(C_CORE))
	@mkdir -p $(@D)
	$(call say,ld,$@)
	$(Q)$(CC) -shared $(SAN) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIBS) -Wl,-z,defs

# For programs of others: needs no libtorch and no libfd2.so. Only what formats/fd2 declares is global in it.
C_PUBLIC = $(wildcard lib/base/*.c formats/*.c formats/shard/*.c formats/stream/*.c)
$(B)/lib/libfd2fmt.a: $(call obj,$(C_PUBLIC)) $(wildcard formats/fd2/*.h)
	@mkdir -p $(@D); rm -f $@
	$(call say,ar,$@)
	$(Q)grep -ohE '\bfd2_[a-z0-9_]+\(' $(filter %.h,$^) | tr -d '(' | sort -u >$@.symbols
	$(Q)$(CC) -r -nostdlib -o $(@:.a=.o) $(filter %.o,$^)
	$(Q)objcopy --keep-global-symbols=$@.symbols $(@:.a=.o)
	$(Q)$(AR) rcs $@ $(@:.a=.o)
	$(Q)rm $@.symbols $(@:.a=.o)

$(B)/lib/pkgconfig/fd2fmt.pc: formats/fd2fmt.pc.in $(B)/flags
	@mkdir -p $(@D)
	$(Q)sed 's/@VERSION@/$(VERSION)/; s/@MSGPACK@/$(msgpack)/' $< >$@

# The first folder is the installed tree's, the second the build tree's.
TORCH_RPATH = $(if $(OURS),-Wl$(,)-rpath$(,)'$$ORIGIN/site/torch/lib:$$ORIGIN/../../site/torch/lib',-Wl$(,)-rpath$(,)$(abspath $(LIBTORCH)/lib))
, = ,
link_torch = $(CXX) -shared $(LDFLAGS) -o $@ $(filter %.o,$^) -L$(@D) -lfd2 -L$(LIBTORCH)/lib -ltorch_cpu -lc10 \
	-l:libgomp.so.1 $(LIBS) -Wl,-rpath,'$$ORIGIN' $(TORCH_RPATH) -Wl,-z,defs
$(TORCH): $(call obj,$(C_TORCH) $(CC_TORCH)) $(CORE)
	@mkdir -p $(@D)
	$(call say,ld,$@)
	$(Q)$(link_torch)

# Loaded by libfd2-torch.so on demand. The CUDA runtime is in it, so that it loads where no driver is.
$(B)/lib/fd2/libfd2-cuda.so: $(call obj,$(CU))
	@mkdir -p $(@D)
	$(call say,ld,$@)
	$(Q)$(NVCC) -shared -cudart static -L$(dir $(NVCC))../lib -Xlinker -z,defs -o $@ $(filter %.o,$^)

# Loaded behind libtorch_cuda, which has what it lacks; a libtorch for the CPU has no such library to link with.
$(B)/obj/lib/cuda/graphs.o: lib/cuda/graphs.cc $(B)/flags
	@mkdir -p $(@D)
	$(call say,nvcc,$<)
	$(Q)$(NVCC) -I. -std=c++17 -O2 -Xcompiler=-Wall,-Wextra,-Werror,-fPIC,-fvisibility=hidden -isystem $(LIBTORCH)/include \
		-isystem $(LIBTORCH)/include/torch/csrc/api/include -MMD -MP -c -o $@ $<
$(B)/lib/fd2/libfd2-graphs.so: $(B)/obj/lib/cuda/graphs.o
	@mkdir -p $(@D)
	$(call say,ld,$@)
	$(Q)$(CXX) -shared $(LDFLAGS) -o $@ $<

to_core = -L$(B)/lib/fd2 $(1) -lfd2 $(LIBS) -Wl,--as-needed -Wl,-rpath,'$$ORIGIN/../lib/fd2'
$(B)/bin/%: $(B)/obj/tools/%.o $(CORE)
	@mkdir -p $(@D)
	$(call say,ld,$@)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $(filter %.o,$^) $(TOOL_LIBS) $(to_core)

$(B)/bin/fd2-compare: tools/fd2-compare
$(B)/lib/fd2/statistics.jq: pipelines/statistics.jq
$(SCRIPTS):
	@mkdir -p $(@D)
	$(Q)cp $< $@

$(B)/bin/fd2-import: $(call obj,$(C_IMPORT))
$(B)/test/photo: $(call obj,$(C_PHOTO))
$(B)/bin/fd2-import $(B)/test/photo: TOOL_LIBS = $(shell pkg-config --libs matio libpng $(photo_libs))
$(call obj,$(C_PHOTO) test/c/photo.c): private CPPFLAGS += $(shell pkg-config --cflags libpng $(photo_libs)) $(photo_libs:%=-DHAVE_%)
$(call obj,$(C_IMPORT)): private CPPFLAGS += $(shell pkg-config --cflags matio)
$(B)/bin/fd2-exchange $(B)/test/exchange: $(call obj,$(C_EXCHANGE))
$(B)/bin/fd2-exchange $(B)/test/exchange: TOOL_LIBS = $(shell pkg-config --libs libpng)
$(call obj,$(C_EXCHANGE)): private CPPFLAGS += $(shell pkg-config --cflags libpng)

# A GPU for tests where none is: the kernels as C++, and behind LD_LIBRARY_PATH an fd2 that runs them for --device cuda.
EMULATED = $(CU:lib/cuda/%.cu=$(B)/obj/emulated/%.o)
GPU = $(B)/emulated/lib/libfd2-torch.so
$(B)/obj/emulated/%.cc: lib/cuda/%.cu
	@mkdir -p $(@D)
	@{ echo '#line 1 "$<"'; sed -E -e 's/(\w+)<<<(.*)>>>\(/launch(\1, \2)(/' \
		-e 's/extern __shared__ (\w+) (\w+)\[\]/\1 *\2 = launch_shared<\1>()/' $<; } >$@
emulate = $(CXX) -Itest/cuda/emulated $(CPPFLAGS) $(CXXFLAGS) -ffp-contract=off $(SAN) -MMD -MP -c -o $@ $<
$(B)/obj/emulated/%.o: $(B)/obj/emulated/%.cc $(B)/flags
	$(call say,c++,$<)
	$(Q)$(emulate)
$(B)/obj/emulated/%.o: lib/cuda/%.cc $(B)/flags
	@mkdir -p $(@D)
	$(call say,c++,$<)
	$(Q)$(emulate)
$(GPU): $(filter-out %/torch/cuda.o,$(call obj,$(C_TORCH) $(CC_TORCH) test/cuda/emulated/device.cc)) $(EMULATED) \
		$(B)/obj/emulated/graphs.o $(CORE)
	@mkdir -p $(@D); ln -f $(CORE) $(@D)/
	$(call say,ld,$@)
	$(Q)$(link_torch)
$(B)/test/kernels $(B)/test/render: $(EMULATED)
$(B)/test/kernels $(B)/test/render: TOOL_LIBS = -lstdc++
# The CPU's passes are the oracle, and plain C.
$(B)/test/kernels: $(call obj,lib/kernels/frozen-rows.c lib/kernels/pixel-rows.c lib/kernels/pool-rows.c)

# The same test for a GPU: the plug-in's kernels, in memory that both sides read.
GPU_TESTS = $(if $(NVCC),$(B)/gpu/kernels $(B)/gpu/times)
$(B)/obj/gpu/kernels.o: test/c/kernels.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,cc,$<)
	$(Q)$(CC) -include test/cuda/pinned.h $(CPPFLAGS) $(call pkgs,cflags) $(CFLAGS) -MMD -MP -c -o $@ $<
$(B)/gpu/kernels: $(B)/obj/gpu/kernels.o $(call obj,lib/kernels/frozen-rows.c lib/kernels/pixel-rows.c lib/kernels/pool-rows.c)
$(B)/gpu/kernels: $(call obj,test/cuda/pinned.cu)
$(B)/gpu/times: $(call obj,test/cuda/times.cu)
$(B)/gpu/kernels $(B)/gpu/times: $(call obj,$(CU)) $(CORE)
	@mkdir -p $(@D)
	$(call say,ld,$@)
	$(Q)$(NVCC) -cudart static -o $@ $(filter %.o,$^) -L$(B)/lib/fd2 -lfd2 -Xlinker -rpath,'$$ORIGIN/../lib/fd2'

$(TORCH_TESTS): $(TORCH)
$(TESTS): $(B)/test/%: $(B)/obj/test/c/%.o $(CORE)
	@mkdir -p $(@D)
	$(call say,ld,$@)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $(filter %.o,$^) $(TOOL_LIBS) $(if $(filter $@,$(TORCH_TESTS)),-L$(B)/lib/fd2 -lfd2-torch) $(to_core)

# Prints batches for the tests of fd2-stream(5).
$(B)/test/batch: $(B)/obj/test/cli/batch.o $(TORCH)
	@mkdir -p $(@D)
	$(call say,ld,$@)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $< -L$(B)/lib/fd2 -lfd2-torch $(to_core)

# --- tests --------------------------------------------------------------------------------------------------------------

check: all tests asan $(B)/venv/ok $(B)/wheel-tools/ok ## run every test; the last line counts them
	@test/run

check-asan: asan deps-check ## run the tests of formats and images with address and undefined-behaviour checks
	@test/run asan

check-fresh: ## run `make demo` and `make check` on bare machines, Debian and Ubuntu: ROOTS='noble-*' (root, mmdebstrap; hours)
	@set -f; test/fresh $(ROOTS)

# Builds and installs nothing: a machine with a GPU may have neither compiler nor network.
check-cuda: ## on a GPU, after `make all tests`: kernels, networks and losses beside their oracles, and whole runs beside the CPU's
	@FD2_BIN=$(abspath $(B)/bin) FD2_TESTS=$(abspath $(B)) test/cuda/check

parity: all ## compare networks, losses and optimisers with torchvision in a throw-away virtual environment
	@test/parity/run

$(B)/bench/decode: $(B)/obj/test/bench/decode.o $(CORE)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $< $(call to_core)
BENCH_SHARD = $(if $(filter cuda,$(DEVICE)),$(FD2_DATA)/cars40-train.tar$(,)$(FD2_DATA)/flowers50-train.tar$(,)$(FD2_DATA)/nette-train.tar,$(FD2_DATA)/cars40-val.tar)
bench: $(if $(filter cuda,$(DEVICE)),,all $(B)/bench/decode) ## time an iteration against PyTorch programs, in turn: SHARD= (real images of BATCH classes; several with ',') ARCHS= ROUNDS= BATCH=; DEVICE=cuda builds nothing
	@export FD2_BIN=$(abspath $(B)/bin); $(if $(filter cuda,$(DEVICE)),,export PYTHON="$${PYTHON:-$$(test/parity/venv)}"; )\
	test/bench/run '$(or $(SHARD),$(BENCH_SHARD))' $(ARCHS)

lint: $(B)/venv/ok ## look over shell scripts, man pages and the C layout
	@test/run lint

tests: deps $(TESTS) $(B)/test/batch $(GPU) $(GPU_TESTS)

ASAN = OPT='-O1 -g' SAN='-fsanitize=address,undefined -fno-sanitize-recover=all'
asan: deps
	@$(MAKE) --no-print-directory B=$(B)/asan DEPS=$(DEPS) LIBTORCH=$(LIBTORCH) $(ASAN) CUDA= asan-here
asan-here: $(filter-out $(TORCH_TESTS),$(TESTS)) $(filter %/fd2-look %/fd2-import,$(TOOLS:%=$(B)/bin/%))

# --- whole runs -----------------------------------------------------------------------------------------------------------

demo: all deps-check ## the main job on generated data, with pictures and a table; DATA= and VAL=: on yours
	@PATH="$(abspath $(B)/bin):$$PATH" DATA='$(DATA)' VAL='$(VAL)' OUT='$(B)/demo' pipelines/demo

study-cars40: all ## the whole chain on photographs, repeated: TRAIN= VAL= (about an hour on two cores)
	@PATH="$(abspath $(B)/bin):$$PATH" TRAIN='$(TRAIN)' VAL='$(VAL)' OUT='$(B)/study-cars40' pipelines/studies/cars40

study-methods: all ## Random, RDED, SRe2L++ and FADRM+ with and without FD2, three seeds: TRAIN= VAL= IPC= SIZE= (hours on two cores)
	@PATH="$(abspath $(B)/bin):$$PATH" TRAIN='$(TRAIN)' VAL='$(VAL)' OUT='$(B)/study-methods' pipelines/studies/methods

study-nette: all ## teachers of every backbone, and resnet18 beside a plain torchvision loop: TRAIN= VAL= (about half an hour)
	@PATH="$(abspath $(B)/bin):$$PATH" TRAIN='$(TRAIN)' VAL='$(VAL)' OUT='$(B)/study-nette' PYTHON="$$(test/parity/venv)" pipelines/studies/nette

# --- installing: lib/fd2/installed lists what was put where, folders we made with a '/' at the end --------------------------

install: all ## put tools, libraries, headers, man pages and completion below PREFIX (/usr/local; DESTDIR is honoured)
	@tools/build/install '$(DESTDIR)$(PREFIX)' $(B) '$(CORE) $(TORCH) $(PLUGINS)' $(and $(OURS),$(SITE) $(if $(CUDA),cuda,cpu))
	@echo "  fd2 $(VERSION) is installed below $(DESTDIR)$(PREFIX)"

$(B)/wheel-tools/ok: tools/build/requirements.txt | $(DEPS)
	@tools/build/packages pip=python3-pip; $(call pip_into,$(@D)) -r $<
	@touch $@

wheel: all $(B)/wheel-tools/ok ## a wheel whose tools use the torch of their Python environment: build/fd2-*.whl
	@tools/build/wheel $(B) $(B) $(VERSION) $(TORCH_VERSION) '$(CORE) $(TORCH) $(PLUGINS)'

uninstall: ## remove exactly what install put below PREFIX
	@to='$(DESTDIR)$(PREFIX)'; [ -f "$$to/lib/fd2/installed" ] || { echo "no fd2 is installed below $$to" >&2; exit 1; }; \
	cd "$$to"; list=$$(LC_ALL=C sort -r lib/fd2/installed); grep -v '/$$' <<<"$$list" | xargs -d '\n' rm -f --; \
	{ grep '/$$' <<<"$$list" || true; } | xargs -rd '\n' rmdir --ignore-fail-on-non-empty --

clean: ## remove what was built, but not what was downloaded
	rm -rf $(B)/{obj,bin,lib,test,gpu,emulated,asan,flags}

distclean: ## remove the build tree
	rm -rf $(B)
