"""The OpenAPI 3.0 document, written from the operation table and the wire types.

Nothing is described twice: limits and formats come from the types that also check requests.
"""

from __future__ import annotations

import inspect as python_inspect
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final, cast

from msgspec import inspect

from postroad import __version__
from postroad.surfaces.api.operation import COMMON_STATUSES, Operation
from postroad.surfaces.api.request import MAX_TIMEOUT_MS
from postroad.surfaces.api.schemas.formats import Format
from postroad.surfaces.api.schemas.paths import PATH_MEMBERS

Schema = dict[str, Any]

_ERROR: Final = "Error"
_HEADERS: Final[Mapping[str, Schema]] = {
    "x-ee-timeout": {"type": "integer", "minimum": 0, "maximum": MAX_TIMEOUT_MS},
    "idempotency-key": {"type": "string", "minLength": 0, "maxLength": 1024},
}


def document(operations: Iterable[Operation]) -> Schema:
    """Describe the documented ones of ``operations``."""
    components = _Components()
    paths: dict[str, dict[str, Schema]] = {}
    documented = [item for item in operations if item.is_documented]
    for item in documented:
        paths.setdefault(item.path, {})[item.method.lower()] = _operation(item, components)
    return {
        "openapi": "3.0.0",
        "info": {"title": "Postroad API", "version": __version__},
        "servers": [{"url": "/"}],
        "security": [{"bearerAuth": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(item.tag for item in documented)],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearerAuth": {"type": "http", "scheme": "bearer"}},
            "schemas": components.schemas,
        },
    }


def _operation(item: Operation, components: _Components) -> Schema:
    described: Schema = {
        "operationId": item.operation_id,
        "tags": [item.tag],
        "summary": item.summary,
        "parameters": _parameters(item, components),
        "responses": {
            "200": {
                "description": "OK",
                "content": {item.answer_type: {"schema": _answer_schema(item, components)}},
            }
        }
        | {
            str(status): {
                "description": HTTPStatus(status).phrase,
                "content": _json({"$ref": f"#/components/schemas/{_ERROR}"}),
            }
            for status in sorted({*COMMON_STATUSES, *item.statuses})
        },
        "x-ee-action": item.action,
        "x-ee-group": item.group,
    }
    if item.description:
        described["description"] = item.description
    if item.body is not None:
        schema = item.body_schema or components.of(item.body)
        described["requestBody"] = {"required": True, "content": _json(schema)}
    return described


def _answer_schema(item: Operation, components: _Components) -> Schema:
    return item.answer_schema or components.of(item.answer)


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _parameters(item: Operation, components: _Components) -> list[Schema]:
    headers = [
        {"name": name, "in": "header", "schema": dict(_HEADERS[name])}
        for name in ("x-ee-timeout", *item.headers)
    ]
    members = [
        {"name": name, "in": "path", "required": True, "schema": dict(PATH_MEMBERS[name].SCHEMA)}
        for name in item.members
    ]
    query = cast(inspect.StructType, inspect.type_info(item.query))
    return (
        headers
        + members
        + [
            {"name": field.encode_name, "in": "query", "schema": components.field(field)}
            | ({"required": True} if field.required else {})
            for field in query.fields
        ]
    )


class _Components:
    """Schemas of structures, each under its class name, collected while they are referred to."""

    def __init__(self) -> None:
        self.schemas: dict[str, Schema] = {_ERROR: _error_schema()}
        self._classes: dict[str, type] = {}

    def of(self, kind: Any) -> Schema:
        return self._schema(inspect.type_info(kind))

    def field(self, field: inspect.Field) -> Schema:
        schema = self._schema(field.type)
        default = field.default
        if isinstance(default, (bool, int, str)) and "$ref" not in schema:
            schema = schema | {"default": default}
        return schema

    def _schema(self, info: inspect.Type) -> Schema:
        match info:
            case inspect.Metadata():
                return self._schema(info.type) | (info.extra_json_schema or {})
            case inspect.UnionType():
                return self._union(info)
            case inspect.StructType():
                return self._reference(info)
            case inspect.ListType():
                return _limited(
                    {"type": "array", "items": self._schema(info.item_type)},
                    minItems=info.min_length,
                    maxItems=info.max_length,
                )
            case inspect.DictType():
                values = self._schema(info.value_type)
                return {"type": "object", "additionalProperties": values or True}
            case inspect.StrType():
                return _limited(
                    {"type": "string"}, minLength=info.min_length, maxLength=info.max_length
                )
            case inspect.IntType():
                return _limited({"type": "integer"}, minimum=info.ge, maximum=info.le)
            case inspect.BoolType():
                return {"type": "boolean"}
            case inspect.BytesType():
                return {"type": "string", "format": "byte"}
            case inspect.LiteralType():
                return {"type": "string", "enum": sorted(map(str, info.values))}
            case inspect.CustomType():
                return dict(cast(type[Format], info.cls).SCHEMA)
            case _:
                return {}

    def _union(self, info: inspect.UnionType) -> Schema:
        choices = [item for item in info.types if not isinstance(item, inspect.NoneType)]
        if len(choices) == 1:
            schema = self._schema(choices[0])
        else:
            # Beside another type a boolean only ever means "none".
            schema = {
                "anyOf": [
                    {"type": "boolean", "enum": [False]}
                    if isinstance(item, inspect.BoolType)
                    else self._schema(item)
                    for item in choices
                ]
            }
        if len(choices) == len(info.types):
            return schema
        # Beside a reference OpenAPI 3.0 ignores every other word.
        return ({"allOf": [schema]} if "$ref" in schema else schema) | {"nullable": True}

    def _reference(self, info: inspect.StructType) -> Schema:
        name = info.cls.__name__
        if self._classes.setdefault(name, info.cls) is not info.cls:
            raise ValueError(f"two wire structures are named {name}")
        if name not in self.schemas:
            self.schemas[name] = {}  # stands in while the structure refers to itself
            self.schemas[name] = self._structure(info)
        return {"$ref": f"#/components/schemas/{name}"}

    def _structure(self, info: inspect.StructType) -> Schema:
        schema: Schema = {
            "type": "object",
            "properties": {field.encode_name: self.field(field) for field in info.fields},
        }
        if required := [field.encode_name for field in info.fields if field.required]:
            schema["required"] = required
        own = info.cls.__dict__.get("__doc__")
        if own:
            schema["description"] = python_inspect.cleandoc(own).partition("\n")[0]
        if info.forbid_unknown_fields:
            schema["additionalProperties"] = False
        return schema


def _limited(schema: Schema, **limits: int | None) -> Schema:
    return schema | {name: limit for name, limit in limits.items() if limit is not None}


def _error_schema() -> Schema:
    text = {"type": "string"}
    problem = {"type": "object", "properties": {"message": text, "key": text}}
    return {
        "type": "object",
        "description": "What went wrong; further members depend on the error.",
        "required": ["statusCode", "error", "message"],
        "properties": {
            "statusCode": {"type": "integer"},
            "error": text,
            "message": text,
            "code": text,
            "fields": {"type": "array", "items": problem},
        },
    }
