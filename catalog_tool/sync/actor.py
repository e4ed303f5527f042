"""Who is syncing, for the audit trail and the lease."""

from __future__ import annotations

import getpass
import os

from catalog_tool.errors import GitError
from catalog_tool.source.git import Git

_CI = ("GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILDKITE_BUILD_CREATOR", "CIRCLE_USERNAME", "BUILD_USER_ID")
LONGEST = 200


def actor(git: Git | None) -> str:
    """The user that a CI names, else git's author, else the user of this process."""
    named = next((os.environ[name] for name in _CI if os.environ.get(name)), None)
    if named is not None:
        return f"{named} (CI)"[:LONGEST]
    configured = _configured(git)
    if configured is not None:
        return configured[:LONGEST]
    try:
        return getpass.getuser()[:LONGEST]
    except (KeyError, OSError):  # a container without a user of this number
        return f"uid {os.getuid()}"


def _configured(git: Git | None) -> str | None:
    """Whom git would name as the author: its variables go before its settings."""
    named = os.environ.get("GIT_AUTHOR_NAME", "").strip()
    if named:
        mail = os.environ.get("GIT_AUTHOR_EMAIL", "").strip()
        return f"{named} <{mail}>" if mail else named
    if git is None:
        return None
    try:
        name = git.run("config", "--get", "user.name").decode(errors="replace").strip()
    except GitError:
        return None
    try:
        mail = git.run("config", "--get", "user.email").decode(errors="replace").strip()
    except GitError:
        mail = ""
    return f"{name} <{mail}>" if mail else name or None
