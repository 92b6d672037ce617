"""Training: frames into batches, batches into weights."""
