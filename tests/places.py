"""A place that tells whether a model is held in it."""

import threading

from tuner.inference import Place


class Held(Place):
    """A `Place` that can be asked."""

    def is_held(self) -> bool:
        """Whether another thread than the one that has it now would have to wait."""
        free = []

        def try_it():
            if self._lock.acquire(blocking=False):
                self._lock.release()
                free.append(True)

        asker = threading.Thread(target=try_it)
        asker.start()
        asker.join()
        return not free
