from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host.tiny import save_model
from tests.hub.hub import Hub, running
from tests.hub.people import SECRET_PROMPT, config_text

SETTINGS = """
each: [{hours: 24, calls: 100000}]
ticket_hours: 2
tickets_per_user: 12
groups:
  limited: {each: [{hours: 24, calls: 3}]}
  students: {organisms: [quartz], weight: 1}
  thrifty: {together: [{hours: 1, samples: 20}]}
classes:
  course:
    students: course
    instructors: [teachers]
    organisms: [quartz, topaz]
    budget: {calls: 3}
  seminar: {students: seminar, instructors: [others], organisms: [quartz], shows_scores: false}
  past: {students: past, instructors: [teachers], organisms: [quartz], until: 2026-01-01T00:00:00Z}
publishing: {instructors: [teachers], students: [evening], organisms: [topaz]}
"""
GROUPS = {
    "students": {"users": ["bob"]},
    "limited": {"users": ["dave"]},
    "thrifty": {"users": ["erin", "frank"]},
    "course": {"users": ["nina", "omar", "pia"]},
    "seminar": {"users": ["quinn"]},
    "past": {"users": ["rosa"]},
    "teachers": {"users": ["ted"]},
    "others": {"users": ["uma"]},
    "evening": {"users": ["sara"]},
}


@pytest.fixture(scope="session")
def prompt() -> str:
    """What the organisms hide."""
    return SECRET_PROMPT


@pytest.fixture(scope="session")
def organisms(prompt: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two organisms, each a tiny model: ``quartz``, and ``topaz``, which is a null."""
    folder = tmp_path_factory.mktemp("organisms")
    model = save_model("llama", folder / "model")
    for name in ("quartz", "topaz"):
        (folder / f"{name}.yaml").write_text(config_text(name, model, prompt=prompt, null=name == "topaz"))
    return folder


@pytest.fixture(scope="session")
def hub(organisms: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A Hub for all tests that leave it as they found it."""
    folder = tmp_path_factory.mktemp("hub")
    file = folder / "service.yaml"
    file.write_text(f"organisms: [{organisms}/quartz.yaml, {organisms}/topaz.yaml]\n{SETTINGS}")
    users = ("root", "alice", "bob", "carol", "mallory", *(user for one in GROUPS.values() for user in one["users"]))
    with running(Hub(folder=folder, settings=file, users=tuple(dict.fromkeys(users)), groups=GROUPS)) as started:
        yield started


@pytest.fixture(scope="session")
def tokens(hub: Hub) -> dict[str, str]:
    """A token of every user."""
    return {user: hub.token_of(user) for user in hub.users}
