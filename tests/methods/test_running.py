"""What a method is given, what it may return, and what is told of one that fails."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from interp_bench_ext.contracts import Edit, Reads, Row, Site
from interp_bench_ext.results import MethodValues, decode
from tests.host.conftest import model_folders
from tests.host.tiny import HIDDEN, LoadedOrganism, load_tiny

from .inline import asked, channel

__all__ = ["model_folders"]


@pytest.fixture(scope="module")
def organism(model_folders: dict[str, Path]) -> LoadedOrganism:
    return load_tiny(model_folders["llama"], hidden=HIDDEN)


def result_of(found: dict) -> object:
    assert "result" in found, found
    return decode(found["result"], b"" if found["arrays"] is None else found["arrays"].numpy().tobytes())


def likelihoods(organism, *, texts):
    rows = [Row(tuple(organism.text_ids(text))) for text in texts]
    found = {}
    for batch in organism.run(rows):
        for place, index in enumerate(batch.rows):
            ids = torch.tensor(rows[index].ids)
            logs = batch.logits[place, : len(ids) - 1].log_softmax(-1)
            found[index] = float(logs.gather(1, ids[1:, None]).sum())
    return {"text": texts, "logprob": [found[index] for index in range(len(rows))]}


def gradients(organism, *, text):
    site = Site(1, "resid_post")
    rows = [Row(tuple(organism.text_ids(text)))]
    (batch,) = organism.run(rows, Reads(sites=(site,), grad_of=lambda row, logits: 2 * logits[-1, 5] - logits[0, 6]))
    return {"norm": [float(batch.gradients[site].norm())], "score": [float(batch.scores[0])]}


def everything(organism, *, text):
    ids = organism.chat_ids([{"role": "user", "content": text}])
    site = Site(0, "resid_post")
    edited = Row(tuple(ids), edits=(Edit(site, None, "add", np.zeros(organism.info.width, np.float32)),))  # noqa: F821
    written = organism.generate([Row(tuple(ids)), edited], max_new_tokens=4, temperature=0)
    stream = next(organism.run([edited], Reads(sites=(site,)))).sites[site]
    read = organism.read(stream, top_k=2, targets=[3])
    logits = organism.unembed(stream)
    name = next(iter(organism.weight_names()))
    organism.progress("work", 1, 2)
    organism.state["seen"] = organism.state.get("seen", 0) + 1
    return {
        "same": [float(written[0][0].ids == written[1][0].ids)],
        "top": [float(logits[0, -1].argmax() == torch.tensor(read.top_ids[0, -1, 0]))],
        "said": [organism.split_thinking("a")[1]],
        "strings": ["".join(organism.token_strings(ids[-2:]))],
        "weight": [float(organism.weight(name).shape == organism.weight_names()[name])],
        "head": [float(organism.site_shape(Site(0, "head"))[0])],
        "piece": [float(len(organism.piece_ids("a b")))],
        "rows": [float(organism.unembedding().shape[0] == organism.info.vocabulary)],
        "seen": [float(organism.state["seen"])],
    }


def test_it_computes_what_the_organism_does(organism: LoadedOrganism) -> None:
    texts = ["a b c d", "the quick brown fox"]
    with channel() as to:
        found = result_of(asked(to, organism, likelihoods, texts=texts))
    assert isinstance(found, MethodValues)
    own = likelihoods(organism, texts=texts)
    assert found.texts == (tuple(texts),)
    assert found.values[:, 0].tolist() == pytest.approx(own["logprob"], abs=1e-4)


def test_gradients_are_those_of_a_technique(organism: LoadedOrganism) -> None:
    with channel() as to:
        found = result_of(asked(to, organism, gradients, text="a b c d"))
    own = gradients(organism, text="a b c d")
    assert found.values[0].tolist() == pytest.approx([own["norm"][0], own["score"][0]], rel=1e-5)
    assert math.isfinite(own["norm"][0])


def test_every_question_is_answered_and_state_is_kept(organism: LoadedOrganism) -> None:
    with channel() as to:
        first = result_of(asked(to, organism, everything, text="hello"))
        second = result_of(asked(to, organism, everything, text="hello"))
    table = dict(zip(first.names, first.values[0].tolist(), strict=True))
    assert {name: table[name] for name in ("same", "top", "weight", "rows", "seen")} == {
        **dict.fromkeys(("same", "top", "weight", "rows", "seen"), 1.0)
    }
    assert table["head"] == organism.info.n_heads
    assert dict(zip(second.names, second.values[0].tolist(), strict=True))["seen"] == 2.0


def test_a_weight_is_a_copy(organism: LoadedOrganism) -> None:
    def changes(organism):
        name = next(iter(organism.weight_names()))
        organism.weight(name).zero_()
        return float(organism.weight(name).abs().sum())

    with channel() as to:
        assert result_of(asked(to, organism, changes)).values[0, 0] > 0


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("x = [1]\n    return x[3]", "line 3, in wrong: return x[3]\nIndexError: list index out of range"),
        ("return object()", "TypeError: wrong returned object: a method returns one of the result types"),
        ("return {'a': [1, 2], 'b': [1]}", "columns of one length"),
        ("return organism.site_shape(Site(99, 'resid_post'))", "BadInput: There is no layer 99"),
        ("return list(organism.run([Row((10**9,))]))", "BadInput: There is no token 1000000000"),
        ("return list(organism.run([Row((-1,))]))", "BadInput: Token ids are a list of numbers from 0"),
        ("return list(organism.run([]))", "the list of prompts is empty"),
        ("return organism.unembed(torch.zeros(3))", "A residual stream is a tensor with"),
        ("return organism.weight('nothing')", "There is no weight 'nothing'"),
        ("return organism.chat_ids([{'role': 'tool', 'content': 'x'}])", "role is system, user or assistant"),
        ("import sys\n    sys.exit(3)", "SystemExit: 3"),
        ("return organism.nothing()", "AttributeError"),
        ("return np.array(['a'])", "TypeError: wrong returned ndarray"),
    ],
)
def test_what_fails_is_told_by_its_own_lines(organism: LoadedOrganism, body: str, says: str) -> None:
    with channel() as to:
        to.send({"name": "wrong", "source": f"def wrong(organism):\n    {body}", "modules": {}, "arguments": {}})
        from interp_bench_ext.host.method_questions import Questions

        questions = Questions(organism)
        while "ask" in (message := to.receive()):
            questions.answer(to, message, lambda: None)
    assert says in message["failed"]
    assert "interp_bench_ext" not in message["failed"].replace("interp_bench_ext.results", "")


def test_source_that_does_not_compile_is_told_by_its_line(organism: LoadedOrganism) -> None:
    with channel() as to:
        to.send({"name": "f", "source": "def f(organism):\n    return (", "modules": {}, "arguments": {}})
        assert "line 2: return (" in to.receive()["failed"]
