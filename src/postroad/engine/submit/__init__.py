"""The desk: from a request to a message on disk."""
