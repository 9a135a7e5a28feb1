"""Configuration: one frozen tree, read once at start, handed to each part as its slice."""

from postroad.config.http_listener import HttpConfig
from postroad.config.loader import CONFIG_VARIABLE, load, unknown_variables
from postroad.config.model import (
    OPTIONS,
    Config,
    DeliveryConfig,
    LogConfig,
    MailConfig,
    Option,
    SandboxConfig,
    StartConfig,
    StoreConfig,
    WebhookConfig,
)

__all__ = [
    "CONFIG_VARIABLE",
    "OPTIONS",
    "Config",
    "DeliveryConfig",
    "HttpConfig",
    "LogConfig",
    "MailConfig",
    "Option",
    "SandboxConfig",
    "StartConfig",
    "StoreConfig",
    "WebhookConfig",
    "load",
    "unknown_variables",
]
