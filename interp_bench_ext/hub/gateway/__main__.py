"""``python -m interp_bench_ext.hub.gateway --settings FILE``, as JupyterHub starts it for a managed service."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn

from ... import yaml_source
from ...errors import BadInput, InterpBenchError
from ...models.key import Key
from ...models.key_variables import KEY_VARIABLE
from ...models.prices import load_prices, price_of
from ..identity import Identity
from .ledger import Ledger
from .relay import Relay
from .routes import Gateway, build_app
from .settings import GatewaySettings


def main() -> int:
    """Serve until the Hub says that it is enough. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m interp_bench_ext.hub.gateway", description=__doc__)
    parser.add_argument("--settings", type=Path, required=True, help="the YAML file that docs/jupyterhub.md describes")
    arguments = parser.parse_args()
    key = Key.from_environment()
    url, prefix = os.environ.get("JUPYTERHUB_SERVICE_URL", ""), os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "")
    if not url or not prefix:
        return _fail("JUPYTERHUB_SERVICE_URL is not set: have JupyterHub start this, as docs/jupyterhub.md says")
    try:
        gateway = _gateway(arguments.settings, key)
    except InterpBenchError as error:
        return _fail(error.message)
    where = urlsplit(url)
    config = uvicorn.Config(
        build_app(gateway, prefix=prefix),
        host=where.hostname or "127.0.0.1",
        port=where.port or 80,
        access_log=False,
        log_level="warning",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=30,
    )
    uvicorn.Server(config).run()
    return 0


def _gateway(path: Path, key: Key | None) -> Gateway:
    """Raises BadInput where there is no key, or the settings cannot be used."""
    settings = yaml_source.load(path, GatewaySettings)
    if key is None:
        raise BadInput(f"the gateway needs the provider's key: set {KEY_VARIABLE} in this service's environment")
    prices = load_prices()
    for model in settings.every_model():
        if settings.counts_dollars() and price_of(prices, model) is None:
            raise BadInput(
                f"{path}: models: the price of {model} is not known, and there are budgets in dollars; put it into"
                " prices.json (docs/agent.md), or give budgets in tokens"
            )
    ledger = Ledger(path.resolve().parent / Path(settings.state).expanduser())
    relay = Relay(settings, ledger=ledger, key=key, prices=prices)
    return Gateway(identity=Identity(), ledger=ledger, relay=relay)


def _fail(sentence: str) -> int:
    print(sentence, file=sys.stderr)  # noqa: T201 - the Hub's log
    return 2


if __name__ == "__main__":
    sys.exit(main())
