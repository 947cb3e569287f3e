"""Results as pictures and charts; nothing is computed here."""
