"""Writes the parts of docs/reference that are data in the code: ``make docs``.

A part stands between two marks in its page and is replaced whole::

    <!-- generated: settings -->
    ...
    <!-- /generated -->

``tests/docs`` renders the same parts and compares, so a page cannot fall behind.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import click
import msgspec

from postroad.config import values
from postroad.config.model import OPTIONS, Option
from postroad.domain.secret import Secret
from postroad.domain.setting import SETTINGS
from postroad.domain.setting_kinds import Setting, SettingKind
from postroad.observe import metrics
from postroad.surfaces.api import routes  # noqa: F401 - fills the table of operations
from postroad.surfaces.api.operation import OPERATIONS, Operation
from postroad.surfaces.cli import cli

PAGES = Path(__file__).parent / "reference"

_MARKED = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- /generated -->)", re.DOTALL)


def configuration() -> str:
    """One table per section of the configuration file."""
    parts = []
    for section in dict.fromkeys(option.section for option in OPTIONS):
        rows = [
            (
                f"`{option.key}`",
                _default(option),
                _code(*option.variables),
                option.sentence,
            )
            for option in OPTIONS
            if option.section == section
        ]
        table = _table(("key", "default", "environment", "meaning"), rows)
        parts.append(f"### `[{section}]`\n\n{table}")
    return "\n".join(parts)


def settings() -> str:
    """All settings, in the order of the code."""
    rows = [
        (
            f"`{setting.key}`" + (" †" if setting.is_ours else ""),
            _limits(setting),
            _value(setting.default),
            setting.sentence + (" Shown as a boolean." if setting.is_secret else ""),
        )
        for setting in SETTINGS
    ]
    return _table(("key", "type", "default", "meaning"), rows)


def metric_names() -> str:
    """All metrics of ours."""
    return _table(
        ("metric", "labels", "meaning"),
        [
            (f"`{metric.name}`", ", ".join(f"`{label}`" for label in metric.labels), metric.meaning)
            for metric in sorted(metrics.DECLARED, key=lambda metric: metric.name)
        ],
    )


def commands() -> str:
    """Every command with its arguments and options, groups taken apart."""
    return "\n".join(_command(cli, click.Context(cli, info_name="postroad")))


def operations() -> str:
    """Every operation by tag, in the order of the table."""
    parts = []
    for tag in dict.fromkeys(item.tag for item in OPERATIONS):
        parts.append(f"## {tag}\n")
        parts += [_operation(item) for item in OPERATIONS if item.tag == tag]
    return "\n".join(parts)


PARTS: Mapping[str, Callable[[], str]] = {
    "configuration": configuration,
    "settings": settings,
    "metrics": metric_names,
    "commands": commands,
    "operations": operations,
}


def render(page: str) -> str:
    """The text of a page with its generated parts as they should be."""
    return _MARKED.sub(lambda found: f"{found[1]}\n{PARTS[found[2]]()}\n{found[3]}", page)


def parts_of(page: str) -> list[str]:
    """Names of the generated parts in a page."""
    return [found[1] for found in _MARKED.findall(page)]


def _operation(item: Operation) -> str:
    lines = [f"### `{item.method} {item.path}`\n", f"{item.summary}.\n"]
    if item.description:
        lines.append(f"{item.description}\n")
    grants = " ".join(word for word in (item.action, item.group) if word)
    needs = f"scope `{item.scope}`" if item.scope else "no token"
    lines.append(f"- Needs {needs}" + (f", permission {grants}" if grants else ""))
    for title, struct in (("Query", item.query), ("Body", item.body), ("Answer", item.answer)):
        if members := _members(struct):
            lines.append(f"- {title}: {members}")
    if item.headers:
        lines.append(f"- Headers: {', '.join(f'`{name}`' for name in item.headers)}")
    if item.statuses:
        lines.append(f"- Errors: {', '.join(str(status) for status in item.statuses)}")
    return "\n".join(lines) + "\n"


def _members(struct: type | None) -> str:
    """Names of the members as they are on the wire; required ones in bold."""
    if struct is None or not issubclass(struct, msgspec.Struct):
        return ""
    return ", ".join(
        f"**`{member.encode_name}`**" if member.required else f"`{member.encode_name}`"
        for member in msgspec.structs.fields(struct)
    )


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is None:
                raise LookupError(f"{context.command_path} {name}")
            yield from _command(inner, click.Context(inner, info_name=name, parent=context))
        return
    text = inspect.cleandoc(command.help or "").replace("\f", "")
    yield f"### `{context.command_path}`\n\n{text}\n"
    arguments = [item for item in command.params if isinstance(item, click.Argument)]
    options = [item for item in command.params if isinstance(item, click.Option)]
    if arguments:
        yield f"Arguments: {', '.join(f'`{item.human_readable_name}`' for item in arguments)}\n"
    if options:
        yield _table(("option", "meaning"), [_option(item, context) for item in options])


def _option(option: click.Option, context: click.Context) -> tuple[str, str]:
    names, meaning = option.get_help_record(context) or (", ".join(option.opts), "")
    return f"`{names}`", " ".join(meaning.split())


def _default(option: Option) -> str:
    if isinstance(option.default, float):
        return _duration(option.default)
    if option.read is values.size_bytes and isinstance(option.default, int):
        return f"`{option.default // 1024**2}M`"
    return _value(option.default)


def _duration(seconds: float) -> str:
    return f"`{seconds:g}s`"


def _limits(setting: Setting) -> str:
    words = str(setting.kind)
    if setting.kind is SettingKind.DURATION:
        return f"{words}, 1m to 60d"
    if setting.minimum is not None and setting.maximum is not None:
        words += f", {setting.minimum} to {setting.maximum}"
    if setting.max_length is not None:
        words += f", at most {setting.max_length} characters"
    return words


def _value(value: object) -> str:
    if value is None or value == () or value == {} or isinstance(value, Secret):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return _code(*value)
    return f"`{value}`"


def _code(*words: str) -> str:
    return "<br>".join(f"`{word}`" for word in words)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(_cell(cell) for cell in line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    for path in sorted(PAGES.glob("*.md")):
        before = path.read_text(encoding="utf-8")
        after = render(before)
        if after != before:
            path.write_text(after, encoding="utf-8")
            print(f"wrote {path.relative_to(PAGES.parent.parent)}")
