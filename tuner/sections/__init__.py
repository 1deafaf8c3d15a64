"""The sections of a RunConfig: each setting's name, default, bounds and help text, and what contradicts what."""
