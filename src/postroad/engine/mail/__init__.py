"""Messages as they are shown and told: made of what a provider knows of them."""
