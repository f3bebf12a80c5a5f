"""Attempts of one user of a JupyterHub with tokens, cookies, pages and logins that are not for them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urljoin

import httpx2
import pytest

from tests.hub.hub import Hub
from tests.hub.people import Held, call, outcome

from ..suite import Trial, attempt
from .users import GROUP, READS, Tokens, browser, everywhere, opened

pytestmark = pytest.mark.slow


@attempt("U1", GROUP, "Every address, without a token", veil="any")
def test_no_token(hub: Hub, tokens: Tokens, alices: Held, trial: Trial) -> None:
    trial.abuse(opened, everywhere(hub, None), [hub.ask("GET", "/organisms", tokens["alice"])])


@attempt("U2", GROUP, "Every address, with a made-up token", veil="any")
def test_a_made_up_token(hub: Hub, tokens: Tokens, alices: Held, trial: Trial) -> None:
    trial.abuse(opened, everywhere(hub, "0" * 32), [hub.ask("GET", "/organisms", tokens["alice"])])


@attempt("U3", GROUP, "A browser's cookies instead of a token, as another user's page would send them", veil="any")
def test_cookies(hub: Hub, tokens: Tokens, trial: Trial) -> None:
    with browser(hub, "root") as logged_in:
        page = logged_in.get(f"{hub.service}/", follow_redirects=True)
        assert "Organisms of this Hub" in page.text
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in logged_in.cookies.jar)
    replies = everywhere(hub, None, headers={"Cookie": cookies})
    trial.abuse(opened, replies, [hub.ask("GET", "/organisms", tokens["root"])])


@attempt("U4", GROUP, "A token in the address, where logs and referrers would keep it", veil="any")
def test_a_token_in_the_address(hub: Hub, tokens: Tokens, trial: Trial) -> None:
    replies = [hub.ask("GET", f"{path}?token={tokens['root']}", None) for path in READS]
    trial.abuse(opened, replies, [hub.ask("GET", "/organisms", tokens["root"])])


@attempt("U5", GROUP, "A kernel's ticket where the Hub's token is asked for", veil="any")
def test_a_ticket_is_no_hub_token(hub: Hub, alices: Held, trial: Trial) -> None:
    answers = [reply for reply in everywhere(hub, alices.token) if "/organism/" not in reply.url.path]
    trial.abuse(opened, answers, [hub.ask("GET", "/organism/health", alices.token)])


@attempt("U6", GROUP, "The Hub's token where a ticket is asked for", veil="any")
def test_a_hub_token_is_no_ticket(hub: Hub, tokens: Tokens, alices: Held, trial: Trial) -> None:
    answers = [reply for reply in everywhere(hub, tokens["alice"]) if "/organism/" in reply.url.path]
    trial.abuse(opened, answers, [hub.ask("GET", "/organism/health", alices.token)])


@attempt("U11", GROUP, "A token of an own account that lacks the service's scope", veil="any")
def test_a_narrow_token(hub: Hub, tokens: Tokens, trial: Trial) -> None:
    narrow = hub.token_of("mallory", scopes=["read:users!user=mallory"])
    trial.abuse(opened, everywhere(hub, narrow), [hub.ask("GET", "/organisms", tokens["mallory"])])


@attempt("U12", GROUP, "The token of another service of the Hub", veil="any")
def test_another_service(hub: Hub, tokens: Tokens, trial: Trial) -> None:
    trial.abuse(opened, everywhere(hub, hub.tester), [hub.ask("GET", "/organisms", tokens["mallory"])])


@attempt("U13", GROUP, "The administrator's view and its stop, with a user's token", veil="any")
def test_the_administrators_view(hub: Hub, tokens: Tokens, alices: Held, trial: Trial) -> None:
    tried = [
        hub.ask("GET", "/admin/state", tokens["mallory"]),
        hub.ask("POST", "/admin/stop", tokens["mallory"], json={"user": "alice"}),
        hub.ask("GET", "/metrics", tokens["mallory"]),
    ]
    assert outcome(call(hub, alices.token)) == "ok"
    trial.abuse(opened, tried, [hub.ask("GET", "/admin/state", tokens["root"])])


@attempt("U14", GROUP, "The administrator's page, opened by a user's browser", veil="any")
def test_the_page_for_a_user(hub: Hub, trial: Trial) -> None:
    pages = []
    for user in ("mallory", "root"):
        with browser(hub, user) as logged_in:
            pages.append(logged_in.get(f"{hub.service}/", follow_redirects=True).text)
    trial.abuse(lambda page: "const TOKEN" in page, *pages)


@attempt("U15", GROUP, "The administrator's page, fetched or framed by another page of the same origin", veil="any")
def test_the_page_for_a_script(hub: Hub, trial: Trial) -> None:
    with browser(hub, "root") as logged_in:
        logged_in.get(f"{hub.service}/", follow_redirects=True)
        fetched = [
            logged_in.get(f"{hub.service}/", headers={"Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest})
            for mode, dest in (
                ("cors", "empty"),
                ("no-cors", "script"),
                ("navigate", "iframe"),
                ("same-origin", "empty"),
            )
        ]
        shown = logged_in.get(f"{hub.service}/", headers={"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"})
    trial.abuse(lambda pages: any("const TOKEN" in page.text for page in pages), fetched, [shown])
    policy = shown.headers["Content-Security-Policy"]
    assert "sandbox allow-scripts;" in policy  # no origin: a window that opened it cannot read it
    assert "frame-ancestors 'none'" in policy


@attempt("U36", GROUP, "Logins begun by the thousand, so that an administrator's comes to no end", veil="any")
def test_many_logins(hub: Hub, trial: Trial) -> None:
    with browser(hub, "root") as logged_in:
        begun = logged_in.get(f"{hub.service}/")
        assert begun.status_code == 302
        with httpx2.Client() as another, ThreadPoolExecutor(4) as threads:
            flood = list(threads.map(lambda _: another.get(f"{hub.service}/").status_code, range(1100)))
        assert flood.count(302) == 1100
        page = logged_in.get(urljoin(hub.url, begun.headers["location"]), follow_redirects=True).text
        refused = logged_in.get(f"{hub.service}/oauth_callback?code=x&state=made.9999999999..up").text
    trial.abuse(lambda text: "const TOKEN" not in text, page, refused)
