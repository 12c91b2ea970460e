"""The corpus of training programs in `tests/scenarios`, run plainly and watched, and the scores."""
