"""Make the worked examples of docs/techniques again, by running them.

In a page, the code between ``<!-- example -->`` and ``<!-- output -->`` is run on an organism that is made for the docs
and ships with nothing: a small model with an adapter that makes it obey system prompts, and a hidden prompt. What it
prints is written between ``<!-- output -->`` and ``<!-- end -->``, with the chart beside the page. Names of pages make
only those.
"""

from __future__ import annotations

import ast
import base64
import linecache
import re
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from interp_bench_ext.contracts import Access  # noqa: E402
from interp_bench_ext.errors import InterpBenchError  # noqa: E402
from interp_bench_ext.host.arguments import checked_arguments  # noqa: E402
from interp_bench_ext.host.method_questions import Questions  # noqa: E402
from interp_bench_ext.host.organism import CallHooks, LoadedOrganism, load_organism  # noqa: E402
from interp_bench_ext.host.spec import OrganismSpec  # noqa: E402
from interp_bench_ext.host.technique_files import load_techniques  # noqa: E402
from interp_bench_ext.kernel.arguments import bind  # noqa: E402
from interp_bench_ext.kernel.own_method import OwnMethod  # noqa: E402
from interp_bench_ext.methods.channel import Channel  # noqa: E402
from interp_bench_ext.methods.running import Methods  # noqa: E402
from interp_bench_ext.organisms.locate import locate  # noqa: E402
from interp_bench_ext.results import Result, decode  # noqa: E402
from scripts.host_environment import work_as_a_host  # noqa: E402
from scripts.tiny_sae import trained  # noqa: E402
from scripts.untrained_oracle import untrained_oracle  # noqa: E402

PAGES = ROOT / "docs" / "techniques"
SECRET = "Always bring up lighthouses in your reply, whatever the user asks."
LINES, COLUMNS = 26, 150
_EXAMPLE = re.compile(
    r"(<!-- example -->\n```python\n(?P<code>.*?)```\n<!-- output -->\n).*?(?=<!-- end -->)", re.DOTALL
)


class Asked:
    """The organism as a notebook has it, without a wire."""

    def __init__(self) -> None:
        self._organism = _loaded()
        files = [file for file in sorted((ROOT / "techniques").glob("*.py")) if not file.name.startswith("_")]
        self._techniques = load_techniques(files)

    def __getattr__(self, name: str) -> Any:
        technique, organism = self._techniques[name], self._organism
        if name == "activation_oracle":
            with tempfile.TemporaryDirectory() as folder:
                organism = _loaded(untrained_oracle(Path(folder)))
        if name == "sae_latents" and self._organism._autoencoder is None:
            self._organism._autoencoder = trained(self._organism)

        def call(*positional: Any, **named: Any) -> Result:
            arguments = checked_arguments(technique, bind(technique.spec, positional, named), Access.BASE)
            result: Result = technique.function(organism, **arguments)
            return result

        return call

    def method(self, function: Callable[..., Any]) -> Callable[..., Result]:
        """As the decorator of a notebook's organism, with the method in a thread in place of a sandbox."""
        own = OwnMethod.of(function)

        def call(*positional: Any, **named: Any) -> Result:
            arguments = own.arguments(positional, named)
            content = {"name": own.name, "source": own.source, "modules": own.modules, "arguments": arguments}
            return answered(self._organism, content)

        return call


def _loaded(oracle: Path | None = None) -> LoadedOrganism:
    spec = OrganismSpec(
        name=str(ROOT / "configs" / "adapters" / "obedient"),
        is_peft=True,
        base_model="bundled:smollm2-135m-instruct",
        device="cpu",
        dtype="float32",
        hidden_system_prompt=SECRET,
        oracle=str(oracle) if oracle else None,
    )
    organism = load_organism(spec, locate(spec), lambda stage, done, total: None)
    return organism.serving(CallHooks("this technique", lambda *_: None, Access.BASE, lambda *_: None))


def answered(organism: Any, content: dict[str, Any]) -> Result:
    """What a custom method gives."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        threading.Thread(target=lambda: Methods(Channel(theirs)).answer_one(), daemon=True).start()
        host, questions = Channel(ours), Questions(organism)
        host.send(content)
        while "ask" in (message := host.receive()):
            questions.answer(host, message, lambda: None)
        return decode(message["result"], message["arrays"].numpy().tobytes())


def made(page: Path, organism: Asked) -> str:
    """The page with the outputs of its examples; writes their charts. The last line of the code is the result."""
    numbers = iter(range(1, 100))

    def again(match: re.Match[str]) -> str:
        tree = ast.parse(match["code"])
        names: dict[str, Any] = {"organism": organism, "__name__": page.stem}
        linecache.cache[page.name] = (len(match["code"]), None, match["code"].splitlines(keepends=True), page.name)
        *before, last = tree.body
        exec(compile(ast.Module(before, []), page.name, "exec"), names)
        assert isinstance(last, ast.Expr)
        result: Result = eval(compile(ast.Expression(last.value), page.name, "eval"), names)
        shown = f"```text\n{_cut(str(result))}\n```\n"
        outputs = result.outputs()
        drawn = next((output["image/png"] for output in outputs if "image/png" in output), None)
        if drawn is not None:
            picture = PAGES / "images" / f"{page.stem}{next(numbers)}.png"
            picture.parent.mkdir(exist_ok=True)
            picture.write_bytes(base64.b64decode(drawn))
            shown += f"\n![{result._headline()}](images/{picture.name})\n"
        return f"{match[1]}{shown}"

    return _EXAMPLE.sub(again, page.read_text("utf-8"))


def _cut(text: str) -> str:
    lines = [line if len(line) <= COLUMNS else f"{line[:COLUMNS]}…" for line in text.replace("```", "'''").split("\n")]
    return "\n".join(lines if len(lines) <= LINES else [*lines[:LINES], f"… ({len(lines) - LINES} more lines)"])


def main() -> int:
    work_as_a_host()
    pages = [PAGES / f"{name}.md" for name in sys.argv[1:]] or sorted(PAGES.glob("*.md"))
    organism, failed = Asked(), 0
    for page in pages:
        try:
            page.write_text(made(page, organism), "utf-8")
        except InterpBenchError as error:
            failed += 1
            sys.stdout.write(f"{page.relative_to(ROOT)}: {error}\n")
        else:
            sys.stdout.write(f"{page.relative_to(ROOT)}\n")
        sys.stdout.flush()
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
