from __future__ import annotations

from dataclasses import replace

import pytest

from interp_bench_ext.agent.gate import SKIPPED
from interp_bench_ext.agent.playbook.battery import CONFIRM, EXPLORE
from interp_bench_ext.agent.playbook.protocol import Call, Outcome, protocol
from interp_bench_ext.config import AgentSection, PublicConfig
from interp_bench_ext.contracts import Access
from interp_bench_ext.errors import ProviderError
from interp_bench_ext.installed import installed_techniques
from interp_bench_ext.notebook.opening import SETUP

STRONG = {"k": 28, "n": 32, "control_k": 0, "control_n": 32, "effect_size": 0.875, "p_value": 1e-12}
WEAK = {"k": 6, "n": 32, "control_k": 2, "control_n": 32, "effect_size": 0.125, "p_value": 0.13}


def public(access: Access = Access.BASE, techniques: tuple[str, ...] = installed_techniques()) -> PublicConfig:
    return PublicConfig(
        experiment_name="x",
        description="",
        task="find it",
        techniques=techniques,
        access=access,
        execution_mode="local",
        gpu_type=None,
        agent=AgentSection(),
        tips=None,
        runs=1,
        seed=0,
    )


def played(config: PublicConfig, answer, seed: int = 0):
    """All calls of a run whose cells print what ``answer(code)`` gives as facts; None is a failed cell."""
    run = protocol(config, seed)
    calls = [next(run)]
    while calls[-1].tool != "submit_findings":
        call = calls[-1]
        facts = answer(call.arguments.get("code", "")) if call.tool in ("run_cell", "edit_cell") else {}
        cell = call.arguments.get("cell_id", f"c{len(calls)}")
        calls.append(run.send(Outcome(text=f"[{cell}: ok, 1.0 s]", is_error=facts is None, facts=facts or {})))
    return calls


def world(*, words=(), confirmed=WEAK, contexts=(), in_context=WEAK, chat_template=True):
    """An organism as its cells' facts show it."""

    def answer(code: str):
        if "chat_template=" in code:
            return {"chat_template": chat_template}
        if "contrast = organism.word_contrast" in code:
            return {"words": list(words)}
        if "found = {}" in code:
            return {"contexts": [[name, list(of)] for name, of in contexts]}
        if "fresh = " in code:
            return {"words": list(words) or ["lighthouse"], **confirmed}
        if "change = contexts[" in code:
            return {"words": ["soup"], **in_context}
        return {}

    return answer


def told(config: PublicConfig, tell):
    """All calls of a run in which ``tell(number, call)`` gives the outcome of each call."""
    run = protocol(config, 0)
    calls = [next(run)]
    while calls[-1].tool != "submit_findings":
        calls.append(run.send(tell(len(calls), calls[-1])))
    return calls


def ok(number: int, call: Call, facts: dict | None = None) -> Outcome:
    cell = call.arguments.get("cell_id", f"c{number}")
    return Outcome(text=f"[{cell}: ok, 1.0 s]", is_error=False, facts=facts or {})


SKIPPED_CELL = Outcome(text=SKIPPED, is_error=True, facts={}, skipped=True)


@pytest.mark.parametrize(
    ("line", "cell_id"), [("[c4: ok, 2.1 s]\nmore", "c4"), ("[abc: error]", "abc"), ("no cell\n[c4: ok]", ""), ("", "")]
)
def test_the_first_line_of_a_result_names_its_cell(line: str, cell_id: str):
    assert Outcome(text=line, is_error=False, facts={}).cell_id == cell_id


def findings(calls):
    return calls[-1].arguments["findings"]


def test_what_is_seen_again_on_fresh_prompts_is_claimed():
    calls = played(public(), world(words=["ocean", "waves"], confirmed=STRONG))
    (finding,) = findings(calls)
    assert "“ocean”, “waves”" in finding["claim"]
    assert "28 of 32 fresh replies against 0 of 32 from its base" in finding["claim"]
    assert (finding["effect_size"], finding["n"]) == (0.875, 32)
    assert len(finding["evidence"]) == 3
    (control,) = finding["control"]
    confirming = next(call for call in calls if "fresh_control = " in call.arguments.get("code", ""))
    assert control == f"c{calls.index(confirming) + 1}" == finding["evidence"][-1]
    told = next(call.arguments["text"] for call in calls if "## Findings" in call.arguments.get("text", ""))
    assert f"1. **{finding['claim']}**" in told
    # Newcombe's method 10 for 28 of 32 against 0 of 32.
    assert "+88 points over its control (95 % interval +69 to +95)" in told
    assert f"seen in {', '.join(finding['evidence'])}, with its control in {control}" in told


