"""What a config leaves open, decided: the agent and its provider."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast, get_args

from ..agent.budget import Budgets
from ..agent.mcp_provider import OutsideProvider
from ..agent.playbook import PlaybookProvider
from ..agent.provider import Choosing, Metered, Provider
from ..config import AgentSection, ProgramName, PublicConfig
from ..contracts import OUTSIDE_AGENTS
from ..errors import BadInput
from ..models.key import Key
from ..models.prices import DEFAULT_MODEL
from ..record.events import Approval, Event
from .environment import Environment

if TYPE_CHECKING:
    from ..agent.anthropic import AnthropicProvider

PROGRAM_NAMES = get_args(ProgramName)
_INSTALL_MCP = "pip install 'interp_bench_ext[mcp]'"
_OF_TOKENS = ("max_tokens", "max_input_tokens", "max_cached_tokens", "max_output_tokens", "max_cost_usd")
_NO_CLIENT = (
    "agent.provider: mcp means that an MCP client leads the run, so only a client can start or resume it, with"
    " start_run or resume_run; `interp-bench mcp` serves one"
)

_NO_PERSON = (
    "agent.provider: person means that a person leads the run by hand: begin it with `%interp investigate` in a"
    " notebook, or with `interp-bench investigate`"
)


def choose_agent(public: PublicConfig, key: Key | None, outside: OutsideProvider | None = None) -> AgentSection:
    """The config's agent section with its open choices made: Claude where there is a key, else the playbook.

    Whoever starts the run from outside leads it, whatever the config says; what that costs is not known here, so
    neither tokens nor dollars are limited. A program is asked for its version.

    Raises:
        BadInput: A model is named and its key is not there; or a program is, and is not installed, or cannot hold
            a limit.
    """
    agent = public.agent
    if outside is not None:
        chosen = {"provider": outside.leader, "model": outside.client or None, **dict.fromkeys(_OF_TOKENS)}
        return agent.model_copy(update=chosen)
    if agent.provider in PROGRAM_NAMES:
        return as_installed(agent)
    if agent.provider is None and agent.model is not None and lacks_key(agent, key):
        raise BadInput(f"{agent.model} needs a key: set ANTHROPIC_API_KEY, or leave out the agent's model")
    provider = agent.provider or ("playbook" if lacks_key(agent, key) else "anthropic")
    models = {"playbook": None, "anthropic": agent.model or DEFAULT_MODEL}
    model = models.get(provider, agent.model)
    return agent.model_copy(update={"provider": provider, "model": model})


def as_installed(agent: AgentSection) -> AgentSection:
    """The agent section with the version of its program as it is here; another agent's as it was. Raises BadInput."""
    if agent.provider not in PROGRAM_NAMES:
        return agent
    from ..programs.installed import installed

    found = installed(cast("ProgramName", agent.provider))
    limited = [name for name in _OF_TOKENS if getattr(agent, name) is not None]
    if limited and not found.program.counts:
        raise BadInput(
            f"agent.{limited[0]}: {found.program.title} says what it has used up at its end only, so that cannot be"
            " limited; limit max_steps or max_minutes instead"
        )
    return agent.model_copy(update={"program": found.version})


def lacks_key(agent: AgentSection, key: Key | None) -> bool:
    """Whether Claude needs a key that is not there: a cloud platform has its own, a local server may need none."""
    return key is None and agent.platform == "anthropic" and agent.base_url is None


def provider_for(
    public: PublicConfig, *, seed: int, environment: Environment, events: Sequence[Event] = ()
) -> Provider:
    """The provider that the (chosen) agent section names, for a run that ``events`` are recorded of.

    Raises BadInput where it lacks a key, a person, or the MCP client.
    """
    agent = public.agent
    outside = environment.outside
    check_attended(agent.approval, environment)
    if agent.provider in OUTSIDE_AGENTS:
        if outside is None:
            raise BadInput(_NO_PERSON if agent.provider == "person" else _NO_CLIENT)
        return outside
    if agent.provider == "playbook":
        return PlaybookProvider.of(public, seed, events)
    if agent.provider in PROGRAM_NAMES:
        return _program(agent, environment, events)
    provider = _claude(agent, agent.model or DEFAULT_MODEL, environment.key)
    for model in dict.fromkeys((provider.model, agent.auxiliary_model or provider.model)):
        Budgets(agent).refuse_unknown_price(provider.capacity_with(model))
    return provider


def auxiliary_for(agent: AgentSection, provider: Provider, key: Key | None) -> Metered | None:
    """Who writes inputs in a run of ``provider``; None where nobody here can be asked."""
    if agent.auxiliary_model is None:
        return provider if isinstance(provider, Metered) else None
    return None if lacks_key(agent, key) else _claude(agent, agent.auxiliary_model, key)


def _claude(agent: AgentSection, model: str, key: Key | None) -> AnthropicProvider:
    from ..agent.anthropic import AnthropicProvider

    return AnthropicProvider(
        key=key,
        model=model,
        platform=agent.platform,
        base_url=agent.base_url,
        context_window=agent.context_window,
        thinking=agent.thinking,
    )


def check_attended(approval: Approval, environment: Environment) -> None:
    """Raises BadInput where a person would be asked and nobody can be."""
    outside = environment.outside
    if approval != "auto" and not (environment.attended and (outside is None or outside.attended)):
        without = (
            "choose a config without it, or connect over HTTP" if outside else "set it to auto for the command line"
        )
        raise BadInput(f"agent.approval: {approval} needs JupyterLab's sidebar; {without}")


def check_model(provider: Provider, model: str, agent: AgentSection) -> None:
    """Raises BadInput where the agent of a run that goes on cannot have this model."""
    if not isinstance(provider, Choosing):
        raise BadInput(
            f"the agent of this run is {agent_name(agent)}, whose model is settled when it begins; fork the run to go"
            " on with another"
        )
    Budgets(agent).refuse_unknown_price(provider.capacity_with(model))


def _program(agent: AgentSection, environment: Environment, events: Sequence[Event]) -> Provider:
    if importlib.util.find_spec("mcp") is None:
        raise BadInput(f"{agent.provider} needs the package mcp, which is not installed here; {_INSTALL_MCP}")
    from ..programs.installed import installed
    from ..programs.provider import ProgramProvider

    found = installed(cast("ProgramName", agent.provider))
    key = environment.key
    return ProgramProvider(
        found,
        agent=agent,
        credentials=key.of_person if key is not None and found.program.keys else {},
        events=events,
        attended=environment.attended,
    )


def agent_name(agent: AgentSection) -> str:
    """What a run calls its agent: the provider, a program's version, the model."""
    return " ".join(part for part in (str(agent.provider), agent.program, agent.model) if part)
