"""Rows. One SQL dialect, two engines, one repository per aggregate.

Everything goes through units of work: ``await store.write(unit)`` returns after the commit.
"""

from postroad.store.backend import Session, Store, Unit
from postroad.store.open import open_store as open
from postroad.store.tx import Tx

__all__ = ["Session", "Store", "Tx", "Unit", "open"]
