"""What the plane can be told to do wrong."""

from __future__ import annotations

from dataclasses import dataclass, field

from grpclib import GRPCError, Status


@dataclass
class Faults:
    token: tuple[str, str] = ("ak-test", "as-test")
    """The one that is accepted."""
    refuse: dict[str, str] = field(default_factory=dict)
    """Method to the name of the status that it is refused with, from now on."""
    image_fails: bool = False
    frozen: bool = False
    """A deployment over another one changes nothing."""
    abandon: bool = False
    """A call whose container dies fails instead of being begun again in another one."""

    def check(self, method: str) -> None:
        if method in self.refuse:
            raise GRPCError(Status[self.refuse[method]], f"{method} is refused: {self.refuse[method].lower()}")
