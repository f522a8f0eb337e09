"""Whatever is typed: an exit code as promised, a sentence or JSON, never a traceback or a token."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from capi_middleware.cli import COMMANDS, main
from capi_middleware.cli.terminal import LARGEST_FILE

TOKEN = "EAASECRETTOKEN"
SHOP = "https://shop.example/p"
NOWHERE = "http://127.0.0.1:9/"
LONG = "ö" * 20_000
WITH_JSON = sorted(set(COMMANDS) - {"demo", "proxy", "sandbox", "init"})


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CAPI_CONFIG", raising=False)
    for name, value in {
        "CAPI_PIXEL_ID": "1234567890",
        "CAPI_ACCESS_TOKEN": TOKEN,
        "CAPI_GRAPH_URL": NOWHERE,
        "CAPI_STATE_DIR": str(tmp_path / "state"),
    }.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "page.html").write_text("<!doctype html><html><head><title>x</title></head></html>", encoding="utf-8")
    (tmp_path / "binary").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "broken.toml").write_text("[meta\n", encoding="utf-8")
    (tmp_path / "shop.toml").write_text("", encoding="utf-8")
    (tmp_path / "folder").mkdir()


def run(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    capsys.readouterr()
    try:
        code = main(words)
    except SystemExit as left:
        code = int(left.code or 0)
    out, err = capsys.readouterr()
    assert TOKEN not in out + err
    assert "Traceback" not in out + err and "Errno" not in out + err and "HTTPConnectionPool" not in out + err
    assert "this should not happen" not in out + err
    return code, out, err


MISUSE = [
    ("export", "required: --visitor"),
    ("export --visitor=", "_fbp"),
    ("replay x", "invalid int"),
    ("purge", "say what"),
    ("purge --older-than inf", "a number of days"),
    ("check nope.toml", "there is no file nope.toml."),
    ("check shop.tml", "Did you mean shop.toml?"),
    ("check no/shop.toml", "there is no folder no."),
    ("check folder", "folder is a folder"),
    ("check a b", "unrecognized arguments"),
    (f"check {LONG}", "there is no file"),
    (f"explain {SHOP} --html page.html --status 99", "from 100 to 599"),
    (f"explain {SHOP} --html page.html --status 600", "from 100 to 599"),
    (f"explain {SHOP} --html pag.html", "Did you mean page.html?"),
    (f"explain {SHOP} --html folder", "is a folder"),
    (f"explain {SHOP} --html page.html --next-html nope.html", "there is no file nope.html."),
    (f"explain {SHOP} --request-json nope.json", "there is no file nope.json."),
    (f"explain {SHOP} --html page.html --config nope.toml", "there is no file nope.toml."),
    (f"explain {SHOP} --html page.html --config broken.toml", "damaged"),
    (f"explain {SHOP} --html page.html --method G/T", "a word such as GET"),
    (f"explain {SHOP} --html page.html --header nope", "write it as 'Name: value'"),
    (f"explain {SHOP} --html page.html --form nope", "write it as name=value"),
    ("explain shop.example/p --html page.html", "write it as https://shop.example/p"),
    ("explain ftp://shop.example/ --html page.html", "no address of a page"),
    ("explain https://[bad", "no address of a page"),
    ("explain http://shop.example:99999/", "no address of a page"),
    (f"explain {LONG}", "no address of a page"),
    ("doctor shop.example", "write it as https://shop.example"),
    ("doctor https://[bad", "no address of a page"),
    (f"doctor {NOWHERE} --pages 0", "--pages takes a number from 1"),
    (f"doctor {NOWHERE} --catalogue nope.csv", "there is no file nope.csv."),
    (f"doctor {NOWHERE} --catalogue folder", "is a folder"),
    (f"doctor {NOWHERE} --config nope.toml", "there is no file nope.toml."),
    ("init shop.example", "write it as https://shop.example"),
    ("init --output page.html", "--force writes over it"),
    ("init --output folder/no/capi.toml", "cannot be written"),
    ("status --config nope.toml", "there is no file nope.toml."),
    ("status --config broken.toml", "damaged"),
    ("status --dead x", "invalid int"),
    ("worker --once --timeout nan", "--timeout takes seconds"),
    ("worker --config folder", "is a folder"),
    ("test-event --code TEST1 --event AddTocart", "did you mean AddToCart?"),
    ("test-event --code TEST1 --event <b>", "is no event name"),
    ("test-event --code TEST1 --url shop.example", "write it as https://shop.example"),
    ("test-event --code T<b>", "is no test code"),
    ("test-event --code TEST1 --pixel 5", "there are: 1234567890"),
    ("test-event", "it would count"),
    ("demo --port 99999", "choose one from"),
    ("demo --listen nonsense", "is no address"),
    ("sandbox --listen nonsense", "is no address"),
    ("sandbox --token nonsense", "is no token"),
    ("proxy nonsense", "nonsense"),
    ("proxy http://127.0.0.1:9 --listen nonsense", "nonsense"),
    ("proxy http://127.0.0.1:9 --threads 0", "1 or more"),
    ("proxy http://127.0.0.1:9 --tls-cert page.html", "belong together"),
    ("proxy", "No shop to pass requests on to"),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "told"), MISUSE, ids=[typed[:60] for typed, _ in MISUSE])
def test_misuse_is_2_and_a_sentence(typed: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = typed.split(" ")
    told = told.replace("it would count", "the event would count")
    code, out, err = run(words, capsys)
    assert (code, out) == (2, "")
    assert told in err and len(err) < 2000
    if words[0] in WITH_JSON:
        code, out, err = run([*words, "--json"], capsys)
        assert code == 2 and told in json.loads(out)["error"] and err == ""


TROUBLE = [
    ("export --visitor fb.1.2.3", "nothing is stored about the visitor fb.1.2.3"),
    (f"explain {NOWHERE}", "nothing answers there"),
    ("explain http://nope.invalid/", "its host name is unknown"),
    (f"doctor {NOWHERE}", "nothing answers there"),
    (f"init {NOWHERE}", "nothing answers there"),
    ("replay 4711", "There is no event 4711"),
    (f"replay {10**30}", "There is no event"),
    ("test-event --code TEST1", "the connection was refused"),
]


@pytest.mark.parametrize(("typed", "told"), TROUBLE, ids=[typed[:60] for typed, _ in TROUBLE])
def test_trouble_is_1_and_a_sentence(typed: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(typed.split(" "), capsys)
    assert code == 1 and told in out + err
    if typed.split(" ")[0] in WITH_JSON:
        code, out, err = run([*typed.split(" "), "--json"], capsys)
        assert code == 1
        json.loads(out)


FINE = [
    f"explain {SHOP} --html binary",
    f"explain {SHOP}?q={'a' * 50_000} --html page.html",
    f"explain {SHOP} --html page.html --header Cookie:ö=å☃",
    f"explain {SHOP} --html page.html --header Set-Cookie:{'a' * 50_000}",
    f"explain {SHOP} --response-json binary --method POST --form ö=☃",
    f"explain {SHOP} --request-json binary --status 200",
    "explain https://räksmörgås.example/å%ff?q=%zz --html page.html",
    "status",
    "purge --visitor ö☃",
    "check shop.toml",
    "replay",
    "worker --once --timeout 2",
]


@pytest.mark.parametrize("typed", FINE, ids=[typed[:60] for typed in FINE])
def test_absurd_but_right_is_0(typed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(typed.split(" "), capsys)[0] == 0
    code, out, _ = run([*typed.split(" "), "--json"], capsys)
    assert code == 0
    json.loads(out)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_what_it_is_for(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run([command, "--help"], capsys)
    assert code == 0 and err == ""
    assert out.startswith(f"usage: capi-middleware {command}")
    assert COMMANDS[command].split(",")[0][1:] in " ".join(out.split())


def test_a_command_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(["chekc"], capsys)
    assert (code, out) == (2, "") and "Did you mean check?" in err
    assert run([], capsys)[0] == 2
    assert run(["help", "check"], capsys)[0] == 0


def test_a_file_without_end(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(["check", "/dev/zero"], capsys)
    assert code == 2 and f"larger than {LARGEST_FILE >> 20} MiB" in err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f'[meta]\npixel_id = "{TOKEN}"\n', "capi.toml:2: meta.pixel_id: the value is not valid."),
        (f'[meta]\naccess_token = "env:{TOKEN}"\n', "the environment variable that is named is not set."),
        ("[meta]\npixel_id = true\n", "meta.pixel_id: true is not valid."),
        ('[[rule]]\nevent = "Lead"\npath = [true]\n', "rule 1, path: [true] is neither a text nor a list of texts."),
        ('[[rule]]\nevent = "Lead"\npath = "env:NOPE"\n', "rule 1, path: the environment variable NOPE is not set."),
        ('[[site]]\nhost = "a.example"\n[site.shop]\nplatform = "magneto2"\n', "capi.toml:4: site 1, shop.platform:"),
    ],
)
def test_mistakes_are_told_where_they_stand(
    text: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "capi.toml").write_text(text, encoding="utf-8")
    code, out, _ = run(["check"], capsys)
    assert code == 1 and told in out


def test_what_is_wanted_is_told_as_it_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "capi.toml").write_text(
        '[[rule]]\nevent = "Lead"\npath = "/tack"\nmethod = "POST"\nwhen = { json = { success = true } }\n',
        encoding="utf-8",
    )
    (tmp_path / "answer.json").write_text('{"success": false}', encoding="utf-8")
    words = ["explain", "https://shop.example/tack", "--method", "POST", "--response-json", "answer.json"]
    code, out, _ = run([*words, "--header", "X-Requested-With: fetch"], capsys)
    assert code == 0 and "json success is not true" in out


class Rude:
    """A server that answers every connection with these bytes, and then hangs up."""

    def __init__(self, answer: bytes) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._answer = answer
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            with peer:
                peer.recv(65536)
                peer.sendall(self._answer)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture
def rude(request: pytest.FixtureRequest) -> Iterator[Rude]:
    made = Rude(request.param)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("rude", "told"),
    [
        (b"", "closed without an answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "no web server"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", "broke off"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", "compressed wrongly"),
        (b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", "redirects for ever"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://[bad\r\nContent-Length: 0\r\n\r\n", "the address cannot be used"),
    ],
    indirect=["rude"],
)
@pytest.mark.parametrize("command", ["explain", "doctor", "init"])
def test_a_rude_server(command: str, rude: Rude, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run([command, rude.url], capsys)
    assert code == 1 and told in err


def test_https_where_http_is_spoken(capsys: pytest.CaptureFixture[str]) -> None:
    server = Rude(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    try:
        code, _, err = run(["explain", server.url.replace("http:", "https:")], capsys)
    finally:
        server.close()
    assert code == 1 and "it does not speak TLS there" in err


# -- in a terminal


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "capi_middleware", *words]


def environ(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent.parent), **more}


def test_a_reader_that_leaves(tmp_path: Path) -> None:
    """``… | head -1``."""
    shell = f"{sys.executable} -m capi_middleware explain {SHOP} --html page.html | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, timeout=60, env=environ())
    assert done.stderr == "" and done.stdout.splitlines() == [SHOP, "0"]


def test_no_standard_output_at_all() -> None:
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m capi_middleware status >&-"], capture_output=True, text=True, env=environ()
    )
    assert done.returncode == 0 and done.stderr == ""


@pytest.mark.parametrize("words", ["status", "--help", "status --json"])
def test_a_disk_that_is_full(words: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m capi_middleware {words} > /dev/full"],
        capture_output=True, text=True, timeout=60, env=environ(),
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == f"capi-middleware {words.split()[0]}: No space left on device.\n"


def test_a_terminal_without_the_letters(tmp_path: Path) -> None:
    done = subprocess.run(
        command("explain", "https://shop.example/å", "--html", "page.html", "--header", "Cookie: å=☃", "--json"),
        capture_output=True, text=True, env=environ(PYTHONIOENCODING="ascii"), timeout=60,
    )  # fmt: skip
    assert done.returncode == 0 and json.loads(done.stdout)["url"] == "https://shop.example/%C3%A5"
    done = subprocess.run(
        [*command("check"), b"\xff\xfe.toml"], capture_output=True, text=True, timeout=60, env=environ(LC_ALL="C")
    )
    assert done.returncode == 2 and "there is no file" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(("words", "expected"), [(["worker"], 0), (["sandbox", "--listen", "127.0.0.1:0"], 0)])
def test_ctrl_c_ends_a_server(words: list[str], expected: int) -> None:
    process = subprocess.Popen(
        command(*words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environ()
    )
    assert process.stdout is not None
    said = process.stdout.readline()
    while said and "Ctrl-C ends it" not in said:
        said = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=20)
    assert process.returncode == expected and "Traceback" not in rest


def test_ctrl_c_while_a_shop_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        process = subprocess.Popen(command("explain", url), stderr=subprocess.PIPE, text=True, env=environ())
        peer, _ = silent.accept()
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
        peer.close()
    assert process.returncode == 130 and said == "capi-middleware explain: stopped.\n"


@pytest.mark.parametrize(
    "words", [["demo", "--port"], ["sandbox", "--listen"], ["proxy", "http://127.0.0.1:9", "--listen"]]
)
def test_a_port_in_use(words: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        address = port if words[0] == "demo" else f"127.0.0.1:{port}"
        done = subprocess.run(command(*words, address), capture_output=True, text=True, timeout=60, env=environ())
    assert done.returncode == 1
    assert "cannot listen on" in done.stderr.lower() and "Traceback" not in done.stderr
