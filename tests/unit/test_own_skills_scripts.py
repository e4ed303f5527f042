"""The scripts that our own skills ship: each is run as an agent would run it, on small inputs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SKILLS = Path(__file__).parents[2] / "skills"
AUDIT = SKILLS / "dep-auditor/scripts/audit_locks.py"
UNTESTED = SKILLS / "test-scaffolder/scripts/list_untested.py"
SAME_AST = SKILLS / "legacy-formatter/scripts/same_ast.py"
CHANGELOG = SKILLS / "changelog-updater/scripts/check_changelog.py"
MIGRATION = SKILLS / "db-migration-helper/scripts/scan_migration.py"
COLLECT = SKILLS / "pr-describer/scripts/collect.sh"
HASH = "sha256:" + "0" * 64


def run(script: Path, *arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    start = [sys.executable, "-W", "error"] if script.suffix == ".py" else ["sh"]
    command = [*start, str(script), *map(str, arguments)]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(cwd),
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=30)


def lines(script: Path, *arguments: str | Path, cwd: Path) -> tuple[int, list[str]]:
    done = run(script, *arguments, cwd=cwd)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize("script", sorted(path for path in SKILLS.glob("*/scripts/*") if path.is_file()))
def test_what_can_be_started_is_executable_and_says_so_in_its_first_line(script: Path) -> None:
    starts = script.read_text(encoding="utf-8").startswith("#!")
    assert starts == os.access(script, os.X_OK)


@pytest.mark.parametrize("script", [AUDIT, UNTESTED, CHANGELOG, MIGRATION], ids=lambda path: path.name)
def test_help_is_there(script: Path, tmp_path: Path) -> None:
    code, out = lines(script, "--help", cwd=tmp_path)
    assert code == 0
    assert out[0].startswith("usage: " + script.name)


# --- dep-auditor

LOCKS = {
    "package-lock.json": json.dumps(
        {
            "lockfileVersion": 3,
            "packages": {
                "": {"name": "shop"},
                "node_modules/left": {
                    "version": "1.2.0",
                    "resolved": "https://registry.npmjs.org/left/-/left-1.2.0.tgz",
                    "integrity": "sha512-x",
                },
                "node_modules/@in/right": {
                    "version": "2.0.0",
                    "resolved": "git+ssh://git@example.org/right.git#0123abc",
                },
                "node_modules/left/node_modules/@in/right": {
                    "version": "1.0.0",
                    "resolved": "http://mirror.example.org/right.tgz",
                },
                "node_modules/ours": {"resolved": "packages/ours", "link": True},
            },
        }
    ),
    "yarn.lock": (
        '# yarn lockfile v1\n\n"@in/right@^1.0.0", "@in/right@^1.1.0":\n  version "1.1.0"\n'
        '  resolved "https://registry.yarnpkg.com/@in/right/-/right-1.1.0.tgz#ff"\n  integrity sha512-x\n\n'
        'left@^1.0.0:\n  version "1.2.0"\n  resolved "https://registry.yarnpkg.com/left/-/left.tgz"\n'
    ),
    "pnpm-lock.yaml": (
        "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      left:\n        version: 1.2.0\n"
        "packages:\n\n  '@in/right@1.1.0':\n    resolution: {integrity: sha512-x}\n\n"
        "  left@https://codeload.example.org/left/tar.gz/ab:\n"
        "    resolution: {tarball: https://codeload.example.org/left/tar.gz/ab}\n    version: 1.2.0\n\n"
        "snapshots:\n\n  left@9.9.9: {}\n"
    ),
    "poetry.lock": (
        f'[[package]]\nname = "left"\nversion = "1.2"\nfiles = [{{file = "left.whl", hash = "{HASH}"}}]\n\n'
        '[[package]]\nname = "right"\nversion = "2.0"\nfiles = []\n'
        '[package.source]\ntype = "git"\nurl = "https://example.org/right.git"\n'
    ),
    "uv.lock": (
        'version = 1\n\n[[package]]\nname = "ours"\nversion = "0.1"\nsource = { editable = "." }\n\n'
        '[[package]]\nname = "left"\nversion = "1.2"\nsource = { registry = "https://pypi.org/simple" }\n'
        f'wheels = [{{ url = "https://files.pythonhosted.org/left.whl", hash = "{HASH}" }}]\n'
    ),
    "Pipfile.lock": json.dumps({"default": {"left": {"version": "==1.2", "hashes": [HASH]}}, "develop": {}}),
    "requirements.txt": (
        f"# pinned\nleft==1.2 \\\n    --hash={HASH}\nright>=2 ; python_version > '3'\n-r other.txt\n"
        "third @ git+https://example.org/third.git@0123\n.\n-e ./tools[all]\n"
    ),
    "Cargo.lock": (
        'version = 4\n\n[[package]]\nname = "ours"\nversion = "0.1.0"\n\n[[package]]\nname = "left"\n'
        'version = "1.2.0"\nchecksum = "00"\n'
        'source = "registry+https://github.com/rust-lang/crates.io-index"\n'
    ),
    "go.sum": "example.org/left v1.2.0 h1:aa=\nexample.org/left v1.2.0/go.mod h1:bb=\n",
}
EXPECTED = {
    "package-lock.json": (
        3,
        ["duplicate @in/right", "insecure @in/right", "no-hash @in/right", "not-registry @in/right"],
    ),
    "yarn.lock": (2, ["no-hash left"]),
    "pnpm-lock.yaml": (2, ["no-hash left", "not-registry left"]),
    "poetry.lock": (2, ["not-registry right"]),
    "uv.lock": (1, []),
    "Pipfile.lock": (1, []),
    "requirements.txt": (5, ["not-registry third", "unpinned right"]),
    "Cargo.lock": (1, []),
    "go.sum": (1, []),
}


@pytest.mark.parametrize("name", LOCKS)
def test_each_lock_file_is_read_and_its_suspicious_packages_named(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(LOCKS[name], encoding="utf-8")
    done = run(AUDIT, "--format", "json", cwd=tmp_path)
    assert done.stderr == ""
    report = json.loads(done.stdout)
    count, findings = EXPECTED[name]
    assert len(report["locks"][0]["packages"]) == count
    assert sorted(f"{one['rule']} {one['package']}" for one in report["findings"]) == findings
    assert done.returncode == (1 if findings else 0)


def test_yarn_berry_knows_its_workspace_from_others(tmp_path: Path) -> None:
    (tmp_path / "yarn.lock").write_text(
        '__metadata:\n  version: 8\n\n"left@npm:^1.0.0":\n  version: 1.2.0\n  resolution: "left@npm:1.2.0"\n'
        '  checksum: 10/aa\n  languageName: node\n  linkType: hard\n\n"ours@workspace:.":\n'
        '  version: 0.0.0-use.local\n  resolution: "ours@workspace:."\n  linkType: soft\n',
        encoding="utf-8",
    )
    assert lines(AUDIT, cwd=tmp_path) == (0, ["yarn.lock: npm, 1 packages"])


def test_npm_version_1_is_read_with_what_is_nested(tmp_path: Path) -> None:
    inner = {"right": {"version": "2.0.0", "integrity": "sha512-x"}}
    outer = {"left": {"version": "1.0.0", "integrity": "sha512-x", "dependencies": inner}}
    (tmp_path / "package-lock.json").write_text(json.dumps({"dependencies": outer}), encoding="utf-8")
    assert lines(AUDIT, cwd=tmp_path) == (0, ["package-lock.json: npm, 2 packages"])


def test_a_trusted_mirror_is_no_finding(tmp_path: Path) -> None:
    entry = {"version": "1.0.0", "resolved": "https://npm.example.org/left.tgz", "integrity": "sha512-x"}
    lock = json.dumps({"packages": {"node_modules/left": entry}})
    (tmp_path / "package-lock.json").write_text(lock, encoding="utf-8")
    assert run(AUDIT, cwd=tmp_path).returncode == 1
    assert run(AUDIT, "--allow-host", "npm.example.org", cwd=tmp_path).returncode == 0


def test_a_comparison_names_what_came_went_and_moved(tmp_path: Path) -> None:
    def write(folder: str, **versions: str) -> Path:
        text = "".join(f"{name}=={version} --hash={HASH}\n" for name, version in versions.items())
        path = tmp_path / folder / "requirements.txt"
        path.parent.mkdir()
        path.write_text(text, encoding="utf-8")
        return path.parent

    old = write("old", a="1.0.0", b="1.0.0", c="2.0.1", d="1", same="3")
    new = write("new", a="2.0.0", b="1.0.1", c="2.0.0", e="1", same="3")
    assert lines(AUDIT, "--against", old, new, cwd=tmp_path)[1][1:] == [
        "requirements.txt: major: a 1.0.0 -> 2.0.0",
        "requirements.txt: patch: b 1.0.0 -> 1.0.1",
        "requirements.txt: downgrade (patch): c 2.0.1 -> 2.0.0",
        "requirements.txt: removed: d 1 -> -",
        "requirements.txt: added: e - -> 1",
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("package-lock.json", "{"),
        ("package-lock.json", "[" * 100_000),
        ("package-lock.json", '{"packages": {"node_modules/x": 1}}'),
        ("package-lock.json", '{"packages": []}'),
        ("poetry.lock", "name ="),
        ("poetry.lock", "package = 1"),
        ("uv.lock", "package = [1]"),
        ("go.sum", "one two\n"),
        ("requirements.txt", "\x1b]0;title\x07\n"),
    ],
)
def test_a_broken_lock_file_is_never_clean(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    done = run(AUDIT, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"audit_locks: {name}: ")
    assert done.stderr.count("\n") == 1
    assert "\x1b" not in done.stderr


def test_a_control_character_in_a_name_does_not_reach_the_terminal(tmp_path: Path) -> None:
    lock = json.dumps({"packages": {"node_modules/a\x1b[2Jb": {"version": "1.0.0"}}})
    (tmp_path / "package-lock.json").write_text(lock, encoding="utf-8")
    code, out = lines(AUDIT, cwd=tmp_path)
    assert (code, out[1]) == (1, r"package-lock.json: no-hash: a\x1b[2Jb: 1.0.0 has no hash to verify")


def test_nothing_to_read_says_so_and_a_missing_path_is_an_error(tmp_path: Path) -> None:
    assert lines(AUDIT, cwd=tmp_path) == (0, ["no lock files found"])
    assert run(AUDIT, "absent", cwd=tmp_path).returncode == 2


def test_the_audit_leaves_no_compiled_files_in_the_skill(tmp_path: Path) -> None:
    copy = shutil.copytree(SKILLS / "dep-auditor", tmp_path / "dep-auditor")
    run(copy / "scripts/audit_locks.py", cwd=tmp_path)
    assert not list(copy.rglob("*.pyc"))


# --- test-scaffolder


def test_untested_functions_come_with_the_most_branches_first(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/shop.py").write_text(
        "def tested(): ...\ndef plain(): ...\ndef _private(): ...\n"
        "class Cart:\n    def total(self, n):\n        return 1 if n and n > 2 else 0\n",
        encoding="utf-8",
    )
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_shop.py").write_text("from shop import tested\n", encoding="utf-8")
    assert lines(UNTESTED, "src", "--tests", "tests", cwd=tmp_path) == (
        1,
        ["src/shop.py:5: Cart.total (2 branches)", "src/shop.py:2: plain (0 branches)"],
    )
    assert lines(UNTESTED, "src", "--tests", "tests", "--limit", "1", cwd=tmp_path)[1][1] == "... and 1 more"


def test_a_source_that_does_not_parse_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def (:\n", encoding="utf-8")
    done = run(UNTESTED, "broken.py", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("list_untested: broken.py: ")


# --- legacy-formatter


@pytest.mark.parametrize(
    ("old", "new", "code", "out"),
    [
        ("x = {'a':1}\n", 'x = {\n    "a": 1,\n}  # note\n', 0, []),
        ("x = 1\ny = 2\n", "x = 1\n\n\ny = 3\n", 1, ["new.py:4: means something else than before"]),
        ("x = 1\n", "x = 1\ny = 2\n", 1, ["new.py:2: means something else than before"]),
        ("x = 1\ny = 2\n", "x = 1\n", 1, ["new.py:1: means something else than before"]),
        ("x = 1\n", "", 1, ["new.py:1: means something else than before"]),
    ],
)
def test_formatting_is_told_from_a_change(old: str, new: str, code: int, out: list[str], tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text(old, encoding="utf-8")
    (tmp_path / "new.py").write_text(new, encoding="utf-8")
    assert lines(SAME_AST, "old.py", "new.py", cwd=tmp_path) == (code, out)


def test_trees_are_compared_file_by_file(tmp_path: Path) -> None:
    for tree, names in (("old", "ab"), ("new", "bc")):
        (tmp_path / tree).mkdir()
        for name in names:
            (tmp_path / tree / f"{name}.py").write_text("x = 1\n", encoding="utf-8")
    code, out = lines(SAME_AST, "old", "new", cwd=tmp_path)
    assert (code, out) == (1, ["old/a.py: only in the old tree", "new/c.py: only in the new tree"])


def test_comparing_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    assert run(SAME_AST, "old.py", "new.py", cwd=tmp_path).returncode == 2
    assert run(SAME_AST, "old.py", cwd=tmp_path).stderr == "usage: same_ast.py OLD NEW\n"


# --- changelog-updater

GOOD = """# Changelog

