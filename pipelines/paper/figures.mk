# The paper's figures: charts as SVG and PNG, photographs as JPEG with the names of their classes.
#
#   fig-1a    dispersion and inter-class distance   fig-1b  attention in real and distilled images
#   fig-3a    t-SNE of the images of each method    fig-3b  distance to the nearest class mean
#   fig-4     accuracy of teachers over alpha       fig-5   attention in images of each method
#   fig-time  seconds over N_S (appendix, Table 5)  fig-6   images of each method
#
# All but 3b, 4 and time show FIGURE_CLASSES classes, spaced evenly over the names, and 3a and the
# photographs FIGURE_IMAGES of each. 3a needs PYTHON with msgpack and scikit-learn, see ../embed.

FIGURES = 1a 1b 3a 3b 4 5 6 time
FIGURE_CLASSES = 10
FIGURE_IMAGES = 5
PYTHON = python3
.PHONY: figures $(FIGURES:%=fig-%)
figures: $(FIGURES:%=fig-%)

seen_by = $(OUT)/teacher-$(TEACHER).fd2
attn = fd2-attn $(COMMON) -t $(seen_by)
figure_parts = $(call parts_of,$(1),$(FIGURE_IPC),$(firstword $(SEEDS)))
first_method = $(firstword $(FIGURE_METHODS))
SHOWN = $(OUT)/figures.settings
$(eval $(call stamp,figures,$(FIGURE_CLASSES) classes $(FIGURE_IMAGES) images))

# Measurements of each method

$(OUT)/real.attn: $(seen_by) $(TRAIN)
	$(attn) -o $@ $(TRAIN)
# METHOD
define figure_rules
$(call stamp,attn-$(1),$(call figure_parts,$(1)))
$(OUT)/$(1).attn: $(OUT)/attn-$(1).settings $(seen_by) $(call figure_parts,$(1))
	$(attn) -o $$@ $(call figure_parts,$(1))
$(OUT)/classes-$(1).tsv: $(OUT)/$(1).attn $(OUT)/real.attn
	fd2-stat --real $(OUT)/real.attn --per-class $$@ $$< >$$(@:.tsv=.stat)
$(OUT)/embed-$(1).tsv: $(OUT)/$(1).attn $(SHOWN)
	$(PYTHON) $(paper)../embed --classes $(FIGURE_CLASSES) --per-class $(FIGURE_IMAGES) \
		$$< >$$@
endef
$(foreach m,$(FIGURE_METHODS),$(eval $(call figure_rules,$(m))))

# Charts

# FIGURE FILE-NAME KIND TABLES TITLE
define chart
fig-$(1): $(OUT)/$(2).svg $(OUT)/$(2).png
$(call stamp,$(2),$(3) $(4))
$(OUT)/$(2).svg $(OUT)/$(2).png: $(OUT)/$(2).settings $(4)
	fd2-plot -o $$@ --title '$(NAME): $(5)' $(3) $(4)
endef
$(eval $(call chart,1a,fig-1a,--classes $(FIGURE_CLASSES) \
	classes,$(OUT)/classes-$(first_method).tsv,real images and $(first_method)))
$(foreach m,$(FIGURE_METHODS),$(eval $(call \
	chart,3a,fig-3a-$(m),scatter,$(OUT)/embed-$(m).tsv,t-SNE of $(m))))
$(eval $(call chart,3b,fig-3b,nearest,$(FIGURE_METHODS:%=$(OUT)/classes-%.tsv),nearest class mean))
$(eval $(call chart,4,fig-4,alpha,$(call table,ablation-alpha-pretrain).tsv,teachers))
$(eval $(call chart,time,fig-time,time,$(call table,ns-time).tsv,time of an image))

# Photographs

$(OUT)/figure-classes: $(OUT)/classes-$(first_method).tsv $(SHOWN)
	fd2-plot --data --classes $(FIGURE_CLASSES) classes $< | tail -n +2 | cut -f 1 >$@
# Of a listing, the first images of each of those classes
first_images = awk -F / 'NR == FNR { chosen[$$0]; next } \
	$$1 in chosen && /\.jpg$$/ && ++n[$$1] <= $(FIGURE_IMAGES)' $(1) -
sheet = fd2-look -q --per-class $(FIGURE_IMAGES) --columns $(FIGURE_IMAGES) --sheet $@
# NAME SHARDS
define sheet_rules
$(OUT)/images-$(1).jpg $(OUT)/attention-$(1).jpg: $(OUT)/figure-classes $(seen_by) $(2)
	rm -rf $$@.d; mkdir $$@.d
	cat $(2) | tar -ti --quoting-style=literal | $$(call first_images,$$<) >$$@.d/list
	cat $(2) | tar -xi -C $$@.d --verbatim-files-from -T $$(abspath $$@.d/list)
	rm $$@.d/list
	$$(if $$(findstring attention,$$(@F)),$$(attn) --heatmap $$@.d | $$(sheet),\
		$$(sheet) $$@.d)
	rm -r $$@.d
endef
$(eval $(call sheet_rules,real,$(TRAIN)))
$(foreach m,$(FIGURE_METHODS),$(eval $(call sheet_rules,$(m),$(call figure_parts,$(m)))))
fig-1b: $(OUT)/attention-real.jpg $(OUT)/attention-$(first_method).jpg
fig-5: $(FIGURE_METHODS:%=$(OUT)/attention-%.jpg)
fig-6: $(FIGURE_METHODS:%=$(OUT)/images-%.jpg)

# A page of all that is finished

.PHONY: report
finished = $(wildcard $(OUT)/*.tsv $(OUT)/*.json $(OUT)/*.stat $(OUT)/*.fd2) \
	$(filter-out $(TRAIN) $(VAL),$(wildcard $(OUT)/*.tar)) \
	$(wildcard $(OUT)/attention-*.jpg $(OUT)/images-*.jpg)
report:
	fd2-report -o $(OUT)/report.html --title '$(NAME), $(if $(trial),trial,preset $(PRESET))' \
		$(finished)
