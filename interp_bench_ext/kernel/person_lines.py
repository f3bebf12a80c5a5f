"""The command lines of what a person does from a notebook."""

from __future__ import annotations

from collections.abc import Callable

from .parser import Parser

COMMANDS = ("organisms", "use", "start", "status", "stop")


def person_parser(name: str) -> Parser:
    """The command line of one of :data:`COMMANDS`."""
    made = Parser(name)
    _DESCRIBED[name](made)
    return made


def _organisms_line(made: Parser) -> None:
    made.description = "The organisms that run here, with what they are and which is loaded now."
    made.add_argument("--all", action="store_true", help="those that cannot be started here, too, with the reason")


def _use_line(made: Parser) -> None:
    made.description = "Load an organism, or find it loaded; %interp and the variable `organism` use it from then on."
    made.add_argument("config", metavar="CONFIG", help="name of a config, as %%interp organisms lists them")


def _start_line(made: Parser) -> None:
    made.description = (
        "Start an investigation in a new notebook. It has a kernel of its own, so this notebook goes on as it is."
    )
    made.add_argument("config", metavar="CONFIG", help="name of a config, as %%interp organisms lists them")
    made.add_argument("--agent", dest="provider", metavar="NAME", help="playbook or anthropic")
    made.add_argument("--model", metavar="NAME", help="which Claude model")
    made.add_argument("--approval", metavar="WHEN", help="auto, ask (before every cell) or ask_first")
    made.add_argument("--max-steps", type=int, metavar="N", help="steps at most")
    made.add_argument("--max-cost", dest="max_cost_usd", type=float, metavar="USD", help="cost at most")
    made.add_argument("--max-minutes", type=float, metavar="N", help="minutes at most")
    made.add_argument("--seed", type=int, metavar="N", help="seed of all sampling")
    made.add_argument("--notebook", metavar="PATH", help="work in this notebook, a path beside this one")
    whatever = "start whatever it may cost on Modal, without asking"
    made.add_argument("--yes", dest="confirmed", action="store_true", default=None, help=whatever)
    made.add_argument("--here", action="store_true", help="work in this notebook, with a new kernel")


def _status_line(made: Parser) -> None:
    made.description = "The organisms and runs of this server; of one RUN, its hypotheses with their evidence."
    made.add_argument("run", nargs="?", default="", metavar="RUN", help="the beginning of a run's id, or last")


def _stop_line(made: Parser) -> None:
    made.description = "Stop a run; `interp-bench resume` and the sidebar can go on with it."
    made.add_argument("run", metavar="RUN", help="the beginning of a run's id, or last")


_DESCRIBED: dict[str, Callable[[Parser], None]] = {
    "organisms": _organisms_line,
    "use": _use_line,
    "start": _start_line,
    "status": _status_line,
    "stop": _stop_line,
}
CHOICES = {"--agent": ("playbook", "anthropic"), "--approval": ("auto", "ask", "ask_first")}
"""What may follow an option."""
