"""Notices that two agents bear one name: each has an epoch of its own, and they take turns."""

from __future__ import annotations

from collections import deque

# An agent that starts anew begins another epoch, and its old one never comes back. A message
# that a network delivered late or twice may look like that; several within the hour do not.
_MOST_RETURNS = 3
_WITHIN_SECONDS = 3600.0
# Epochs remembered; of more agents than that, two take turns all the same.
_MOST_EPOCHS = 8


class Rivals:
    """Which epochs were heard of one node, in turns; numbers and names only."""

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self._epochs: deque[str] = deque(maxlen=_MOST_EPOCHS)
        self._returns: deque[float] = deque(maxlen=_MOST_RETURNS)

    def heard(self, epoch: str, elapsed: float) -> None:
        """Note of which epoch a message is, as it arrives; `elapsed` is monotonic seconds."""
        if self._epochs and self._epochs[-1] == epoch:
            return
        if epoch in self._epochs:
            self._epochs.remove(epoch)
            self._returns.append(elapsed)
        self._epochs.append(epoch)

    def stand(self, elapsed: float) -> bool:
        """Tell whether two agents bear the name, as far as the last hour shows."""
        returns = self._returns
        return len(returns) == _MOST_RETURNS and elapsed - returns[0] <= _WITHIN_SECONDS
