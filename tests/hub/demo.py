"""`make hub`: a JupyterHub to look at, on loopback, until it is interrupted."""

from __future__ import annotations

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


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="interp-bench-hub-") as folder:
        settings = Path(folder, "service.yaml")
        settings.write_text(_SETTINGS)
        # Whoever else is on this machine could log in otherwise.
        password = secrets.token_urlsafe(9)
        demo = Hub(
            folder=Path(folder),
            settings=settings,
            base_url="/",
            password=password,
            users=("root", "alice", "bob", "teacher"),
            groups={"students": {"users": ["alice", "bob"]}, "teachers": {"users": ["teacher"]}},
        )
        with running(demo) as hub:
            for what, value in {
                "JupyterHub": hub.url,
                "users": "alice, bob (students); teacher (their instructor); root administers the organisms",
                "password": password,
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
