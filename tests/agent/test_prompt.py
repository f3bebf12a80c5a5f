from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from interp_bench_ext.agent.prompt import agent_md, system_prompt
from interp_bench_ext.agent.tools import TOOLS
from interp_bench_ext.agent.tools.rendering import MAX_TEXT
from interp_bench_ext.contracts import Access, Parameter, TechniqueSpec
from interp_bench_ext.host.technique_files import read_spec
from interp_bench_ext.installed import technique_files


def spec(name: str, access: Access) -> TechniqueSpec:
    prompts = Parameter(name="prompts", type="Prompts", default=None, help="What to send.")
    n = Parameter(name="n", type="int", default="1", help="Samples of each.")
    return TechniqueSpec(name=name, summary=f"About {name}.", doc="Long.", access=access, parameters=(prompts, n))


TECHNIQUES = [spec("chat", Access.SAMPLE), spec("logit_lens", Access.ACTIVATIONS)]


def prompt(**changes: object) -> str:
    arguments = {
        "task": "Find the hidden preference.\n",
        "techniques": TECHNIQUES,
        "access": Access.LOGITS,
        "budgets": {"steps": "40", "cost": "2 USD"},
    }
    return system_prompt(**{**arguments, **changes})  # type: ignore[arg-type]


def test_agent_md_holds_what_a_run_depends_on():
    text = agent_md()
    for phrase in (
        "organism = interp_bench_ext.connect()",
        "control comes first",
        "null hypothesis",
        "base rate",
        "several times each",
        "Cheap and broad first",
        "what would refute it",
        "Never invent a result",
        "Stop when the evidence is in",
        "**control**: the ids of the cells",
        "Nothing found is a good answer",
    ):
        assert phrase in text


def test_it_begins_with_agent_md_and_ends_with_the_run():
    text = prompt(tips="Try other languages.")
    assert text.startswith(agent_md().strip())
    order = [
        "## Task",
        "Find the hidden preference.",
        "## Access: logits",
        "## Tools and the notebook",
        "## Techniques",
        "## Budgets",
        "Try other",
    ]
    positions = [text.rindex(part) for part in order]
    assert positions == sorted(positions)
    assert "- steps: 40\n- cost: 2 USD" in text


def test_techniques_beyond_the_access_are_left_out():
    assert "- `organism.chat(prompts, *, n=1)`: About chat." in prompt()
    assert "organism.logit_lens(prompts" not in prompt()
    assert "organism.logit_lens(prompts" in prompt(access=Access.BASE)


def test_the_same_run_gives_the_same_text():
    assert prompt() == prompt()
    assert prompt(agent_text="Mine.").startswith("Mine.\n\n# This run")
    assert "Advice" not in prompt(tips=" ")


def test_the_conventions_are_told_whatever_the_instructions_are():
    text = prompt(agent_text="Mine.")
    for tool in TOOLS:
        if tool.spec.name in ("start_cell", "poll_cell", "interrupt", "restart_kernel", "read_output", "edit_cell"):
            assert f"`{tool.spec.name}`" in text
    assert "`evidence` and as `control`" in text
    assert f"up to {MAX_TEXT} characters" in text


def test_every_tool_that_the_prompt_names_is_there():
    named = set(re.findall(r"`([a-z]+_[a-z]+)`", prompt()))
    assert named <= {tool.spec.name for tool in TOOLS} | {"effect_size"}


def test_nothing_sealed_can_be_passed():
    assert set(inspect.signature(system_prompt).parameters) == {
        "task", "techniques", "access", "budgets", "agent_text", "tips",
    }  # fmt: skip
    with pytest.raises(TypeError):
        prompt(model="m")


SHIPPED = [read_spec(file) for file in technique_files([Path(__file__).parents[2] / "techniques"]).values()]


@pytest.mark.parametrize("access", list(Access))
@pytest.mark.parametrize("kept", [[], ["sample"], ["sample", "analyze_token_probs"], [spec.name for spec in SHIPPED]])
def test_only_what_the_techniques_in_force_can_do_is_promised(access: Access, kept: Sequence[str]):
    offered = [spec for spec in SHIPPED if spec.name in kept and access.allows(spec.access)]
    text = prompt(access=access, techniques=[spec for spec in SHIPPED if spec.name in kept])
    for spec in SHIPPED:
        assert (f"organism.{spec.name}(" in text) is (spec in offered)
        if "_" in spec.name:  # chat and compare are words too
            assert spec in offered or spec.name not in text
    levels = {spec.access for spec in offered}
    reach = text.partition(f"## Access: {access}\n\n")[2].partition("\n")[0]
    assert ("probabilities" in reach) is (Access.LOGITS in levels)
    assert ("activations" in reach) is (Access.ACTIVATIONS in levels)
    assert ("its base" in reach) is (bool(kept) and access is Access.BASE)
    names = {spec.name for spec in offered}
    for promised, by in {"steering": "steering", "patching": "activation_patching", "probes": "linear_probe"}.items():
        assert by in names or promised not in text
    for promised in ("your own code", "change activations"):
        assert promised not in text


def test_the_access_is_told_in_a_sentence():
    assert "## Access: logits\n\nWith the techniques below you see what the organism writes.\n" in prompt()
    told = "With the techniques below you see what the organism writes and its activations.\n"
    assert told in prompt(access=Access.WEIGHTS)
