"""The REST surface."""

from postroad.surfaces.api.app import Api, Limits

__all__ = ["Api", "Limits"]
