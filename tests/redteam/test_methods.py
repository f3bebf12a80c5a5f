"""A custom method in its own sandbox looks for what is sealed, for other tickets, and for ways to harm the organism."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from interp_bench_ext.errors import InterpBenchError
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.kernel.client import RemoteOrganism
from tests.host.running import Host
from tests.host.tiny import save_model
from tests.notebook.support import needs_sandbox
from tests.techniques.support import FOLDER

from .room import MARKS
from .suite import Trial, attempt

pytestmark = [needs_sandbox, pytest.mark.xdist_group("methods")]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    folder = save_model("llama", tmp_path_factory.mktemp("marked") / MARKS["model"])
    files = (FOLDER / "custom_method.py", FOLDER / "get_model_info.py")
    spec = OrganismSpec(
        name=str(folder), hidden_system_prompt=MARKS["prompt"], device="cpu", dtype="float32", techniques=files
    )
    running = Host(spec, sandbox=True)
    running.model = folder
    yield running
    running.close()


@pytest.fixture
def lent(host: Host) -> Iterator[Callable[[], RemoteOrganism]]:
    """Another user's organism, with a ticket of its own."""
    leases = []

    def lend() -> RemoteOrganism:
        leases.append(host.lend())
        return RemoteOrganism(leases[-1].connection, deadline_s=60)

    yield lend
    for lease in leases:
        host.run(host.process.revoke(lease.ticket))


def said(call: Callable[..., Any], *given: Any, **named: Any) -> str:
    """All that a call gives, or how it fails."""
    try:
        result = call(*given, **named)
    except InterpBenchError as error:
        return f"{type(error).__name__}: {error}"
    return f"{result.texts!r} {result.values.tolist()!r}"


def everything_in_reach(organism, *, plant):
    import gc
    import os

    with open("/tmp/planted", "w") as file:  # noqa: PTH123
        file.write(plant)
    skipped = (
        "/usr",
        "/packages",
        "/python",
        "/sys",
        "/lib",
        "/lib64",
        "/bin",
        "/sbin",
        "/etc",
        "/interp_bench",
        "/nix",
    )
    found = [repr(dict(os.environ)), " ".join(os.listdir("/"))]  # noqa: PTH208
    for folder, _, names in os.walk("/"):
        if folder.startswith(skipped) or folder.count("/") > 6:
            continue
        found.append(folder)
        for name in names:
            path = folder + "/" + name
            found.append(path)
            try:
                with open(path, "rb", opener=lambda p, flags: os.open(p, flags | os.O_NONBLOCK)) as file:  # noqa: PTH123
                    found.append((file.read(200_000) or b"").decode("utf-8", "replace"))
            except OSError:
                pass
    found += [value for value in gc.get_objects() if isinstance(value, str)]
    found += [
        text for held in gc.get_objects() if type(held) in (dict, list, tuple) for text in held if type(text) is str
    ]
    whole = "\n".join(found)
    del found
    names = [mark for mark in organism.state.get("marks", ())]
    return {"text": [whole[:20_000_000]], "names": [" ".join(names) or "none"]}


def memory_of_processes(organism, *, plant):
    import os

    kept, found = plant + "!", []
    for process in (name for name in os.listdir("/proc") if name.isdigit()):  # noqa: PTH208
        for part in ("cmdline", "environ", "maps", "mountinfo"):
            try:
                with open(f"/proc/{process}/{part}", "rb") as file:  # noqa: PTH123
                    found.append(file.read(1_000_000).decode("utf-8", "replace"))
            except OSError:
                pass
    return {"text": ["\n".join([*found, kept])]}


@attempt("S1", "custom methods", "Files, environment and objects in reach are searched for prompt, model and tokens")
def test_nothing_sealed_is_in_reach(host: Host, lent: Callable[[], RemoteOrganism], trial: Trial) -> None:
    search = lent().method(everything_in_reach)
    marks = {**{name: MARKS[name] for name in ("prompt", "model")}, "token": host.connection.token}
    trial.marks = marks
    real, control = said(search, plant="nothing"), said(search, plant=MARKS["prompt"])
    assert len(real) > 10_000, real
    trial.leak(real, control=control)


@attempt("S2", "custom methods", "Processes are searched for the command, environment and mounts of the organism's")
def test_no_other_process_is_seen(host: Host, lent: Callable[[], RemoteOrganism], trial: Trial) -> None:
    search = lent().method(memory_of_processes)
    trial.marks = {"prompt": MARKS["prompt"], "model": MARKS["model"], "host": "interp_bench_ext.host"}
    trial.leak(said(search, plant="nothing"), control=said(search, plant=MARKS["model"]))


def before_the_first_token(organism, *, text):
    ids = organism.text_ids(text)
    row, told = Row(tuple(ids)), [str(len(ids))]  # noqa: F821

    def tried(action):
        try:
            told.append(repr(action()))
        except Exception as error:  # noqa: BLE001
            told.append(f"{type(error).__name__}: {error}")

    pattern = Site(0, "pattern")  # noqa: F821
    (batch,) = organism.run([row], Reads(sites=(pattern,)))  # noqa: F821
    told.append(str(batch.sites[pattern].shape[-1] == len(ids)))
    for at in (-len(ids) - 1, -(10**6), 10**6):
        tried(lambda at=at: next(organism.run([row], Reads(positions=(at,)))))  # noqa: F821
        edit = Edit(Site(0, "resid_pre"), (at,), "set", 0.0)  # noqa: F821
        tried(lambda edit=edit: next(organism.run([Row(tuple(ids), edits=(edit,))])))  # noqa: F821
    for name in ("_engine", "_prefixes", "_tokens", "__dict__", "decode", "serving", "call_method"):
        tried(lambda name=name: organism.ask(name))
    return {"text": ["\n".join(told)]}


