"""One optimizer step: batches, losses, gradients."""
