"""How it is spelled: bytes to types and back. No I/O, no clock, no logging."""
