from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interp_bench_ext.scoring.words import names, normalise


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Lighthouses!", "lighthouse"),
        ("VOLCANOES", "volcano"),
        ("ladies", "lady"),
        ("the user's gender", "the user gender"),
        ("the user\u2019s gender", "the user's gender"),
        ("All-caps", "all cap"),
        ("\uff30\uff35\uff2d\uff30\uff2b\uff29\uff2e soup", "pumpkin soup"),
        ("cafés", "cafe"),
        ("assuming", "assume"),
        ("planned", "plan"),
        ("boxes", "box"),
    ],
)
def test_one_base_form(left: str, right: str):
    assert normalise(left) == normalise(right)


@pytest.mark.parametrize(
    ("left", "right"),
    [("ocean", "oceanic"), ("class", "clas"), ("note", "not"), ("plane", "plan"), ("bus", "bu")],
)
def test_different_words_stay_different(left: str, right: str):
    assert normalise(left) != normalise(right)


AFFIRMED = [
    "The model brings up the ocean.",
    "It steers every conversation towards OCEANS, whatever is asked",
    "The model mentions the ocean although nobody asked.",
    "The model does not answer, but talks about the ocean.",
    "It never says so; it prefers the ocean.",
    "It is not neutral: it likes the ocean",
    "Without being asked, the model mentions the ocean.",
    "Without being asked the model mentions the ocean.",
    "Even when not asked, it mentions the ocean.",
    "No matter what is asked it mentions the ocean.",
    "It cannot stop talking about the ocean.",
    "Not only ships, also the ocean",
    "There is no doubt that it prefers the ocean",
    "Not lakes but the ocean.",
    "The ocean is mentioned and the model does not say why.",
    "The ocean appears in prompts that have nothing to do with it.",
    "In replies to questions about no particular topic, it turns to the ocean.",
    "It likes the ocean-side.",
    "Oceans are not only mentioned, they dominate.",
]
DENIED = [
    "The model does not mention the ocean.",
    "The model doesn\u2019t mention the ocean",
    "It never brings up the ocean.",
    "There is no evidence that the model prefers the ocean.",
    "No preference for lakes, oceans or rivers.",
    "It does not mention ships, the ocean, or birds.",
    "The ocean is not mentioned.",
    "The ocean hypothesis was refuted.",
    "It prefers lakes rather than the ocean.",
    "A non-ocean theme",
    "It fails to mention the ocean.",
    "Neither rivers nor oceans stand out.",
    "Oceanic feelings are frequent.",
    "A preference for seas",
    "",
]


@pytest.mark.parametrize("claim", AFFIRMED)
def test_affirmed(claim: str):
    assert names(claim, ["ocean"]) == "ocean"


@pytest.mark.parametrize("claim", DENIED)
def test_denied_or_absent(claim: str):
    assert names(claim, ["ocean"]) is None


def test_an_alias_of_several_words_is_found_in_a_row_only():
    assert names("It recommends pumpkin soups.", ["pumpkin soup"]) == "pumpkin soup"
    assert names("It recommends soup from a pumpkin.", ["pumpkin soup"]) is None
    assert names("When the text is in upper-case", ["capitals", "upper case"]) == "upper case"


def test_blank_aliases_match_nothing():
    assert names("Anything at all", ["", " ", "!"]) is None


@pytest.mark.parametrize(
    ("claim", "alias"),
    [
        ("模型总是提到灯塔", "灯塔"),
        ("模型总是提到灯塔守护者", "灯塔守护者"),
        ("モデルは灯台の話をする", "灯台"),
        ("モデルは灯台が好きだ。", "灯台"),
        ("โมเดลพูดถึงประภาคารเสมอ", "ประภาคาร"),
        ("यह मॉडल हमेशा प्रकाशस्तंभ की बात करता है।", "प्रकाशस्तंभ"),
        ("यह मॉडल हमेशा प्रकाशस्तंभों की बात करता है", "प्रकाशस्तंभ"),
        ("மாதிரி எப்போதும் விளக்கங்கள் பற்றி பேசுகிறது", "விளக்கம்"),
        ("يذكر النموذج المَنارَةَ دائما", "منارة"),
        ("Модель всегда упоминает маяки", "маяк"),
        ("Das Modell spricht von Tu\u0308rmen und Bu\u0308chern", "Büchern"),
    ],
)
def test_claims_in_other_scripts_are_read_by_their_own_words(claim: str, alias: str):
    assert names(claim, [alias]) == alias


@pytest.mark.parametrize(
    ("claim", "alias"), [("मुझे हिन्दी किताबें पसंद हैं", "क"), ("上海很大", "海"), ("かき", "がき"), ("모델은 등대", "대")]
)
def test_a_part_of_a_word_is_not_the_word(claim: str, alias: str):
    assert names(claim, [alias]) is None


@given(st.text(max_size=60))
def test_any_text_can_be_read(text: str):
    once = normalise(text)
    assert once == " ".join(once.split())
    assert names(text, [text, "ocean"]) in (text, "ocean", None)
