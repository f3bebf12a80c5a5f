"""`make hub`: a JupyterHub to look at, on loopback, until it is interrupted."""

from __future__ import annotations

import json
import secrets
import sys
import tempfile
from pathlib import Path

from tests.hub.hub import Hub, running

_SETTINGS = """
organisms: [amber, birch, flint]
each: [{hours: 24, busy_minutes: 60}]
classes:
  interpretability:
    students: students
    instructors: [teachers]
    organisms: [amber, birch, flint]
    budget: {calls: 400, busy_minutes: 20}
publishing: {instructors: [teachers], students: [students]}
"""
_SERVERS = {
    "InterpBenchApp": {
        "locked": {"approval": "auto", "max_minutes": 30},
        "locked_because": "All students of the course have the same time; ask teacher for more.",
    },
    "LabApp": {"expose_app_in_browser": True},
}
"""What the administrator has decided for everybody's server."""


def demo(folder: Path, *, more: str = "") -> Hub:
    """A Hub with a class, whose files lie in ``folder``; ``more`` are lines of its service's settings."""
    settings = folder / "service.yaml"
    settings.write_text(_SETTINGS + more)
    (folder / "config").mkdir()
    (folder / "config" / "jupyter_server_config.json").write_text(json.dumps(_SERVERS))
    return Hub(
        folder=folder,
        settings=settings,
        base_url="/",
        # Whoever else is on this machine could log in otherwise.
        password=secrets.token_urlsafe(9),
        users=("root", "alice", "bob", "teacher"),
        groups={"students": {"users": ["alice", "bob"]}, "teachers": {"users": ["teacher"]}},
        environment={"JUPYTER_CONFIG_PATH": str(folder / "config")},
    )


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="interp-bench-hub-") as folder, running(demo(Path(folder))) as hub:
        for what, value in {
            "JupyterHub": hub.url,
            "users": "alice, bob (students); teacher (their instructor); root administers the organisms",
            "password": hub.password,
            "administrator's page": f"{hub.service}/",
            "instructor's page": f"{hub.service}/classes/",
            "Ctrl-C": "ends it",
        }.items():
            sys.stdout.write(f"{what + ':':24}{value}\n")
        sys.stdout.flush()
        try:
            hub.join()
        except KeyboardInterrupt:
            sys.stdout.write("\n")


if __name__ == "__main__":
    main()
