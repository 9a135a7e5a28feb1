"""Settings as JSON: any of the table's keys. The types stand in the table, not here."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType, defstruct

from postroad.domain.setting import SETTINGS
from postroad.domain.setting_kinds import Setting, SettingKind
from postroad.surfaces.api.schemas.members import Answer, Request

SettingsBody = dict[str, Any]
SettingsAnswer = dict[str, Any]

# Each key is asked for by ``key=true``.
SettingsQuery = defstruct(
    "SettingsQuery",
    [
        (key, bool | UnsetType, UNSET)
        for key in ("eventTypes", *(setting.key for setting in SETTINGS))
    ],
    bases=(Request,),
    forbid_unknown_fields=True,
    kw_only=True,
)


class UpdateSettingsAnswer(Answer):
    updated: list[str]


def request_schema() -> dict[str, object]:
    """OpenAPI of the body that sets settings."""
    return {
        "type": "object",
        "properties": {setting.key: _schema(setting) for setting in SETTINGS},
        "additionalProperties": False,
    }


def answer_schema() -> dict[str, object]:
    """OpenAPI of what is read: unset keys are null, secrets are booleans."""
    properties: dict[str, object] = {}
    for setting in SETTINGS:
        schema = {"type": "boolean"} if setting.is_secret else _schema(setting)
        properties[setting.key] = schema | {"nullable": True}
    properties["eventTypes"] = {"type": "array", "items": {"type": "string"}}
    return {"type": "object", "properties": properties}


def _schema(setting: Setting) -> dict[str, object]:
    schema: dict[str, object] = {"description": setting.sentence, **_TYPES[setting.kind]}
    if setting.kind is SettingKind.NAMES:
        schema["items"] = {"type": "string", "maxLength": setting.max_length}
    elif setting.members:
        schema["properties"] = {member.key: _schema(member) for member in setting.members}
        schema["additionalProperties"] = False
    elif setting.max_length is not None:
        schema["maxLength"] = setting.max_length
    if setting.choices:
        schema["enum"] = list(setting.choices)
    if setting.minimum is not None:
        schema["minimum"] = setting.minimum
    if setting.maximum is not None:
        schema["maximum"] = setting.maximum
    if setting.is_nullable:
        schema["nullable"] = True
    if setting.default not in (None, ()):
        schema["default"] = setting.default
    return schema


_TYPES: dict[SettingKind, dict[str, object]] = {
    SettingKind.BOOLEAN: {"type": "boolean"},
    SettingKind.INTEGER: {"type": "integer"},
    SettingKind.DURATION: {"type": "integer"},
    SettingKind.TEXT: {"type": "string"},
    SettingKind.HOSTNAME: {"type": "string", "format": "hostname"},
    SettingKind.ADDRESS: {"type": "string", "format": "ip"},
    SettingKind.URL: {"type": "string", "format": "uri"},
    SettingKind.CHOICE: {"type": "string"},
    SettingKind.OBJECT: {"type": "object"},
    SettingKind.NAMES: {"type": "array"},
    SettingKind.HEADERS: {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["key"],
            "properties": {
                "key": {"type": "string", "maxLength": 1024},
                "value": {"type": "string", "maxLength": 10_240, "default": ""},
            },
        },
    },
}
