"""Following what happens in mailboxes: see, compare, write down, tell."""
