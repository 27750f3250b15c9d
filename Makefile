# fd2: distil a fine-grained image data set. `make help` lists the targets.
#
#   make V=1             show every command
#   make WERROR=1        warnings are errors, as in `make check`
#   make CFLAGS=-O3      CC CXX CPPFLAGS CFLAGS CXXFLAGS LDFLAGS work as usual. CC can be clang; CXX
#                        is GCC, because libtorch's OpenMP is libgomp
#   make LIBTORCH=/dir   your own libtorch (a folder with include/ and lib/), not the pinned wheel
#   make CUDA=1          download CUDA's libraries and compiler too, for --device cuda
#   make NVCC=/dir/nvcc  CUDA's compiler, if it is not on the PATH; NVCC= builds without kernels

VERSION = 0.1.0
PREFIX = /usr/local
DESTDIR =
B = build
V =
CFLAGS ?= -O2 -g
# Full debug information on libtorch's headers would take as long as compiling them.
CXXFLAGS ?= -O2 -g1
WERROR ?= $(filter check%,$(MAKECMDGOALS))
# Not from the environment, where CUDA may be a folder.
CUDA =
export FD2_DATA ?= ../shared/data

.DELETE_ON_ERROR:
.DEFAULT_GOAL = all
MAKEFLAGS += --no-builtin-rules
# All cores, unless the caller says how many: -j on the command line wins.
ifeq ($(MAKELEVEL)$(findstring -j,$(shell echo "$$MAKEFLAGS")),0)
MAKEFLAGS += -j$(shell nproc)
endif
SHELL = /bin/bash
.SHELLFLAGS = -euo pipefail -c
Q = $(if $(V),,@)
say = @mkdir -p $(@D)$(if $(V),,; printf '  %-4s %s\n' $(1) $(2))

include tools/build/deps.mk

# What is needed in addition to the user's flags

warn = -Wall -Wextra -Wno-missing-field-initializers
werror = $(if $(WERROR),-Werror)
torch_include = -isystem $(LIBTORCH)/include -isystem $(LIBTORCH)/include/torch/csrc/api/include
cppflags = -I. -ffile-prefix-map=$(CURDIR)=. -D_GNU_SOURCE -DFD2_VERSION='"$(VERSION)"' \
	-DFD2_LIBTORCH_VERSION='"$(TORCH_VERSION)"' $(call pc_cflags,CORE_PC) $(CPPFLAGS)
cflags = -std=c11 -fPIC -fvisibility=default $(warn) $(CFLAGS)
cxxflags = -std=c++17 -fPIC -fvisibility=hidden -fopenmp $(torch_include) $(warn) $(CXXFLAGS)
# Kernels for A100 and H100, and PTX of the latter for newer GPUs. An element is rounded as on the
# CPU: no fused multiply-add.
nvccflags = -std=c++17 -O3 -fmad=false -gencode arch=compute_80,code=sm_80 \
	-gencode arch=compute_90,code=[sm_90,compute_90] \
	-Xcompiler=-Wall,-Wextra,-fPIC,-fvisibility=hidden
nvcc_werror = $(if $(WERROR),-Werror all-warnings -Xcompiler=-Werror)
LIBS = $(call pc,CORE_PC) -lm -lpthread -ldl
cc = $(CC) $(cppflags) $(cflags) $(werror) -MMD -MP -c -o $@ $<
cxx = $(CXX) $(cppflags) $(cxxflags) $(werror) -MMD -MP -c -o $@ $<
nvcc = $(NVCC) -I. $(nvccflags) $(nvcc_werror) -MMD -MP -c -o $@ $<

# Sources

