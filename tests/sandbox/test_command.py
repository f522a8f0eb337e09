"""``capi-middleware sandbox`` as a person runs it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import pytest
import requests

from capi_middleware.cli import main
from capi_middleware.cli.sandbox import address

COMMAND = [sys.executable, "-m", "capi_middleware", "sandbox"]


def test_it_serves_until_ctrl_c() -> None:
    with subprocess.Popen([*COMMAND, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found
        assert requests.get(found[0], timeout=10).status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0


def test_a_command_beside_it_gets_the_settings_and_its_exit_code_counts() -> None:
    show = "import os; print(os.environ['CAPI_GRAPH_URL'], os.environ['CAPI_PIXEL_URL']); raise SystemExit(3)"
    done = subprocess.run(
        [*COMMAND, "--listen", "127.0.0.1:0", "--", sys.executable, "-c", show],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 3, done.stderr
    graph, pixel = done.stdout.splitlines()[-1].split()
    assert pixel == f"{graph}/en_US/fbevents.js"


def test_a_shop_beside_it_ends_with_it() -> None:
    shop = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    command = [*COMMAND, "--listen", "127.0.0.1:0", "--", sys.executable, "-c", shop]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        pid = next(int(line) for line in process.stdout if line.strip().isdecimal())
        process.terminate()
        assert process.wait(timeout=10) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["--listen", "nowhere"], "write HOST:PORT", id="no-address"),
        pytest.param(["--listen", "127.0.0.1:99999"], "write HOST:PORT", id="port-too-large"),
        pytest.param(["--token", "abc"], "write PIXEL_ID=TOKEN", id="no-token"),
        pytest.param(["--listen", "127.0.0.1:0", "--", "/no/such/program"], "cannot run", id="no-program"),
    ],
)
def test_misuse_is_explained(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sandbox", *words]) == 2
    assert said in capsys.readouterr().err


def test_a_port_that_is_taken_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    from capi_middleware.sandbox import Sandbox

    with Sandbox() as first:
        assert main(["sandbox", "--listen", f"127.0.0.1:{first.listener.port}"]) == 1
    assert "cannot listen" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        (":80", ("127.0.0.1", 80)),
        ("80", ("127.0.0.1", 80)),
        ("[::1]:80", ("::1", 80)),
    ],
)
def test_addresses(text: str, expected: tuple[str, int]) -> None:
    assert address(text) == expected
