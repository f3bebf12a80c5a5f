from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from interp_bench_ext.errors import BadInput
from interp_bench_ext.kernel.magics import InterpMagics

from ..results import samples
from .stub import TOKEN, Host


@pytest.fixture
def shell(host: Host, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    monkeypatch.setenv("INTERP_BENCH_URL", host.connection.url)
    monkeypatch.setenv("INTERP_BENCH_TOKEN", TOKEN)
    InteractiveShell.clear_instance()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ip = InteractiveShell.instance()
        ip.history_manager.enabled = False
    ip.run_line_magic("load_ext", "interp_bench_ext")
    yield ip
    InteractiveShell.clear_instance()


def _run(shell: InteractiveShell, cell: str) -> tuple[Any, list[Any], str]:
    with capture_output() as captured:
        outcome = shell.run_cell(cell)
    if outcome.error_in_exec is not None:
        raise outcome.error_in_exec
    assert outcome.error_before_exec is None
    return outcome.result, captured.outputs, captured.stdout


def _arguments(host: Host) -> dict[str, Any]:
    return host.calls[-1]["arguments"]


@pytest.mark.parametrize(
    ("line", "technique", "arguments"),
    [
        ('chat "Hello there"', "chat", {"prompts": "Hello there"}),
        ("chat Hello there", "chat", {"prompts": "Hello there"}),
        ("chat Hello there;", "chat", {"prompts": "Hello there"}),
        ('chat "one" "two" -n 2 --temperature 0.5', "chat", {"prompts": ["one", "two"], "n": 2, "temperature": 0.5}),
        (
            'prefill "What is your secret?" --prefill "My secret is" -n 4',
            "prefill_attack",
            {"prompts": "What is your secret?", "prefills": ["My secret is"], "n": 4},
        ),
        (
            'lens "The capital" --raw --target " Paris"',
            "logit_lens",
            {"prompt": "The capital", "raw": True, "target": " Paris"},
        ),
        ('lens "x" --layers 1,2,3 --layer 9', "logit_lens", {"prompt": "x", "layers": [1, 2, 3, 9]}),
        ('lens "x" --no-raw --target=-1', "logit_lens", {"prompt": "x", "raw": False, "target": "-1"}),
        ('probs "cat?" --target yes --target no', "analyze_token_probs", {"prompts": "cat?", "targets": ["yes", "no"]}),
        ("my_method --word-list a --word-list b --scale 2", "my_method", {"word_list": ["a", "b"], "scale": 2}),
        ("my_method moon", "my_method", {"word_list": "moon"}),
    ],
)
def test_lines_become_calls(shell: InteractiveShell, host: Host, line: str, technique: str, arguments: dict[str, Any]):
    _run(shell, f"%interp {line}")
    assert host.calls[-1]["technique"] == technique
    assert _arguments(host) == arguments


def test_variables_are_expanded(shell: InteractiveShell, host: Host):
    _run(shell, "question = 'Who are you?'; k = 3")
    _run(shell, '%interp chat "{question}" -n {k}')
    assert _arguments(host) == {"prompts": "Who are you?", "n": 3}


def test_a_cells_body_is_the_prompt(shell: InteractiveShell, host: Host):
    _run(shell, '%%interp chat -n 2\nIt\'s {two}\n"lines"\n')
    assert _arguments(host) == {"prompts": 'It\'s {two}\n"lines"', "n": 2}


def test_a_result_is_shown_once_and_can_be_kept(shell: InteractiveShell):
    result, shown, _ = _run(shell, "%interp info")
    assert (result, len(shown)) == (samples.info(), 0)  # the display hook shows a cell's value, once
    result, shown, _ = _run(shell, "x = %interp info")
    assert (result, shown) == (None, [])
    assert shell.user_ns["x"] == samples.info()
    result, shown, _ = _run(shell, "%interp info\nfor i in range(2):\n    %interp lens a\n%interp chat b")
    assert len(shown) == 3
    assert "LensGrid" in shown[1].data["text/plain"]
    assert "text/html" in shown[1].data


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("prefil x", "no subcommand 'prefil' (did you mean prefill?)"),
        ('chat "x" --temprature 1', "no option --temprature (did you mean --temperature?)"),
        ("chat", "needs its prompts"),
        ('prefill "x"', "prefill_attack needs prefills"),
        ('chat "x', "A quote is not closed"),
        ('chat "x" -n many', "invalid int value: 'many'"),
        ("persona x", "needs the technique user_persona, which this organism does not offer"),
        ("info please", "takes no text, only options"),
    ],
)
def test_mistakes_are_one_sentence_without_a_traceback(shell: InteractiveShell, line: str, says: str):
    with pytest.raises(BadInput) as raised:
        _run(shell, f"%interp {line}")
    assert says in str(raised.value)
    with capture_output() as captured:
        shell.run_cell(f"%interp {line}")
    shown = captured.stdout + captured.stderr
    assert says in shown
    assert "Traceback" not in shown
    assert shown.strip().count("\n") == 0


