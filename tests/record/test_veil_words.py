from __future__ import annotations

from interp_bench_ext.record.veil_words import client_reach, veil_line


def test_a_client_s_own_tools_stand_beside_the_sandbox():
    assert (
        veil_line("sandboxed", "mcp Claude Code") == "sandboxed kernel; client: Claude Code, its own tools not confined"
    )
    assert client_reach("mcp Claude Code") == "client: Claude Code, its own tools not confined"


def test_an_organism_on_another_machine_is_said_beside_the_kernels_veil():
    assert veil_line("sandboxed", "playbook", remote=True) == "organism on another machine; sandboxed kernel"
    assert veil_line("process", "playbook", remote=True) == "organism on another machine; kernel in a plain process"


def test_of_other_agents_the_kernel_s_veil_is_all():
    assert veil_line("process", "playbook") == "kernel in a plain process"
    assert client_reach("anthropic claude-opus-5") == ""
    assert veil_line("", "mcp Claude Code") == ""
