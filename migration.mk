# What only the migration needs of `make`; it is removed together with it.
.PHONY: check-contracts check-language demo bench nightly prove-removable
PROJECTS += .
UNLOCKED := --no-emit-package netra-strangler

define MORE_TESTS
$(BIN)/netra-migration tracker --run
endef

MORE_CHECKS := check-contracts check-language

check-contracts:
	$(BIN)/lint-imports

check-language:
	$(BIN)/python -m pytest -q tests/unit/migration/language tests/meta/test_error_trees.py

demo: $(STAMP) ## move real chats from the legacy engine to UserExecutionEngine, watched
	$(BIN)/netra-migration demo

bench: $(STAMP) ## timings against peers, paired in one run
	$(BIN)/python -m tests.benchmarks $(T)

prove-removable: $(STAMP) ## remove control of each surface, and all of the migration, in copies, and test what is left
	$(BIN)/python -m tests.prove_removable

nightly: $(STAMP) servers ## the long versions: counts, kills and explorations; one of them by T=
	$(BIN)/python -m pytest --timeout=1200 --hypothesis-profile=explore $(or $(T),tests/nightly tests/property)
