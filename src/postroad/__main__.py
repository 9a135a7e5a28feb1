"""``python -m postroad`` is ``postroad``."""

from postroad.surfaces.cli import main

if __name__ == "__main__":
    main()
