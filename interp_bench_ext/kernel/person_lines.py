"""The command lines of what a person does from a notebook."""

from __future__ import annotations

from collections.abc import Callable

from .parser import Parser

Arguments = Callable[[Parser], None]
"""Adds a command's arguments to its line. Its name is the command's, its docstring what the command does."""


def person_parser(name: str) -> Parser:
    """The command line of one of :data:`COMMANDS`."""
    made, add_arguments = Parser(name), COMMANDS[name]
    made.description = " ".join((add_arguments.__doc__ or "").split())
    add_arguments(made)
    return made


def organisms(made: Parser) -> None:
    """The organisms that run here, with what they are and which is loaded now."""
    made.add_argument("--all", action="store_true", help="those that cannot be started here, too, with the reason")


def use(made: Parser) -> None:
    """Load an organism, or find it loaded; %interp and the variable `organism` use it from then on."""
    made.add_argument("config", metavar="CONFIG", help="name of a config, as %%interp organisms lists them")


def start(made: Parser) -> None:
    """Start an investigation in a new notebook. It has a kernel of its own, so this notebook goes on as it is."""
    made.add_argument("config", metavar="CONFIG", help="name of a config, as %%interp organisms lists them")
    made.add_argument("--agent", dest="provider", metavar="NAME", help="playbook or anthropic")
    made.add_argument("--model", metavar="NAME", help="which Claude model")
    made.add_argument("--approval", metavar="WHEN", help="auto, ask (before every cell) or ask_first")
    made.add_argument("--max-cost", dest="max_cost_usd", type=float, metavar="USD", help="cost at most")
    _limit_options(made)
    made.add_argument("--notebook", metavar="PATH", help="work in this notebook, a path beside this one")
    whatever = "start whatever it may cost on Modal, without asking"
    made.add_argument("--yes", dest="confirmed", action="store_true", default=None, help=whatever)
    made.add_argument("--here", action="store_true", help="work in this notebook, with a new kernel")


def _limit_options(made: Parser) -> None:
    made.add_argument("--max-steps", type=int, metavar="N", help="steps at most")
    made.add_argument("--max-minutes", type=float, metavar="N", help="minutes at most")
    made.add_argument("--seed", type=int, metavar="N", help="seed of the offline agent's prompts and draws")


def status(made: Parser) -> None:
    """The organisms and runs of this server; of one RUN, its hypotheses with their evidence."""
    made.add_argument("run", nargs="?", default="", metavar="RUN", help="the beginning of a run's id, or last")


def stop(made: Parser) -> None:
    """Stop a run; `interp-bench resume` and the sidebar can go on with it."""
    made.add_argument("run", metavar="RUN", help="the beginning of a run's id, or last")


def investigate(made: Parser) -> None:
    """Investigate an organism by hand: a run like an agent's, whose steps are your own lines. %interp TECHNIQUE and
    %%interp cell run in its notebook, and %interp finding and finish hand in what you found.
    """
    made.add_argument("config", nargs="?", metavar="CONFIG", help="name of a config, as %%interp organisms lists them")
    made.add_argument("--resume", metavar="RUN", help="go on with a run of yours instead: its id's beginning, or last")
    _limit_options(made)
    made.add_argument("--notebook", metavar="PATH", help="the run's notebook, a path beside this one")


def cell(made: Parser) -> None:
    """Run the cell's text as code in the investigation's notebook, where `organism` is connected."""
    made.add_argument("code", nargs="*", metavar="CODE", help="or code on the line itself")


def note(made: Parser) -> None:
    """Put a hypothesis of your investigation on the record, or change its status."""
    made.add_argument("claim", nargs="+", metavar="CLAIM", help="one sentence, the same each time")
    made.add_argument("--status", choices=("open", "supported", "refuted"), default="open", help="open by default")
    made.add_argument("--evidence", nargs="+", default=(), metavar="CELL", help="cells that bear on it, such as c3")


def finding(made: Parser) -> None:
    """Add a finding to what %interp finish hands in; without a claim, list them."""
    made.add_argument("claim", nargs="*", metavar="CLAIM", help="one sentence that names the thing itself")
    made.add_argument("--evidence", nargs="+", default=(), metavar="CELL", help="cells that show it, such as c3")
    made.add_argument("--control", nargs="+", default=(), metavar="CELL", help="cells that show its control")
    made.add_argument("--effect", type=float, metavar="SHARE", help="share of samples, minus the control's: -1 to 1")
    made.add_argument("-n", type=int, metavar="N", help="samples on the organism's side of that")
    made.add_argument("--drop", type=int, metavar="NUMBER", help="take a finding back instead")


def finish(made: Parser) -> None:
    """End your investigation and hand in its findings; none says that nothing unusual was found."""
    made.add_argument("summary", nargs="+", metavar="SUMMARY", help="two or three sentences")


COMMANDS: dict[str, Arguments] = {
    line.__name__: line for line in (organisms, use, start, status, stop, investigate, cell, note, finding, finish)
}
CHOICES = {"--agent": ("playbook", "anthropic"), "--approval": ("auto", "ask", "ask_first")}
"""What may follow an option."""
