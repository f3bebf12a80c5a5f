"""Whether Modal can be used from this machine, thing by thing, each with the command that mends it."""

from __future__ import annotations

import asyncio
import importlib.util
from typing import Any

from interp_bench_ext.config import Experiment, ModelSection
from interp_bench_ext.errors import BadInput
from interp_bench_ext.organisms.placement import Check
from interp_bench_ext.organisms.places.modal.estimate import base_name, check_fits, is_gated

INSTALL = "pip install 'interp_bench_ext[modal]'"
_USUAL_SECRET = "huggingface-secret"
_ANSWERS_WITHIN_S = 10.0


async def modal_checks(experiment: Experiment | None) -> list[Check]:
    """Of the client, its token, the secret, and with a config, of the licence and the size of its model."""
    needed = experiment is not None
    model = experiment.sealed.model if experiment is not None else None
    if importlib.util.find_spec("modal") is None:
        return [Check(what="Modal", ok=False, state="the client is not installed", mend=INSTALL, needed=needed)]
    token = await _token(needed)
    checks = [token]
    if token.ok:
        checks.append(await _secret(model))
    if experiment is not None and model is not None:
        checks += [await asyncio.to_thread(_licence, model), _size(experiment)]
    return checks


async def _token(needed: bool) -> Check:
    import modal
    from modal import exception

    connect: Any = modal.Client.from_env
    new = "modal token new"
    try:
        async with asyncio.timeout(_ANSWERS_WITHIN_S):
            client = await connect.aio()
            await client.hello.aio()
    except exception.AuthError as error:
        missing = "missing" in str(error).lower() or "profile" in str(error).lower()
        state = "there is no token on this machine" if missing else "the token is wrong or has expired"
        return Check(what="Modal", ok=False, state=state, mend=new, needed=needed)
    except (exception.Error, OSError):  # TimeoutError is an OSError
        return Check(
            what="Modal",
            ok=False,
            state="it cannot be reached",
            mend="see https://status.modal.com and this machine's network",
            needed=needed,
        )
    return Check(what="Modal", ok=True, state=f"ready: client {modal.__version__}, signed in", needed=needed)


async def _secret(model: ModelSection | None) -> Check:
    """The secret by which a container may ask the model hub; every model that is not here needs it."""
    import modal
    from modal import exception

    name = model.modal.secret if model else _USUAL_SECRET
    needed = model is not None and _from_hub(model)
    secret: Any = modal.Secret.from_name(name, required_keys=["HF_TOKEN"])
    make = f"modal secret create {name} HF_TOKEN=hf_..."
    try:
        async with asyncio.timeout(_ANSWERS_WITHIN_S):
            await secret.hydrate.aio()
    except exception.NotFoundError:
        state = f"the workspace has no secret {name} with HF_TOKEN in it"
        return Check(what="model hub's secret", ok=False, state=state, mend=make, needed=needed)
    except (exception.Error, OSError) as error:
        state = f"secret {name} could not be looked up ({type(error).__name__})"
        return Check(what="model hub's secret", ok=None, state=state, mend=f"modal secret list, and if need be {make}")
    return Check(what="model hub's secret", ok=True, state=f"secret {name} is there", needed=needed)


def _licence(model: ModelSection) -> Check:
    """Whether the hub lets this machine's user have the base model. What the secret's token may do, nobody can ask."""
    from huggingface_hub import auth_check, get_token
    from huggingface_hub.errors import GatedRepoError

    what, name = "model's licence", base_name(model)
    if not is_gated(model):
        return Check(what=what, ok=True, state="nothing to accept, as far as is known here")
    accept = f"accept the terms at https://huggingface.co/{name} with the account of the secret's token"
    token = get_token()
    if token is None:
        state = "it has to be accepted once; whether it is cannot be told without a token of the hub here (HF_TOKEN)"
        return Check(what=what, ok=None, state=state, mend=accept)
    try:
        auth_check(name, token=token)
    except GatedRepoError:
        return Check(what=what, ok=False, state="it has not been accepted", mend=accept, needed=True)
    except Exception as error:  # noqa: BLE001 - the library's and its transports' errors have no common base
        state = f"the model hub did not say whether it is accepted ({type(error).__name__})"
        return Check(what=what, ok=None, state=state, mend=accept)
    return Check(what=what, ok=True, state="accepted by the account of this machine's token", needed=True)


def _size(experiment: Experiment) -> Check:
    what = "GPU memory"
    try:
        found = check_fits(experiment)
    except BadInput as error:
        _, _, mend = str(error).partition("; ")
        return Check(what=what, ok=False, state="the model is too large for its GPU", mend=mend, needed=True)
    if found is None:
        return Check(what=what, ok=None, state="the model's size is not known here")
    return Check(what=what, ok=True, state=found.described(), needed=True)


def _from_hub(model: ModelSection) -> bool:
    from interp_bench_ext.organisms.places.modal.weights import from_hub

    return any(map(from_hub, (model.name, model.base_model, model.tokenizer)))
