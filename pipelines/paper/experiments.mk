# What is compared: the METHOD/IPC/STUDENT of each table of students, the variants of the ablations,
# and teachers for Fig. 4.

split = $(subst /, ,$(1))
# FUNCTION A/B/C: the function of A, B and C
words_of = $(call $(1),$(word 1,$(call split,$(2))),$(word 2,$(call split,$(2))),$(word \
	3,$(call split,$(2))))
# METHODS IPCS STUDENTS
cells = $(foreach s,$(3),$(foreach n,$(2),$(1:%=%/$(n)/$(s))))
CROSS_IPC = $(or $(word 2,$(IPC)),$(IPC))
CROSS_STUDENTS += resnet18 resnet50 mobilenet_v2 densenet121 shufflenet_v2_x1_0
cells_main := $(call cells,$(METHODS),$(IPC),$(STUDENTS))
cells_cross := $(call cells,$(CROSS_METHODS),$(CROSS_IPC),$(CROSS_STUDENTS))

# Ablations: SRe2L++ with FD2 and one option at several values, students of one backbone. Variant
# A-V of ablation A is made with OPTIONS_A-V, or with OPTIONS_A where % stands for V, and IPC_A
# images per class.
ABLATION_STUDENT = resnet18

# Table 4. Its figure at 0.5 is that of Table 7 without constraints, so it has none.
IPC_alpha = 3
VALUES_alpha = 0.1 0.3 0.5 0.7 0.9
OPTIONS_alpha = --no-lf --no-ls --alpha %

# Table 5: L_F alone
IPC_beta = 3
VALUES_beta = 0.00 0.25 0.50 0.75 1.00
OPTIONS_beta = --no-ls --beta %

# Table 6: L_S alone
IPC_ns = 5
VALUES_ns = 2 3 4 5
OPTIONS_ns = --no-lf --group %

# Table 7, after the base method with its own teacher and with that of FD2: what FD2 gains by its
# teacher, by the double supervision of L_cls ("none") and by each constraint
IPC_constraints = 3
BASE_constraints = sre2l++ sre2l++@cal
VALUES_constraints = none F S both
OPTIONS_constraints-none = --no-lf --no-ls
OPTIONS_constraints-F = --no-ls
OPTIONS_constraints-S = --no-lf
as_constraints-both = sre2l++fd2

# appendix, Table 4
IPC_lambda = 5
VALUES_lambda = 0.2 0.4 0.6 0.8
OPTIONS_lambda = --lambda %

ABLATIONS = alpha beta ns constraints lambda
variants = $(VALUES_$(1):%=$(1)-%)
# ABLATION VALUE
variant = $(images_sre2l++fd2) $(or $(OPTIONS_$(1)-$(2)),$(subst %,$(2),$(OPTIONS_$(1))))
$(foreach a,$(ABLATIONS),$(eval cells_ablation-$(a) := $(call \
	cells,$(RANDOM) $(BASE_$(a)) $(call variants,$(a)),$(IPC_$(a)),$(ABLATION_STUDENT))))
$(foreach a,$(ABLATIONS),$(foreach \
	v,$(VALUES_$(a)),$(eval images_$(a)-$(v) = $$(call variant,$(a),$(v)))))

# Fig. 4: attention maps and alpha of the teacher, MAPS/ALPHA. Only the chosen one is in print.
VALUES_alpha-pretrain = $(addprefix 8/,0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9) \
	$(foreach m,16 32,$(addprefix $(m)/,0.1 0.2 0.3 0.4 0.5))
PAPER_alpha-pretrain = \
	$(MAPS_$(TEACHER))/$(ALPHA_$(TEACHER))=$(call figure,$(TEACHER),$(PAPER_TEACHERS))

# The BatchNorm term, before its weight, after a few steps of SRe2L++ on the first batch of classes
BN_STEPS = 10
BN_WEIGHT = 0.01
BN_FORMS = literal normalised

cells_ns-time := $(call cells,$(call variants,ns),$(IPC_ns),$(ABLATION_STUDENT))

# appendix, Tables 1 and 2: other families of methods, and what a step of each costs
cells_matching := $(call cells,random herding k-center,$(IPC),$(ABLATION_STUDENT)) \
	$(call cells,$(MATCH_METHODS),$(IPC),$(CONVNET)) \
	$(call cells,sre2l++ sre2l++fd2,$(IPC),$(ABLATION_STUDENT))
COST_METHODS = $(MATCH_METHODS) sre2l++ sre2l++fd2 fadrm+ fadrm+fd2

# The sets of figures.mk
FIGURE_METHODS = sre2l++ sre2l++fd2
FIGURE_IPC = $(lastword $(IPC))
cells_figures := $(call cells,$(FIGURE_METHODS),$(FIGURE_IPC),$(ABLATION_STUDENT))

STUDENT_TABLES = main cross matching $(ABLATIONS:%=ablation-%)
CELLS := $(sort $(foreach t,$(STUDENT_TABLES) figures,$(cells_$(t))))
