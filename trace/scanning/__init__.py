"""Codes read by those who handle food: from a photo or a scanner to the thing and what to do."""
