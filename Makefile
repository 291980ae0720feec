# The commands of this project. `make demo` and `make test` set up all they need: Rust, Python and make are enough.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Fast code that is quick to build; `make demo` builds faster and runs slower, `make wheel` is what is released.
PROFILE := quick
# pip, cargo and maturin say what they do only where that fails.
export PIP_QUIET := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup servers build demo test nextest lint fmt bench fuzz templates errors serving parity figures pictures notebook recipes docs licences wheel clean

help:
	@echo "demo   expand the example chats with the built-in model and show what is trained"
	@echo "test   every test, Rust and Python"
	@echo "servers  fetch the code of vLLM and SGLang, for the tests that compare with it (0.5 GB)"
	@echo "lint   formatting, lints, types, and that the core knows nothing of Python"
	@echo "fmt    format everything"
	@echo "bench  speed of the stages, and against transformers in the same run"
	@echo "fuzz   libFuzzer on each target of rust/fuzz, and damaged files, for SECONDS=60 each (needs a C++ compiler)"
	@echo "templates  docs/templates.md: every published template against transformers (needs EVERYTURN_DATA)"
	@echo "errors docs/errors.md, from the texts of everyturn.diagnostics"
	@echo "serving  the table of docs/serving.md, from the rules of the servers"
	@echo "parity  docs/parity.md: what other tools train, against inference (needs EVERYTURN_DATA)"
	@echo "figures  the table of docs/benchmark.md: speed against transformers by hand (needs EVERYTURN_DATA, and a quiet machine)"
	@echo "pictures  those of docs/inspect.md (needs chromium-headless-shell)"
	@echo "notebook  the outputs of examples/first_look.ipynb"
	@echo "recipes  docs/recipes, from published templates (needs EVERYTURN_DATA)"
	@echo "docs   the site, in site/: docs/ and the docstrings, every link checked"
	@echo "licences  THIRD_PARTY_LICENSES.txt, and what deny.toml allows (needs cargo-deny)"
	@echo "wheel  the optimised wheel, in target/wheels"

# What a user needs: the package's own dependencies come with it.
$(VENV)/user: pyproject.toml
	@echo "== a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --upgrade pip "maturin>=1.9,<2"
	@touch $@

# What tests and lints need beside it: PyTorch, transformers, trainers and what reads our files.
$(VENV)/ready: $(VENV)/user tests/integrations/readers/requirements.txt
	@echo "== what the tests compare with: transformers, PyTorch, trainers (5 GB)"
	@$(BIN)/python -m pip install --group test --group lint
	@$(BIN)/python tools/get_readers.py
	@touch $@

setup: $(VENV)/ready

servers: setup
	$(BIN)/python tools/get_servers.py

define BUILD
@echo "== everyturn and its dependencies (the first build takes minutes)"
@mkdir -p target
@VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/maturin develop --profile $(PROFILE) >target/build.log 2>&1 || { cat target/build.log; exit 1; }
endef

build: setup
	$(BUILD)

demo: PROFILE := demo
demo: $(VENV)/user
	$(BUILD)
	@echo "== everyturn expand examples/chats.jsonl --model demo -o demo.parquet"
	@$(BIN)/everyturn expand examples/chats.jsonl --model demo -o demo.parquet
	@echo "== everyturn inspect examples/chats.jsonl:4 --model demo"
	@$(BIN)/everyturn inspect examples/chats.jsonl:4 --model demo

test: build nextest
	cargo nextest run --package everyturn-template --package everyturn-core --cargo-profile $(PROFILE) --no-fail-fast
	$(BIN)/pytest --quiet -n auto --dist worksteal

nextest:
	@cargo nextest --version >/dev/null 2>&1 || cargo install cargo-nextest --locked --quiet

lint: build
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --profile $(PROFILE) -- -D warnings
	! cargo tree --package everyturn-core --edges normal --prefix none | grep -E '^(pyo3|numpy)'
	! cargo tree --package everyturn-template --edges normal --prefix none | grep -E '^(pyo3|numpy|everyturn-core|tokenizers)'
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

