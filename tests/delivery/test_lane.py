"""One pixel's road to Meta: when a request may start, how long a failure keeps it waiting, what people read of it."""

from __future__ import annotations

import pytest

from capi_middleware.delivery.entry import PixelState
from capi_middleware.delivery.lane import BISECT_POSTS, BUSY, OPENS_AFTER, PROBE_EVERY, Lane
from capi_middleware.delivery.verdict import Kind, Verdict
from tests.delivery.make import PIXEL

NOW, WALL = 1000.0, 1_700_000_000.0
DOWN = Verdict(Kind.RETRY, 2, 7, "down for the moment")
TOKEN = Verdict(Kind.HOLD, 190, 463, "the access token has expired")


def lane() -> Lane:
    """With the longest waits that the jitter may give."""
    return Lane(PIXEL, lambda low, high: high)


def test_a_new_pixel_sends_at_once_and_one_request_at_a_time() -> None:
    it = lane()
    assert it.ready(0.0) and not it.suspect and not it.probing
    it.in_flight = 1
    assert not it.ready(0.0)
    assert it.state(NOW, WALL) == PixelState(PIXEL, "open", waiting=0)
    assert it.paused is False and it.refusals == it.turns == it.last_success == 0 and it.fingerprint == ""
    assert it.max_bytes == 1024 * 1024


def test_a_wide_road_carries_several_requests() -> None:
    it = lane()
    it.limit, it.in_flight = 3, 2
    assert it.ready(0.0)
    it.in_flight = 3
    assert not it.ready(0.0)


def test_a_failure_waits_at_least_as_long_as_meta_says() -> None:
    it = lane()
    it.failed(NOW, WALL, DOWN._replace(wait=30.0))
    assert not it.ready(NOW + 29.9) and it.ready(NOW + 30.0)
    it.failed(NOW, WALL, DOWN)
    assert it.next_at == NOW + 4.0, "else twice as long each time"
    it.failed(NOW, WALL, DOWN)
    assert it.next_at == NOW + 8.0


def test_jitter_spreads_from_nothing_to_the_whole_wait() -> None:
    asked = []
    it = Lane(PIXEL, lambda low, high: asked.append((low, high)) or low)
    it.failed(NOW, WALL, DOWN)
    assert asked == [(0.0, 2.0)] and it.next_at == NOW


def test_a_failed_pixel_asks_with_one_request_however_many_it_could() -> None:
    it = lane()
    it.limit = 4
    it.failed(NOW, WALL, DOWN)
    it.in_flight = 1
    assert it.limit == 2 and not it.ready(NOW + 1000)
    it.limit = 3
    for _ in range(3):
        it.failed(NOW, WALL, DOWN)
        assert it.limit == 1


def test_after_five_failures_a_single_event_tests_the_way() -> None:
    it = lane()
    for _ in range(OPENS_AFTER - 1):
        it.failed(NOW, WALL, DOWN)
    assert it.suspect and not it.probing
    it.failed(NOW, WALL, DOWN)
    assert it.probing


def test_what_people_read_of_a_failure() -> None:
    it = lane()
    it.waiting, it.oldest = 12, WALL - 60
    it.failed(NOW, WALL, DOWN)
    it.failed(NOW, WALL + 9, DOWN._replace(code=1, subcode=0, reason="unknown"))
    assert it.state(NOW + 1, WALL + 10) == PixelState(
        PIXEL, "backing-off", "unknown", 1, 0, WALL, WALL + 10 + 3, 2, 12, WALL - 60
    ), "since the first failure, the reason of the last, next try by the wall clock"
    assert it.state(NOW + 50, WALL).next_at == WALL, "overdue is now, not earlier"


def test_a_success_ends_it_all() -> None:
    it = lane()
    it.failed(NOW, WALL, DOWN)
    it.refusals = 3
    assert it.succeeded(NOW, 0.0), "news"
    assert it.state(NOW, WALL) == PixelState(PIXEL, "open") and it.refusals == 0
    assert not it.succeeded(NOW, 0.0), "no news"


def test_a_success_that_asks_for_patience_gets_it() -> None:
    it = lane()
    it.succeeded(NOW, 60.0)
    assert not it.ready(NOW + 59.9) and it.ready(NOW + 60.0)


