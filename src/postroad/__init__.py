"""Postroad turns any mail account that a team already owns into a mail platform."""

__version__ = "0.1.0"
