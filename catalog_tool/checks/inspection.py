"""The whole catalog read and checked: every prompt version and skill by itself, then all together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from catalog_tool.checks import catalog_rules, external
from catalog_tool.checks.prompt_record import PromptRecord
from catalog_tool.checks.recorder import Recorder
from catalog_tool.checks.skill_record import SkillRecord
from catalog_tool.checks.text import hide_secrets, redacted, text_findings
from catalog_tool.checks.work import CHUNK, Record, Work, Worker, run_all
from catalog_tool.model.agent_limits import ListingLimits
from catalog_tool.model.codes import finding
from catalog_tool.model.finding import ERROR, INFO, WARNING, Finding
from catalog_tool.model.limits import SKILL_FILE_BYTES
from catalog_tool.model.settings import Rule, Settings
from catalog_tool.source.catalog_files import CatalogFiles, find_catalog, refuse_absent
from catalog_tool.source.memory import Memory
from catalog_tool.source.tree import EXECUTABLE, FILE, Tree

IGNORE = "ignore"
"""The severity under ``rules`` that drops a finding."""
_UNREAD = ("Y001", "Y002")
"""What is reported of a file whose content nobody has."""
_LEFT_OUT = {"P102": "P107", "P104": "P107", "S210": "S218", "S216": "S218"}
"""Errors about what no bundle can hold beside the rest, and what is reported where `rules` ignores them."""


def _nobody(_: Settings) -> bool:
    return False


class Sink(Protocol):
    """Who wants the records while they come, in the bundle's order: a build."""

    def start(self, files: CatalogFiles) -> None:
        """Before the first record."""

    def version(self, record: PromptRecord) -> None:
        """A prompt version that can be used."""

    def skill(self, record: SkillRecord) -> None:
        """A skill, with the contents of its files."""


class Options(NamedTuple):
    """What a run of the checks is asked for.

    ``profile`` overrides the settings' ``skill_profile``; ``overlap`` compares descriptions, which
    only ``validate`` does; ``jobs`` is the number of processes; ``memory`` is where earlier runs left
    their records, or None; ``progress`` is told now and then how much is done, of how much; ``entries``
    says by the settings whether the entries of versions are kept for somebody.
    """

    profile: str | None = None
    overlap: bool = True
    jobs: int = 1
    memory: Memory | None = None
    progress: Callable[[int, int], None] | None = None
    entries: Callable[[Settings], bool] = _nobody


class Inspection(NamedTuple):
    """What a run found. ``versions`` and ``skills`` are without contents.

    ``external``: checks of other packages took part. What they say may change though no file has, so it is
    not to be remembered.
    """

    files: CatalogFiles
    versions: list[PromptRecord]
    skills: list[SkillRecord]
    findings: list[Finding]
    external: bool = False

    @property
    def has_errors(self) -> bool:
        """Whether anything found forbids a build."""
        return any(found.severity == ERROR for found in self.findings)


def inspect(tree: Tree, options: Options, sink: Sink | None = None) -> Inspection:
    """Read and check a catalog. Raises ``GitError`` or ``UsageError`` where it cannot be read at all."""
    files = find_catalog(tree)
    refuse_absent(files, tree)
    if sink is not None:
        sink.start(files)
    versions: list[PromptRecord] = []
    skills: list[SkillRecord] = []
    findings = list(files.findings)
    limits = ListingLimits(files.agent_settings)
    others = external.installed()
    wants_entries = bool(others) or options.entries(files.settings)
    for record in _records(tree, files, options, contents=sink is not None, entries=bool(sink or wants_entries)):
        findings.extend(catalog_rules.own_findings(record, limits))
        if isinstance(record, PromptRecord):
            versions.append(record if wants_entries else record._replace(entry=b""))
            if sink is not None and record.digest:
                sink.version(record)
        else:
            skills.append(record.bare())
            if sink is not None:
                sink.skill(record)
    for path, data in files.small.items():
        text = data.decode(errors="replace")
        found = text_findings(text, path)
        findings = hide_secrets([*findings, *found], text) if found else findings
    findings.extend(catalog_rules.findings(files, versions, skills, overlap=options.overlap))
    if others:
        findings.extend(external.external_findings(others, _subject(tree, files, versions, skills)))
    findings = redacted(findings)
    settled = settle(findings, files.settings.rules)
    dropped = [*unbuildable(files, versions, settled), *left_out(files, findings), *_unlabelled(files, findings)]
    return Inspection(files, versions, skills, settle([*settled, *dropped], {}), bool(others))


