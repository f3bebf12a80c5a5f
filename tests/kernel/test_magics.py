from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from interp_bench_ext.errors import BadInput
from interp_bench_ext.results.kit.bundles import CHART

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
        ('probs "cat?" --targets yes,no', "analyze_token_probs", {"prompts": "cat?", "targets": ["yes", "no"]}),
        ('probs "cat?" --target yes,no', "analyze_token_probs", {"prompts": "cat?", "targets": ["yes,no"]}),
        ("my_method --word-list a --word-list b --scale 2", "my_method", {"word_list": ["a", "b"], "scale": 2}),
        ("my_method moon", "my_method", {"word_list": "moon"}),
        ("chat Who are you?", "chat", {"prompts": "Who are you?"}),
        ("chat What's your name, isn't it John's?", "chat", {"prompts": "What's your name, isn't it John's?"}),
        ('chat say "hi" now', "chat", {"prompts": 'say "hi" now'}),
        ("chat -n 3 Hello there", "chat", {"prompts": "Hello there", "n": 3}),
        ('chat "Hello" -n 3 "there"', "chat", {"prompts": ["Hello", "there"], "n": 3}),
        ("chat [brackets] are text", "chat", {"prompts": "[brackets] are text"}),
        (
            """chat '[{"role": "user", "content": "Hi"}]'""",
            "chat",
            {"prompts": [{"role": "user", "content": "Hi"}]},
        ),
    ],
)
def test_lines_become_calls(shell: InteractiveShell, host: Host, line: str, technique: str, arguments: dict[str, Any]):
    _run(shell, f"%interp {line}")
    assert host.calls[-1]["technique"] == technique
    assert _arguments(host) == arguments


def test_variables_are_expanded(shell: InteractiveShell, host: Host):
    _run(shell, "question = 'Who are you?'; k = 3; odd = 'He said \\'-n 9\\' \"loudly\"'; some = ['a', 'b']")
    _run(shell, '%interp chat "{question}" -n {k}')
    assert _arguments(host) == {"prompts": "Who are you?", "n": 3}
    _run(shell, "%interp chat $odd -n $k")
    assert _arguments(host) == {"prompts": "He said '-n 9' \"loudly\"", "n": 3}
    _run(shell, "%interp prefill $some --prefill {odd}")
    assert _arguments(host) == {"prompts": ["a", "b"], "prefills": ["He said '-n 9' \"loudly\""]}
    _run(shell, "%interp chat {k}")
    assert _arguments(host) == {"prompts": "3"}


def test_an_earlier_result_is_an_argument(shell: InteractiveShell, host: Host):
    _run(shell, "replies = %interp chat one\n%interp chat $replies")
    texts = shell.user_ns["replies"].texts
    assert _arguments(host) == {"prompts": list(texts)}


def test_names_of_a_function_are_known_too(shell: InteractiveShell, host: Host):
    _run(shell, "def ask(local):\n    %interp chat $local\nask('inside')")
    assert _arguments(host) == {"prompts": "inside"}


def test_a_cells_body_is_the_prompt(shell: InteractiveShell, host: Host):
    _run(shell, '%%interp chat -n 2\nIt\'s {two}\n"lines"\n')
    assert _arguments(host) == {"prompts": 'It\'s {two}\n"lines"', "n": 2}


def test_a_result_is_shown_once_and_can_be_kept(shell: InteractiveShell):
    result, shown, _ = _run(shell, "%interp info")
    assert (result, len(shown)) == (samples.info(), 1)
    result, shown, _ = _run(shell, "x = %interp info")
    assert (result, shown) == (None, [])
    assert shell.user_ns["x"] == samples.info()
    result, shown, _ = _run(shell, "%interp info\nfor i in range(2):\n    %interp lens a\n%interp info")
    assert len(shown) == 1 + 2 * 2 + 1  # a lens is a chart and its table
    assert CHART in shown[1].data
    assert "LensGrid" in shown[1].data["text/plain"]
    assert "<details" in shown[2].data["text/html"]


