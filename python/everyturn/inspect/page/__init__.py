"""The page about conversations, and what stands on it."""