## [Unreleased]

## [1.1.0] - 2025-02-01
### Added
- One thing. (#2)

## [1.1.0-rc.2] - 2025-01-20
### Fixed
- Another.

## [1.0.0] - 2025-01-01
### Added
- Everything.

[Unreleased]: https://example.org/compare
[1.1.0]: https://example.org/1.1.0
[1.1.0-rc.2]: https://example.org/rc
[1.0.0]: https://example.org/1.0.0
"""


def changelog(tmp_path: Path, text: str, *options: str) -> list[str]:
    (tmp_path / "CHANGELOG.md").write_text(text, encoding="utf-8")
    code, out = lines(CHANGELOG, *options, cwd=tmp_path)
    assert code == (1 if out else 0)
    return [line.removeprefix("CHANGELOG.md:") for line in out]


def test_a_changelog_in_order_passes(tmp_path: Path) -> None:
    assert changelog(tmp_path, GOOD) == []
    assert changelog(tmp_path, GOOD, "--release", "1.1.0") == []


def test_our_own_changelog_is_in_order(tmp_path: Path) -> None:
    own = (SKILLS.parent / "CHANGELOG.md").read_text(encoding="utf-8")
    assert changelog(tmp_path, own) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2025-02-01", "01.02.2025", "5: 1.1.0 needs a date as YYYY-MM-DD, found '01.02.2025'"),
        ("2025-02-01", "20250201", "5: 1.1.0 needs a date as YYYY-MM-DD, found '20250201'"),
        ("2025-02-01", "2025-02-30", "5: 1.1.0 needs a date as YYYY-MM-DD, found '2025-02-30'"),
        ("[1.0.0] - 2025-01-01", "[1.0.0] - 2025-03-01", "13: 1.0.0 is dated after the version above it"),
        ("## [1.1.0] ", "## [0.9.0] ", "9: 1.1.0-rc.2 stands below an older version or an equal one"),
        ("## [1.0.0]", "## [1.1.0-rc.10]", "13: 1.1.0-rc.10 stands below an older version or an equal one"),
        ("### Fixed", "### Repaired", "10: unknown kind 'Repaired'"),
        ("- Another.\n", "", "10: Fixed in 1.1.0-rc.2 is empty"),
        ("### Fixed\n", "", "10: an entry of 1.1.0-rc.2 stands outside any kind"),
        ("[1.0.0]: https://example.org/1.0.0\n", "", "13: 1.0.0 has no link at the end of the file"),
        ("## [1.0.0]", "## First release of [1.0.0]", "13: not a version heading"),
    ],
)
def test_what_is_out_of_order_is_named_with_its_line(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert old in GOOD
    found = changelog(tmp_path, GOOD.replace(old, new, 1))
    assert any(line.startswith(message) for line in found), found


def test_a_release_needs_its_section_and_an_empty_unreleased(tmp_path: Path) -> None:
    text = GOOD.replace("## [Unreleased]\n", "## [Unreleased]\n### Fixed\n- Left over.\n")
    assert changelog(tmp_path, text, "--release", "1.2.0") == [
        "3: Unreleased still holds entries that 1.2.0 should carry",
        "7: the newest section is 1.1.0, not 1.2.0",
    ]


def test_an_empty_or_missing_changelog_is_no_pass(tmp_path: Path) -> None:
    assert changelog(tmp_path, "") == ["1: no version sections"]
    assert run(CHANGELOG, "absent.md", cwd=tmp_path).returncode == 2


# --- db-migration-helper


SQL: list[tuple[str, list[str]]] = [
    ("create index by_day on orders (day);", ["index-locks-writes"]),
    ("create index concurrently by_day on orders (day);", []),
    ("alter table orders add constraint f foreign key (c) references c (id);", ["constraint-scans"]),
    ("alter table orders add constraint f foreign key (c) references c (id) not valid;", []),
    ("alter table orders add constraint u unique (no);", ["unique-locks-writes"]),
    ("alter table orders add constraint u unique using index u_idx;", []),
    ("alter table orders alter column c set not null;", ["set-not-null"]),
    ("alter table orders add column c int;", []),
    ("alter table orders add column c int not null default 0;", []),
    ("alter table orders add column c int not null;", ["not-null-without-default"]),
    ("alter table orders add  constraint n check (c is not null) not valid;", []),
    (
        "alter table orders add column id uuid default gen_random_uuid();",
        ["volatile-default"],
    ),
    ("alter table orders alter column c type bigint;", ["type-change"]),
    ("alter table orders rename column a to b;", ["rename"]),
    ("alter table orders rename constraint a to b;", []),
    ("alter table orders drop column c;", ["drop"]),
    ("alter table orders drop constraint c;", []),
    ("drop table orders;", ["drop"]),
    ("drop index concurrently by_day;", []),
    ("truncate orders;", ["truncate"]),
    ("update orders set c = 1;", ["all-rows"]),
    ("update orders set c = 1 where id between 1 and 5000;", []),
    ("-- drop table orders;\nselect 'drop table orders;';", []),
    ("create function f() returns int as $x$ drop table t; $x$ language sql;", []),
    ("create table n (id int); create index i on n (id); alter table n add column c int not null;", []),
    ("lock table orders;", ["explicit-lock"]),
    (
        "alter table only orders add a int default 0,\n add b numeric(8, 2) not null, drop c, rename d to e;",
        ["not-null-without-default", "drop", "rename"],
    ),
    ("alter table orders add /* " + "long " * 20_000 + "*/ c int;", []),
    (
        "alter table orders " + "add c int default 0, " * 20_000 + "add d int not null;",
        ["not-null-without-default"],
    ),
    ("alter index a rename to b;", []),
    ("alter table orders alter c drop default, alter c drop not null, drop primary key;", []),
]


def test_risky_statements_are_found_and_safe_ones_are_not(tmp_path: Path) -> None:
    names = [f"{number:02}.sql" for number in range(len(SQL))]
    for name, (sql, _) in zip(names, SQL, strict=True):
        (tmp_path / name).write_text("set lock_timeout = '3s';\n" + sql, encoding="utf-8")
    code, out = lines(MIGRATION, *names, cwd=tmp_path)
    found: dict[str, list[str]] = {name: [] for name in names}
    for line in out:
        place, rule, _ = line.split(": ", 2)
        found[place.partition(":")[0]].append(rule)
    assert list(zip([sql for sql, _ in SQL], found.values(), strict=True)) == SQL
    assert code == 1


def test_a_file_without_risky_statements_passes(tmp_path: Path) -> None:
    (tmp_path / "m.sql").write_text("alter table t add column c int;\n", encoding="utf-8")
    code, out = lines(MIGRATION, "m.sql", cwd=tmp_path)
    assert (code, [line.split(": ")[1] for line in out]) == (1, ["no-lock-timeout"])
    (tmp_path / "m.sql").write_text("set lock_timeout = 1;\nalter table t add c int;\n", encoding="utf-8")
    assert lines(MIGRATION, "m.sql", cwd=tmp_path) == (0, [])


def test_a_finding_has_the_line_of_its_statement(tmp_path: Path) -> None:
    (tmp_path / "m.sql").write_text("select 1;\n\n/* a\nb */\nalter table t\n  drop column c;\n", encoding="utf-8")
    assert [line.split(": ")[0] for line in lines(MIGRATION, "m.sql", cwd=tmp_path)[1]] == ["m.sql:5"] * 2


def test_rules_know_their_dialect(tmp_path: Path) -> None:
    (tmp_path / "m.sql").write_text(
        "create index i on t (c);\nalter table t convert to character set utf8mb4;\n", encoding="utf-8"
    )
    out = lines(MIGRATION, "--dialect", "mysql", "m.sql", cwd=tmp_path)[1]
    assert [line.split(": ")[:2] for line in out] == [["m.sql:2", "copying-alter"]]


# --- pr-describer


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", *identity, *arguments], cwd=folder, env=environment, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    (tmp_path / "app").mkdir()
    (tmp_path / "app/old.py").write_text("one\ntwo\nthree\n", encoding="utf-8")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "Start")
    git(tmp_path, "switch", "--quiet", "-c", "topic")
    return tmp_path


def test_facts_of_a_branch_are_printed(repository: Path) -> None:
    git(repository, "mv", "app/old.py", "app/new.py")
    (repository / "migrations").mkdir()
    (repository / "migrations/0001.sql").write_text("select 1;\nselect 2;\n", encoding="utf-8")
    (repository / "uv.lock").write_text("version = 1\n", encoding="utf-8")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "Cap refunds", "-m", "Because of reasons.")
    code, out = lines(COLLECT, cwd=repository)
    text = "\n".join(out)
    assert code == 0
    assert "Cap refunds\n  Because of reasons." in text
    assert "migrations/: 1 files, +2 -0" in out
    assert "- app/old.py -> app/new.py" in out
    assert "- database migrations\n    migrations/0001.sql\n- dependencies\n    uv.lock" in text
    assert out[-1] == "- no test file changed"


def test_a_changed_test_is_seen(repository: Path) -> None:
    (repository / "tests").mkdir()
    (repository / "tests/test_app.py").write_text("x\n", encoding="utf-8")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "Test")
    assert "no test file changed" not in "\n".join(lines(COLLECT, "main", cwd=repository)[1])


def test_no_change_no_base_and_no_repository_are_told_apart(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert run(COLLECT, cwd=repository).returncode == 3
    for name in ("absent", "--output=x", "-h", "main@{"):
        done = run(COLLECT, name, cwd=repository)
        assert (done.returncode, done.stderr) == (2, f"collect: no such revision: {name}\n")
    outside = run(COLLECT, cwd=tmp_path_factory.mktemp("outside"))
    assert (outside.returncode, outside.stderr) == (2, "collect: not a git repository\n")
