"""The pass that Nightscout's API v3 wants: a JWT, handed out for an access token for some hours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import UnexpectedAnswer

# A pass is not used in its last minute: it could run out on the way.
SPARE_SECONDS = 60.0
# Nightscout gives eight hours. What is longer than a month, or over before it began, is no
# life we can plan with: such a pass is used until the site refuses it.
LONGEST_LIFE_SECONDS = 31 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """A JWT; `good_until` is monotonic seconds, None where the server did not say for how long."""

    text: str = field(repr=False)
    good_until: float | None

    def is_good(self, elapsed: float) -> bool:
        """Tell whether it may still be used at `elapsed` monotonic seconds."""
        return self.good_until is None or elapsed < self.good_until


def pass_of(document: object, elapsed: float) -> Pass:
    """Read the answer of /api/v2/authorization/request, received at `elapsed` monotonic seconds.

    Its length of life is `exp` minus `iat`, both by the server's clock, so that ours may be
    wrong. Raises UnexpectedAnswer.
    """
    if not isinstance(document, Mapping):
        document = {}
    text, issued, expires = (document.get(name) for name in ("token", "iat", "exp"))
    # It goes into a header: three parts of letters, digits, dash and underscore, with dots.
    if not isinstance(text, str) or not text.isascii() or not text.isprintable() or " " in text:
        msg = "the site handed out no JWT for the access token"
        raise UnexpectedAnswer(msg)
    if not isinstance(issued, (int, float)) or not isinstance(expires, (int, float)):
        return Pass(text=text, good_until=None)
    life = expires - issued
    if not 0 < life <= LONGEST_LIFE_SECONDS:
        return Pass(text=text, good_until=None)
    return Pass(text=text, good_until=elapsed + life - SPARE_SECONDS)


def result_of(document: object) -> object:
    """Return what v3 wraps in {"status":200,"result":...}; raises UnexpectedAnswer."""
    if not isinstance(document, Mapping) or "result" not in document:
        msg = "the answer is not one of Nightscout's API v3"
        raise UnexpectedAnswer(msg)
    return document["result"]
