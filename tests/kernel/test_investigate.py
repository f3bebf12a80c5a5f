"""A person's commands, from a real kernel that asks a real HTTP server."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from jupyter_client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from .jupyter_stub import JupyterStub, state, summary
from .stub import Host


@dataclass
class Notebook:
    """A kernel that belongs to the server."""

    client: BlockingKernelClient
    server: JupyterStub
    host: Host
    messages: list[dict[str, Any]] = field(default_factory=list)

    def run(self, code: str) -> str:
        """What a reader of the cell's outputs sees as text; an error's sentence."""
        self.messages.clear()
        self.client.execute_interactive(code, timeout=60, output_hook=self._heard)
        return "\n".join(filter(None, map(_text, self.messages)))

    def html(self) -> str:
        return "".join(message["content"].get("data", {}).get("text/html", "") for message in self.messages)

    def complete(self, code: str) -> list[str]:
        return self.client.complete(code, reply=True, timeout=30)["content"]["matches"]

    def _heard(self, message: dict[str, Any]) -> None:
        self.messages.append(message)
        progress = message["content"].get("metadata", {}).get("interp_bench")
        if progress:
            self.server.loaded.set()


def _text(message: dict[str, Any]) -> str:
    content = message["content"]
    match message["msg_type"]:
        case "stream":
            return content["text"]
        case "error":
            return "\n".join(content["traceback"])
        case "execute_result" | "display_data":
            return content["data"].get("text/plain", "")
    return ""


@pytest.fixture(scope="module")
def module_notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    folder = tmp_path_factory.mktemp("run")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INTERP_BENCH")}
    environment |= {"JUPYTER_RUNTIME_DIR": str(folder), "JPY_PARENT_PID": str(os.getpid())}
    host = Host(Path(folder, "o.sock"))
    server = JupyterStub(folder, host.connection)
    server.kernel = str(uuid.uuid4())
    manager = KernelManager(kernel_name="python3", connection_file=str(folder / f"kernel-{server.kernel}.json"))
    manager.start_kernel(env=environment)
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        client.execute_interactive("%load_ext interp_bench_ext", timeout=60)
        yield Notebook(client, server, host)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        server.stop()


@pytest.fixture
def notebook(module_notebook: Notebook) -> Iterator[Notebook]:
    module_notebook.host.start()
    server = module_notebook.server
    server.runs, server.held, server.bodies = [], [], {}
    yield module_notebook
    module_notebook.host.stop()


def test_organisms_are_listed_with_their_state(notebook: Notebook):
    notebook.server.held = [state("amber", loading=1)]
    shown = notebook.run("%interp organisms")
    assert "amber     loading 25 %  local  base    Find\n" in f"{shown}\n"
    assert "broken.yaml: no such key" not in shown
    assert "1 more cannot be started here: %interp organisms --all lists them." in shown
    assert "broken.yaml: no such key" in notebook.run("%interp organisms --all")
    assert "<td" in notebook.html()


def test_use_loads_an_organism_and_binds_it(notebook: Notebook):
    notebook.server.loaded.clear()  # until the notebook has shown how far it is
    shown = notebook.run("%interp use amber")
    assert "amber is ready on cpu: %interp and the variable `organism` use it." in shown
    facts = [m["content"]["metadata"].get("interp_bench") for m in notebook.messages if "metadata" in m["content"]]
    assert {"progress": {"what": "amber", "stage": "weights", "done": 1, "total": 4}} in facts
    notebook.run("%interp chat Hello")
    notebook.run("organism.chat('Hi')")
    notebook.run("import interp_bench_ext; interp_bench_ext.connect().chat('Ho')")
    assert [call["arguments"]["prompts"] for call in notebook.host.calls[-3:]] == ["Hello", "Hi", "Ho"]
    assert "organism amber" in notebook.run("organism")
    assert "ready on cpu, in use here" in notebook.run("%interp organisms")
    assert "amber (ready on cpu, in use here)" in notebook.run("%interp status")


def test_without_an_organism_a_misspelt_name_is_said_first(notebook: Notebook):
    notebook.run("import interp_bench_ext.kernel.client as _client; _client._in_use = None")
    notebook.run("%reload_ext interp_bench_ext")
    shown = notebook.run("%interp prefil x")
    assert shown == "BadInput: %interp has no subcommand 'prefil'; did you mean `prefill_attack`?"
    notebook.server.held = [state("amber")]
    shown = notebook.run("%interp prefill x")
    assert shown == "BadInput: This notebook has no organism yet: `%interp use amber` takes one that is loaded."


def test_what_may_cost_much_is_started_by_yes(notebook: Notebook):
    shown = notebook.run("%interp start costly")
    assert shown == "BadInput: At most $50. That is more than $10. Add --yes to start it all the same."
    assert notebook.run("%interp start costly --yes").startswith("Run 12ab34cd has started")


def test_what_the_server_refuses_is_one_sentence(notebook: Notebook):
    shown = notebook.run("%interp use ambre")
    assert shown == "ConfigError: there is no config 'ambre'; did you mean `amber`?"


def test_start_takes_a_new_notebook_unless_it_is_told_another(notebook: Notebook):
    shown = notebook.run("%interp start birch --agent playbook --max-cost 2 --max-steps 9 --approval ask --seed 3")
    assert shown == "Run 12ab34cd has started in lab/birch 2.ipynb"
    assert '<a href="birch%202.ipynb">lab/birch 2.ipynb</a>' in notebook.html()
    body = notebook.server.bodies["runs"]
    assert len(body.pop("request_id")) == 32
    assert body == {
        "config": "birch",
        "notebook": None,
        "provider": "playbook",
        "approval": "ask",
        "max_steps": 9,
        "max_cost_usd": 2.0,
        "seed": 3,
    }


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ("--here", "lab/me.ipynb"),
        ("--notebook other.ipynb", "lab/other.ipynb"),
        ("--notebook ../top.ipynb", "top.ipynb"),
        ("--notebook ../../../etc/top.ipynb", "etc/top.ipynb"),
        ('--notebook "a b.ipynb"', "lab/a b.ipynb"),
    ],
)
def test_start_in_a_named_notebook(notebook: Notebook, options: str, path: str):
    notebook.run(f"%interp start birch {options}")
    assert notebook.server.bodies["runs"]["notebook"] == path


def test_here_and_another_notebook_contradict_each_other(notebook: Notebook):
    assert "--here works in this notebook" in notebook.run("%interp start birch --here --notebook x.ipynb")
    assert notebook.server.bodies == {}


def test_status_lists_runs_those_under_way_first(notebook: Notebook):
    notebook.server.runs = [
        summary("aaaa0000", status="finished", findings=2, verdict="the secret is named"),
        summary("bbbb0000", waiting="approval"),
        summary("cccc0000", status="failed", message="the organism was lost"),
    ]
    lines = notebook.run("%interp status").splitlines()
    assert lines[0] == "Organisms on this server: none. 3 runs, 1 under way."
    assert [line.split()[0] for line in lines[2:]] == ["bbbb0000", "aaaa0000", "cccc0000"]
    assert "waits for approval  7 of 40  $0.31 of $2  it is shy (refuted)" in lines[2]
    assert "2 findings; the secret is named" in lines[3]
    assert "the organism was lost" in lines[4]


def test_status_of_one_run_shows_its_hypotheses(notebook: Notebook):
    notebook.server.runs = [summary("aaaa0000"), summary("bbbb0000")]
    shown = notebook.run("%interp status bb").splitlines()
    assert shown[0] == "Run bbbb0000: birch, running, step 7 of 40, $0.31 of $2, 3.4 min."
    assert [line.split()[:4] for line in shown[2:]] == [
        ["it", "likes", "soup", "supported"],
        ["it", "is", "shy", "refuted"],
    ]
    assert shown[2].endswith("c4 c7     +0.91 (n = 32)")
    assert "aaaa0000" in notebook.run("%interp status last")
    assert "No run has an id that begins with 'x'" in notebook.run("%interp status x")


def test_stop_stops_a_run_of_this_server(notebook: Notebook):
    assert "No run is under way on this server" in notebook.run("%interp stop last")
    notebook.server.runs = [summary("aaaa0000", here=False), summary("abbb0000"), summary("accc0000")]
    assert "More than one run has an id that begins with 'a'" in notebook.run("%interp stop a")
    assert notebook.run("%interp stop last") == "Run abbb0000 is interrupted: stopped by a person"
    assert list(notebook.server.bodies) == ["runs/abbb0000/stop"]


def test_names_complete(notebook: Notebook):
    notebook.server.runs = [summary("aaaa0000"), summary("bbbb0000", status="finished")]
    assert notebook.complete("%interp use ") == ["amber", "--help"]
    assert notebook.complete("x = %interp start am") == ["amber"]
    assert notebook.complete("%interp stop ")[:2] == ["aaaa0000", "last"]
    assert notebook.complete("%interp status b") == ["bbbb0000"]
    assert notebook.complete("%interp start amber --agent p") == ["playbook"]


@pytest.fixture
def changed(notebook: Notebook) -> Iterator[Notebook]:
    """A notebook whose server may be spoiled."""
    server = notebook.server
    kept = dict(vars(server))
    yield notebook
    vars(server).update(kept)
    server.publish()


def test_a_server_without_the_extension_says_what_to_install(changed: Notebook):
    changed.server.has_bench = False
    shown = changed.run("%interp use amber")
    assert "Jupyter server has no Interp Bench: install interp_bench_ext" in shown
    assert "\n" not in shown


def test_a_server_of_another_version_is_named_as_the_reason(changed: Notebook):
    changed.server.api += 1
    assert "of different versions: update the older one" in changed.run("%interp status")


def test_a_server_with_a_password_and_no_token_cannot_be_asked(changed: Notebook):
    changed.server.token = ""
    changed.server.publish()
    assert "takes a password and no token" in changed.run("%interp organisms")


def test_another_servers_kernel_is_not_this_one(changed: Notebook):
    changed.server.kernel = "another"
    assert "a notebook of a Jupyter server with Interp Bench; in a terminal, `interp-bench run" in changed.run(
        "%interp start birch"
    )


def test_without_a_server_use_takes_what_is_served(changed: Notebook):
    changed.server.kernel = "another"
    assert "`interp-bench serve dune` in a terminal" in changed.run("%interp use dune")
    folder = changed.server.runtime / "interp_bench"
    folder.mkdir()
    connection = changed.host.connection
    (folder / "x.json").write_text(json.dumps({"url": connection.url, "token": connection.token, "experiment": "dune"}))
    assert changed.complete("%interp use ") == ["dune", "--help"]
    assert "served by interp-bench" in changed.run("%interp organisms")
    assert changed.run("%interp use dune") == "dune is ready: %interp and the variable `organism` use it."
    assert "state: ready" in changed.run("%interp status")


def test_a_hubs_server_is_asked_with_the_hubs_token(changed: Notebook):
    (address,) = changed.server.runtime.glob("jpserver-*.json")
    url = json.loads(address.read_text())["url"].replace("127.0.0.1", "0.0.0.0")  # where it listens
    address.unlink()
    hub = f"os.environ |= {{'JUPYTERHUB_SERVICE_URL': {url!r}, 'JUPYTERHUB_API_TOKEN': {changed.server.token!r}}}"
    assert "amber" in changed.run(f"import os; {hub}\n%interp organisms")
    changed.run("del os.environ['JUPYTERHUB_SERVICE_URL'], os.environ['JUPYTERHUB_API_TOKEN']")


def test_a_persons_notebook_may_have_an_organism_from_outside_too(notebook: Notebook):
    given = "import os; os.environ |= {'INTERP_BENCH_URL': 'unix:///x', 'INTERP_BENCH_TOKEN': 'x'}"
    assert "belong to a person's own notebook" in notebook.run(f"{given}\n%interp use amber")
    # What a Jupyter server tells its own kernels, and a run's kernel is not told.
    assert "amber is ready" in notebook.run("os.environ['JPY_SESSION_NAME'] = 'me.ipynb'\n%interp use amber")
    notebook.run("del os.environ['INTERP_BENCH_URL'], os.environ['INTERP_BENCH_TOKEN']")
