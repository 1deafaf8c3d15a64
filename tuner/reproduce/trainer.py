"""The section of the Trainer: metrics, loss, rates by layer, order of the rows, unfreezing, and the Trainer of them."""

from tuner.evaluation.metrics import HIGHER_IS_BETTER
from tuner.reproduce import averaging
from tuner.reproduce.code import Code, any_of, assign, call, indented, literal
from tuner.reproduce.recipe import Recipe
from tuner.reproduce.shape import frozen

_METRICS = """
def compute_metrics(prediction):
    labels, guesses = prediction.label_ids, prediction.predictions.argmax(axis=-1)
    present = sorted(set(labels.tolist()))
    SHARES
    return {
        "accuracy": accuracy_score(labels, guesses),
        "macro_f1": f1_score(labels, guesses, labels=present, average="macro", zero_division=0),
        "macro_recall": recall_score(labels, guesses, labels=present, average="macro", zero_division=0),
        BEST
    }
"""
# What the best checkpoint may be chosen by, beside those above; the first three need labels alone.
_BEST = {
    "weighted_f1": 'f1_score(labels, guesses, labels=present, average="weighted", zero_division=0)',
    "matthews_corrcoef": "matthews_corrcoef(labels, guesses)",
    "roc_auc": "roc_auc_score(one_hot[:, present], shares[:, present])",
    "average_precision": "average_precision_score(one_hot[:, present], shares[:, present])",
    "log_loss": "log_loss(labels, shares, labels=range(len(LABELS)))",
    "brier_score": "((shares - one_hot) ** 2).sum(axis=1).mean()",
}
_SHARES = [
    "    shares = torch.tensor(prediction.predictions).double().softmax(-1).numpy()",
    "    one_hot = labels[:, None] == numpy.arange(len(LABELS))",
]
_ECE = [
    "    confidence, right = shares.max(axis=1), guesses == labels",
    "    bins = numpy.clip(numpy.ceil(confidence * 15).astype(int) - 1, 0, 14)  # 15 bins of equal width",
    "    gaps = abs(numpy.bincount(bins, right, 15) - numpy.bincount(bins, confidence, 15))",
]
_SAMPLER = '''
class ByLength(torch.utils.data.Sampler):
    """Texts of like length in one batch, so that little is padded; drawn anew for every epoch."""

    def __init__(self, lengths, batch_size):
        self.lengths, self.batch_size, self.epoch = lengths, batch_size, 0

    def __len__(self):
        return len(self.lengths)

    def set_epoch(self, epoch):  # the Trainer calls it
        self.epoch = epoch

    def __iter__(self):
        generator = torch.Generator().manual_seed(SEED + self.epoch)
        return iter(get_length_grouped_indices(self.lengths, self.batch_size, generator=generator))

'''
_TRAIN_SAMPLER = """
def _get_train_sampler(self, train_dataset=None):
    lengths = [len(row["input_ids"]) for row in train]
    return ByLength(lengths, self.args.train_batch_size * self.args.gradient_accumulation_steps)
"""
_CREATE_OPTIMIZER = '''
def create_optimizer(self, model=None):
    """The library's optimizer, its groups parted by rate."""
    optimizer = super().create_optimizer(model)
    rates = {parameter: rate_of(name) for name, parameter in PLAIN.named_parameters()}
    groups, optimizer.param_groups = optimizer.param_groups, []
    for group in groups:
        for rate in sorted({rates[parameter] for parameter in group["params"]}, reverse=True):
            of_this_rate = [parameter for parameter in group["params"] if rates[parameter] == rate]
            optimizer.add_param_group({**group, "params": of_this_rate, "lr": rate})
    return optimizer
'''
_ADVERSARIAL = '''
def get_batch_samples(self, *args):
    self.batches, rows = super().get_batch_samples(*args)
    return self.batches, rows

def training_step(self, model, inputs, num_items_in_batch=None):
    """After the last batch of a step all of them once more, with word vectors moved EPSILON along their gradient."""
    loss = super().training_step(model, inputs, num_items_in_batch)
    table = self.model.get_input_embeddings().weight
    norm = 0.0 if table.grad is None or not self.accelerator.sync_gradients else table.grad.norm().item()
    if not 0 < norm < float("inf"):
        return loss
    with torch.no_grad():
        own = table.clone()
        table.add_(table.grad, alpha=EPSILON / norm)
    for batch in self.batches:
        super().training_step(model, batch, num_items_in_batch)
    with torch.no_grad():
        table.copy_(own)
    return loss
'''
_UNFREEZING = '''
class GradualUnfreezing(TrainerCallback):
    """Trains the head alone at first; what waits is freed one after the other, all of it by SHARE of the steps."""

    def on_train_begin(self, args, state, control, model, **kwargs):
        parameters = list(PLAIN.named_parameters())
        self.waiting = [[p for name, p in parameters if name.startswith(start) and p.requires_grad] for start in WAITING]

    def on_step_begin(self, args, state, control, **kwargs):
        freed = int(state.global_step * len(self.waiting) / (SHARE * state.max_steps) + 1e-9)
        for position, parameters in enumerate(self.waiting):
            for parameter in parameters:
                parameter.requires_grad_(position < freed)

'''

