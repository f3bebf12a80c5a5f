"""What a pass of the running batch takes on this device, as it was seen."""

from __future__ import annotations

_MEMORY = 0.98


class StepCost:
    """Seconds of a decode step, and of reading prompts; the last ones seen count most.

    A step of several rows is ``a + b * rows``, fitted with relative errors, so that one of two rows counts as much as
    one of hundreds. One row is a matrix times a vector, another kernel with another cost, and is kept apart.
    """

    def __init__(self) -> None:
        self._lone_s = _Mean()
        self._token_s = _Mean()
        self._one = self._rows = self._squares = self._ones_s = self._rows_s = 0.0

    @property
    def known(self) -> bool:
        """Whether any step was seen."""
        return bool(self._one or self._lone_s.weight)

    def saw(self, rows: int, seconds: float) -> None:
        """A step of so many rows took so long."""
        if rows == 1:
            self._lone_s.add(seconds)
            return
        weight = 1 / max(seconds, 1e-6) ** 2
        self._one = _MEMORY * self._one + weight
        self._rows = _MEMORY * self._rows + weight * rows
        self._squares = _MEMORY * self._squares + weight * rows**2
        self._ones_s = _MEMORY * self._ones_s + weight * seconds
        self._rows_s = _MEMORY * self._rows_s + weight * rows * seconds

    def saw_reading(self, tokens: int, seconds: float) -> None:
        """A pass that read so many tokens of prompts took so long."""
        self._token_s.add(seconds / tokens)

    def seconds(self, rows: int) -> float:
        """Expected of a step; as if each row took as long as the first, while only steps of one size were seen."""
        if self._lone_s.weight and (rows <= 1 or not self._one):
            return max(rows, 1) * self._lone_s.of_one
        if not self._one:
            return float(rows)
        spread = self._one * self._squares - self._rows**2
        if spread <= 1e-6 * self._one * self._squares:
            return rows * self._rows_s / self._squares
        slope = (self._one * self._rows_s - self._rows * self._ones_s) / spread
        slope = min(max(slope, 0.0), self._rows_s / self._squares)
        return (self._ones_s - slope * self._rows) / self._one + slope * rows

    def reading_s(self, tokens: int) -> float:
        """Expected of reading prompts of so many tokens; nothing while none was seen."""
        return tokens * self._token_s.of_one


class _Mean:
    """Seconds of one, with relative errors: what was held up by something else counts for little."""

    def __init__(self) -> None:
        self.weight = self._seconds = 0.0

    def add(self, seconds: float) -> None:
        weight = 1 / max(seconds, 1e-9) ** 2
        self.weight = _MEMORY * self.weight + weight
        self._seconds = _MEMORY * self._seconds + weight * seconds

    @property
    def of_one(self) -> float:
        return self._seconds / self.weight if self.weight else 0.0
