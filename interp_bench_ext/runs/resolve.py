"""What a config leaves open, decided: the agent and its provider."""

from __future__ import annotations

from collections.abc import Sequence

from ..agent.budget import Budgets
from ..agent.mcp_provider import OutsideProvider
from ..agent.playbook import PlaybookProvider
from ..agent.provider import Provider
from ..config import AgentSection, PublicConfig
from ..errors import BadInput
from ..models.key import Key
from ..models.prices import DEFAULT_MODEL
from ..record.events import Event
from .environment import Environment

_NO_CLIENT = (
    "agent.provider: mcp means that an MCP client leads the run, so only a client can start or resume it, with"
    " start_run or resume_run; `interp-bench mcp` serves one"
)


def choose_agent(public: PublicConfig, key: Key | None, outside: OutsideProvider | None = None) -> AgentSection:
    """The config's agent section with its open choices made: Claude where there is a key, else the playbook.

    Whoever starts the run from outside leads it, whatever the config says; what that costs is not known here, so
    neither tokens nor dollars are limited. Raises BadInput where a model is named and its key is not there.
    """
    agent = public.agent
    if outside is not None:
        unknown = ("max_tokens", "max_input_tokens", "max_cached_tokens", "max_output_tokens", "max_cost_usd")
        chosen = {"provider": "mcp", "model": outside.client, **dict.fromkeys(unknown)}
        return agent.model_copy(update=chosen)
    if agent.provider is None and agent.model is not None and lacks_key(agent, key):
        raise BadInput(f"{agent.model} needs a key: set ANTHROPIC_API_KEY, or leave out the agent's model")
    provider = agent.provider or ("playbook" if lacks_key(agent, key) else "anthropic")
    models = {"playbook": None, "anthropic": agent.model or DEFAULT_MODEL}
    model = models.get(provider, agent.model)
    return agent.model_copy(update={"provider": provider, "model": model})


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
    if agent.approval != "auto" and not (environment.attended and (outside is None or outside.attended)):
        without = (
            "choose a config without it, or connect over HTTP" if outside else "set it to auto for the command line"
        )
        raise BadInput(f"agent.approval: {agent.approval} needs JupyterLab's sidebar; {without}")
    if agent.provider == "mcp":
        if outside is None:
            raise BadInput(_NO_CLIENT)
        return outside
    if agent.provider == "playbook":
        return PlaybookProvider.of(public, seed, events)
    from ..agent.anthropic import make_provider

    provider = make_provider(
        key=environment.key,
        model=agent.model or DEFAULT_MODEL,
        platform=agent.platform,
        base_url=agent.base_url,
        context_window=agent.context_window,
        thinking=agent.thinking,
    )
    Budgets(agent).refuse_unknown_price(provider.capacity)
    return provider


def agent_name(agent: AgentSection) -> str:
    return f"{agent.provider} {agent.model}" if agent.model else str(agent.provider)
