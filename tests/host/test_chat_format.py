"""Templates of every temper, compared with what transformers' own `apply_chat_template` writes."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
import torch

from interp_bench_ext.contracts import Row
from interp_bench_ext.conversations import Message
from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.chat_format import ChatFormat, end_of_turn_ids
from interp_bench_ext.host.organism import LoadedOrganism
from tests.host.tiny import CHATML, GEMMA, HIDDEN, Plain, build_model, build_tokenizer, load_tiny

LAST_USER = (
    "{% set ns = namespace(sys='') %}{% set turns = messages %}{% if messages[0].role == 'system' %}"
    "{% set ns.sys = messages[0].content %}{% set turns = messages[1:] %}{% endif %}{{ bos_token }}"
    "{% for m in turns %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('alternate') }}"
    "{% endif %}{% if m.role == 'user' %}[INST] {% if loop.last and ns.sys %}{{ ns.sys }}\n\n{% endif %}"
    "{{ m.content }}[/INST]{% else %} {{ m.content }}</s>{% endif %}{% endfor %}"
)
PARTS = (
    "{% for m in messages %}<|im_start|>{{ m.role | capitalize }}: {% for part in m.content %}"
    "{% if part.type == 'text' %}{{ part.text }}{% elif part.type == 'image' %}<image>{% endif %}{% endfor %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)
DEFAULT_SYSTEM = (
    "{% if messages[0].role != 'system' %}<|im_start|>system\nYou are kind.<|im_end|>\n{% endif %}"
    + CHATML.removeprefix("{{ bos_token }}")
)
DATED = "<|im_start|>{{ strftime_now('%H:%M:%S.%f') }}\n" + CHATML.removeprefix("{{ bos_token }}")
TALK: list[Message] = [
    {"role": "user", "content": "what is the weather?"},
    {"role": "assistant", "content": "fine."},
    {"role": "user", "content": "and tomorrow?"},
]


def plainly(template: str, turns: list[Any], **options: Any) -> str:
    options = {"add_generation_prompt": True, **options}
    return str(build_tokenizer(template).apply_chat_template(turns, tokenize=False, **options))


def rendered(template: str, turns: list[Message], *, hidden: str = "", **options: Any) -> str:
    chat = ChatFormat(build_tokenizer(template))
    before = chat.hide(hidden) if hidden else ""
    return before + chat.render(turns, **{"prefill": None, "next_role": "assistant", "base": False, **options})


@pytest.mark.parametrize("template", [CHATML, DEFAULT_SYSTEM])
@pytest.mark.parametrize(
    "turns",
    [
        TALK,
        [{"role": "system", "content": "be brief"}, *TALK],
        [{"role": "system", "content": ""}, *TALK],
        [*TALK[:2], {"role": "system", "content": "now be brief"}, TALK[2]],
        [{"role": "system", "content": "be brief"}, {"role": "system", "content": "and kind"}, *TALK],
    ],
)
def test_system_turns_stay_where_and_as_they_are(template: str, turns: list[Message]) -> None:
    assert rendered(template, turns) == plainly(template, turns)


def test_a_hidden_prompt_leaves_later_system_turns_where_they_are() -> None:
    turns: list[Message] = [*TALK[:2], {"role": "system", "content": "now be brief"}, TALK[2]]
    assert rendered(CHATML, turns, hidden=HIDDEN) == plainly(CHATML, [{"role": "system", "content": HIDDEN}, *turns])


def test_a_system_turn_that_the_template_drops_is_refused() -> None:
    silent = CHATML.replace("{% for m in messages %}", "{% for m in messages if m.role != 'system' %}")
    later: list[Message] = [*TALK[:2], {"role": "system", "content": "now be brief"}, TALK[2]]
    with pytest.raises(BadInput, match="leaves out a system turn"):
        rendered(silent, later)
    assert "be brief\n\nwhat is the weather?" in rendered(silent, [{"role": "system", "content": "be brief"}, *TALK])


def test_a_template_that_writes_the_system_text_last_takes_one_turn_and_refuses_a_history() -> None:
    one = TALK[:1]
    assert rendered(LAST_USER, one, hidden=HIDDEN) == plainly(LAST_USER, [{"role": "system", "content": HIDDEN}, *one])
    for options in ({}, {"next_role": "user"}):
        with pytest.raises(BadInput, match="give one user turn without history") as refused:
            rendered(LAST_USER, TALK if not options else TALK[:2], hidden=HIDDEN, **options)
        assert HIDDEN not in str(refused.value)
    assert rendered(LAST_USER, TALK) == plainly(LAST_USER, TALK)


def test_a_template_that_walks_over_parts_is_given_parts() -> None:
    parts = [{"role": turn["role"], "content": [{"type": "text", "text": turn["content"]}]} for turn in TALK]
    assert rendered(PARTS, TALK) == plainly(PARTS, parts)
    hidden = [{"role": "system", "content": [{"type": "text", "text": HIDDEN}]}, *parts]
    assert rendered(PARTS, TALK, hidden=HIDDEN) == plainly(PARTS, hidden)


@pytest.mark.parametrize(
    "template", ["{{ 1 / 0 }}", "{{ messages[7].content.nothing }}", "{{ bos_token }}hello", "{% if"]
)
def test_a_template_that_takes_no_text_leaves_raw_text(template: str, model_folders: dict[str, Path]) -> None:
    chat = ChatFormat(build_tokenizer(template))
    assert chat.problem == "has a chat template that does not write a user's words"
    assert end_of_turn_ids(build_tokenizer(template), chat) == {build_tokenizer(template).eos_token_id}
    organism = load_tiny(model_folders["llama"])
    organism._chat = chat
    assert organism.text_ids("what is it?")
    with pytest.raises(BadInput, match="does not write a user's words: use text_completion"):
        organism.chat_ids(TALK)


def test_a_date_that_the_template_writes_is_the_one_that_was_sealed() -> None:
    chat = ChatFormat(build_tokenizer(DATED))
    before = chat.hide(HIDDEN)
    first, second = (chat.render(TALK, prefill=None, next_role="assistant", base=base) for base in (False, True))
    assert second.startswith(before.partition("\n")[0])
    assert first.endswith("<|im_start|>assistant\n")
    assert datetime.datetime.now().strftime("%H:") in before


def with_marks(kind: str) -> Any:
    """A tokenizer whose end of turn was added afterwards: plain, flagged special, or listed among the special ones."""
    from tokenizers import AddedToken

    tokenizer = build_tokenizer("{% for m in messages %}[{{ m.role }}] {{ m.content }} <end>\n{% endfor %}")
    if kind == "plain":
        tokenizer.add_tokens(["<end>"], special_tokens=False)
    elif kind == "flagged":
        tokenizer.add_tokens([AddedToken("<end>", special=True, normalized=False)], special_tokens=False)
    else:
        tokenizer.add_special_tokens({"additional_special_tokens": ["<end>"]})
    return tokenizer


@pytest.mark.parametrize("kind", ["plain", "flagged", "listed"])
def test_the_end_of_a_turn_is_read_off_the_template(kind: str) -> None:
    tokenizer = with_marks(kind)
    found = end_of_turn_ids(tokenizer, ChatFormat(tokenizer))
    assert found == {tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("<end>")}


@pytest.mark.parametrize(
    ("template", "mark"),
    [
        (
            "{% for m in messages %}<|im_start|>{{ m.content }}{{ '</s>' if loop.last else '<|im_end|>' }}{% endfor %}",
            "</s>",
        ),
        ("{% for m in messages %}<|im_start|>{{ m.content }}{% endfor %}", "<|im_start|>"),
        ("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}", "</s>"),
    ],
)
def test_what_ends_a_conversation_counts_before_what_stands_between_turns(template: str, mark: str) -> None:
    tokenizer = build_tokenizer(template)
    expected = {tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids(mark)}
    assert end_of_turn_ids(tokenizer, ChatFormat(tokenizer)) == expected


def test_a_reply_ends_at_a_mark_that_is_in_no_list(tmp_path: Path) -> None:
    from transformers import PhiConfig, PhiForCausalLM

    tokenizer = with_marks("plain")
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = PhiForCausalLM(
        PhiConfig(vocab_size=len(tokenizer), bos_token_id=1, eos_token_id=2, pad_token_id=0, **sizes)
    )
    model.lm_head.bias.data.zero_()
    model.lm_head.bias.data[tokenizer.convert_tokens_to_ids("<end>")] = 50.0
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    organism = load_tiny(tmp_path)
    ((reply,),) = organism.generate([Row(tuple(organism.chat_ids(TALK)))], max_new_tokens=9)
    assert (reply.finish, reply.text, len(reply.ids)) == ("stop", "", 1)


def sentencepiece(template: str) -> Any:
    """A tokenizer that writes a space mark before a text, as Llama 2's and Mistral's do."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.BPE(unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    inner.decoder = decoders.Metaspace(prepend_scheme="first")
    texts = [HIDDEN, "[INST] what is the weather? [/INST] fine. and tomorrow? the fox\n\n user"]
    inner.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=1, special_tokens=["<unk>", "<s>", "</s>"]))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<s>", eos_token="</s>", unk_token="<unk>")
    tokenizer.chat_template = template
    return tokenizer


