"""Models: files of weights, their cards, and the import of published checkpoints."""