def test_a_pause_is_news_once_for_each_reason() -> None:
    it = lane()
    assert it.pause(NOW, WALL, TOKEN)
    assert not it.pause(NOW, WALL, TOKEN)
    assert it.pause(NOW, WALL, TOKEN._replace(subcode=467))
    assert it.pause(NOW, WALL, TOKEN._replace(code=102, subcode=467))


def test_a_paused_pixel_is_probed_every_five_minutes_or_as_seldom_as_meta_says() -> None:
    it = lane()
    it.pause(NOW, WALL, TOKEN)
    assert it.probing and it.suspect and PROBE_EVERY == 300.0
    assert not it.ready(NOW + 299.9) and it.ready(NOW + 300.0)
    it.pause(NOW, WALL, TOKEN._replace(wait=3600.0))
    assert it.next_at == NOW + 3600.0
    assert it.state(NOW, WALL) == PixelState(PIXEL, "paused", TOKEN.reason, 190, 463, WALL, WALL + 3600.0)


def test_new_settings_forget_what_was_wrong() -> None:
    it = lane()
    it.failed(NOW, WALL, DOWN)
    it.pause(NOW, WALL, TOKEN)
    it.refusals = 5
    it.resume()
    assert it.ready(0.0) and it.refusals == 0 and it.state(NOW, WALL) == PixelState(PIXEL, "open")


def test_a_backlog_widens_to_four_requests_after_ten_good_ones_each() -> None:
    it = lane()
    it.waiting = BUSY + 1
    widths = []
    for _ in range(45):
        it.succeeded(NOW, 0.0)
        widths.append(it.limit)
    assert widths == [1] * 9 + [2] * 10 + [3] * 10 + [4] * 16


def test_a_failure_starts_the_count_of_good_ones_anew() -> None:
    it = lane()
    it.waiting = BUSY + 1
    for _ in range(9):
        it.succeeded(NOW, 0.0)
    it.failed(NOW, WALL, DOWN)
    for _ in range(9):
        it.succeeded(NOW, 0.0)
    assert it.limit == 1


@pytest.mark.parametrize(("waiting", "limit"), [(BUSY, 3), (BUSY // 4, 3), (BUSY // 4 - 1, 1), (0, 1)])
def test_a_width_stays_until_the_backlog_is_nearly_gone(waiting: int, limit: int) -> None:
    it = lane()
    it.limit, it.waiting = 3, waiting
    for _ in range(10):
        it.succeeded(NOW, 0.0)
    assert it.limit == limit


def test_a_small_batch_waits_a_quarter_second_for_company() -> None:
    it = lane()
    assert not it.lingers(0.0), "never before the first request"
    it.last_post = NOW
    assert it.lingers(NOW + 0.2) and not it.lingers(NOW + 0.25)
    it.waiting = 999
    assert it.lingers(NOW)
    it.waiting = 1000
    assert not it.lingers(NOW), "a full batch waits for nobody"


def test_a_minute_has_a_budget_for_finding_bad_events() -> None:
    it = lane()
    for number in range(BISECT_POSTS):
        assert it.may_bisect(NOW)
        it.bisecting(NOW + number / 10)
    assert not it.may_bisect(NOW + 60.0)
    assert it.may_bisect(NOW + 60.01), "the first of them is a minute old"
    it.bisecting(NOW + 60.01)
    assert not it.may_bisect(NOW + 60.01)


def test_a_process_goes_on_where_the_one_before_stopped() -> None:
    before = lane()
    before.failed(NOW, WALL, DOWN)
    before.pause(NOW, WALL, TOKEN)
    after = lane()
    after.recall(before.state(NOW + 10, WALL + 10), 5.0, WALL + 10)
    assert after.state(5.0, WALL + 10) == before.state(NOW + 10, WALL + 10) and after.failures == 1


@pytest.mark.parametrize(("ahead", "waits"), [(0.0, 0.0), (0.5, 0.5), (3600.0, 3600.0), (3600.5, 0.0), (-1.0, 0.0)])
def test_a_remembered_time_is_believed_within_an_hour(ahead: float, waits: float) -> None:
    it = lane()
    it.recall(PixelState(PIXEL, "backing-off", failures=2, next_at=WALL + ahead), 5.0, WALL)
    assert not it.paused and it.next_at == 5.0 + waits
