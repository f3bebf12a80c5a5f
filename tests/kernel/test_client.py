from __future__ import annotations

import inspect
import json
import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import interp_bench_ext
from interp_bench_ext.contracts import Connection
from interp_bench_ext.errors import BadInput, InterpBenchError, OrganismError, OrganismLost, OutOfMemory
from interp_bench_ext.kernel.client import RemoteOrganism, UnknownTechnique
from interp_bench_ext.kernel.wire import Wire, open_connection

from ..results import samples
from .stub import BIG, TOKEN, Host


def test_a_technique_is_a_method_with_its_own_signature(organism: RemoteOrganism):
    method = organism.logit_lens
    assert str(inspect.signature(method)).startswith("(prompt: str, *, raw: bool = False, target: str | None = None")
    assert "At length" in inspect.getdoc(method)
    assert {"logit_lens", "chat", "techniques"} <= set(dir(organism))
    assert method("The capital of France is") == samples.lens_grid()


def test_positional_arguments_are_the_required_ones_in_order(organism: RemoteOrganism, host: Host):
    organism.prefill_attack("Q?", ["My secret is"], n=2)
    assert host.calls[-1]["arguments"] == {"prompts": "Q?", "prefills": ["My secret is"], "n": 2}
    assert host.calls[-1]["deadline_s"] == 600.0


def test_arrays_tuples_and_results_are_arguments(organism: RemoteOrganism, host: Host):
    organism.chat(samples.generations(("one", "two")), n=np.int64(3), temperature=np.float32(0.5))
    assert host.calls[-1]["arguments"] == {"prompts": ["one", "two"], "n": 3, "temperature": 0.5}
    organism.chat(({"role": "user", "content": "Hi"},), temperature=np.array([1.5, 2.0]))
    assert host.calls[-1]["arguments"]["prompts"] == [{"role": "user", "content": "Hi"}]
    assert host.calls[-1]["arguments"]["temperature"] == [1.5, 2.0]
    organism.chat(samples.info())
    assert host.calls[-1]["arguments"]["prompts"]["n_layers"] == 30


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda o: o.logit_lens("x", targt="y"), "no argument 'targt'; did you mean `target`?"),
        (lambda o: o.logit_lens(), "needs prompt"),
        (lambda o: o.logit_lens("x", "y"), "Only prompt may be given by position"),
        (lambda o: o.logit_lens("x", prompt="y"), "'prompt' twice"),
        (lambda o: o.logit_lens(object()), "logit_lens's prompt cannot be sent"),
        (lambda o: o.chat("x", temperature=float("nan")), "not a finite number"),
    ],
)
def test_wrong_arguments_are_one_sentence(organism: RemoteOrganism, host: Host, call, says: str):
    with pytest.raises(TypeError) as raised:
        call(organism)
    assert isinstance(raised.value, BadInput)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not host.calls


def test_an_unknown_technique_names_the_nearest(organism: RemoteOrganism):
    with pytest.raises(UnknownTechnique, match="'logit_lense'; did you mean `logit_lens`?"):
        _ = organism.logit_lense
    assert not hasattr(organism, "activation_oracle")


def test_private_names_cost_no_request():
    nowhere = RemoteOrganism(Connection("unix:///nowhere.sock", "t"), patience_s=0)
    assert not hasattr(nowhere, "_repr_html_")
    assert "techniques()" in repr(nowhere)


def test_techniques_are_listed(organism: RemoteOrganism):
    listed = organism.techniques()
    assert "logit_lens(prompt, *, raw=False, target=None, layers=None)  [activations]" in repr(listed)
    assert "<script" not in listed._repr_html_()
    assert organism.status()["state"] == "ready"


def test_a_large_array_arrives_whole_and_read_only(organism: RemoteOrganism):
    started = time.perf_counter()
    result = organism.big()
    assert time.perf_counter() - started < 5
    assert result.kl.nbytes == 4 * BIG
    assert result.kl[-1] == BIG - 1
    assert not result.kl.flags.writeable


def test_the_hosts_errors_come_back_as_themselves(organism: RemoteOrganism):
    with pytest.raises(OutOfMemory, match="ask for fewer texts"):
        organism.fails()
    with pytest.raises(OrganismError, match="'Pickle' is not known here"):
        organism.nonsense()


def test_a_connection_lost_in_mid_call_says_what_to_do(organism: RemoteOrganism):
    with pytest.raises(OrganismLost, match="run the cell again"):
        organism.vanishes()


def test_a_wrong_token_says_so(host: Host):
    with pytest.raises(InterpBenchError, match="This access to the organism has ended"):
        RemoteOrganism(Connection(host.connection.url, "wrong")).techniques()


def test_an_unknown_page_is_the_hosts_own_error(host: Host):
    with pytest.raises(BadInput, match="no such page"):
        Wire(host.connection).get("/nowhere")


def test_an_interrupt_closes_the_connection(organism: RemoteOrganism, host: Host):
    organism.techniques()

    def interrupt() -> None:
        host.started.wait(5)
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        organism.slow()
    thread.join()
    assert host.cut_off.wait(2)


def test_a_restarting_organism_is_waited_for(socket_path: Path):
    host = Host(socket_path)
    reasons: list[str] = []
    later = threading.Timer(0.4, host.start)
    later.start()
    try:
        assert Wire(host.connection).get("/health", on_waiting=reasons.append)["state"] == "ready"
    finally:
        later.join()
        host.stop()
    assert set(reasons) == {"organism is restarting"}


def test_an_organism_that_stays_away_is_lost(socket_path: Path):
    with pytest.raises(OrganismLost, match="has not come back"):
        Wire(Connection(f"unix://{socket_path}", TOKEN), patience_s=0.3).get("/health")


def test_addresses_are_checked():
    with pytest.raises(BadInput, match=r"unix:///path\.sock"):
        open_connection("ftp://example.org")
    assert open_connection("http://127.0.0.1:81").port == 81


def test_connect_reads_the_environment(host: Host, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("INTERP_BENCH_URL", host.connection.url)
    monkeypatch.setenv("INTERP_BENCH_TOKEN", TOKEN)
    assert interp_bench_ext.connect(deadline_s=5).deadline_s == 5


def test_connect_finds_the_newest_live_connection_file(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("INTERP_BENCH_URL", raising=False)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(InterpBenchError, match="No organism is running: load one with `%interp use CONFIG`"):
        interp_bench_ext.connect()
    folder = tmp_path / "interp_bench"
    folder.mkdir()
    for age, (name, url) in enumerate([("dead", "unix:///gone.sock"), ("live", host.connection.url)]):
        path = folder / f"{name}.json"
        path.write_text(json.dumps({"url": url, "token": TOKEN, "experiment": name}))
        os.utime(path, (1000 - age, 1000 - age))
    (folder / "broken.json").write_text("{")
    assert interp_bench_ext.connect().status()["state"] == "ready"