fmt: setup
	cargo fmt --all
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: build
	cargo bench --package everyturn-template --profile $(PROFILE)
	cargo bench --package everyturn-core --profile $(PROFILE)
	$(BIN)/everyturn bench

# With a named target the flags are not those of build scripts.
SECONDS := 60
FUZZ := target/fuzz
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
FUZZ_TARGETS := records templates tokenizers literal layouts

fuzz: build
	cd rust/fuzz && RUSTC_WRAPPER="$(CURDIR)/rust/fuzz/rustc.sh" RUSTFLAGS="--cfg fuzzing" cargo build --release --target $(HOST) --target-dir ../../$(FUZZ)
	$(PYTHON) tools/make_fuzz_seeds.py $(FUZZ)/corpus
	@mkdir -p $(FUZZ)/found
	@for target in $(FUZZ_TARGETS); do \
		echo "== $$target"; \
		$(FUZZ)/$(HOST)/release/$$target $(FUZZ)/corpus/$$target -max_total_time=$(SECONDS) -max_len=16384 -timeout=20 \
			-rss_limit_mb=4096 -print_final_stats=1 -verbosity=0 -artifact_prefix=$(FUZZ)/found/$$target- || exit 1; \
	done
	EVERYTURN_FUZZ_SECONDS=$(SECONDS) $(BIN)/pytest --quiet -n 0 tests/io/test_mutated_files.py

templates: build
	$(BIN)/python tools/compare_templates.py > docs/templates.md.new && mv docs/templates.md.new docs/templates.md

errors: build
	$(BIN)/python tools/make_error_page.py > docs/errors.md.new && mv docs/errors.md.new docs/errors.md

serving: build
	$(BIN)/python tools/make_serving_table.py > docs/serving.md.new && mv docs/serving.md.new docs/serving.md

# Paths on the page are those from the folder of the data.
parity: build
	cd $(EVERYTURN_DATA) && PYTHONPATH=$(CURDIR)/tests/integrations/with_readers $(CURDIR)/$(BIN)/everyturn bench --parity --limit 20 \
	  --data chats/mt_bench_en.jsonl.gz chats/sgd_train.jsonl.gz chats/nemo_gym_rollouts.jsonl.gz \
	  --models Qwen3=tokenizers/qwen3,templates/qwen3-0.6b.jinja Llama-3.1=tokenizers/llama-3.1 \
	  DeepSeek-V3=tokenizers/deepseek-v3 Phi-3=tokenizers/phi-3-mini Llama-2=tokenizers/llama-2 \
	  --page $(CURDIR)/docs/parity.md

# The speed of a released wheel is that of `make figures PROFILE=release`.
figures: build
	$(BIN)/python tools/make_figures.py

pictures: build
	$(BIN)/python tools/make_pictures.py

notebook: build
	$(BIN)/python tools/run_notebook.py examples/first_look.ipynb

recipes: build
	$(BIN)/python tools/make_recipes.py

$(VENV)/docs: $(VENV)/user
	@echo "== what makes the site: Sphinx, MyST, furo"
	@$(BIN)/python -m pip install --group docs
	@touch $@

docs: $(VENV)/docs
	$(BUILD)
	$(BIN)/python -m sphinx --builder html --fail-on-warning --keep-going --quiet docs site
	@echo "== site/index.html"
# Made with what cargo has fetched. cargo-deny takes minutes to build, so it is asked only where it is installed; the workflow always asks it.
licences:
	$(PYTHON) tools/make_licences.py > THIRD_PARTY_LICENSES.txt.new && mv THIRD_PARTY_LICENSES.txt.new THIRD_PARTY_LICENSES.txt
	@if cargo deny --version >/dev/null 2>&1; then cargo deny check; else echo "cargo-deny is not installed: cargo install cargo-deny --locked"; fi

wheel: setup
	$(BIN)/maturin build --release --out target/wheels

clean:
	rm -rf target $(VENV) site demo.parquet
