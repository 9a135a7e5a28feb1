"""What came back: bounces, complaints and auto-replies read from raw mail.

:func:`read_report` is the whole of it: octets in, a :class:`postroad.domain.bounce.Report` out.
RFC 3464, 6522, 6533, 5965, 6591, 3834, and in :mod:`.folklore` those who follow none of them.
"""

from postroad.protocol.report.reader import read_report

__all__ = ["read_report"]
