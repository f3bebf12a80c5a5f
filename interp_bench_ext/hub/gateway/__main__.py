"""``python -m interp_bench_ext.hub.gateway --settings FILE``, as JupyterHub starts it for a managed service."""

from __future__ import annotations

import sys
from pathlib import Path

from starlette.types import ASGIApp

from ... import yaml_source
from ...errors import BadInput
from ...models.key import Key
from ...models.key_variables import KEY_VARIABLE
from ...models.prices import load_prices, price_of
from ..identity import Identity
from ..serving import serve
from .ledger import Ledger
from .relay import Relay
from .routes import Gateway, build_app
from .settings import GatewaySettings


def _app(file: Path, prefix: str) -> ASGIApp:
    """Raises BadInput where there is no key, or the settings cannot be used."""
    return build_app(_gateway(file, Key.from_environment()), prefix=prefix)


def _gateway(path: Path, key: Key | None) -> Gateway:
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


if __name__ == "__main__":
    sys.exit(serve("interp_bench_ext.hub.gateway", _app, grace_s=30, about=__doc__))