C_FORMATS = $(wildcard lib/base/*.c formats/*.c formats/*/*.c)
# Only fd2-import reads MATLAB files and photographs that are not JPEGs, only fd2-exchange PNGs.
C_PHOTO = lib/image/png.c $(wildcard lib/photo/*.c)
C_IMPORT = $(C_PHOTO) $(wildcard lib/data/import/*.c)
C_EXCHANGE = lib/image/png.c $(wildcard lib/data/exchange/*.c)
C_CORE = $(C_FORMATS) $(filter-out lib/image/png.c,$(wildcard lib/image/*.c lib/data/*.c)) \
	lib/fd2/stage.c
C_TORCH = $(wildcard lib/kernels/*.c lib/nn/*.c lib/fd2/*/*.c)
CC_TORCH = $(wildcard lib/torch/*.cc)
CU = $(wildcard lib/cuda/*.cu)
TOOLS = $(patsubst tools/%.c,%,$(wildcard tools/fd2-*.c))
obj = $(patsubst %,$(B)/obj/%.o,$(basename $(1)))
CORE = $(B)/lib/fd2/libfd2.so
TORCH = $(B)/lib/fd2/libfd2-torch.so
PLUGINS = $(if $(NVCC),$(B)/lib/fd2/libfd2-cuda.so $(B)/lib/fd2/libfd2-graphs.so)

.PRECIOUS: $(B)/obj/%.o
.PHONY: all deps install uninstall wheel dist html map clean distclean help FORCE \
	compile_commands.json
# Tools in shell, and what they read
MODULES = $(patsubst %,$(B)/lib/fd2/%,statistics.jq plot.jq plot.gp publish.bash report.bash \
	report.jq report.css)
SCRIPTS = $(patsubst %,$(B)/bin/fd2-%,compare plot report) $(MODULES)
FORMATS = $(B)/lib/libfd2fmt.a $(B)/lib/pkgconfig/fd2fmt.pc
BUILT = $(TOOLS:%=$(B)/bin/%) $(SCRIPTS) $(CORE) $(TORCH) $(PLUGINS) $(FORMATS)
all: deps $(BUILT) ## build everything (the default)

help: ## list the targets
	@sed -n 's/^\([a-z][a-z0-9_.-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

# Objects depend on this text of their flags.
FLAGS = $(CC) $(CXX) $(NVCC) $(cppflags) $(cflags) $(cxxflags) $(nvccflags) $(LDFLAGS) \
	$(LIBS) $(photo_libs)
ifneq ($(strip $(FLAGS)),$(file <$(B)/flags))
$(B)/flags: FORCE
endif
$(B)/flags: export TEXT = $(strip $(FLAGS))
$(B)/flags: | $(DEPS) $(CUDA_LIBS)
	@mkdir -p $(B); printf '%s\n' "$$TEXT" >$@

# Compiling and linking

$(B)/obj/%.o: %.c $(B)/flags
	$(call say,cc,$<)
	$(Q)$(cc)

$(B)/obj/%.o: %.cc $(B)/flags
	$(call say,c++,$<)
	$(Q)$(cxx)

# graphs.cc needs CUDA's headers.
$(B)/obj/lib/cuda/graphs.o: lib/cuda/graphs.cc $(B)/flags
	$(call say,nvcc,$<)
	$(Q)$(nvcc) $(torch_include)

$(B)/obj/%.o: %.cu $(B)/flags
	$(call say,nvcc,$<)
	$(Q)$(nvcc)

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

$(CORE): $(call obj,$(C_CORE))
	$(call say,ld,$@)
	$(Q)$(CC) -shared $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIBS) -Wl,-z,defs

# For programs of others: needs neither libtorch nor libfd2.so.
C_PUBLIC = $(wildcard lib/base/*.c formats/*.c formats/shard/*.c formats/stream/*.c)
$(B)/lib/libfd2fmt.a: $(call obj,$(C_PUBLIC)) $(wildcard formats/fd2/*.h) tools/build/public-library
	$(call say,ar,$@)
	$(Q)CC='$(CC)' AR='$(AR)' tools/build/public-library $@ $(filter %.o %.h,$^)

$(B)/lib/pkgconfig/fd2fmt.pc: formats/fd2fmt.pc.in $(B)/flags
	$(call say,sed,$@)
	$(Q)sed 's/@VERSION@/$(VERSION)/; s/@MSGPACK@/$(lastword $(CORE_PC))/' $< >$@

# The first folder is the installed tree's, the second the build tree's.
OUR_RPATH = '$$ORIGIN/site/torch/lib:$$ORIGIN/../../site/torch/lib'
TORCH_RPATH = -Wl,-rpath,$(if $(OURS),$(OUR_RPATH),$(abspath $(LIBTORCH)/lib))
link_torch = $(CXX) -shared $(LDFLAGS) -o $@ $(filter %.o,$^) -L$(@D) -lfd2 -L$(LIBTORCH)/lib \
	-ltorch_cpu -lc10 -l:libgomp.so.1 $(LIBS) -Wl,-rpath,'$$ORIGIN' $(TORCH_RPATH) -Wl,-z,defs
$(TORCH): $(call obj,$(C_TORCH) $(CC_TORCH)) $(CORE)
	$(call say,ld,$@)
	$(Q)$(link_torch)

# Loaded by libfd2-torch.so on demand. It contains the CUDA runtime, to load without a driver.
$(B)/lib/fd2/libfd2-cuda.so: $(call obj,$(CU))
	$(call say,ld,$@)
	$(Q)$(NVCC) -shared -cudart static -L$(dir $(NVCC))../lib -Xlinker -z,defs -o $@ \
		$(filter %.o,$^)

# Loaded after libtorch_cuda, which defines what it lacks: the CPU's libtorch has no such library.
$(B)/lib/fd2/libfd2-graphs.so: $(B)/obj/lib/cuda/graphs.o
	$(call say,ld,$@)
	$(Q)$(CXX) -shared $(LDFLAGS) -o $@ $<

to_core = -L$(B)/lib/fd2 $(1) -lfd2 $(LIBS) -Wl,--as-needed -Wl,-rpath,'$$ORIGIN/../lib/fd2'
$(B)/bin/%: $(B)/obj/tools/%.o $(CORE)
	$(call say,ld,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(TOOL_LIBS) $(to_core)

$(B)/bin/fd2-import: $(call obj,$(C_IMPORT))
$(B)/test/photo: $(call obj,$(C_PHOTO))
$(B)/bin/fd2-import $(B)/test/photo: TOOL_LIBS = $(call pc,IMPORT_PC)
$(call obj,$(C_IMPORT) test/c/photo.c): private cppflags += $(call pc_cflags,IMPORT_PC) \
	$(photo_libs:%=-DHAVE_%)
$(B)/bin/fd2-exchange $(B)/test/exchange: $(call obj,$(C_EXCHANGE))
$(B)/bin/fd2-exchange $(B)/test/exchange: TOOL_LIBS = $(call pc,EXCHANGE_PC)
$(call obj,$(C_EXCHANGE)): private cppflags += $(call pc_cflags,EXCHANGE_PC)

$(filter $(B)/bin/%,$(SCRIPTS)): $(B)/bin/%: tools/%
$(B)/lib/fd2/statistics.jq: pipelines/statistics.jq
$(filter-out %/statistics.jq,$(MODULES)): $(B)/lib/fd2/%: tools/%
$(SCRIPTS):
	$(call say,cp,$@)
	$(Q)cp $< $@

include pipelines/pipelines.mk test/cuda/cuda.mk test/test.mk

html: ## manuals and pages as one linked folder: build/html
	@tools/build/packages mandoc=mandoc lowdown=lowdown; tools/build/html $(B)/html

# Installing and releasing

install: all ## install tools, libraries, headers, man pages, completion: PREFIX= DESTDIR=
	@tools/build/install '$(DESTDIR)$(PREFIX)' $(B) '$(CORE) $(TORCH) $(PLUGINS)' \
		$(and $(OURS),$(SITE) $(if $(CUDA),cuda,cpu))
	@echo "  fd2 $(VERSION) is installed below $(DESTDIR)$(PREFIX)"

uninstall: ## remove exactly what install put below PREFIX
	@tools/build/uninstall '$(DESTDIR)$(PREFIX)'

wheel: all $(B)/wheel-tools/ok ## a wheel that uses the torch of its Python environment
	@tools/build/wheel $(B) $(B) $(VERSION) $(TORCH_VERSION) '$(CORE) $(TORCH) $(PLUGINS)'

dist: ## the source archive of HEAD: build/fd2-VERSION.tar.gz
	@mkdir -p $(B)
	git archive --prefix=fd2-$(VERSION)/ HEAD | gzip -n9 >$(B)/fd2-$(VERSION).tar.gz

clean: ## remove what was built, but not what was downloaded
	rm -rf $(B)/{obj,bin,lib,test,gpu,emulated,asan,bench,html,flags,*.whl,*.tar.gz}

distclean: ## remove the build tree
	rm -rf $(B)
