"""Every error that this package raises on purpose.

::

    InterpBenchError            exit code 1
    ├── BadInput                exit code 2: what is wrong, where, what to do
    │   └── ConfigError         … in a configuration file (file, line, column)
    ├── NotFound                what a person asked for is not there
    ├── NotNow                  … or is not possible now
    ├── Unconfirmed             it may cost more than the config lets pass without asking a person
    ├── WeakerVeil              code from a sandbox would run without one, and no person has allowed that
    ├── OrganismError           the organism could not do what was asked
    │   ├── AccessDenied        the technique needs more access than the config allows
    │   ├── AccessEnded         what the caller may use of the organism is used up
    │   ├── CallCancelled       the caller went away
    │   ├── DeadlineExceeded    the call took longer than it was given
    │   ├── OutOfMemory         the call did not fit; the organism goes on serving
    │   ├── OrganismLost        the organism's process ended
    │   ├── SelfCheckFailed     the loaded model fails a numerical check and is not served
    │   └── TechniqueFailed     the technique's own code raised
    ├── KernelDied              the notebook's kernel ended while it was needed
    ├── NotebookConflict        somebody else changed the notebook in a way that cannot be merged
    │   └── NotebookGone        … it was deleted or moved away; the run ends
    ├── ProviderError           the agent's provider cannot go on
    │   └── RecordingEnded      … because the run that it replays went no further
    └── BudgetReached           a budget of the run is used up

A message is one clear sentence for a person. It never holds anything of a config's sealed half.
"""

from __future__ import annotations

from typing import ClassVar


class InterpBenchError(Exception):
    """Base of the tree; ``code`` names the error on the wire and in events."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    @property
    def message(self) -> str:
        return str(self)

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback: the sentence says what to do, the frames are ours."""
        return [f"{type(self).__name__}: {self.message}"]


class BadInput(InterpBenchError):
    code = "bad_input"
    exit_code = 2


class ConfigError(BadInput):
    code = "config"


class NotFound(InterpBenchError):
    code = "not_found"


class NotNow(InterpBenchError):
    code = "not_now"


class NoRoom(NotNow):
    """An organism cannot be loaded until another is released."""

    code = "no_room"


class Unconfirmed(InterpBenchError):
    code = "unconfirmed"


class WeakerVeil(InterpBenchError):
    code = "weaker_veil"


class OrganismError(InterpBenchError):
    code = "organism"


class AccessDenied(OrganismError):
    code = "access_denied"


class AccessEnded(OrganismError):
    code = "access_ended"


class CallCancelled(OrganismError):
    code = "cancelled"


class DeadlineExceeded(OrganismError):
    code = "deadline"


class OutOfMemory(OrganismError):
    code = "out_of_memory"


class OrganismLost(OrganismError):
    code = "organism_lost"


class SelfCheckFailed(OrganismError):
    code = "self_check"


class TechniqueFailed(OrganismError):
    code = "technique_failed"


class KernelDied(InterpBenchError):
    code = "kernel_died"


class NotebookConflict(InterpBenchError):
    code = "notebook_conflict"


class NotebookGone(NotebookConflict):
    code = "notebook_gone"


class ProviderError(InterpBenchError):
    code = "provider"


class RecordingEnded(ProviderError):
    code = "recording_ended"


class BudgetReached(InterpBenchError):
    code = "budget"


class Abandoned(InterpBenchError):
    """Whoever leads a run from outside has not been heard of for longer than a run waits."""

    code = "abandoned"


def _tree(root: type[InterpBenchError]) -> dict[str, type[InterpBenchError]]:
    """Code to error. A kind without a code of its own is known by its parent's, and stays in its process."""
    found = {root.code: root} if "code" in vars(root) else {}
    for child in root.__subclasses__():
        found.update(_tree(child))
    return found


def from_code(code: str, message: str) -> InterpBenchError:
    """The error that another process named ``code``; an unknown code gives the base class."""
    return _tree(InterpBenchError).get(code, InterpBenchError)(message)
