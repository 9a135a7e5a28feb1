"""Log lines are JSON, levelled, and free of secrets."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from postroad.observe import configure_logging, get_logger


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Each test configures the process; the next finds it as it was."""
    before = structlog.get_config()
    root = logging.getLogger()
    handlers, level = [*root.handlers], root.level
    yield
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_a_line_is_json_with_time_level_logger_and_message(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("info")

    get_logger("postroad.engine.delivery").info("relay answered", queue_id="1", code=250)

    (line,) = _lines(capsys)
    assert list(line)[:4] == ["time", "level", "logger", "message"]
    assert (line["level"], line["logger"]) == ("info", "engine.delivery")
    assert (line["message"], line["queue_id"], line["code"]) == ("relay answered", "1", 250)
    assert str(line["time"]).endswith("Z")


def test_lines_below_the_level_are_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("WARNING")
    log = get_logger("postroad.x")

    log.info("quiet")
    log.warning("loud")

    assert [line["message"] for line in _lines(capsys)] == ["loud"]


def test_a_logger_used_before_the_level_is_set_follows_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = get_logger("postroad.early")
    log.info("before")

    configure_logging("info")
    log.info("after")

    assert [line["message"] for line in _lines(capsys)] == ["after"]


def test_an_unknown_level_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"loud.*debug, info, warning"):
        configure_logging("loud")


def test_an_exception_comes_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    log = get_logger("postroad.x")

    try:
        raise RuntimeError("it broke")
    except RuntimeError:
        log.exception("unexpected")

    (line,) = _lines(capsys)
    assert line["level"] == "error"
    assert "RuntimeError: it broke" in str(line["exception"])


def test_a_line_break_in_a_value_cannot_start_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")

    get_logger("postroad.x").info("said", text='one\r\n{"level": "forged"}')

    (line,) = _lines(capsys)
    assert line["text"] == 'one\r\n{"level": "forged"}'


def test_what_libraries_log_has_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    library = logging.getLogger("uvicorn.error")

    library.info("not of interest")
    library.warning("bad request from %s", "somebody")

    (line,) = _lines(capsys)
    assert (line["level"], line["logger"]) == ("warning", "uvicorn.error")
    assert line["message"] == "bad request from somebody"


def test_secrets_do_not_reach_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")

    get_logger("postroad.x").info("connecting", password="hunter2", url="smtp://u:hunter2@host/")

    (line,) = _lines(capsys)
    assert line["password"] == "***"
    assert line["url"] == "smtp://***@host/"
