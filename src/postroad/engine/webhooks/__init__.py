"""Telling the outside what happened: from the event log to signed requests."""
