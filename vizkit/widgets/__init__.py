"""Panels, runs and pickers for the notebook."""
