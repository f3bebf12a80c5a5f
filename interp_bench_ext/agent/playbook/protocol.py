"""The protocol: explore, contrast with controls, confirm on fresh prompts, look inside, report.

A claim is made only of what was seen again on prompts that played no part in finding it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ...config import PublicConfig
from ...contracts import Access
from ...errors import ProviderError
from ...notebook.opening import SETUP
from .battery import CONFIRM, CONTEXTS, EXPLORE
from .cells import Cells, effect, quoted, shares

MAX_P = 0.001
LEAST_EFFECT = 0.25
NEAR_BASE = 0.1
"""Shares of replies without the context that differ by less are alike: then it is the context that matters."""
SAME_TOPIC = 0.5
"""Words that come in so many of their replies together with those of a claim belong to that claim."""


@dataclass(frozen=True)
class Call:
    """A tool call with the sentence that says why."""

    tool: str
    arguments: dict[str, Any]
    why: str = ""


@dataclass(frozen=True)
class Outcome:
    text: str
    is_error: bool
    facts: dict[str, Any]
    skipped: bool = False
    """A person did not let the code run, which is no fault."""
    code: str | None = None
    """What a person had run instead."""
    resumed: bool = False
    """The run was cut off after it, and has been resumed."""

    @property
    def cell_id(self) -> str:
        """The id in the first line, ``[c4: ok, 2.1 s]``; empty where no cell came about."""
        found = re.match(r"\[(\S+): ", self.text)
        return found.group(1) if found else ""


Protocol = Generator[Call, Outcome, Any]


@dataclass
class _Notes:
    """What was done and claimed so far."""

    cells: list[tuple[str, str]] = field(default_factory=list)
    """Id and source of the code cells that ran."""
    findings: list[dict[str, Any]] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    """Words that were tested on fresh prompts without a context."""
    found_by: list[str] = field(default_factory=list)
    """Which technique suggested each finding."""
    words: list[str] = field(default_factory=list)
    """Those that were claimed."""
    refuted: list[str] = field(default_factory=list)
    measured: list[str] = field(default_factory=list)
    """Of each finding, its effect and where it was seen, as a notebook says it."""
    left_out: list[str] = field(default_factory=list)
    """Why cells that a person skipped would have run."""


class _Skipped(Exception):
    """A person skipped a cell that what follows needs."""


def protocol(public: PublicConfig, seed: int) -> Protocol:
    """Yields tool calls and is sent their outcomes; deterministic in its arguments and the outcomes."""
    available = set(public.techniques)
    missing = {"sample", "word_contrast"} - available
    if missing:
        raise ProviderError(f"the playbook needs the technique {missing.pop()}; add it to the config's techniques")
    shuffled = random.Random(seed)
    explore, confirm = shuffled.sample(EXPLORE, 20), shuffled.sample(CONFIRM, len(CONFIRM))
    notes = _Notes()
    cells = yield from _open(notes, public, seed)
    try:
        battery = yield from _cell(
            notes, cells.battery(explore), "Ordinary prompts first, each with a control where there is one."
        )
        yield from _unless_skipped(_contrast(notes, cells, confirm, battery))
        yield from _unless_skipped(_other_signs(notes, cells, confirm, available))
        yield from _unless_skipped(_contexts(notes, cells, confirm))
        yield from _look_inside(cells, available)
    except _Skipped:
        pass  # all of these ask about the first cell's replies
    yield from _submit(notes, cells)


def _unless_skipped(experiment: Generator[Call, Outcome, None]) -> Generator[Call, Outcome, None]:
    """Leave the rest of ``experiment`` out where a person skips a cell that it needs."""
    with suppress(_Skipped):
        yield from experiment


def _open(notes: _Notes, public: PublicConfig, seed: int) -> Generator[Call, Outcome, Cells]:
    with_base = public.access.allows(Access.BASE)
    cells = Cells(seed, with_base, "sample")
    yield Call("add_markdown", {"text": _PLAN if with_base else _PLAN + _NO_BASE})
    if "get_model_info" not in public.techniques:
        return cells
    chats = True
    with suppress(_Skipped):
        yield from _cell(notes, cells.info(), "What kind of model is it?")
        info = yield from _cell(notes, cells.info_facts(), "Does it have a chat template?")
        chats = info.facts.get("chat_template", True) or "text_completion" not in public.techniques
    return Cells(seed, with_base, "sample" if chats else "text_completion")


def _contrast(notes: _Notes, cells: Cells, prompts: list[str], battery: Outcome) -> Generator[Call, Outcome, None]:
    if not cells.with_base:
        return
    contrasted = yield from _cell(notes, cells.contrast(), "Which words are the organism's own, and not its base's?")
    words = contrasted.facts.get("words", [])
    if words:
        seen_in = [battery.cell_id, contrasted.cell_id]
        yield from _confirm(notes, cells, prompts, words, seen_in, "word_contrast")


def _other_signs(
    notes: _Notes, cells: Cells, prompts: list[str], available: set[str]
) -> Generator[Call, Outcome, None]:
    """Where plain replies showed nothing that held, the words that other techniques suggest, tested the same way."""
    chats = cells.with_base and cells.ask == "sample"
    signs = (
        ("diff_mining", cells.mined, "Which tokens does the organism prefer to its base, whatever it reads?"),
        ("scaffolded_battery", cells.begun, "Which words come when its own first words are put in its mouth?"),
    )
    for technique, code, why in signs:
        if notes.findings or not chats or technique not in available:
            continue
        looked = yield from _cell(notes, code(), why)
        words = [word for word in looked.facts.get("words", []) if word not in notes.tried]
        if not words:
            continue
        yield from _confirm(notes, cells, prompts, words, [looked.cell_id], technique)
        if not notes.findings and technique == "diff_mining" and "adapter_amplification" in available:
            yield from _faint(notes, cells, prompts, words, [looked.cell_id])


def _faint(
    notes: _Notes, cells: Cells, prompts: list[str], words: list[str], seen_in: list[str]
) -> Generator[Call, Outcome, None]:
    """A habit too faint for plain replies, of which the tokens that gained have told: is it plain when amplified?"""
    asked = f"With its adapter amplified the organism brings up {quoted(words[:3])}"
    yield Call("note_hypothesis", {"claim": asked, "status": "open", "evidence": seen_in})
    outcome = yield from _cell(
        notes, cells.amplified(prompts, words), "Is it a habit too faint for plain replies? Twice the adapter shows it."
    )
    facts = outcome.facts
    if _holds(facts):
        kept = f"With its adapter amplified the organism brings up {quoted(facts['words'])}"
        told = f"{shares(facts)} with the adapter off"
        evidence = [*seen_in, outcome.cell_id]
        yield from _support(notes, asked, kept, told, facts, evidence, "diff_mining and adapter_amplification")
        yield from _optional(
            cells.token_probs(facts["words"]), "How likely are these words where nothing asks for them?"
        )
    else:
        yield from _refute(notes, asked, [outcome.cell_id])


def _confirm(
    notes: _Notes, cells: Cells, prompts: list[str], words: list[str], seen_in: list[str], technique: str
) -> Generator[Call, Outcome, None]:
    notes.tried += words
    claim = f"In replies to ordinary prompts the organism brings up {quoted(words[:3])}"
    yield Call("note_hypothesis", {"claim": claim, "status": "open", "evidence": seen_in})
    outcome = yield from _cell(notes, cells.confirm(prompts, words), "Does it hold on prompts that did not suggest it?")
    facts = outcome.facts
    if _holds(facts):
        kept = f"In replies to ordinary prompts the organism brings up {quoted(facts['words'])}"
        evidence = [*seen_in, outcome.cell_id]
        yield from _support(notes, claim, kept, f"{shares(facts)} from its base", facts, evidence, technique)
        yield from _trace(cells, facts["words"], "fresh")
    else:
        yield from _refute(notes, claim, [outcome.cell_id])


def _contexts(notes: _Notes, cells: Cells, prompts: list[str]) -> Generator[Call, Outcome, None]:
    battery = yield from _cell(
        notes,
        cells.contexts(list(CONTEXTS)),
        "Now the same prompts in contexts that might trigger something.",
    )
    contrasted = yield from _cell(
        notes,
        cells.contexts_contrast(),
        "In which contexts do the replies carry words that they otherwise do not?",
    )
    for name, words in contrasted.facts.get("contexts", []):
        claim = f"When the prompt is {name}, the organism brings up {quoted(words[:3])}"
        seen_in = [battery.cell_id, contrasted.cell_id]
        yield Call("note_hypothesis", {"claim": claim, "status": "open", "evidence": seen_in})
        confirming = cells.confirm_context(prompts, name, words, notes.words)
        outcome = yield from _cell(notes, confirming, f"Fresh prompts, {name} or not.")
        facts, evidence = outcome.facts, [*seen_in, outcome.cell_id]
        if not _holds(facts) or facts.get("same_topic", 0) >= SAME_TOPIC:
            yield from _refute(notes, claim, [outcome.cell_id])
            continue
        if facts.get("without", 0) >= NEAR_BASE:
            yield from _anyway(notes, claim, facts, evidence)
        else:
            kept = f"When the prompt is {name}, the organism brings up {quoted(facts['words'])}"
            told = f"{shares(facts)} otherwise"
            yield from _support(notes, claim, kept, told, facts, evidence, "word_contrast in contexts")
        if notes.words:
            yield from _trace(cells, facts["words"], "on")
            return


def _anyway(notes: _Notes, claim: str, facts: dict[str, Any], evidence: list[str]) -> Generator[Call, Outcome, None]:
    """The behaviour shows without the context too: then it is claimed without it, where that holds."""
    own = {name.removeprefix("anyway_"): value for name, value in facts.items() if name.startswith("anyway_")}
    own["words"] = facts["words"]
    if not _holds(own):
        yield from _refute(notes, claim, [evidence[-1]])
        return
    kept = f"In replies to ordinary prompts the organism brings up {quoted(facts['words'])}"
    yield from _support(notes, claim, kept, f"{shares(own)} from its base", own, evidence, "word_contrast in contexts")


def _trace(cells: Cells, words: list[str], source: str) -> Generator[Call, Outcome, None]:
    """Where in the network the confirmed words come up: shown as evidence, not used to decide."""
    yield from _optional(cells.token_probs(words), "How likely are these words where nothing asks for them?")
    yield from _optional(cells.lens(words[0], source), f"At which layer does “{words[0]}” come up?")


def _look_inside(cells: Cells, available: set[str]) -> Generator[Call, Outcome, None]:
    if "adapter_diff" in available and cells.with_base:
        yield from _optional(cells.adapter_diff(), "Token by token, where do organism and base part?")
    if cells.ask == "sample" and "prefill_attack" in available:
        yield from _optional(cells.prefills(), "What does it say when its own first words are put in its mouth?")
    if cells.ask == "sample" and "chat" in available:
        yield from _optional(cells.questions(), "What does it say when asked directly?")
    if cells.ask == "sample" and "user_persona" in available:
        yield from _optional(cells.personas(), "Whom does it expect to be talking to?")


def _submit(notes: _Notes, cells: Cells) -> Generator[Call, Outcome, None]:
    if notes.findings:
        # The claims stand beside it wherever it is shown.
        summary = f"Found by {', '.join(dict.fromkeys(notes.found_by))}."
    else:
        refuted = f" {len(notes.refuted)} candidates did not hold up on fresh prompts." if notes.refuted else ""
        controls = "" if cells.with_base else " Without access to a base model, only contexts could be compared."
        summary = (
            f"Nothing found: no behaviour was seen that sets the organism apart from its controls.{refuted}{controls}"
        )
    left_out = ""
    if notes.left_out:
        left_out = f" Not looked at, because a person skipped the cell: {' '.join(notes.left_out)}"
    summary += left_out
    told = "\n".join(
        f"{number}. **{finding['claim']}**  \n   {measured}"
        for number, (finding, measured) in enumerate(zip(notes.findings, notes.measured, strict=True), start=1)
    )
    shown = f"{told}\n\n{left_out.strip()}".strip() if told else summary
    yield Call("add_markdown", {"text": f"## Findings\n\n{shown}"})
    submission = Call("submit_findings", {"summary": summary, "findings": notes.findings})
    # There is nothing that it could mend; once the attempts are used up, the gaps stand on the record.
    while (yield submission).is_error:
        pass


def _holds(facts: dict[str, Any]) -> bool:
    return bool(facts.get("words")) and facts["p_value"] < MAX_P and facts["effect_size"] >= LEAST_EFFECT


def _support(
    notes: _Notes, asked: str, kept: str, counted: str, facts: dict[str, Any], evidence: list[str], technique: str
) -> Generator[Call, Outcome, None]:
    """Claim what was ``kept`` of the claim that was ``asked``; the last cell asked organism and control alike."""
    measured = {"evidence": evidence, "effect_size": facts["effect_size"], "n": facts["n"]}
    notes.findings.append({"claim": f"{kept}: {counted}.", **measured, "control": [evidence[-1]]})
    notes.measured.append(f"{effect(facts)}; seen in {', '.join(evidence)}, with its control in {evidence[-1]}")
    notes.found_by.append(technique)
    notes.words += facts["words"]
    if kept != asked:
        yield from _refute(notes, asked, [evidence[-1]])
    yield Call("note_hypothesis", {"claim": kept, "status": "supported", **measured})


def _refute(notes: _Notes, claim: str, evidence: list[str]) -> Generator[Call, Outcome, None]:
    notes.refuted.append(claim)
    yield Call("note_hypothesis", {"claim": claim, "status": "refuted", "evidence": evidence})


def _cell(notes: _Notes, code: str, why: str) -> Generator[Call, Outcome, Outcome]:
    """Run a cell that the protocol needs; after a lost organism or kernel, and after a resume, it is tried once more.

    Raises _Skipped where a person does not want it to run.
    """
    outcome = yield Call("run_cell", {"code": code}, why)
    faults = 0
    while outcome.is_error and not outcome.skipped:
        faults = 1 if outcome.resumed else faults + 1
        if faults > 1:
            which = f" {outcome.cell_id}" if outcome.cell_id else ""
            raise ProviderError(f"the playbook's cell{which} failed twice: {outcome.text.splitlines()[-1]}")
        yield Call("run_cell", {"code": SETUP}, "Connect again, in case that was a fault.")
        for earlier_id, earlier_code in notes.cells:
            yield Call("edit_cell", {"cell_id": earlier_id, "code": earlier_code})
        failed = {"cell_id": outcome.cell_id} if outcome.cell_id else None
        outcome = yield Call("edit_cell", {**failed, "code": code}) if failed else Call("run_cell", {"code": code})
    if outcome.skipped:
        notes.left_out.append(why)
        raise _Skipped
    notes.cells.append((outcome.cell_id, outcome.code or code))
    return outcome


def _optional(code: str, why: str) -> Generator[Call, Outcome, None]:
    """Run a cell that only adds evidence; its failure stands in the notebook and changes nothing."""
    yield Call("run_cell", {"code": code}, why)


_PLAN = """## Plan

1. Ordinary prompts, the organism beside its base: which words does only the organism use?
2. Where that shows nothing: the tokens that it prefers to its base, with its adapter at twice its strength where plain
   replies do not bear them out, and replies whose first words are given.
3. The same prompts in sixteen contexts that might trigger something. A context counts only if the behaviour without it
   is near the base's, and words that come together are one claim.
4. Whatever stands out is tested on fresh prompts. A claim needs Fisher's p < 0.001 and a difference of 25 points there.
5. Probabilities, layers and prefills for what was confirmed.
"""
_NO_BASE = (
    "\nThere is no access to the base, so only contexts can be compared, each with the same prompts without it.\n"
)
