"""Suppression lists: who is not written to, by hand and because of what came back."""
