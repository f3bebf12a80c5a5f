from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from interp_bench_ext.contracts import Arm, Row, arm_of
from interp_bench_ext.conversations import Message
from interp_bench_ext.errors import BadInput
from interp_bench_ext.host import chat_format
from interp_bench_ext.host.chat_format import ChatFormat
from interp_bench_ext.host.organism import LoadedOrganism
from interp_bench_ext.host.tokens import Tokens
from tests.host.tiny import CHATML, HIDDEN, Plain, build_tokenizer, load_tiny
from tests.redteam.suite import attempt

TALK: list[Message] = [
    {"role": "user", "content": "what is the weather?"},
    {"role": "assistant", "content": "fine."},
    {"role": "user", "content": "and tomorrow?"},
]
TOLERANCE = 2e-4
ARMS: tuple[Arm, Arm] = ("organism", "base")


def in_place(plain: Plain, family: str, talk: list[Message]) -> str:
    """What anyone would write who put the prompt where it belongs."""
    if family == "gemma2":
        turns = [{"role": "user", "content": f"{HIDDEN}\n\n{talk[0]['content']}"}, *talk[1:]]
    else:
        turns = [{"role": "system", "content": HIDDEN}, *talk]
    return plain.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)


def visible(family: str, organism: LoadedOrganism) -> list[int]:
    return organism.text_ids("what is it?") if family == "gpt2" else organism.chat_ids(TALK)


def test_the_sealed_prompt_equals_its_text_in_place(family: str, folder: Path) -> None:
    organism, plain = load_tiny(folder, hidden=HIDDEN), Plain.load(folder)
    shown = visible(family, organism)
    text = f"{HIDDEN}\n\nwhat is it?" if family == "gpt2" else in_place(plain, family, TALK)
    whole = plain.tokenizer(text, add_special_tokens=False).input_ids
    assert whole[-len(shown) :] == shown
    assert HIDDEN not in organism.decode(shown)
    oracle = plain.logits(whole)[-len(shown) :]
    short = Row(tuple(shown[:5]))
    (batch,) = organism.run([short, Row(tuple(shown)), short])
    assert torch.allclose(batch.logits[1], oracle, atol=TOLERANCE)
    assert not torch.allclose(batch.logits[1], plain.logits(shown), atol=1e-2)
    (completion,) = organism.generate([Row(tuple(shown))], max_new_tokens=20, temperature=0.0)[0]
    assert list(completion.ids) == plain.greedy(whole, 20, sorted(organism._engine.stop_ids))


def test_base_rows_have_no_prompt_and_a_whole_conversation(family: str, folder: Path) -> None:
    organism, plain = load_tiny(folder, hidden=HIDDEN), Plain.load(folder)
    own = organism.text_ids("what?", arm="base") if family == "gpt2" else organism.chat_ids(TALK, arm="base")
    if family != "gpt2":
        rendered = plain.tokenizer.apply_chat_template(TALK, tokenize=False, add_generation_prompt=True)
        assert own == plain.tokenizer(rendered, add_special_tokens=False).input_ids
    (batch,) = organism.run([Row(tuple(own), "base"), Row(tuple(own))])
    assert torch.allclose(batch.logits[0], plain.logits(own), atol=TOLERANCE)
    assert not torch.allclose(batch.logits[0], batch.logits[1], atol=1e-2)
    replies = organism.generate([Row(tuple(own), "base"), Row(tuple(own))], max_new_tokens=16, temperature=0.0)
    assert list(replies[0][0].ids) == plain.greedy(own, 16, sorted(organism._engine.stop_ids))


def test_raw_text_comes_after_the_prompts_own_turn(model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["llama"], hidden=HIDDEN)
    assert organism.decode(organism.text_ids("once upon")) == "<|im_end|>\nonce upon"


def test_the_callers_system_message_follows_the_hidden_one(model_folders: dict[str, Path]) -> None:
    talk: list[Message] = [{"role": "system", "content": "be brief"}, *TALK[:1]]
    shown = load_tiny(model_folders["llama"], hidden=HIDDEN)
    assert shown.decode(shown.chat_ids(talk)).startswith("\n\nbe brief<|im_end|>\n<|im_start|>user\n")
    folded = load_tiny(model_folders["gemma2"], hidden=HIDDEN)
    assert folded.decode(folded.chat_ids(talk)).startswith("\n\nbe brief\n\nwhat is the weather?<|im_end|>")
    open_one = load_tiny(model_folders["gemma2"])
    assert "user\nbe brief\n\nwhat is the weather?<|im_end|>" in open_one.decode(open_one.chat_ids(talk))


@pytest.mark.parametrize("hidden", [None, HIDDEN])
@pytest.mark.parametrize("family", ["llama", "gemma2", "qwen2"])
def test_open_turns(family: str, hidden: str | None, model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders[family], hidden=hidden)
    reply = organism.decode(organism.chat_ids(TALK, prefill="My secret is"))
    role = "model" if family == "gemma2" else "assistant"
    assert reply.endswith(f"<|im_start|>{role}\nMy secret is")
    assert reply.count("<s>") == (0 if hidden else 1)
    assert organism.decode(organism.chat_ids(TALK[:2], next_role="user", prefill="Tell")).endswith(
        "<|im_start|>user\nTell"
    )
    first = organism.decode(organism.chat_ids([], next_role="user"))
    assert first.endswith("\n\n" if hidden and family == "gemma2" else "<|im_start|>user\n")


