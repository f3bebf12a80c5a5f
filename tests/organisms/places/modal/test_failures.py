"""Whatever Modal's client raises is one sentence that names nothing of the organism."""

from __future__ import annotations

import pytest
from modal import exception

from interp_bench_ext.errors import BadInput, InterpBenchError, OrganismError, OrganismLost
from interp_bench_ext.host.spec import ModalSettings, OrganismSpec
from interp_bench_ext.organisms.places.modal.bundle import Parcel
from interp_bench_ext.organisms.places.modal.failures import explained, explaining, stopped

SPEC = OrganismSpec(name="org/umber-ferret", modal=ModalSettings(gpu_type="H900", secret="hub-secret"))
PARCEL = Parcel(app="ib-0123", fingerprint="f", spec=SPEC, files=(), requirements=())


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (exception.AuthError("Token missing"), BadInput, "has no token on this machine; run `modal token new`"),
        (exception.AuthError("no such profile"), BadInput, "has no token on this machine"),
        (exception.AuthError("Invalid token"), BadInput, "refuses this machine's token"),
        (exception.NotFoundError("Secret 'x' not found"), BadInput, "`modal secret create hub-secret HF_TOKEN=hf_...`"),
        (exception.NotFoundError("Environment 'x' not found"), BadInput, "set MODAL_ENVIRONMENT"),
        (exception.NotFoundError("App not found"), OrganismLost, "(ib-0123) was stopped by somebody else"),
        (exception.ConflictError("stopped"), OrganismLost, "was stopped by somebody else"),
        (exception.InvalidError("no such GPU"), BadInput, "Modal offers no GPU 'H900'; set model.gpu_type to one of"),
        (exception.InvalidError("x"), OrganismError, "pip install --upgrade modal"),
        (exception.ResourceExhaustedError("x"), OrganismError, "has reached a limit of its plan"),
        (exception.PermissionDeniedError("x"), BadInput, "may not deploy apps in this workspace"),
        (exception.VersionError("x"), BadInput, "no longer serves this version of its client"),
        (exception.FunctionTimeoutError("x"), OrganismError, "took longer on Modal than it was given"),
        (exception.ConnectionError("x"), OrganismLost, "Modal cannot be reached"),
        (OSError("x"), OrganismLost, "Modal cannot be reached"),
        (TimeoutError("x"), OrganismLost, "Modal cannot be reached"),
        (exception.ExecutionError("file was modified during build"), BadInput, "changed while it was sent to Modal"),
        (exception.RemoteError("x"), OrganismLost, "ended during the call; run the cell again"),
        (ZeroDivisionError("org/umber-ferret"), OrganismError, "client failed (ZeroDivisionError)"),
    ],
)
def test_what_mends_it_is_said(error: Exception, kind: type[InterpBenchError], said: str):
    found = explained(error, PARCEL)
    assert type(found) is kind
    assert said in found.message
    assert "umber-ferret" not in found.message
    assert "\n" not in found.message
    assert any(f"Modal said: {error}" in note for note in found.__notes__), "for the owner's eyes"


def test_an_error_of_this_package_stays_as_it_is():
    own = BadInput("x")
    assert explained(own, PARCEL) is own
    with pytest.raises(BadInput) as caught, explaining(PARCEL):
        raise own
    assert caught.value is own


def test_a_block_that_raises_is_explained_without_its_cause():
    with pytest.raises(OrganismLost) as caught, explaining(PARCEL):
        raise exception.ConnectionError("umber-ferret")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_an_app_that_was_stopped_is_named_by_its_digest():
    assert "ib-0123" in str(stopped(PARCEL))
