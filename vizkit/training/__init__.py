"""The code that made the bundled networks."""
