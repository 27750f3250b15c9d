# The emulated GPU, and the tests that run on a GPU.

# The kernels as C++, and an fd2 behind LD_LIBRARY_PATH that runs them for --device cuda.
EMULATED = $(CU:lib/cuda/%.cu=$(B)/obj/emulated/%.o)
GPU = $(B)/emulated/lib/libfd2-torch.so
GPU_TESTS = $(if $(NVCC),$(B)/gpu/kernels $(B)/gpu/times)
.PRECIOUS: $(B)/obj/emulated/%.cc
.PHONY: check-cuda

$(B)/obj/emulated/%.cc: lib/cuda/%.cu test/cuda/emulated/kernels.sed
	@mkdir -p $(@D); { echo '#line 1 "$<"'; sed -zEf test/cuda/emulated/kernels.sed $<; } >$@
$(B)/obj/emulated/%.o: private cppflags += -Itest/cuda/emulated
$(B)/obj/emulated/%.o: private cxxflags += -ffp-contract=off
$(B)/obj/emulated/%.o: $(B)/obj/emulated/%.cc $(B)/flags
	$(call say,c++,$<)
	$(Q)$(cxx)
$(B)/obj/emulated/%.o: lib/cuda/%.cc $(B)/flags
	$(call say,c++,$<)
	$(Q)$(cxx)
$(GPU): $(filter-out %/torch/cuda.o,$(call obj,$(C_TORCH) $(CC_TORCH))) $(EMULATED) \
		$(call obj,test/cuda/emulated/device.cc) $(B)/obj/emulated/graphs.o $(CORE)
	$(call say,ld,$@)
	$(Q)ln -f $(CORE) $(@D)/; $(link_torch)

# The CPU's passes are the oracle of the kernels, and plain C.
ORACLE = $(call obj,lib/kernels/bn-rows.c lib/kernels/pixel-rows.c lib/kernels/pool-rows.c)
$(B)/test/kernels: $(ORACLE)
$(B)/test/kernels $(B)/test/render: $(EMULATED)
$(B)/test/kernels $(B)/test/render: TOOL_LIBS = -lstdc++

# The same test on a GPU: the plug-in's kernels, in memory that both sides read.
$(B)/obj/gpu/kernels.o: private cppflags += -include test/cuda/pinned.h
$(B)/obj/gpu/kernels.o: test/c/kernels.c $(B)/flags
	$(call say,cc,$<)
	$(Q)$(cc)
$(B)/gpu/kernels: $(B)/obj/gpu/kernels.o $(ORACLE) $(call obj,test/cuda/pinned.cu)
$(B)/gpu/times: $(call obj,test/cuda/times.cu)
$(B)/gpu/kernels $(B)/gpu/times: $(call obj,$(CU)) $(CORE)
	$(call say,ld,$@)
	$(Q)$(NVCC) -cudart static -o $@ $(filter %.o,$^) -L$(B)/lib/fd2 -lfd2 \
		-Xlinker -rpath,'$$ORIGIN/../lib/fd2'

# Builds and installs nothing: a machine with a GPU may have neither compiler nor network.
check-cuda: ## on a GPU, after `make all tests`: kernels, networks and losses, and whole runs
	@FD2_BIN=$(abspath $(B)/bin) FD2_TESTS=$(abspath $(B)) test/cuda/check
