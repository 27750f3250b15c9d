# Whole runs: the demo and the studies.

.PHONY: demo study-flowers study-cars40 study-steps study-methods study-nette study-kills

run_in = PATH="$(abspath $(B)/bin):$$PATH" OUT='$(B)/$@'
demo: all deps-check ## the main job on generated data, or on yours: DATA= VAL=
	@$(run_in) DATA='$(DATA)' VAL='$(VAL)' pipelines/demo

study-flowers study-cars40: all ## against photographs: TRAIN= VAL= WEIGHTS= (hours)
	@$(run_in) TRAIN='$(TRAIN)' VAL='$(VAL)' WEIGHTS='$(WEIGHTS)' pipelines/studies/fair

study_steps = 10 30 100 300 1000 4000
study-steps: all ## accuracy over steps and seconds, IPC 1: TRAIN= VAL= WEIGHTS= (hours)
	@$(run_in) TRAIN='$(TRAIN)' VAL='$(VAL)' WEIGHTS='$(WEIGHTS)' IPC=1 STUDENTS=1 \
		ROWS="herding $(study_steps:%=best=%) $(study_steps:%=sre2l++=%@plain)" \
		pipelines/studies/fair

study-methods: all ## base methods with and without FD2: TRAIN= VAL= IPC= SIZE= (hours)
	@$(run_in) TRAIN='$(TRAIN)' VAL='$(VAL)' pipelines/studies/methods

study-nette: all ## backbones; resnet18 against a torchvision loop: TRAIN= VAL= (half an hour)
	@$(run_in) TRAIN='$(TRAIN)' VAL='$(VAL)' \
		PYTHON="$$(test/parity/venv)" pipelines/studies/nette

study-kills: all ## every stage interrupted at 20 random moments, and resumed (half an hour)
	@FD2_BIN=$(abspath $(B)/bin) test/kills 20
