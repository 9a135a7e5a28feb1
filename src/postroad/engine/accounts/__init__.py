"""Accounts: what is configured, how each fares, and the live way into each mailbox."""
