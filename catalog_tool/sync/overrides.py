"""Whether git has answered an override (design §1): a live label move that holds until git catches up.

An override holds against one word of git. Once git has said anything else about that label, be it what the
label holds live, the word is another one, though it may read the same: somebody who merges the rollback
and promotes the version again means it, also where no sync ran in between. What counts is what the
first-parent line says after the commit that the override was made at; no clock is asked. Where git cannot
tell (no git, another line, a clone that is cut off there), the override holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from catalog_tool.canonical.jcs import canonical_bytes
from catalog_tool.model.addresses import parse_address
from catalog_tool.model.labels import LabelValue
from catalog_tool.model.target import Control, Override
from catalog_tool.source.git import Git
from catalog_tool.source.history_folders import Below, first_parent_line, settings_at
from catalog_tool.source.history_labels import RegistryHistory
from catalog_tool.source.history_live import REGISTRY


class Word(NamedTuple):
    """What git says: at which commit, of the catalog at ``prefix`` (as a ``Scope`` has it); None: nothing is known."""

    git: Git | None = None
    commit: str | None = None
    prefix: str = ""


def canonical(value: LabelValue | None) -> str | None:
    """A label's value as canonical JSON."""
    return None if value is None else canonical_bytes(value.to_json()).decode()


def is_answered(word: Word, address: str, override: Override) -> bool:
    """Whether git has said anything else about a label since its override was made. Raises ``GitError``."""
    git, commit, since = word.git, word.commit, override.commit
    if git is None or commit is None or since is None or since == commit or git.find(since) is None:
        return False
    if git.merge_base(since, commit) != since:
        return False
    _, prompt, label = parse_address(address)
    blobs = list(_registries(git, commit, word.prefix, since))
    history = RegistryHistory(git, REGISTRY, prompt)
    history.load(blobs)
    said = [labels for blob in blobs if (labels := history.labels(blob)) is not None]
    return any(canonical(labels.get(label)) != override.desired for labels in said)


def _registries(git: Git, commit: str, prefix: str, since: str) -> Iterator[str | None]:
    """The registry's blob after each first-parent commit that changed it after ``since``, in whichever folder."""
    scope = Below(git, commit, prefix, settings_at(git, commit, prefix), (REGISTRY,))
    after = set(git.run("rev-list", "--first-parent", commit, f"^{since}", "--").decode().split())
    for step in first_parent_line(scope).steps if after else ():
        if step.commit in after:
            yield from (touch.after for touch in step.touched)


def as_answered(word: Word, control: Control) -> Control:
    """The same, but that an override which git has answered is one against what it says live.

    So git's present word is newer than it, whatever that is. Raises ``GitError``.
    """
    answered = {
        address: override._replace(desired=override.value)
        for address, override in control.overrides.items()
        if override.desired != override.value and is_answered(word, address, override)
    }
    return replace(control, overrides={**control.overrides, **answered}) if answered else control
