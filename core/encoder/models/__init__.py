"""The encoder architectures, in MLX."""
