"""``hub.tabs.restore.work.Recent``: what was made is made once, and not kept for ever."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from hub.depth import Picture
from hub.errors import RequestError
from hub.tabs.restore.work import Outcome, Recent


class Work:
    """Makes outcomes, and counts them."""

    def __init__(self) -> None:
        self.done = 0

    def __call__(self) -> Outcome:
        self.done += 1
        picture = Picture(np.full((2, 2, 1), self.done, np.uint8))
        return Outcome(picture, picture, picture, (), 0)


def test_what_was_asked_for_before_is_not_made_again_until_others_came() -> None:
    recent, work = Recent(2), Work()
    first = recent("a", work)
    assert recent("a", work) is first and recent.known("a") is first and work.done == 1
    recent("b", work)
    assert recent("a", work) is first, "asked for again, it is the latest"
    recent("c", work)
    assert recent("a", work) is first and work.done == 3
    assert recent.known("b") is None
    recent("b", work)
    assert work.done == 4, "of three, two are kept"


def test_who_asks_for_what_is_in_the_making_waits_for_it() -> None:
    recent, work = Recent(2), Work()
    begun, go_on = threading.Event(), threading.Event()

    def slowly() -> Outcome:
        begun.set()
        assert go_on.wait(20)
        return work()

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(recent, "a", slowly)
        assert begun.wait(20)
        assert recent.known("a") is None, "it is not ready"
        other = pool.submit(recent, "a", work)
        go_on.set()
        assert one.result(20) is other.result(20) and work.done == 1


def test_what_fails_is_tried_again() -> None:
    recent, work = Recent(2), Work()

    def fail() -> Outcome:
        raise RequestError("No.")

    with pytest.raises(RequestError, match="No"):
        recent("a", fail)
    assert recent("a", work) is recent("a", work) and work.done == 1
