"""What every method stands on: models, hooks, pictures, steps, checks."""
