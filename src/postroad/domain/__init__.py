"""What exists: frozen dataclasses, enums and pure rules. Imports the standard library only."""
