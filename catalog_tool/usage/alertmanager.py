"""An Alertmanager configuration for the alerts of prompts, with the receivers that the environment names.

============================================  =====================================================
``CATALOG_ALERTS_SLACK_URL``, ``_CHANNEL``     an incoming webhook, and a channel (default: its own)
``CATALOG_ALERTS_PAGERDUTY_KEY``               a routing key (Events v2); pages are for ``critical``
``CATALOG_ALERTS_EMAIL_TO``, ``_FROM``,        e-mail by way of ``host:port``
``_SMARTHOST``, ``_USERNAME``, ``_PASSWORD``
============================================  =====================================================

A secret may be named by a file instead (``…_URL_FILE``, ``…_KEY_FILE``, ``…_PASSWORD_FILE``): then only the path
stands in the configuration, and Alertmanager reads it itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from catalog_tool.errors import UsageError
from catalog_tool.usage.alert_rules import LABEL, PROMPT

PREFIX = "CATALOG_ALERTS_"
_TITLE = f"{{{{ .CommonLabels.alertname }}}}: {{{{ .CommonLabels.{PROMPT} }}}} under {{{{ .CommonLabels.{LABEL} }}}}"
_TEXT = (
    "{{ range .Alerts }}{{ .Annotations.summary }}\n{{ .Annotations.description }}\n"
    "{{ .Annotations.runbook_url }}\n{{ end }}"
)


class AlertmanagerConfig(NamedTuple):
    """The document, the kinds of receivers in it, and whether it holds a secret itself."""

    document: dict[str, Any]
    receivers: tuple[str, ...]
    holds_secret: bool


def alertmanager_config(environ: Mapping[str, str]) -> AlertmanagerConfig:
    """The configuration. UsageError: a receiver is named by half."""
    given = {name.removeprefix(PREFIX): value for name, value in environ.items() if name.startswith(PREFIX) and value}
    slack, pager, mail = _slack(given), _pagerduty(given), _mail(given)
    usual = {"name": "catalog", **slack, **mail}
    page = {"name": "catalog-page", **pager, **slack, **mail}
    routes = [{"matchers": ['severity="critical"'], "receiver": "catalog-page"}] if pager else []
    kinds = (("slack", slack), ("pagerduty", pager), ("email", mail))
    return AlertmanagerConfig(
        {
            "route": {
                "receiver": "catalog",
                "group_by": [PROMPT, LABEL],
                "group_wait": "30s",
                "group_interval": "5m",
                "repeat_interval": "4h",
                **({"routes": routes} if routes else {}),
            },
            "inhibit_rules": [_inhibits("critical", "warning|info"), _inhibits("warning", "info")],
            "receivers": [usual, page] if pager else [usual],
        },
        tuple(kind for kind, found in kinds if found),
        any(name in given for name in ("SLACK_URL", "PAGERDUTY_KEY", "EMAIL_PASSWORD")),
    )


def _inhibits(severity: str, milder: str) -> dict[str, Any]:
    """The milder alerts of a prompt and label are silent while a worse one fires."""
    return {
        "source_matchers": [f'severity="{severity}"'],
        "target_matchers": [f'severity=~"{milder}"'],
        "equal": [PROMPT, LABEL],
    }


def _secret(given: Mapping[str, str], name: str, key: str) -> dict[str, str]:
    """The secret itself, or the file that holds it."""
    if f"{name}_FILE" in given:
        return {f"{key}_file": given[f"{name}_FILE"]}
    return {key: given[name]} if name in given else {}


def _slack(given: Mapping[str, str]) -> dict[str, Any]:
    address = _secret(given, "SLACK_URL", "api_url")
    if not address:
        return {}
    channel = {"channel": given["SLACK_CHANNEL"]} if "SLACK_CHANNEL" in given else {}
    return {"slack_configs": [{**address, **channel, "send_resolved": True, "title": _TITLE, "text": _TEXT}]}


def _pagerduty(given: Mapping[str, str]) -> dict[str, Any]:
    key = _secret(given, "PAGERDUTY_KEY", "routing_key")
    return {"pagerduty_configs": [{**key, "send_resolved": True, "description": _TITLE}]} if key else {}


def _mail(given: Mapping[str, str]) -> dict[str, Any]:
    names = ("EMAIL_TO", "EMAIL_FROM", "EMAIL_SMARTHOST")
    present = [name for name in names if name in given]
    if not present:
        return {}
    missing = [f"{PREFIX}{name}" for name in names if name not in given]
    if missing:
        raise UsageError(f"e-mail needs {', '.join(missing)} too", hint="or unset the others")
    login: dict[str, Any] = _secret(given, "EMAIL_PASSWORD", "auth_password")
    if "EMAIL_USERNAME" in given:
        login["auth_username"] = given["EMAIL_USERNAME"]
    to, sender, host = (given[name] for name in names)
    return {"email_configs": [{"to": to, "from": sender, "smarthost": host, **login, "send_resolved": True}]}
