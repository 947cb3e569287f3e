"""The lectures' methods: tensors in, results out; no charts, no widgets."""
