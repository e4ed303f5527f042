"""Rows 51, 53 and 54 for comments, issues, chats and outputs: nothing in them acts, all of it can be read."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from actions_runner import read_outputs
from markdown_it import MarkdownIt
from test_hostile_output import HOSTILE, obeyed, unseen

from catalog_tool.cli.hosted import set_outputs
from catalog_tool.report.alert_words import Facts, alert_body, alert_news, alert_title, chat_text, manager_alerts
from catalog_tool.report.comment_markdown import Documents, Source, comment_markdown
from catalog_tool.report.markdown_cut import cut_markdown
from catalog_tool.sync.alarm import CHANGED, OPENED, Alarm, Remembered, Situation
from catalog_tool.sync.announce import LIMIT
from catalog_tool.sync.forge_marker import BLIND_ALERT, DRIFT_ALERT

MARKDOWN = (
    "@everyone", "@acme/team", "#123", "GH-12", "acme/prompts#1", "closes #1", "Fixes: #2", "<img src=x onerror=y>",
    "<!-- hidden -->", "-->", "<details>", "</details>", "</sub>", "![x](http://evil.example/p.png)",
    "[x](javascript:y)", "http://evil.example", "www.evil.example", "```", "~~~~", "`a`b``", "| a | b |", "\n# head",
    "\n> quote", "\n- item", ":smile:", "$x^2$", "deadbeefdeadbeef", "&lt;b&gt;", "**b**", "\\", "\n```\n@x\n```\n",
)  # fmt: skip
STRINGS = (*MARKDOWN, *HOSTILE[::4])


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.alive = ""
        self._quiet = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._quiet += tag in ("code", "pre")

    def handle_endtag(self, tag: str) -> None:
        self._quiet -= tag in ("code", "pre")

    def handle_data(self, data: str) -> None:
        if not self._quiet:
            self.alive += data


OURS = {
    "h3", "p", "strong", "em", "ul", "li", "code", "pre", "table", "thead", "tbody", "tr", "th", "td", "sub", "a",
    "details", "summary", "br",
}  # fmt: skip
LIVELY = re.compile(r"[@#]\w|://|www\.|:smile:|\$x")


def inert(markdown: str) -> None:
    tags = Tags()
    tags.feed(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(markdown))
    for tag, attributes in tags.found:
        assert tag in OURS, (tag, attributes)
        assert tag != "a" or attributes == {"href": "https://git.example.com/run"}
    assert not LIVELY.search(tags.alive), tags.alive
    assert obeyed(markdown) == []
    assert "\r" not in markdown


def documents(text: str) -> Documents:
    action = {"object": text, "action": "label", "state": "pending", "outcome": "planned", "reason": text}
    finding = {"code": "P113", "severity": "error", "message": text, "path": text, "line": 1, "column": 1}
    error = {"format": 1, "status": "error", "error": {"kind": "git", "message": text, "hint": text}}
    case = {"name": text, "checks": [{"type": text, "outcome": "fail", "message": text}]}
    look = {"prompt": {"id": text, "version": text}, "checks": [], "cases": [case]}
    plan = {
        "status": "planned", "target": text, "plan_digest": "sha256:1", "summary": {}, "actions": [action],
        "blocked": [{"reason": text, "allow": text}],
    }  # fmt: skip
    evaluation = {
        "status": "fail", "mode": "model", "prompt": {"id": text, "version": text}, "model": {"name": text},
        "counts": {"fail": 1, "total": 1}, "scores": {text: 0.5}, "baseline": {"scores": {text: 0.7}},
        "comparison": {"regressed": [text], "fixed": [], "same": 0},
    }  # fmt: skip
    gate = {
        "status": "deny", "prompt": text, "label": text, "candidate": {"version": text},
        "reasons": [{"rule": text, "outcome": "fail", "message": text}],
    }  # fmt: skip
    return Documents(
        changes=error, findings={"status": "invalid", "findings": [finding, {**finding, "severity": "warning"}]},
        plans=[plan, error], evaluations=[evaluation, {"status": "fail", "mode": "level0", "prompts": [look]}],
        gates=[gate],
    )  # fmt: skip


def facts(text: str) -> Facts:
    return Facts(text, "https://git.example.com/run", "", text, 0)


def alarm(text: str, kind: str = DRIFT_ALERT, status: str = "drift") -> Alarm:
    item: dict[str, Any] = {
        "object": text, "state": "drifted", "expected": text, "actual": text + "x", "since": text, "by": text,
    }  # fmt: skip
    return Alarm(kind, Situation(text, status, (item, {**item, "state": "pending"}), 3), True)


@pytest.mark.parametrize("text", STRINGS, ids=range(len(STRINGS)))
def test_a_comment_shows_it_and_does_nothing(text: str) -> None:
    inert(comment_markdown(Source(text, text, "ab" * 20, "https://git.example.com/run"), documents(text), LIMIT))


@pytest.mark.parametrize("text", STRINGS, ids=range(len(STRINGS)))
def test_an_issue_shows_it_and_does_nothing(text: str) -> None:
    for raised in (alarm(text), alarm(text, status="behind"), alarm(text, BLIND_ALERT, "unknown")):
        inert(alert_body(raised, facts(text), LIMIT))
        inert(alert_news(raised, CHANGED, Remembered(True, "", (text,)), facts(text)))
        title = alert_title(raised, facts(text))
        assert "\n" not in title
        assert unseen(title) == set()


@pytest.mark.parametrize("text", STRINGS, ids=range(len(STRINGS)))
def test_a_chat_and_alertmanager_get_plain_text(text: str) -> None:
    told = chat_text(alarm(text), OPENED, facts(text), "https://git.example.com/1")
    assert not re.search(r"[<>]", told)
    assert told.count("\n") == 1
    assert manager_alerts([alarm(text)], facts(text), 60)


def test_a_cut_leaves_whole_blocks_at_any_length() -> None:
    text = "head\n\n" + "".join(
        f"<details><summary>{n}</summary>\n\n````\n```\n<details>\n{'x' * n}\n````\n\n</details>\n\n- item {n}\n\n"
        for n in range(0, 60, 3)
    )
    for limit in range(200, len(text) + 50, 7):
        cut = cut_markdown(text, limit)
        assert len(cut.encode()) <= limit
        assert cut.count("````") % 2 == 0
        assert cut.count("<details><") == cut.count("</details>")


@pytest.mark.parametrize("value", [*MARKDOWN, "a\nb", "x=y", "a<<b\nb", "catalog_\n", "EOF\nname=evil"])
def test_an_output_is_read_back_exactly(value: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "output"
    monkeypatch.setenv("GITHUB_OUTPUT", str(file))
    set_outputs({"url": value, "next": "1"})
    assert read_outputs(file.read_text(encoding="utf-8")) == {"url": value, "next": "1"}
