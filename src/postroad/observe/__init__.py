"""What operators see: log lines and metrics. Imports nothing of ours."""

from postroad.observe.logging import Logger, configure_logging, get_logger

__all__ = ["Logger", "configure_logging", "get_logger"]
