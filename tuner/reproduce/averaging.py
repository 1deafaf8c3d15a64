"""The mean of the weights over the last steps: the callback that keeps it, and which weights are the model's in the end."""

from tuner.evaluation.metrics import HIGHER_IS_BETTER
from tuner.reproduce.code import literal
from tuner.reproduce.recipe import Recipe

_CALLBACK = '''
class WeightAveraging(TrainerCallback):
    """Keeps the mean of the trained weights over the last AVERAGED of the steps."""

    def __init__(self):
        self.update, self.count = get_swa_multi_avg_fn(), 0

    def on_train_begin(self, args, state, control, optimizer, **kwargs):
        self.trained = [p for group in optimizer.param_groups for p in group["params"]]

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step <= state.max_steps - max(1, round(AVERAGED * state.max_steps)):
            return
        weights = [parameter.detach() for parameter in self.trained]
        if self.count:
            self.update(self.mean, weights, self.count)
        else:
            self.mean = [tensor.clone() for tensor in weights]
        self.count += 1

    def swap(self):
        """Puts the mean into the model and the model's weights in its place; done twice, all is as before."""
        with torch.no_grad():
            for parameter, mean in zip(self.trained, self.mean):
                weights = parameter.clone()
                parameter.copy_(mean)
                mean.copy_(weights)

'''
_IF_BETTER = """
if averaging.count:  # else the training ended before
    kept = trainer.evaluate()[METRIC]
    averaging.swap()
    if trainer.evaluate()[METRIC] WORSE kept:
        averaging.swap()  # the mean scores worse on the validation rows
"""


def callback(recipe: Recipe) -> list[str]:
    """The class, and the one of its kind that the Trainer gets."""
    share = recipe.training.weight_averaging
    if not share:
        return []
    return ["", f"AVERAGED = {share!r}", "", "", *_CALLBACK.strip().splitlines(), "", "", "averaging = WeightAveraging()"]


def choice(recipe: Recipe) -> list[str]:
    """What is done after the training."""
    if not recipe.training.weight_averaging:
        return []
    if not recipe.evaluates:
        return ["averaging.swap()"]
    metric = recipe.training.metric_for_best_model
    worse = "<" if metric in HIGHER_IS_BETTER else ">"
    lines = _IF_BETTER.strip().replace("METRIC", literal(f"eval_{metric}")).replace("WORSE", worse)
    return lines.splitlines()