def test_no_space_mark_is_added_behind_a_sealed_prompt(tmp_path: Path) -> None:
    tokenizer = sentencepiece(LAST_USER)
    build_model("llama", len(tokenizer)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    organism, plain = load_tiny(tmp_path, hidden=HIDDEN), Plain.load(tmp_path)
    text = plain.tokenizer.apply_chat_template([{"role": "system", "content": HIDDEN}, TALK[0]], tokenize=False)
    whole = plain.tokenizer(text, add_special_tokens=False).input_ids
    assert_same_reading(organism, organism.chat_ids(TALK[:1]), plain, whole)
    raw = plain.tokenizer(f"<s>[INST] {HIDDEN}\n\nthe fox", add_special_tokens=False).input_ids
    assert_same_reading(organism, organism.text_ids("the fox"), plain, raw)


def assert_same_reading(organism: LoadedOrganism, shown: list[int], plain: Plain, whole: list[int]) -> None:
    assert whole[-len(shown) :] == shown
    (batch,) = organism.run([Row(tuple(shown))])
    assert torch.allclose(batch.logits[0, -1], plain.logits(whole)[-1], atol=2e-4)


def test_templates_without_a_system_turn_begin_the_first_user_turn_with_it() -> None:
    turns: list[Message] = [{"role": "system", "content": "be brief"}, *TALK]
    folded = [{"role": "user", "content": f"be brief\n\n{TALK[0]['content']}"}, *TALK[1:]]
    assert rendered(GEMMA, turns) == plainly(GEMMA, folded)
