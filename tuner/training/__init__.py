"""Training: the Trainer built from a RunConfig, its callbacks, and the worker that runs it."""
