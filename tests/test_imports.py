"""Imports point down only, and starting loads nothing heavy."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Lowest first; a module may import what stands below or beside it.
LAYERS = (
    ("_lazy", "words", "colours", "patterns"),
    ("errors", "person"),
    ("allowed", "catalog", "sections", "config", "export"),
    (
        "children",
        "environment",
        "hardware",
        "hub_read",
        "runs",
        "feedback",
        "data",
        "evaluation",
        "evaluations",
        "limits",
        "queue",
    ),
    (
        "modeling",
        "packed",
        "unpadded",
        "structure",
        "augmentation",
        "training",
        "study",
        "inference",
        "scoring",
        "explain",
        "what_if",
        "neighbours",
        "doubtful",
        "together",
        "hub",
        "batch",
    ),
    ("comparisons", "onnx_export", "reproduce", "snippets", "thresholds"),
    ("launch", "access"),
    ("commands", "ui"),
    ("cli",),
    ("__main__",),
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
# Token lengths are a fact about data under a model.
ALLOWED_UP = {("data/profiling.py", "modeling")}
SOURCES = sorted(path for path in (ROOT / "tuner").rglob("*.py") if path != ROOT / "tuner" / "__init__.py")


def imported(path):
    """Dotted names of everything a file imports, also inside functions and for type checkers."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer_of(path):
    return path.relative_to(ROOT / "tuner").parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "tuner")))
def test_imports_point_down(path):
    own = layer_of(path)
    for name in imported(path):
        package, _, rest = name.partition(".")
        below = rest.split(".")[0]
        if package != "tuner" or below not in LEVEL:
            continue
        allowed = LEVEL[below] <= LEVEL[own] or (str(path.relative_to(ROOT / "tuner")), below) in ALLOWED_UP
        assert allowed, f"{own} imports {below}, which stands above it"


def test_every_module_has_a_layer():
    assert {layer_of(path) for path in SOURCES} <= set(LEVEL)


def test_gradio_is_imported_by_the_app_alone():
    users = {layer_of(path) for path in SOURCES if any(name.split(".")[0].startswith("gradio") for name in imported(path))}
    assert users <= {"ui"}


# Of the data, evaluation takes what is as pure as itself: texts, labels and probabilities in, facts out.
PURE_DATA = ("tuner.data.suspicious",)


def test_evaluation_knows_no_model_and_no_source():
    for path in (ROOT / "tuner" / "evaluation").rglob("*.py"):
        names = {name for name in imported(path) if not name.startswith(PURE_DATA)}
        assert not any(name.startswith(("torch", "transformers", "tuner.data", "tuner.runs", "tuner.modeling")) for name in names)


def test_there_is_no_cycle():
    """By module, at import time: what stands inside functions or for type checkers cannot make one."""
    graph = {}
    for path in SOURCES:
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = set()
        for node in tree.body:
            if isinstance(node, ast.ImportFrom):
                names |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
        graph[module] = {name for name in names if name.startswith("tuner.")}
    left = {module: {name for name in names if name in graph and name != module} for module, names in graph.items()}
    while free := [module for module, names in left.items() if not names & left.keys()]:
        for module in free:
            del left[module]
    assert not left


def modules_after(code):
    command = f"import sys\n{code}\nprint(' '.join({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.splitlines()[-1].split())


HEAVY = {"torch", "transformers", "gradio", "datasets", "sklearn", "pandas", "evaluate"}


def test_importing_the_package_loads_nothing_heavy():
    assert not modules_after("import tuner; tuner.RunConfig") & HEAVY


def test_help_loads_nothing_heavy():
    code = "import contextlib\nfrom tuner.cli import main\nwith contextlib.suppress(SystemExit):\n    main(['--help'])"
    assert not modules_after(code) & {"torch", "transformers", "gradio"}


def test_listing_runs_loads_nothing_heavy():
    assert not modules_after("from tuner import runs; runs.list_runs()") & {"torch", "transformers", "gradio", "datasets"}


def test_the_parsing_child_loads_neither_torch_nor_datasets():
    assert not modules_after("import tuner.data.ingest") & HEAVY


def test_spaces_is_no_package():
    """A package of this name would hide the one ZeroGPU needs."""
    assert not (ROOT / "spaces" / "__init__.py").exists()


@pytest.mark.parametrize(
    "name", ["RunConfig", "train", "evaluate", "load_classifier", "probe", "profile", "TunerError", "EvaluationReport"]
)
def test_public_names_are_there(name):
    import tuner

    assert name in tuner.__all__
    assert getattr(tuner, name)


def test_the_public_names_are_offered_where_one_types():
    """Once `dir(tuner)` named `lazy` alone."""
    import tuner

    assert [name for name in dir(tuner) if not name.startswith("_")] == tuner.__all__
    assert "__version__" in dir(tuner)


def test_an_unknown_name_is_an_attribute_error():
    import tuner

    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        _ = tuner.nope
