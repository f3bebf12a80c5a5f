"""What Modal's client raises, as one sentence each with what mends it.

A sentence names nothing of the organism. What Modal itself said goes into the error's notes, for its owner only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from modal import exception

from interp_bench_ext.errors import BadInput, InterpBenchError, OrganismError, OrganismLost
from interp_bench_ext.host.spec import with_detail
from interp_bench_ext.organisms.places.modal.bundle import Parcel
from interp_bench_ext.places import GPU_TYPES

UNREACHABLE = (
    exception.ConnectionError,
    exception.ServiceError,
    exception.InternalError,
    exception.ClientClosed,
    OSError,
    TimeoutError,
)
"""The network, or Modal's own servers."""
_AND_AGAIN = ", then start it again; a JupyterLab that runs already must be restarted."
CONTAINER_GONE = (exception.InternalFailure, exception.RemoteError, exception.ExecutionError)


@contextmanager
def explaining(parcel: Parcel) -> Iterator[None]:
    """Turn whatever Modal's client raises in the block into an error of this package."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - its errors and its transport's have no common base
        raise explained(error, parcel) from None


def explained(error: Exception, parcel: Parcel) -> InterpBenchError:
    """The error of this package for ``error``; one of its own is returned as it is."""
    if isinstance(error, InterpBenchError):
        return error
    for kind, sentence in _SENTENCES:
        if isinstance(error, kind):
            return with_detail(sentence(error, parcel), f"Modal said: {error}")
    return with_detail(
        OrganismError(f"Modal's client failed ({type(error).__name__}); run it again, or see `interp-bench doctor`."),
        f"Modal said: {error}",
    )


def stopped(parcel: Parcel) -> OrganismLost:
    """Somebody has stopped the app. It is not deployed again by itself: whoever stopped it may be saving money."""
    return OrganismLost(
        f"The organism's app on Modal ({parcel.app}) was stopped by somebody else; `interp-bench resume` or a new run"
        " deploys it again."
    )


def skewed() -> OrganismError:
    return OrganismError(
        "The organism that is deployed on Modal comes from another version of this package, and deploying it again did"
        " not replace it; run `interp-bench undeploy CONFIG`, then run it again."
    )


def _auth(error: Exception, _parcel: Parcel) -> InterpBenchError:
    if "missing" in str(error).lower() or "profile" in str(error).lower():
        return BadInput(f"Modal has no token on this machine; run `modal token new`{_AND_AGAIN}")
    return BadInput(
        f"Modal refuses this machine's token, which is wrong or has expired; run `modal token new`{_AND_AGAIN}"
    )


def _not_found(error: Exception, parcel: Parcel) -> InterpBenchError:
    if "secret" in str(error).lower():
        name = parcel.settings.secret
        return BadInput(
            f"Your Modal workspace has no secret {name!r}, which the model hub is asked with; run"
            f" `modal secret create {name} HF_TOKEN=hf_...`."
        )
    if "environment" in str(error).lower():
        return BadInput("Modal knows no such environment; see `modal environment list`, and set MODAL_ENVIRONMENT.")
    return stopped(parcel)


def _invalid(error: Exception, parcel: Parcel) -> InterpBenchError:
    if "gpu" in str(error).lower():
        return BadInput(
            f"Modal offers no GPU {parcel.settings.gpu_type!r}; set model.gpu_type to one of {', '.join(GPU_TYPES)}."
        )
    return OrganismError("Modal refuses the deployment as invalid; run `pip install --upgrade modal`, then run again.")


def _quota(_error: Exception, _parcel: Parcel) -> InterpBenchError:
    return OrganismError(
        "Your Modal workspace has reached a limit of its plan; `modal app list` shows what runs and `modal app stop`"
        " ends it, or raise the limit in the workspace's settings."
    )


def _image(error: Exception, _parcel: Parcel) -> InterpBenchError:
    assert isinstance(error, exception.ImageBuildError)
    return OrganismError(
        f"Modal could not build the organism's image; `modal image logs {error.image_id}` says why. Then run it again."
    )


def _denied(_error: Exception, _parcel: Parcel) -> InterpBenchError:
    return BadInput(
        "Modal's token may not deploy apps in this workspace; see `modal profile current`, or ask the owner."
    )


def _client_too_old(_error: Exception, _parcel: Parcel) -> InterpBenchError:
    return BadInput("Modal no longer serves this version of its client; run `pip install --upgrade modal`.")


def _late(_error: Exception, _parcel: Parcel) -> InterpBenchError:
    return OrganismError("The organism's container took longer on Modal than it was given; run it again.")


def _unreachable(_error: Exception, _parcel: Parcel) -> InterpBenchError:
    return OrganismLost("Modal cannot be reached; check the network and https://status.modal.com, then run it again.")


def _gone(error: Exception, _parcel: Parcel) -> InterpBenchError:
    if "modified during build" in str(error):
        return BadInput("A file of the organism or of this package changed while it was sent to Modal; run it again.")
    return OrganismLost("The organism's container on Modal ended during the call; run the cell again.")


_Sentence = Callable[[Exception, Parcel], InterpBenchError]
_SENTENCES: tuple[tuple[type[Exception] | tuple[type[Exception], ...], _Sentence], ...] = (
    (exception.AuthError, _auth),
    (exception.NotFoundError, _not_found),
    (exception.ConflictError, lambda _error, parcel: stopped(parcel)),
    (exception.InvalidError, _invalid),
    (exception.ResourceExhaustedError, _quota),
    (exception.PermissionDeniedError, _denied),
    (exception.ImageBuildError, _image),
    ((exception.VersionError, exception.UnimplementedError), _client_too_old),
    (exception.FunctionTimeoutError, _late),
    (UNREACHABLE, _unreachable),
    (CONTAINER_GONE, _gone),
)
"""Narrow before wide: Modal's own TimeoutError is no TimeoutError of Python's."""
