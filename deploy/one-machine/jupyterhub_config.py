"""Interp Bench for a JupyterHub on one machine, such as The Littlest JupyterHub.

There it goes to /opt/tljh/config/jupyterhub_config.d/interp_bench.py, and `tljh-config reload` reads it. Elsewhere it
is part of jupyterhub_config.py.
"""

import os
from pathlib import Path

c = get_config()  # noqa: F821

PYTHON = "/opt/interp-bench/bin/python"  # where interp_bench_ext[hub,local] is installed, for the service alone
SETTINGS = "/etc/interp-bench/service.yaml"
PORT = 10181

c.JupyterHub.custom_scopes = {
    "custom:interp-bench:admin": {"description": "See everybody's use of organisms, and stop what they run"}
}
c.JupyterHub.services = [
    *(c.JupyterHub.services if isinstance(c.JupyterHub.services, list) else []),
    {
        "name": "interp-bench",
        "url": f"http://127.0.0.1:{PORT}",
        # As a user of its own, who alone can read configs, adapters and ground truths.
        "command": ["setpriv", "--reuid=interp-bench", "--regid=interp-bench", "--init-groups"]
        + [PYTHON, "-m", "interp_bench_ext.hub", "--settings", SETTINGS],
        "environment": {"HOME": "/var/lib/interp-bench", "PATH": os.environ["PATH"]},
        "oauth_no_confirm": True,
        "oauth_client_allowed_scopes": ["custom:interp-bench:admin"],
    },
]

USE = "access:services!service=interp-bench"
c.JupyterHub.load_roles = [
    *(c.JupyterHub.load_roles if isinstance(c.JupyterHub.load_roles, list) else []),
    {"name": "user", "scopes": ["self", USE]},
    # What a server may do anyway, and ask the service in its user's name.
    {"name": "server", "scopes": ["users:activity!user", "access:servers!server", USE]},
    {"name": "interp-bench-admin", "scopes": ["custom:interp-bench:admin"], "groups": ["organism-admins"]},
]
c.JupyterHub.load_groups = {"organism-admins": {"users": []}, "staff": {"users": []}, "students": {"users": []}}

# Not by the proxy: a server and the service are on one machine.
environment = c.Spawner.environment if isinstance(c.Spawner.environment, dict) else {}
c.Spawner.environment = {**environment, "INTERP_BENCH_HUB_URL": f"http://127.0.0.1:{PORT}/services/interp-bench"}

assert Path(SETTINGS).is_file(), f"{SETTINGS} is missing: copy deploy/one-machine/service.yaml there"
