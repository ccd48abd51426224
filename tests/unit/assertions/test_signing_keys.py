"""Keys are known a day before they sign and a day after: at every second, to whoever asked within a day."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.assertions.signing_keys import NOTICE_SECONDS, OVERLAP_SECONDS, KeyRing, SigningKey

NOW = 1_795_435_200
FIRST = SigningKey(key_id="alias/first", jwk={"kid": "first"}, signs_from=0)
RING = KeyRing(keys=(FIRST,))
SETTLING_SECONDS = NOTICE_SECONDS - OVERLAP_SECONDS


def rotated(ring: KeyRing, name: str, *, now: int) -> KeyRing:
    return ring.with_next(f"alias/{name}", {"kid": name}, now=now)


def kids(ring: KeyRing, *, now: int) -> list[str]:
    return [key.kid for key in ring.published(now=now)]


@pytest.mark.parametrize("now", [0, NOW, 10 * NOW])
def test_the_only_key_signs_and_is_published_for_ever(now: int) -> None:
    assert RING.signing(now=now) is FIRST
    assert kids(RING, now=now) == ["first"]


@pytest.mark.requirement("M5")
def test_the_next_key_is_published_at_once_and_signs_a_day_later_to_the_second() -> None:
    ring = rotated(RING, "second", now=NOW)
    signs_from = NOW + NOTICE_SECONDS
    for seconds, signing in ((-NOTICE_SECONDS, "first"), (-1, "first"), (0, "second"), (1, "second")):
        assert ring.signing(now=signs_from + seconds).kid == signing
    assert kids(ring, now=NOW) == kids(ring, now=signs_from - 1) == ["first", "second"]
    assert kids(ring, now=signs_from) == ["second", "first"]


@pytest.mark.requirement("M5")
def test_the_old_key_is_published_for_a_day_after_its_last_second() -> None:
    ring = rotated(RING, "second", now=NOW)
    end = NOW + NOTICE_SECONDS + OVERLAP_SECONDS
    assert kids(ring, now=end) == ["second", "first"]
    assert kids(ring, now=end + 1) == ["second"]


@pytest.mark.requirement("M5")
def test_while_a_key_waits_no_other_is_added() -> None:
    ring = rotated(RING, "second", now=NOW)
    for now in (NOW, NOW + NOTICE_SECONDS - 1):
        with pytest.raises(ValueError, match="waits"):
            rotated(ring, "third", now=now)
    assert len(rotated(ring, "third", now=NOW + NOTICE_SECONDS).keys) == 3


@pytest.mark.requirement("M5")
def test_what_need_not_be_published_any_more_is_left_out() -> None:
    second = rotated(RING, "second", now=NOW)
    end = NOW + NOTICE_SECONDS + OVERLAP_SECONDS
    assert [key.kid for key in rotated(second, "third", now=end).keys] == ["first", "second", "third"]
    assert [key.kid for key in rotated(second, "third", now=end + 1).keys] == ["second", "third"]


waits = st.one_of(
    st.integers(NOTICE_SECONDS, NOTICE_SECONDS + 2),
    st.integers(NOTICE_SECONDS, 4 * NOTICE_SECONDS),
    st.sampled_from([NOTICE_SECONDS + OVERLAP_SECONDS, NOTICE_SECONDS + OVERLAP_SECONDS + 1]),
)


@pytest.mark.requirement("M5")
@given(
    waited=st.lists(waits, min_size=1, max_size=6),
    last=st.integers(0, 3 * NOTICE_SECONDS),
    age=st.one_of(
        st.sampled_from([0, 1, OVERLAP_SECONDS - 1, OVERLAP_SECONDS]), st.integers(0, OVERLAP_SECONDS)
    ),
    late=st.integers(0, SETTLING_SECONDS - 1),
)
def test_whoever_asked_within_a_day_knows_the_key_that_signs(
    waited: list[int], last: int, age: int, late: int
) -> None:
    """However often keys change, and by an instance that is late in learning of it."""
    rings, now = [(0, RING)], NOW
    for number, seconds in enumerate(waited):
        rings.append((now, rotated(rings[-1][1], f"key-{number}", now=now)))
        now += seconds
    now += last - waited[-1]
    now = max(now, rings[-1][0])

    def ring_at(time: int) -> KeyRing:
        return [ring for since, ring in rings if since <= time][-1]

    signing = ring_at(now).signing(now=now)
    asked_at = now - age
    assert signing.kid in kids(ring_at(max(asked_at - late, 0)), now=asked_at)
    assert len(set(kids(ring_at(now), now=now))) == len(kids(ring_at(now), now=now))