_SAVE_THE_BEST = '''
class SaveTheBest(TrainerCallback):
    """Makes a checkpoint of every validation that is the best so far, also between two that are due."""

    def on_evaluate(self, args, state, control, metrics, **kwargs):
        score, best = metrics["eval_METRIC"], state.best_metric
        if best is None or score BETTER best:
            control.should_save = True

'''


def trainer(recipe: Recipe) -> list[str]:
    """The whole section."""
    return [
        "",
        "# 5. Trainer",
        *_metrics(recipe),
        "",
        *_loss(recipe),
        *_rates(recipe),
        *(["", *_SAMPLER.splitlines()[1:], ""] if recipe.groups else []),
        *_class(recipe),
        *_unfreezing(recipe),
        *_save_the_best(recipe),
        *averaging.callback(recipe),
        "",
        *_trainer(recipe),
    ]


def _metrics(recipe: Recipe) -> list[str]:
    """The function that scores validation rows, with the metric that the best checkpoint is chosen by."""
    chosen = recipe.training.metric_for_best_model
    needs_shares = chosen in ("roc_auc", "average_precision", "log_loss", "brier_score", "ece")
    found = {"ece": "gaps.sum() / len(labels)", **_BEST}.get(chosen)
    lines = []
    for line in _METRICS.strip().splitlines():
        if line.strip() == "SHARES":
            lines += [*(_SHARES if needs_shares else []), *(_ECE if chosen == "ece" else [])]
        elif line.strip() == "BEST":
            lines += [f'        "{chosen}": {found},'] if found else []
        else:
            lines.append(line)
    return lines


def _loss(recipe: Recipe) -> list[str]:
    if not recipe.own_loss:
        return []
    settings, weights = recipe.training, recipe.weights
    given = {"": Code("logits, labels"), **({"weight": Code("weight")} if weights else {})}
    given |= {"label_smoothing": settings.label_smoothing_factor} if settings.label_smoothing_factor else {}
    losses = call("losses = torch.nn.functional.cross_entropy", {**given, "reduction": "none"})
    focal = [
        "# Focal loss: rows that are right already count less. The clamp keeps the slope at 0 finite.",
        "wrong = 1 - logits.softmax(-1).gather(1, labels[:, None])[:, 0]",
        f"losses = losses * wrong.clamp(min=1e-6) ** {settings.focal_gamma!r}",
    ]
    return [
        "",
        *(["# How much a row of each label counts.", *assign("CLASS_WEIGHTS", weights)] if weights else []),
        *(["", ""] if weights else []),
        "def loss_of(outputs, labels, num_items_in_batch=None):",
        '    logits = outputs["logits"].float()',
        *(["    weight = torch.tensor(CLASS_WEIGHTS, device=logits.device)"] if weights else []),
        *indented([*losses, *(focal if settings.focal_gamma else [])]),
        "    # A mean over all rows of the step, however they are dealt out to its batches.",
        "    return losses.mean() if num_items_in_batch is None else losses.sum() / num_items_in_batch",
        "",
    ]


