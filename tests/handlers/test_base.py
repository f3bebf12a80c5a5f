from __future__ import annotations

import logging
import sqlite3
from types import SimpleNamespace

import pytest
from tornado.web import HTTPError

from interp_bench_ext.errors import BadInput, InterpBenchError, NotFound, NotNow, OrganismLost
from interp_bench_ext.handlers.base import TellsNothing, describe_error, read_seq


@pytest.mark.parametrize(
    ("error", "status", "code", "said"),
    [
        (BadInput("x is wrong"), 400, BadInput.code, "x is wrong"),
        (NotFound("there is no run"), 404, "not_found", "there is no run"),
        (NotNow("it runs"), 409, "not_now", "it runs"),
        (OrganismLost("it is gone"), 409, OrganismLost.code, "it is gone"),
        (sqlite3.OperationalError("disk full"), 500, "journal", "free some disk space"),
        (HTTPError(403), 403, "forbidden", "you are not logged in, or may not do this"),
        (HTTPError(405), 405, "method_not_allowed", "this address does not take such a request"),
        (HTTPError(411, "a length is missing"), 411, "length_required", "a length is missing"),
        (HTTPError(418), 418, "i'm_a_teapot", "teapot"),
        (ValueError("/sealed/umber-ferret"), 500, "internal", "its log says where"),
        (None, 500, "internal", "its log says where"),
    ],
)
def test_every_error_is_a_status_a_code_and_a_sentence(error: Exception | None, status: int, code: str, said: str):
    given = getattr(error, "status_code", 500)
    found = describe_error(error, given)
    assert found[:2] == (status, code)
    assert said in found[2]
    assert "umber-ferret" not in found[2]


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("17", 17), ("007", 7)])
def test_the_number_of_an_event(text: str, number: int):
    assert read_seq("after", text) == number


@pytest.mark.parametrize("text", ["", "-1", "1.5", "x", "٣", " 1", "1e3"])
def test_what_is_no_number_says_what_to_give(text: str):
    with pytest.raises(BadInput, match="after=.*: give the number of the last event that counts, or 0"):
        read_seq("after", text)


class Route(TellsNothing):
    log = logging.getLogger("test.route")
    request = SimpleNamespace(method="GET", path="/x")  # type: ignore[assignment]


def test_an_unforeseen_error_is_logged_by_its_kind_and_place(caplog: pytest.LogCaptureFixture):
    try:
        raise ValueError("/sealed/umber-ferret")
    except ValueError as error:
        Route().log_exception(type(error), error, error.__traceback__)
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage().startswith("GET /x: ValueError at test_base.py:")
    assert "umber-ferret" not in caplog.text


def test_a_foreseen_one_is_no_error_in_the_log(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, logger="test.route")
    Route().log_exception(InterpBenchError, BadInput("x is wrong"), None)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [("INFO", "GET /x: x is wrong")]
