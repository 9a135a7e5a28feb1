"""Bounces that follow no standard, one module for each kind of software that writes them.

A dialect says how its texts are known and how its recipients and their reasons are found in
them; :mod:`.grammar` has the few shapes that nearly all share. :mod:`.prose` reads what no
dialect claims: servers unknown, translated or changed by their owners.
"""

from postroad.protocol.report.folklore.finding import Dialect, Finding, Text
from postroad.protocol.report.folklore.registry import DIALECTS, read_folklore

__all__ = ["DIALECTS", "Dialect", "Finding", "Text", "read_folklore"]