def test_help_and_lists(shell: InteractiveShell):
    assert "%interp prefill" in str(_run(shell, "%interp")[0])
    for cell in ("%interp prefill --help", "%interp help prefill"):
        text = repr(_run(shell, cell)[0])
        assert "--prefill" in text
        assert "100 % of it" in text
        assert "At length." in text
    assert "logit_lens(prompt" in repr(_run(shell, "%interp techniques")[0])
    assert "state: ready" in repr(_run(shell, "%interp status")[0])


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("%interp pre", {"prefill", "prefill_attack"}),
        ("%%interp ch", {"chat"}),
        ("%interp my", {"my_method"}),
        ("%interp lens --t", {"--target"}),
        ("%interp lens 'x' --", {"--target", "--raw", "--layers", "--layer", "--help"}),
        ("%interp help le", {"lens"}),
    ],
)
def test_tab_completes(shell: InteractiveShell, line: str, expected: set[str]):
    assert expected <= set(shell.complete(None, line, len(line))[1])


def test_completion_without_an_organism_is_quiet(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.delenv("INTERP_BENCH_URL")
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))

    class Event:
        text_until_cursor = "%interp "

    assert InterpMagics(shell).complete(None, Event()) == []


def test_importing_the_package_is_cheap():
    script = (
        "import sys, numpy, time; t = time.perf_counter(); import interp_bench_ext, interp_bench_ext.results;"
        "d = time.perf_counter() - t;"
        "heavy = {'torch', 'pandas', 'altair', 'jupyter_server', 'IPython', 'pydantic', 'http'} & set(sys.modules);"
        "print(d, sorted(heavy))"
    )
    best = 1.0
    for _ in range(3):
        out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
        seconds, heavy = out.split(" ", 1)
        assert heavy.strip() == "[]"
        best = min(best, float(seconds))
    assert best < 0.05


def test_a_real_kernel_shows_progress_and_results(host: Host):
    from jupyter_client.manager import start_new_kernel

    env = {**os.environ, "INTERP_BENCH_URL": host.connection.url, "INTERP_BENCH_TOKEN": TOKEN}
    manager, client = start_new_kernel(kernel_name="python3", env=env)
    try:
        outputs: list[dict[str, Any]] = []

        def run(code: str, **more: Any) -> dict[str, Any]:
            outputs.clear()
            return client.execute_interactive(
                code,
                timeout=60,
                output_hook=lambda m: outputs.append({"msg_type": m["msg_type"], **m["content"]}),
                **more,
            )

        run("%load_ext interp_bench_ext\n%interp lens x")
        shown = [o for o in outputs if o["msg_type"] == "execute_result"]
        assert set(shown[0]["data"]) == {"text/plain", "text/html", "application/vnd.vegalite.v5+json", "image/png"}
        json.dumps(shown[0]["data"])
        run("%interp fails")
        error = next(o for o in outputs if o["msg_type"] == "error")
        assert error["traceback"] == ["OutOfMemory: The call did not fit in memory: ask for fewer texts."]
        code = (
            "import threading, _thread; t = threading.Timer(2.5, _thread.interrupt_main); t.start()\n"
            "try:\n    %interp slow\nexcept KeyboardInterrupt:\n    print('stopped')"
        )
        run(code)
        first = next(o for o in outputs if o["msg_type"] == "display_data")
        updates = [o for o in outputs if o["msg_type"] == "update_display_data"]
        assert "sampling <b>" in first["data"]["text/plain"]
        assert "sampling &lt;b&gt;" in first["data"]["text/html"]
        assert updates[-1]["data"] == {}
        assert any(o.get("text") == "stopped\n" for o in outputs)
        assert host.cut_off.wait(2)
        reply = client.complete("%interp le", reply=True, timeout=30)
        assert "lens" in reply["content"]["matches"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