def _subject(
    tree: Tree, files: CatalogFiles, versions: Sequence[PromptRecord], skills: Sequence[SkillRecord]
) -> external.Subject:
    """What the checks of other packages look at."""

    def read(path: str) -> bytes | None:
        entry = files.entries.get(path)
        if entry is None or entry.mode not in (FILE, EXECUTABLE):
            return None
        return next(iter(tree.read({path: entry}, SKILL_FILE_BYTES))).data

    usable = [record for record in versions if record.digest]
    prompts = [external.Prompt(*record[:5], entry=record.entry) for record in usable]
    labels = {name: {label: value.to_json() for label, value in found.items()} for name, found in files.labels.items()}
    return external.Subject(prompts, [record.skill for record in skills], labels, read)


def _records(tree: Tree, files: CatalogFiles, options: Options, *, contents: bool, entries: bool) -> Iterator[Record]:
    """The record of every artifact, known or new; what is new is kept at the end."""
    profile = options.profile or files.settings.skill_profile
    worker = Worker(tree, files.shared, profile, files.team_schemas, keep_contents=contents)
    recorder = Recorder(options.memory, files, profile)
    work = recorder.recall(list(work_of(files)), entries=entries)
    for number, record in enumerate(run_all(worker, work, options.jobs), 1):
        if options.progress is not None and (number % CHUNK == 0 or number == len(work)):
            options.progress(number, len(work))
        recorder.note(record)
        yield record
    recorder.save()


def unbuildable(files: CatalogFiles, versions: Sequence[PromptRecord], settled: Sequence[Finding]) -> Iterator[Finding]:
    """Versions whose errors the settings ignore: they would be missing from the bundle without a word."""
    told = {found.path for found in settled if found.severity == ERROR}
    unusable = [(record.id, record.version, record.path) for record in versions if not record.digest]
    for name, version, path in (*unusable, *files.layout.unreadable):
        if path not in told:
            message = "`rules` ignores or lowers an error without which this version cannot be read"
            yield finding("P107", message, path, artifact=f"{name}@{version}")


def left_out(files: CatalogFiles, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Errors that the settings ignore or lower though a build would leave something out, or take one of two."""
    if not files.settings.rules:
        return
    inside = tuple(f"{folder.path}/" for folder in files.skills)
    for found in findings:
        code = _LEFT_OUT.get(found.code)
        if code is None and found.code in _UNREAD and (found.path or "").startswith(inside):
            code = "S218"
        if code is not None and (done := _weakened(files.settings, found)) is not None:
            message = f"`rules` {done} {found.code}, and it cannot be built as it is: {found.message}"
            yield found._replace(code=code, message=message)


def _weakened(settings: Settings, found: Finding) -> str | None:
    """What the settings do to an error that makes it none; None where it stays one."""
    rule = settings.rules.get(found.code)
    if rule is None or rule.severity == ERROR or found.severity != ERROR:
        return None
    return "ignores" if rule.severity == IGNORE else "lowers"


def _unlabelled(files: CatalogFiles, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Errors of the registry that the settings ignore or lower: labels would vanish, or point nowhere, unseen."""
    read = {(found.code, found.line, found.column) for found in files.findings if found.path == files.registry_path}
    for found in findings:
        if found.path != files.registry_path or (done := _weakened(files.settings, found)) is None:
            continue
        if found.code in catalog_rules.DANGLING or (found.code, found.line, found.column) in read:
            message = f"`rules` {done} {found.code}, and labels cannot be used as they are: {found.message}"
            yield found._replace(code="C315", message=message)


def work_of(files: CatalogFiles) -> Iterator[Work]:
    """Every version by id and name, then every skill by key: the order of the bundle."""
    seen: set[tuple[str, str]] = set()
    for file in sorted(files.layout.versions):
        if (file.id, file.version) not in seen:
            seen.add((file.id, file.version))
            yield Work(version=file, entries={file.path: files.entries[file.path]})
    known: set[str] = set()
    for folder in sorted(files.skills, key=lambda folder: folder.key.encode("utf-16-be", "surrogatepass")):
        if folder.key not in known:
            known.add(folder.key)
            yield Work(
                skill=folder,
                entries={f"{folder.path}/{inner}": entry for inner, entry in folder.files.items()},
            )


def settle(findings: Iterable[Finding], rules: dict[str, Rule] | object) -> list[Finding]:
    """Findings with the severities that the settings give them, sorted, each once."""
    chosen = rules if isinstance(rules, dict) else {}
    settled = set()
    for found in findings:
        rule = chosen.get(found.code)
        if rule is None:
            settled.add(found)
        elif rule.severity != IGNORE:
            settled.add(found._replace(severity=rule.severity))
    return sorted(settled, key=Finding.order)


def count(findings: Sequence[Finding]) -> dict[str, int]:
    """How many findings of each severity there are."""
    counts = {ERROR: 0, WARNING: 0, INFO: 0}
    for found in findings:
        counts[found.severity] += 1
    return counts
