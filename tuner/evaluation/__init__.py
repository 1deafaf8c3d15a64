"""Labels and probabilities in, a report out. Knows no model and no source."""