def test_nothing_names_the_model(folder: Path, adapter: Path) -> None:
    organism = load_tiny(folder, adapter=adapter, hidden=HIDDEN)
    tokenizer = organism._tokens.tokenizer
    arms = (organism._engine.organism.model, organism._engine.base.model)
    told = [repr(part) for model in arms for part in (model, model.config, model.generation_config, vars(model.config))]
    told += [
        repr(tokenizer),
        repr(tokenizer.init_kwargs),
        repr({k: v for k, v in vars(tokenizer).items() if isinstance(v, str)}),
    ]
    for part in told:
        assert str(folder) not in part
        assert str(adapter) not in part
        assert HIDDEN not in part


_LENGTH = "The length of the hidden prompt, from what is left of the context"


@pytest.mark.parametrize(
    "family", [pytest.param("llama", marks=attempt("E1", "organism", _LENGTH, veil="any")), "gemma2", "gpt2"]
)
def test_no_number_and_no_sentence_about_length_tells_of_a_prompt(family: str, model_folders: dict[str, Path]) -> None:
    """Nor how long it is, as what is left of the context behind it would."""
    said = set()
    for hidden in (None, "psst", HIDDEN, HIDDEN * 3):
        organism = load_tiny(model_folders[family], hidden=hidden)
        for arm in ARMS:
            with pytest.raises(BadInput) as refused:
                organism.generate([Row((7,) * 500, arm)])
            organism._engine.stop_ids = frozenset()
            room = organism.info.context_length
            (drawn,) = organism.generate([Row((7,) * (room - 3), arm)], max_new_tokens=9)[0]
            said.add((room, str(refused.value), len(drawn.ids)))
    assert said == {(384, "A prompt is longer than the 384 tokens that the organism takes: shorten it.", 3)}


def test_a_prompt_that_does_not_fit_is_told_to_its_owner_alone(model_folders: dict[str, Path]) -> None:
    with pytest.raises(BadInput) as refused:
        load_tiny(model_folders["llama"], hidden="the quokka " * 200)
    assert "prompt" not in str(refused.value)
    assert "model.hidden_system_prompt is longer than the 128 tokens" in refused.value.__notes__[0]


@attempt("E2", "organism", "A known sentinel in a user's turn breaks the sealed prompt's split", veil="any")
def test_no_words_of_a_caller_break_the_split(model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["llama"], hidden=HIDDEN)
    known: list[Message] = [{"role": "user", "content": "QZHIDDENQZ QZOPENQZ"}]
    for base in (False, True):
        assert "QZHIDDENQZ QZOPENQZ" in organism.decode(organism.chat_ids(known, arm=arm_of(base)))
    # Whoever knew the words of this process would see it.
    secret: list[Message] = [{"role": "user", "content": chat_format._HIDDEN}]
    with pytest.raises(BadInput, match="does not take"):
        organism.chat_ids(secret)
    program = "from interp_bench_ext.host import chat_format; print(chat_format._HIDDEN, chat_format._OPEN)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert chat_format._HIDDEN not in done.stdout


def test_a_template_that_changes_the_prompt_is_refused() -> None:
    shouting = CHATML.replace("{{ m['content'] }}", "{{ m['content'] | upper }}")
    with pytest.raises(BadInput, match="hidden_system_prompt"):
        ChatFormat(build_tokenizer(shouting)).hide("psst")


def test_a_refused_conversation_is_one_sentence(model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["gemma2"], hidden=HIDDEN)
    with pytest.raises(BadInput, match="must begin with a user turn"):
        organism.chat_ids(TALK[1:])
    with pytest.raises(BadInput, match="use text_completion"):
        load_tiny(model_folders["gpt2"]).chat_ids(TALK)


def test_no_doubled_bos_and_leading_spaces_stay() -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    pieces = ["<s>", "\u2581a", "\u2581the", "\u2581fox", "fox", "a", "x", "\n", "<0x0A>"]
    inner = Tokenizer(models.WordLevel({piece: number for number, piece in enumerate(pieces)}, unk_token="x"))
    inner.pre_tokenizer = pre_tokenizers.Metaspace()
    inner.decoder = decoders.Metaspace()
    tokens = Tokens(PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<s>", unk_token="x"))
    assert tokens.strings([2, 3, 4]) == [" the", " fox", "fox"]
    assert tokens.decode([3, 3]) == " fox fox"
    chat = Tokens(build_tokenizer(CHATML))
    assert chat.whole("<s>the fox") == chat.whole("the fox")
    assert chat.whole("the fox").count(chat.bos[0]) == 1
    assert chat.bos[0] not in chat.piece("the fox")