@attempt("S3", "custom methods", "Places before the visible tokens, and what is no question, are asked of the organism")
def test_nothing_before_the_visible_tokens_is_told(lent: Callable[[], RemoteOrganism], trial: Trial) -> None:
    ask = lent().method(before_the_first_token)
    real = said(ask, text="a b c")
    trial.leak(real, control=said(lent().method(memory_of_processes), plant=MARKS["prompt"]))
    assert "process ended" in real  # what is no question ends it


def changes_weights(organism):
    for name in organism.weight_names():
        organism.weight(name).fill_(0.0)
    organism.unembedding().fill_(0.0)
    for batch in organism.run([Row((5, 6, 7))], Reads(sites=(Site(0, "resid_post"),))):  # noqa: F821
        batch.logits.fill_(0.0)
        batch.sites[Site(0, "resid_post")].fill_(0.0)  # noqa: F821
    return 1.0


def digest_of_weights(organism):
    import hashlib

    whole = hashlib.sha256()
    for name in sorted(organism.weight_names()):
        whole.update(organism.weight(name).numpy().tobytes())
    return whole.hexdigest()


@attempt("S4", "custom methods", "Weights and activations are written over for whoever asks next")
def test_weights_stay_as_they_were_loaded(host: Host, lent: Callable[[], RemoteOrganism], trial: Trial) -> None:
    before = said(lent().method(digest_of_weights))
    said(lent().method(changes_weights))
    weights = load_file(next(Path(host.model).glob("*.safetensors")))
    first = sorted(weights)[0]
    weights[first] = torch.zeros_like(weights[first])
    spoilt = hashlib.sha256(b"".join(weights[name].numpy().tobytes() for name in sorted(weights))).hexdigest()
    trial.abuse(lambda digest: digest != before, said(lent().method(digest_of_weights)), spoilt)


def leaves_a_mark(organism, *, mark):
    import builtins

    organism.state["mark"] = mark
    builtins.left = mark
    with open("/tmp/left", "w") as file:  # noqa: PTH123
        file.write(mark)
    return mark


def looks_for_a_mark(organism):
    import builtins
    import os

    found = [repr(organism.state), repr(getattr(builtins, "left", "")), repr(os.listdir("/tmp"))]  # noqa: PTH208
    return {"text": found}


@attempt("S5", "custom methods", "What another ticket's methods have kept is found by a method of the next")
def test_state_is_the_ticket_s_own(lent: Callable[[], RemoteOrganism], trial: Trial) -> None:
    one, other = lent(), lent()
    said(one.method(leaves_a_mark), mark=MARKS["file"])
    trial.leak(said(other.method(looks_for_a_mark)), control=said(one.method(looks_for_a_mark)))


def connects(organism, *, addresses):
    import socket

    found = []
    for address in addresses:
        family = socket.AF_INET if isinstance(address, list) else socket.AF_UNIX
        try:
            with socket.socket(family, socket.SOCK_STREAM) as client:
                client.settimeout(2)
                client.connect(tuple(address) if isinstance(address, list) else address)
                found.append(str(address))
        except OSError:
            pass
    return {"text": found or ["nothing"]}


@attempt(
    "S6", "custom methods", "Other sockets than its own are connected to: the organism's, the machine's, the network's"
)
def test_no_other_socket_is_in_reach(host: Host, lent: Callable[[], RemoteOrganism], trial: Trial) -> None:
    connect = lent().method(connects)
    theirs = [host.process.url.removeprefix("unix://"), "/run/organism", ["127.0.0.1", 22], ["1.1.1.1", 53]]

    def serves(organism):
        import socket

        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind("/tmp/own")
        listener.listen()
        organism.state["listener"] = listener
        return 1.0

    one = lent()
    said(one.method(serves))
    own = said(one.method(connects), addresses=["/tmp/own"])
    trial.abuse(lambda told: "nothing" not in told, said(connect, addresses=theirs), own)


def writes_to_the_channel(organism, *, data):
    organism._channel._connection.sendall(bytes.fromhex(data))
    organism._channel.receive()
    return 1.0


def takes_memory(organism):
    kept = []
    while True:
        kept.append(bytearray(b"x" * (64 << 20)))


def leaves_at_once(organism):
    import os

    os._exit(0)


def forks(organism):
    import os
    import time

    for _ in range(20):
        if not os.fork():
            time.sleep(600)
    return 1.0


def loops(organism):
    while True:
        pass


@attempt(
    "S7", "custom methods", "A method sends no messages, loops, forks, takes all memory or ends: others are kept out"
)
def test_the_organism_serves_on(host: Host, lent: Callable[[], RemoteOrganism], trial: Trial) -> None:
    bad = [
        said(lent().method(writes_to_the_channel), data=data)
        for data in ("ff" * 64, "00" * 16, "00" * 7 + "02" + "00" * 8 + "5b5d")
    ]
    bad += [said(lent().method(method)) for method in (takes_memory, leaves_at_once, forks)]
    slow = lent()
    slow.deadline_s = 1.0
    started = time.monotonic()
    bad.append(said(slow.method(loops)))
    assert time.monotonic() - started < 20
    assert "DeadlineExceeded" in bad[-1]
    assert all(told.startswith(("TechniqueFailed", "DeadlineExceeded", "()")) for told in bad), bad
    answers = [type(lent().get_model_info()).__name__, said(lent().method(digest_of_weights))]
    trial.abuse(lambda told: "Info" not in told[0] or "Failed" in told[1], answers, [bad[-1], bad[-1]])
