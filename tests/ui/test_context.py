"""What handlers share."""

import threading

from tuner.config import DataConfig
from tuner.ui.context import Context, Recent


def test_rows_that_were_never_read_are_not_fetched(csv):
    context = Context()
    config = DataConfig(source=str(csv()))
    assert context.data_if_read(config) is None
    context.data(config)
    assert context.data_if_read(config.model_copy(update={"max_train_samples": 5})) is not None


def test_the_sample_needs_no_reading_before():
    assert Context().data_if_read(DataConfig(max_train_samples=10)).splits["train"].texts


def test_a_value_is_made_once_and_others_are_not_kept_waiting():
    recent, begun, go_on, made = Recent(2), threading.Event(), threading.Event(), []

    def slow():
        begun.set()
        go_on.wait(10)
        made.append("slow")
        return 1

    threads = [threading.Thread(target=recent.get, args=("a", slow)) for _ in range(2)]
    for thread in threads:
        thread.start()
    begun.wait(10)
    assert recent.get("b", lambda: 2) == 2  # "a" is still being made
    assert not recent.has("a")
    go_on.set()
    for thread in threads:
        thread.join()
    assert made == ["slow"]
    assert recent.has("a")
