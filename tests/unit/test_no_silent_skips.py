"""The rule of tests/conftest.py: where everything is installed on purpose, a skip is a failure."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]

SAMPLE = """
import pytest

@pytest.fixture
def server():
    pytest.skip("no server")

def test_in_a_fixture(server): pass
def test_in_the_test(): pytest.skip("no server")
@pytest.mark.xfail
def test_known_to_fail(): assert False
def test_good(): pass
"""


def _run(directory: Path, *, ci: bool) -> tuple[int, str]:
    shutil.copy(TESTS / "conftest.py", directory)
    (directory / "test_sample.py").write_text(SAMPLE)
    (directory / "test_whole.py").write_text("import pytest\npytest.skip(allow_module_level=True)")
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    environment |= {"CI": "true"} if ci else {}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "--continue-on-collection-errors"),
            *(
                "-p",
                "no:cacheprovider",
                "-c",
                os.devnull,
                "--rootdir",
                str(directory),
                "-o",
                f"pythonpath={TESTS}",
            ),
            *("-o", "markers=postgres", str(directory)),
        ],
        env=environment,
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    return done.returncode, done.stdout


def test_a_skip_fails_the_run_in_ci(tmp_path: Path) -> None:
    status, output = _run(tmp_path, ci=True)

    assert status != 0
    assert "skipped where nothing may be skipped: Skipped: no server" in output
    assert "skipped" not in output.splitlines()[-1]


def test_a_skip_is_only_reported_elsewhere(tmp_path: Path) -> None:
    status, output = _run(tmp_path, ci=False)

    assert status == 0
    assert output.splitlines()[-1].startswith("1 passed, 3 skipped, 1 xfailed")
