"""Ways in: decode, authorize, one engine call, encode."""