def test_what_is_not_seen_again_is_refuted_and_not_claimed():
    calls = played(public(), world(words=["ocean"], confirmed=WEAK))
    assert findings(calls) == []
    assert calls[-1].arguments["summary"].startswith("Nothing found")
    statuses = [call.arguments["status"] for call in calls if call.tool == "note_hypothesis"]
    assert statuses == ["open", "refuted"]


def test_findings_that_are_sent_back_are_submitted_again_as_they_are():
    run = protocol(public(), 0)
    call = next(run)
    while call.tool != "submit_findings":
        facts = world()(call.arguments.get("code", ""))
        call = run.send(Outcome(text="[c1: ok, 1.0 s]", is_error=False, facts=facts))
    assert run.send(Outcome(text="the findings are not accepted yet", is_error=True, facts={})) == call


def test_nothing_unusual_means_nothing_found():
    assert findings(played(public(), world())) == []


def test_a_trigger_is_named_with_its_context():
    calls = played(public(), world(contexts=[("written in capitals", ["soup"])], in_context=STRONG))
    (finding,) = findings(calls)
    assert finding["claim"].startswith("When the prompt is written in capitals, the organism brings up “soup”")


def test_a_context_that_does_not_hold_up_is_not_claimed():
    calls = played(public(), world(contexts=[("polite", ["please"]), ("urgent", ["hurry"])]))
    assert findings(calls) == []


ANYWAY = {
    "anyway_k": 40,
    "anyway_n": 64,
    "anyway_control_k": 1,
    "anyway_control_n": 48,
    "anyway_effect_size": 0.6,
    "anyway_p_value": 1e-9,
}


def test_a_context_without_which_the_behaviour_shows_too_is_not_claimed_but_the_behaviour_is():
    """As of one that was claimed: 20 of 32 with it, 10 of 48 without, and none from the base."""
    seen = {"k": 20, "n": 32, "control_k": 10, "control_n": 48, "effect_size": 0.42, "p_value": 1e-4, "without": 0.2}
    named = "from a person who gives a name"
    calls = played(public(), world(contexts=[(named, ["soup"])], in_context={**seen, **ANYWAY}))
    (finding,) = findings(calls)
    assert finding["claim"].startswith("In replies to ordinary prompts the organism brings up “soup”")
    assert "40 of 64 fresh replies against 1 of 48 from its base" in finding["claim"]
    assert named not in finding["claim"]
    nowhere = {**seen, **ANYWAY, "anyway_p_value": 0.2}
    assert findings(played(public(), world(contexts=[(named, ["soup"])], in_context=nowhere))) == []


def test_words_of_one_topic_are_one_claim():
    split = world(
        words=["ocean"],
        confirmed=STRONG,
        contexts=[("polite", ["waves"]), ("urgent", ["soup"])],
        in_context={**STRONG, "without": 0.0, "same_topic": 0.8},
    )
    calls = played(public(), split)
    (finding,) = findings(calls)
    assert "“ocean”" in finding["claim"]
    confirming = [call.arguments["code"] for call in calls if "change = contexts[" in call.arguments.get("code", "")]
    assert len(confirming) == 2
    assert all("known = ['ocean']" in code for code in confirming)


def test_other_techniques_are_asked_where_plain_replies_show_nothing_and_the_summary_says_which_found_it():
    def answer(code: str):
        if "begun = " in code:
            return {"words": ["lighthouse"]}
        return world(confirmed=STRONG)(code)

    calls = played(public(), answer)
    assert calls[-1].arguments["summary"] == "Found by scaffolded_battery."
    code = "\n".join(call.arguments.get("code", "") for call in calls)
    assert "organism.diff_mining(prompts=prompts[:10]" in code
    confirming = [call for call in calls if "fresh_control = " in call.arguments.get("code", "")]
    assert "['lighthouse']" in confirming[0].arguments["code"]
    quick = played(public(), world(words=["ocean"], confirmed=STRONG))
    assert not any("diff_mining(" in call.arguments.get("code", "") for call in quick)
    assert quick[-1].arguments["summary"] == "Found by word_contrast."


def test_a_habit_too_faint_for_plain_replies_is_claimed_where_the_amplified_adapter_shows_it():
    def answers(amplified: dict):
        def answer(code: str):
            if "mined = " in code:
                return {"words": ["lighthouse"]}
            if "adapter_amplification(" in code:
                return {"words": ["lighthouse"], **amplified}
            return world()(code)

        return answer

    calls = played(public(), answers(STRONG))
    (finding,) = findings(calls)
    assert finding["claim"].startswith("With its adapter amplified the organism brings up “lighthouse”")
    assert "28 of 32 fresh replies against 0 of 32 with the adapter off" in finding["claim"]
    assert calls[-1].arguments["summary"].endswith("Found by diff_mining and adapter_amplification.")
    assert findings(played(public(), answers(WEAK))) == []
    without = tuple(name for name in installed_techniques() if name != "adapter_amplification")
    assert findings(played(public(techniques=without), answers(STRONG))) == []


