"""JSON as it lies in rows: compact, and readable by people who look into the database."""

from __future__ import annotations

import json

# json.dumps() with any option of its own makes a new encoder for every call.
write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
read = json.loads
