# What the tests are built from, and the targets that run them.

TESTS = $(patsubst test/c/%.c,$(B)/test/%,$(wildcard test/c/*.c))
# Tests that need libtorch are those that include its side of the library.
TORCH_TESTS := $(patsubst test/c/%.c,$(B)/test/%, \
	$(shell grep -lsE 'include "lib/(torch/tensor|nn/|fd2/)' test/c/*.c))
.PHONY: tests check check-full check-asan check-fresh parity bench lint asan asan-here

tests: deps $(TESTS) $(B)/test/batch $(B)/test/held-out $(GPU) $(GPU_TESTS)

$(TORCH_TESTS): $(TORCH)
$(TESTS): $(B)/test/%: $(B)/obj/test/c/%.o $(CORE)
	$(call say,ld,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(TOOL_LIBS) \
		$(if $(filter $@,$(TORCH_TESTS)),-L$(B)/lib/fd2 -lfd2-torch) $(to_core)

# Print batches for the tests of fd2-stream(5), and held-out images.
$(B)/test/batch $(B)/test/held-out: $(B)/test/%: $(B)/obj/test/cli/%.o $(TORCH)
	$(call say,ld,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $< -L$(B)/lib/fd2 -lfd2-torch $(to_core)

# A second tree, of what needs no libtorch.
ASAN = -fsanitize=address,undefined -fno-sanitize-recover=all
asan: deps
	@$(MAKE) --no-print-directory B=$(B)/asan DEPS=$(DEPS) LIBTORCH=$(LIBTORCH) CUDA= \
		WERROR='$(WERROR)' CFLAGS='-O1 -g $(ASAN)' CXXFLAGS='-O1 -g1 $(ASAN)' \
		LDFLAGS='$(ASAN)' asan-here
asan-here: $(filter-out $(TORCH_TESTS),$(TESTS)) $(B)/bin/fd2-look $(B)/bin/fd2-import

CHECKED = all tests asan $(B)/venv/ok $(B)/wheel-tools/ok
check: $(CHECKED) ## run every test; the last line counts them
	@test/run

check-full: $(CHECKED) ## the same with ResNet-18 where a small network does in `make check`
	@FD2_TEST_ARCH=resnet18 test/run

check-asan: asan deps-check ## only the tests with address and undefined-behaviour sanitizers
	@test/run asan

lint: $(B)/venv/ok ## check layout, shell scripts, man pages and the layers of includes
	@test/run lint

check-fresh: ## `make demo` and `make check` on bare machines: ROOTS='noble-*' (root; hours)
	@set -f; test/fresh $(ROOTS)

parity: all ## compare networks, losses and optimisers with torchvision
	@test/parity/run

$(B)/bench/decode: $(B)/obj/test/bench/decode.o $(CORE)
	$(call say,ld,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $< $(call to_core)
ifeq ($(DEVICE),cuda)
SHARD ?= $(FD2_DATA)/cars40-train.tar,$(FD2_DATA)/flowers50-train.tar,$(FD2_DATA)/nette-train.tar
else
SHARD ?= $(FD2_DATA)/cars40-val.tar
bench: all $(B)/bench/decode
endif
bench: ## time against PyTorch: SHARD= ARCHS= ROUNDS= BATCH=; DEVICE=cuda builds nothing
	@export FD2_BIN=$(abspath $(B)/bin) $(if $(filter cuda,$(DEVICE)),, \
		PYTHON="$${PYTHON:-$$(test/parity/venv)}"); test/bench/run '$(SHARD)' $(ARCHS)

map: ## the includes between folders, as text and, with graphviz, as lib/map.svg
	@test/map lib/map.svg

compile_commands.json: ## for clangd and other tools that parse C
	@$(MAKE) --no-print-directory -Bn V=1 all tests | \
		jq -nR --arg directory '$(CURDIR)' -f tools/build/compile-commands.jq >$@