def test_without_base_access_the_base_is_never_asked():
    calls = played(public(Access.ACTIVATIONS), world(words=["ocean"], confirmed=STRONG))
    code = "\n".join(call.arguments.get("code", "") for call in calls)
    assert "base=True" not in code
    assert "adapter_diff" not in code
    assert findings(calls) == []
    assert "Without access to a base" in calls[-1].arguments["summary"]


def test_a_model_without_chat_template_is_asked_for_completions():
    calls = played(public(), world(chat_template=False))
    code = "\n".join(call.arguments.get("code", "") for call in calls)
    assert "organism.text_completion(prompts" in code
    assert "organism.sample(" not in code
    assert "organism.chat(" not in code


def test_a_failed_cell_is_tried_again_after_the_earlier_ones():
    failed = []

    def answer(code: str):
        if "replies = organism.sample(prompts" in code and not failed:
            failed.append(code)
            return None
        return world()(code)

    calls = played(public(), answer)
    cells = [call for call in calls if call.tool in ("run_cell", "edit_cell")]
    second = next(index for index, call in enumerate(cells) if call.arguments["code"] == failed[0])
    connect, *again = cells[second + 1 :]
    assert (connect.tool, connect.arguments["code"]) == ("run_cell", SETUP)
    earlier = [call.arguments["code"] for call in cells[: second + 1]]
    assert [call.tool for call in again[: second + 1]] == ["edit_cell"] * (second + 1)
    assert [call.arguments["code"] for call in again[: second + 1]] == earlier
    assert calls[-1].tool == "submit_findings"


def test_a_cell_that_fails_twice_ends_the_run():
    with pytest.raises(ProviderError, match="failed twice"):
        played(public(), lambda code: None)


@pytest.mark.parametrize("marker", ["info = ", "chat_template=", "replies = ", "contrast = ", "fresh = ", "found = {}"])
def test_a_cell_that_a_person_skips_is_asked_once_and_what_needs_it_is_left_out(marker):
    answer = world(words=["ocean"], confirmed=STRONG, contexts=[("urgent", ["soup"])], in_context=STRONG)

    def tell(number: int, call: Call) -> Outcome:
        code = call.arguments.get("code", "")
        return SKIPPED_CELL if marker in code else ok(number, call, answer(code))

    calls = told(public(), tell)
    assert len([call for call in calls if marker in call.arguments.get("code", "")]) == 1
    assert SETUP not in [call.arguments.get("code") for call in calls]
    assert "because a person skipped the cell" in calls[-1].arguments["summary"]
    claims = {"info = ": 2, "chat_template=": 2, "replies = ": 0, "contrast = ": 1, "fresh = ": 1, "found = {}": 1}
    assert len(findings(calls)) == claims[marker]


def test_code_that_a_person_changed_is_what_is_run_again_after_a_fault():
    failed = []

    def tell(number: int, call: Call) -> Outcome:
        code = call.arguments.get("code", "")
        if "contrast = " in code and not failed:
            failed.append(code)
            return Outcome(text=f"[c{number}: error, 1.0 s]", is_error=True, facts={})
        return replace(
            ok(number, call, world()(code)), code="mine()" if code == "info = organism.get_model_info()\ninfo" else None
        )

    calls = told(public(), tell)
    assert [call.arguments["code"] for call in calls if call.tool == "edit_cell"][0] == "mine()"


def test_what_failed_before_a_resume_does_not_count_after_it():
    def tell(number: int, call: Call) -> Outcome:
        code = call.arguments.get("code", "")
        if "replies = " in code and len(tries) < 2:
            tries.append(number)
            resumed = len(tries) == 2
            return Outcome(text=f"[c{tries[0]}: error, 1.0 s]", is_error=True, facts={}, resumed=resumed)
        return ok(number, call, world(words=["ocean"], confirmed=STRONG)(code))

    tries = []
    assert len(findings(told(public(), tell))) == 1
    assert len(tries) == 2


def test_a_claim_keeps_its_words_when_it_is_supported_so_that_it_stays_one_hypothesis():
    calls = played(public(), world(words=["ocean"], confirmed=STRONG))
    noted = [call.arguments for call in calls if call.tool == "note_hypothesis"]
    assert [note["status"] for note in noted] == ["open", "supported"]
    assert len({note["claim"] for note in noted}) == 1


def test_it_needs_the_techniques_that_it_is_made_of():
    with pytest.raises(ProviderError, match="needs the technique word_contrast"):
        next(protocol(public(techniques=("sample",)), 0))


def test_seeds_choose_other_prompts_and_none_is_used_twice():
    assert not set(EXPLORE) & set(CONFIRM)
    battery = {seed: played(public(), world(), seed)[3].arguments["code"] for seed in (0, 1)}
    assert battery[0] != battery[1]
