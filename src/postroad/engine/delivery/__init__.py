"""From a due row to the relay's word on it: claim, pace, relay, settle, finish."""
