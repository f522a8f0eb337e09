"""Disks and folders that fail: the shop answers as always, nothing that can be kept is lost, and health says it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.delivery.sink import Sink
from tests.faults.harness import Shop, Switch, all_arrive, once, order, run_command, wait


@pytest.mark.parametrize("place", ["/proc/no/such", "/dev/null/state"], ids=["cannot be made", "under a file"])
def test_a_folder_that_cannot_be_had(open_shop: Callable[..., Shop], sink: Sink, place: str) -> None:
    shop = open_shop("waitress", CAPI_STATE_DIR=place)
    told = order(shop, 40)
    all_arrive(sink, told, shop)
    once(sink)
    wait(lambda: shop.health()["promise"] == "memory")
    assert not shop.health()["ok"] and shop.health()["problems"]
    assert shop.said().count("memory alone") <= 8, "said, but not for each event"


def test_a_folder_that_can_be_had_later(open_shop: Callable[..., Shop], sink: Sink, tmp_path: Path) -> None:
    """Recovery without a restart."""
    in_the_way = tmp_path / "state"
    in_the_way.write_text("")
    shop = open_shop("waitress", folder="x", CAPI_STATE_DIR=str(in_the_way))
    told = order(shop, 10, 1)
    assert shop.health()["promise"] == "memory"
    in_the_way.unlink()
    end = time.monotonic() + 20
    while shop.health()["promise"] != "disk":
        told += order(shop, 2, 1)
        assert time.monotonic() < end
        time.sleep(0.3)
    told += order(shop, 10, 1)
    all_arrive(sink, told, shop)
    once(sink)
    assert (in_the_way / "ledger.sqlite3").exists()


def test_the_folder_is_deleted_while_the_shop_runs(open_shop: Callable[..., Shop], sink: Sink) -> None:
    shop = open_shop("waitress")
    told = order(shop, 20, 1)
    all_arrive(sink, told, shop)
    shutil.rmtree(shop.folder)
    told = order(shop, 20, 1)
    all_arrive(sink, told, shop)
    time.sleep(3)
    told = order(shop, 20, 1)
    all_arrive(sink, told, shop)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place)], capture_output=True)
    if done.returncode:
        pytest.skip("needs the right to mount a small file system")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path) -> Path:
    """Not a byte is left."""
    filler = place / "filler"
    with open(filler, "wb", buffering=0) as file:
        size = 1 << 20
        while size:
            try:
                file.write(bytes(size))
            except OSError:
                size //= 2
    return filler


def test_disk_full_from_the_start(open_shop: Callable[..., Shop], sink: Sink, tiny_disk: Path) -> None:
    filler = fill(tiny_disk)
    shop = open_shop("waitress", CAPI_STATE_DIR=str(tiny_disk / "state"))
    told = order(shop, 40)
    all_arrive(sink, told, shop)
    filler.unlink()
    end = time.monotonic() + 20
    while shop.health()["promise"] != "disk":
        told += order(shop, 2, 1)
        assert time.monotonic() < end
        time.sleep(0.3)
    told += order(shop, 20)
    all_arrive(sink, told, shop)
    once(sink)


def test_disk_full_while_the_shop_runs(open_shop: Callable[..., Shop], sink: Sink, tiny_disk: Path) -> None:
    shop = open_shop("waitress", CAPI_STATE_DIR=str(tiny_disk / "state"))
    told = order(shop, 50)
    all_arrive(sink, told, shop)
    time.sleep(0.5)
    filler = fill(tiny_disk)
    for number in range(30):
        shop.get(f"/many?id=f{number}&n=100")
        told += [f"f{number}-{index}" for index in range(100)]
    all_arrive(sink, told, shop, timeout=40)
    filler.unlink()
    told = order(shop, 30)
    all_arrive(sink, told, shop)


def damage(path: Path, how: str) -> None:
    db = sqlite3.connect(path)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    size = path.stat().st_size
    if how == "random bytes":
        path.write_bytes(os.urandom(size))
    elif how == "bytes in the middle":
        with open(path, "r+b") as file:
            file.seek(4096)
            file.write(os.urandom(size - 4096))
    elif how == "cut off":
        os.truncate(path, 5000)
    elif how == "empty":
        os.truncate(path, 0)
    elif how == "deleted":
        path.unlink()


@pytest.mark.parametrize("how", ["random bytes", "bytes in the middle", "cut off", "empty", "deleted"])
def test_a_damaged_store_loses_nothing(open_shop: Callable[..., Shop], sink: Sink, meta: Switch, how: str) -> None:
    """Unsent events are read again from the journals: some may arrive twice, with their own IDs."""
    meta.down()
    shop = open_shop("gunicorn gthread")
    told = order(shop, 60)
    wait(lambda: len(sink.batches) > 0)
    shop.kill()
    damage(shop.folder / "ledger.sqlite3", how)
    meta.up()
    shop.restart()
    told += order(shop, 10)
    all_arrive(sink, told, shop, timeout=40)
    if how not in ("empty", "deleted"):
        assert list(shop.folder.glob("ledger.sqlite3.damaged-*"))


def test_a_store_deleted_while_the_shop_runs(open_shop: Callable[..., Shop], sink: Sink, meta: Switch) -> None:
    meta.down()
    shop = open_shop("waitress")
    told = order(shop, 30)
    wait(lambda: len(sink.batches) > 0)
    for path in shop.folder.glob("ledger.sqlite3*"):
        path.unlink()
    told += order(shop, 10)
    meta.up()
    all_arrive(sink, told, shop, timeout=40)


def test_a_store_of_a_newer_version_is_left_alone(open_shop: Callable[..., Shop], sink: Sink) -> None:
    shop = open_shop("waitress")
    all_arrive(sink, order(shop, 5), shop)
    shop.stop()
    path = shop.folder / "ledger.sqlite3"
    db = sqlite3.connect(path)
    (version,) = db.execute("PRAGMA user_version").fetchone()
    db.execute("PRAGMA user_version = 99")
    db.close()
    shop.restart()
    told = order(shop, 10)
    wait(lambda: any("newer version" in problem for problem in shop.health()["problems"]))
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA user_version").fetchone() == (99,)
    assert db.execute("SELECT count(*) FROM event").fetchone() == (5,)
    db.execute(f"PRAGMA user_version = {version}")
    db.close()
    all_arrive(sink, told, shop)


def test_a_store_locked_by_another_program(open_shop: Callable[..., Shop], sink: Sink) -> None:
    shop = open_shop("waitress")
    told = order(shop, 5)
    all_arrive(sink, told, shop)
    db = sqlite3.connect(shop.folder / "ledger.sqlite3", isolation_level=None)
    db.execute("BEGIN EXCLUSIVE")
    told += order(shop, 20)
    time.sleep(3)
    db.execute("ROLLBACK")
    db.close()
    all_arrive(sink, told, shop)


def test_people_may_ask_while_it_runs(open_shop: Callable[..., Shop], sink: Sink, meta: Switch) -> None:
    """status, replay and purge reach the process that delivers; after it ended they work by themselves."""
    from tests.delivery.sink import error

    meta.reply = error(100, 2804050)
    shop = open_shop("waitress")
    told = order(shop, 4, 1)
    wait(lambda: run_command(shop, "status")[1]["day"].get("dead") == 4)
    code, told_of = run_command(shop, "status")
    assert code == 0 and len(told_of["dead"]) == 4
    meta.up()
    assert run_command(shop, "replay", str(told_of["dead"][0]["number"])) == (0, {"replayed": 1, "refused": {}})
    wait(lambda: len(sink.accepted) == 1)
    assert run_command(shop, "replay") == (0, {"replayed": 3, "refused": {}})
    all_arrive(sink, told, shop)
    code, exported = run_command(shop, "export", "--visitor", "fb.1.1700000000000.1")
    assert code == 0 and {event["event_id"] for event in exported} == set(told)
    wait(lambda: run_command(shop, "status")[1]["waiting"] == 0)
    shop.stop()
    assert run_command(shop, "purge", "--visitor", "fb.1.1700000000000.1") == (0, {"purged": 4})
    assert run_command(shop, "export", "--visitor", "fb.1.1700000000000.1")[0] == 1
    assert run_command(shop, "purge")[0] == 2
