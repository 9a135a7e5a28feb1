"""The submission server: any SMTP client can hand us mail. Contract §8."""

from postroad.surfaces.smtp.server import SmtpServer

__all__ = ["SmtpServer"]
