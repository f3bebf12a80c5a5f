"""What a config leaves open, decided: the agent, its provider, and what the organism's process is given."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from ..agent.budget import Budgets
from ..agent.mcp_provider import OutsideProvider
from ..agent.playbook import PlaybookProvider
from ..agent.provider import Provider
from ..config import AgentSection, Experiment, ModelSection, PublicConfig
from ..errors import BadInput
from ..host.spec import OrganismSpec, Placement
from ..installed import experiment_techniques
from ..models.key import Key
from ..models.prices import DEFAULT_MODEL
from ..organisms.places.modal.estimate import check_fits
from .environment import Environment

if TYPE_CHECKING:
    from ..organisms.places.modal.deployment import Deployment

_NO_CLIENT = (
    "agent.provider: mcp means that an MCP client leads the run, so only a client can start or resume it, with"
    " start_run or resume_run; `interp-bench mcp` serves one"
)


def organism_spec(experiment: Experiment) -> OrganismSpec:
    """What the organism's process is given. Raises BadInput where this build cannot run it."""
    public, sealed = experiment.public, experiment.sealed
    if public.execution_mode == "hub":
        raise BadInput(
            f"{experiment.path}: `model.execution_mode: hub` cannot be run by this version; set it to local or modal"
        )
    if public.execution_mode == "local" and importlib.util.find_spec("torch") is None:
        raise BadInput("local models need torch, which is not installed here; pip install 'interp_bench_ext[local]'")
    if public.execution_mode == "modal" and importlib.util.find_spec("modal") is None:
        raise BadInput("Modal's client is not installed here; pip install 'interp_bench_ext[modal]'")
    if public.execution_mode == "modal":
        check_fits(experiment)
    files = experiment_techniques(sealed.folder)
    model = sealed.model
    return OrganismSpec(
        name=model.name,
        is_peft=model.is_peft,
        base_model=model.base_model,
        tokenizer=model.tokenizer,
        device=model.device,
        dtype=model.dtype,
        revision=model.revision,
        base_revision=model.base_revision,
        quantization=model.quantization,
        hidden_system_prompt=sealed.hidden_system_prompt,
        techniques=tuple(files[name] for name in public.techniques),
        placement=_placement(model) if public.execution_mode == "modal" else None,
    )


def _placement(model: ModelSection) -> Placement:
    where = model.modal
    return Placement(
        gpu_type=model.gpu_type,
        scaledown_window_s=where.scaledown_window_s,
        max_containers=where.max_containers,
        concurrent_calls=where.concurrent_calls,
        startup_timeout_s=where.startup_timeout_s,
        memory_snapshot=where.memory_snapshot,
        region=where.region,
        secret=where.secret,
        undeploy=where.undeploy,
    )


def choose_agent(public: PublicConfig, key: Key | None, outside: OutsideProvider | None = None) -> AgentSection:
    """The config's agent section with its open choices made: Claude where there is a key, else the playbook.

    Whoever starts the run from outside leads it, whatever the config says; what that costs is not known here, so
    neither tokens nor dollars are limited.
    """
    agent = public.agent
    if outside is not None:
        unknown = ("max_tokens", "max_input_tokens", "max_cached_tokens", "max_output_tokens", "max_cost_usd")
        chosen = {"provider": "mcp", "model": outside.client, **dict.fromkeys(unknown)}
        return agent.model_copy(update=chosen)
    provider = agent.provider or ("playbook" if lacks_key(agent, key) else "anthropic")
    model = agent.model or (DEFAULT_MODEL if provider == "anthropic" else None)
    return agent.model_copy(update={"provider": provider, "model": model})


def lacks_key(agent: AgentSection, key: Key | None) -> bool:
    """Whether Claude needs a key that is not there: a cloud platform has its own, a local server may need none."""
    return key is None and agent.platform == "anthropic" and agent.base_url is None


def provider_for(public: PublicConfig, *, seed: int, environment: Environment) -> Provider:
    """The provider that the (chosen) agent section names.

    Raises BadInput where it lacks a key, a person, or the MCP client.
    """
    agent = public.agent
    outside = environment.outside
    if agent.approval != "auto" and not (environment.attended and (outside is None or outside.attended)):
        raise BadInput(
            f"agent.approval: {agent.approval} needs JupyterLab's sidebar; set it to auto for the command line"
        )
    if agent.provider == "mcp":
        if outside is None:
            raise BadInput(_NO_CLIENT)
        return outside
    if agent.provider == "playbook":
        return PlaybookProvider(public, seed)
    from ..agent.anthropic import make_provider

    provider = make_provider(
        key=environment.key,
        model=agent.model or DEFAULT_MODEL,
        platform=agent.platform,
        base_url=agent.base_url,
        context_window=agent.context_window,
    )
    Budgets(agent).refuse_unknown_price(provider.capacity)
    return provider


def agent_name(agent: AgentSection) -> str:
    return f"{agent.provider} {agent.model}" if agent.model else str(agent.provider)


async def deployment_of(experiment: Experiment) -> Deployment:
    """The organism's deployment, which may not be there yet. Raises BadInput without Modal's client."""
    # Says so where the client is missing, without which the next import would fail.
    spec = organism_spec(experiment)
    from ..organisms.places.modal.deployment import Deployment

    return await Deployment.of(spec)