def test_a_semicolon_silences_a_result(shell: InteractiveShell, host: Host):
    for cell in ("%interp info;", "%interp info;\n1;"):
        host.calls.clear()
        _, shown, _ = _run(shell, cell)
        assert (len(host.calls), shown) == (1, [])


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("prefil x", "no subcommand 'prefil'; did you mean `prefill`?"),
        ('chat "x" --temprature 1', "no option --temprature; did you mean `--temperature`?"),
        ("chat", "%interp chat needs a text (prompts). See %interp help chat."),
        ('prefill "x"', "%interp prefill needs --prefill. See"),
        ("prefill", "%interp prefill needs a text (prompts) and --prefill. See"),
        ('chat "x', "A quote is not closed"),
        ('chat "x" -n many', "argument -n/--n: takes int, not 'many'"),
        ("start", "required: CONFIG"),
        ("start birch --max-step 3", "no option --max-step; did you mean `--max-steps`?"),
        ("use birch amber", "does not know what to do with 'amber'"),
        ("persona x", "no subcommand 'persona'"),
        ("info please", "takes no text, only options"),
        ("prefill What? --prefill My favourite topic", "does 'favourite' belong to --prefill My? Put quotes around"),
        ("chat $nobody", "there is no variable $nobody; put quotes around it if it is a text"),
        ("lens x --target $nobody", "there is no variable $nobody"),
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
    for cell in ("%interp", "%interp help", "%interp help ?"):
        told = str(_run(shell, cell)[0])
        assert all(f"%interp {name}" in told for name in ("prefill", "lens", "techniques", "organisms", "status"))
        assert all(f" {name}," in told.splitlines()[-1] for name in ("chat", "get_model_info", "fails"))
        assert "``" not in told
    for cell in ("%interp prefill --help", "%interp help prefill", "%interp prefill?", "%interp prefill_attack ?"):
        text = repr(_run(shell, cell)[0])
        assert "--prefill" in text
        assert "100 % of it" in text
        assert "At length, 50 % of it." in text
    assert "logit_lens(prompt" in repr(_run(shell, "%interp techniques")[0])
    assert "state: ready" in repr(_run(shell, "%interp status")[0])
    for name in ("organisms", "use", "start", "status", "stop"):
        assert repr(_run(shell, f"%interp {name}?")[0]).startswith(f"usage: %interp {name}")


def test_ipythons_help_shows_what_the_magic_can_do(shell: InteractiveShell):
    _, _, printed = _run(shell, "%interp?")
    assert "%interp organisms" in printed


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
        ("x = %interp le", {"lens"}),
        ("%interp ", {"prefill", "organisms", "use", "start", "status", "stop", "techniques", "help"}),
        ("%interp start birch --", {"--agent", "--max-cost", "--here"}),
        ("%interp start birch --approval ", {"auto", "ask", "ask_first"}),
        ("%interp chat --style ", {"plain", "formal"}),
    ],
)
def test_tab_completes(shell: InteractiveShell, line: str, expected: set[str]):
    assert expected <= set(shell.complete(None, line, len(line))[1])


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_other_lines_are_completed_as_ever(shell: InteractiveShell):
    line = "%load_e"
    assert "%load_ext" in shell.complete(None, line, len(line))[1]


def test_loading_again_changes_nothing(shell: InteractiveShell):
    shell.run_line_magic("reload_ext", "interp_bench_ext")
    shell.run_line_magic("reload_ext", "interp_bench_ext")
    _, shown, _ = _run(shell, "%interp info\n1;")
    assert len(shown) == 1
    line = "%interp le"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        assert shell.complete(None, line, len(line))[1] == ["lens"]


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_completion_and_help_without_an_organism_are_quick(shell: InteractiveShell, host: Host):
    host.stop()  # as if it restarted: a call would wait for it
    started = time.monotonic()
    found = shell.complete(None, "%interp ", 8)[1]
    assert {"use", "help"} <= set(found)
    assert "lens" not in found
    assert time.monotonic() - started < 5


def test_in_a_run_a_persons_commands_say_whose_they_are(shell: InteractiveShell):
    for cell in ("%interp organisms", "%interp use birch", "%interp start birch", "%interp stop last"):
        with pytest.raises(BadInput, match="belong to a person's own notebook"):
            _run(shell, cell)


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
        shown = [o["data"] for o in outputs if o["msg_type"] == "display_data"]
        assert [set(data) for data in shown] == [{"text/plain", CHART, "image/png"}, {"text/html"}]
        json.dumps(shown)
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
        said = first["metadata"]["interp_bench"]["progress"]
        assert said.items() >= {"what": "slow", "stage": "sampling <b>", "total": 2000}.items()
        assert 0 < said["done"] < updates[-2]["metadata"]["interp_bench"]["progress"]["done"]
        assert (updates[-1]["data"], updates[-1]["metadata"]) == ({}, {})
        assert any(o.get("text") == "stopped\n" for o in outputs)
        assert host.cut_off.wait(2)
        reply = client.complete("%interp le", reply=True, timeout=30)
        assert "lens" in reply["content"]["matches"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
