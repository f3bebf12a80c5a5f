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
GATEWAY_SETTINGS = "/etc/interp-bench/gateway.yaml"
GATEWAY_PORT = 10182
KEY_FILE = "/etc/interp-bench/anthropic_api_key"

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
        # The second one is for what the administrator's page shows of the key gateway.
        "oauth_client_allowed_scopes": [
            "custom:interp-bench:admin",
            "access:services!service=interp-bench-gateway",
        ],
    },
    # Leave this one out, and the lines about it below, where nobody is to use Claude at the site's expense, or where
    # the site has a gateway of its own.
    {
        "name": "interp-bench-gateway",
        "url": f"http://127.0.0.1:{GATEWAY_PORT}",
        "command": ["setpriv", "--reuid=interp-bench", "--regid=interp-bench", "--init-groups"]
        + [PYTHON, "-m", "interp_bench_ext.hub.gateway", "--settings", GATEWAY_SETTINGS],
        "environment": {"HOME": "/var/lib/interp-bench", "ANTHROPIC_API_KEY": Path(KEY_FILE).read_text().strip()},
    },
]

USE = ["access:services!service=interp-bench", "access:services!service=interp-bench-gateway"]
c.JupyterHub.load_roles = [
    *(c.JupyterHub.load_roles if isinstance(c.JupyterHub.load_roles, list) else []),
    {"name": "user", "scopes": ["self", *USE]},
    # What a server may do anyway, and ask the service in its user's name.
    {"name": "server", "scopes": ["users:activity!user", "access:servers!server", *USE]},
    {"name": "interp-bench-admin", "scopes": ["custom:interp-bench:admin"], "groups": ["organism-admins"]},
]
c.JupyterHub.load_groups = {"organism-admins": {"users": []}, "staff": {"users": []}, "students": {"users": []}}

# Not by the proxy: a server and the service are on one machine.
environment = c.Spawner.environment if isinstance(c.Spawner.environment, dict) else {}
c.Spawner.environment = {
    **environment,
    "INTERP_BENCH_HUB_URL": f"http://127.0.0.1:{PORT}/services/interp-bench",
    "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{GATEWAY_PORT}/services/interp-bench-gateway",
    "ANTHROPIC_AUTH_TOKEN": lambda spawner: spawner.api_token,
}

assert Path(SETTINGS).is_file(), f"{SETTINGS} is missing: copy deploy/one-machine/service.yaml there"
