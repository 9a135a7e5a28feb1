"""Ways into a mailbox, behind one interface."""
