"""
Who is in front of us: the browser's own page through our own front door, or not.

In deployed stages CloudFront adds a secret header and tells the viewer's host;
both are believed only together. Locally there is no front door, and only
loopback names are taken, so that no foreign name can be bound to this machine.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from chalicelib.errors import CrossSiteRequestError, EdgeBypassedError, MediaTypeUnsupportedError
from chalicelib.settings import Settings

_LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
_KEY_LENGTHS = range(16, 65)
_IPV4_PREFIX = 24
_IPV6_PREFIX = 48
_KEY_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")


def check_front_door(headers: Mapping[str, str], settings: Settings) -> None:
    """
    Return if the request passed through our own CloudFront distribution.

    Raises:
        EdgeBypassedError: It came to the API's own address instead.
    """
    if settings.is_local:
        return
    presented = headers.get("x-origin-secret", "").encode(errors="replace")
    if not any(hmac.compare_digest(presented, secret.encode()) for secret in settings.origin_secrets):
        raise EdgeBypassedError


def check_own_site(headers: Mapping[str, str]) -> None:
    """
    Return unless the browser says that another site's page asks.

    Cookies cannot tell a neighbouring subdomain or port from us; the browser can.

    Raises:
        CrossSiteRequestError: Another site asks.
    """
    if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise CrossSiteRequestError("Sec-Fetch-Site is not same-origin")


def check_no_page(headers: Mapping[str, str]) -> None:
    """
    Return unless a browser sends this for a page: what portals' servers ask for is no page's business.

    Raises:
        CrossSiteRequestError: A page asks.
    """
    if headers.get("sec-fetch-site", "none") != "none":
        raise CrossSiteRequestError("Sec-Fetch-Site says that a page asks")


def check_own_page(headers: Mapping[str, str], settings: Settings) -> str:
    """
    Return the idempotency key of a request that our own page made.

    A foreign page can make a browser send a form or a simple request with the
    user's cookie, but neither this header nor our Origin.

    Raises:
        CrossSiteRequestError: Any mark of our own page is missing.
    """
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise CrossSiteRequestError("Sec-Fetch-Site is not same-origin")
    own = own_origin(headers, settings)
    # A host of unknown name has no origin; a request that names none does not match that.
    if own is None or headers.get("origin") != own:
        raise CrossSiteRequestError("Origin is missing or not our own")
    key = headers.get("idempotency-key", "")
    if len(key) not in _KEY_LENGTHS or not _KEY_CHARACTERS.issuperset(key):
        raise CrossSiteRequestError("Idempotency-Key is missing or not 16 to 64 letters, digits, - or _")
    return key


def check_media_type(headers: Mapping[str, str]) -> None:
    """
    Return if the body is declared as JSON.

    Raises:
        MediaTypeUnsupportedError: It is declared as something else, or not at all.
    """
    media_type, _, parameters = headers.get("content-type", "").partition(";")
    if media_type.strip().lower() != "application/json":
        raise MediaTypeUnsupportedError
    if parameters.strip().lower() not in {"", "charset=utf-8"}:
        raise MediaTypeUnsupportedError


def own_host(headers: Mapping[str, str], settings: Settings) -> str:
    """Return the host name that the viewer asked for; empty if none is known."""
    host = headers.get("host" if settings.is_local else "x-viewer-host", "")
    return host.partition(":")[0].lower()


def own_origin(headers: Mapping[str, str], settings: Settings) -> str | None:
    """Return our own address as the viewer knows it, without a path; None if it is no name of ours."""
    if not settings.is_local:
        # Believed only because `check_front_door` came first.
        viewer_host = headers.get("x-viewer-host")
        return f"https://{viewer_host}" if viewer_host else None
    origin = f"http://{headers.get('host', '')}"
    try:
        name = urlsplit(origin).hostname
    except ValueError:
        return None
    return origin if name in _LOOPBACK_NAMES else None


def source_of(headers: Mapping[str, str], settings: Settings) -> str | None:
    """
    Return the network that the viewer's request came from: a /24 of IPv4, a /48 of IPv6.

    A whole address would be more of a person than an event needs. None where no front door tells.
    """
    if settings.is_local:
        return None
    # Believed only because `check_front_door` came first.
    try:
        address = ip_address(headers.get("x-viewer-address", ""))
    except ValueError:
        return None
    prefix = _IPV4_PREFIX if address.version == 4 else _IPV6_PREFIX  # noqa: PLR2004 - IP's own versions
    return str(ip_network((address, prefix), strict=False))
