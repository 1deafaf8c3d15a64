"""Functions that hear the same event of the page do not hold each other up."""

from collections import defaultdict

from tuner.ui.build import build_app
from tuner.ui.context import Context


def test_who_hears_the_last_of_an_event_hears_it_alone():
    """Gradio calls all that hear an event again where one of them was busy, and again: see `heard`."""
    hearers = defaultdict(list)
    for function in build_app(Context(local=True)).fns.values():
        for target, event in function.targets:
            if target is not None and function.fn is not None:
                hearers[target, event].append(function)
    shared = [found for found in hearers.values() if len(found) > 1]
    assert [[each.name for each in found] for found in shared if any(each.trigger_mode == "always_last" for each in found)] == []


def test_a_second_choice_while_the_first_is_answered_is_not_lost():
    """Gradio drops it by default: a second preset was marked, and the first one's settings stood in the form."""
    choices = [
        each
        for each in build_app(Context(local=True)).fns.values()
        if each.fn is not None and any(target is not None and event == "input" for target, event in each.targets)
    ]
    assert len(choices) > 10
    assert [each.name for each in choices if each.trigger_mode == "once"] == []


def test_the_browser_follows_the_loading_of_what_shows_it_alone():
    """It searches the page for each of these at every step of every event: that was half of the time that opening a run took."""
    followed = [
        (
            function.name,
            function.show_progress,
            len(function.outputs if function.show_progress_on is None else function.show_progress_on),
        )
        for function in build_app(Context(local=True)).fns.values()
        if function.fn is not None
    ]
    assert [each for each in followed if each[2] > (0 if each[1] == "hidden" else 30)] == []