def _rates(recipe: Recipe) -> list[str]:
    if not recipe.parts_rates:
        return []
    settings, structure = recipe.training, recipe.structure
    top, decay, count = settings.learning_rate, settings.layerwise_lr_decay, structure.layers
    head = settings.head_learning_rate or top
    of_layers = [
        f'    if name.startswith("{structure.stack}"):',
        f'        number = int(name.removeprefix("{structure.stack}").split(".")[0])',
        f"        return {top!r} * {decay!r} ** ({count - 1} - number)",
        f"    if name.startswith({literal(any_of(structure.beneath))}):",
        f"        return {top!r} * {decay!r} ** {count}",
    ]
    return [
        "",
        "def rate_of(name):",
        f'    """Learning rate of a parameter; each layer has {decay!r} of the rate of the one above it."""'
        if decay != 1
        else '    """Learning rate of a parameter; the head has its own."""',
        *(of_layers if decay != 1 else []),
        *([f"    if name.startswith({literal(any_of(structure.head))}):", f"        return {head!r}"] if head != top else []),
        f"    return {top!r}",
        "",
    ]


def _class(recipe: Recipe) -> list[str]:
    methods = [_TRAIN_SAMPLER] if recipe.groups else []
    methods += [_CREATE_OPTIMIZER.replace("PLAIN", _plain(recipe, "self.model"))] if recipe.parts_rates else []
    epsilon = recipe.training.adversarial_epsilon
    methods += [_ADVERSARIAL.replace("EPSILON", repr(epsilon))] if epsilon else []
    if not methods:
        return []
    lines = [["", *method.strip().splitlines()] for method in methods]
    return ["", "class ClassifierTrainer(Trainer):", *indented([line for method in lines for line in method][1:]), ""]


def _unfreezing(recipe: Recipe) -> list[str]:
    share, structure = recipe.training.gradual_unfreezing, recipe.structure if recipe.training.gradual_unfreezing else None
    if not share or structure is None:
        return []
    groups = [*(structure.layer(number) for number in reversed(range(structure.layers))), structure.beneath]
    stay = set(frozen(recipe))
    # LoRA leaves nothing of the embeddings to be trained.
    groups = [group for group in groups if not set(group) <= stay and not (recipe.config.model.lora and group == groups[-1])]
    return [
        "",
        "# Beginnings of the parameters that wait, in the order they are freed.",
        *assign("WAITING", [any_of(group) for group in groups]),
        f"SHARE = {share!r}",
        "",
        "",
        *_UNFREEZING.replace("PLAIN", _plain(recipe, "model")).splitlines()[1:],
        "",
    ]


def _save_the_best(recipe: Recipe) -> list[str]:
    if not recipe.training.saves_between:
        return []
    metric = recipe.training.metric_for_best_model
    code = _SAVE_THE_BEST.replace("METRIC", metric).replace("BETTER", ">" if metric in HIGHER_IS_BETTER else "<")
    return ["", *code.splitlines()[1:], ""]


def _plain(recipe: Recipe, model: str) -> str:
    """The classifier itself, whose parameters are named as they are without LoRA."""
    return f"{model}.get_base_model()" if recipe.config.model.lora else model


def _trainer(recipe: Recipe) -> list[str]:
    patience, unfreezes = recipe.training.early_stopping_patience, recipe.training.gradual_unfreezing
    callbacks = [f"EarlyStoppingCallback(early_stopping_patience={patience})"] if patience else []
    callbacks += ["SaveTheBest()"] if recipe.training.saves_between else []
    callbacks += ["GradualUnfreezing()"] if unfreezes else []
    callbacks += ["averaging"] if recipe.training.weight_averaging else []
    given = {
        "model": Code("model"),
        "args": Code("arguments"),
        "train_dataset": Code("train"),
        **({"eval_dataset": Code("validation")} if recipe.evaluates else {}),
        "processing_class": Code("tokenizer"),
        "compute_metrics": Code("compute_metrics"),
        **({"compute_loss_func": Code("loss_of")} if recipe.own_loss else {}),
        **({"callbacks": Code(f"[{', '.join(callbacks)}]")} if callbacks else {}),
    }
    own = recipe.groups or recipe.parts_rates or recipe.training.adversarial_epsilon
    kind = "ClassifierTrainer" if own else "Trainer"
    return [
        *call(f"trainer = {kind}", given, {"processing_class": "pads each batch to its longest text"}),
        "# The Trainer takes these models' loss for one already divided by the rows of all accumulated batches, since their",
        "# forward accepts **kwargs. It is a mean over its batch: without this line n accumulated batches make n times the step.",
        "trainer.model_accepts_loss_kwargs = False",
        *(["trainer.loss_is_scaled_for_ga = True  # loss_of divides by all the rows of a step"] if recipe.own_loss else []),
    ]
