"""The proof that a wearer's pictures are served: a PNG each to the owner, none to a stranger."""

from __future__ import annotations

from http import HTTPStatus

from demo_home.home import Home, HomeFailed

PICTURES = ("today", "glucose_profile_agp")
_PNG = b"\x89PNG\r\n\x1a\n"


def prove_pictures(home: Home, name: str) -> str:
    """Ask for both pictures over /api/image_proxy; returns what was seen. Raises HomeFailed."""
    sizes = []
    for picture in PICTURES:
        path = f"/api/image_proxy/image.{name.lower()}_{picture}"
        status, body = home.status_of(path, logged_in=True)
        if status != HTTPStatus.OK or not body.startswith(_PNG):
            raise HomeFailed(f"{path} is no picture: status {status}, {len(body)} bytes")
        stranger, shown = home.status_of(path, logged_in=False)
        if stranger != HTTPStatus.FORBIDDEN or _PNG in shown:
            raise HomeFailed(f"{path} is shown to a stranger: status {stranger}")
        sizes.append(f"{len(body) / 1000:.0f} kB")
    return f"{name}'s pictures are there for whoever is logged in: {' and '.join(sizes)}"
