"""What came back: new mail that is about mail we sent, read, matched and told."""
