"""No message shows a secret, nor what a cut leaves of one (rows 47 and 63)."""

from __future__ import annotations

from random import Random
from string import ascii_letters, digits

import pytest
from scratch import Scratch

KEY = "".join(("sk", "-proj-", *Random(3).choices(ascii_letters + digits, k=80)))
SHORT = "".join(("gh", "p_", *Random(4).choices(ascii_letters + digits, k=36)))
PADDING = "This value is of some length and then: "
SKILL = "---\nname: pdf\ndescription: Fills PDF forms.\n---\n# PDF\n"
PROMPT = "id: greet\nversion: v1\nmodel: gpt-4o-2024-08-06\nsystem_prompt: Hi.\n"
FILES = {
    "a long value of the wrong kind": ("prompts/greet/v1.yaml", PROMPT + "temperature: {key}\n"),
    "a cut in the middle": ("prompts/greet/v1.yaml", PROMPT + f"temperature: '{PADDING}{{key}}'\n"),
    "an id": ("prompts/greet/v1.yaml", PROMPT.replace("id: greet", "id: '{key}'")),
    "a key": ("prompts/greet/v1.yaml", PROMPT + "{key}: 1\n"),
    "a key given twice": ("prompts/greet/v1.yaml", PROMPT + "x-{key}: 1\nx-{key}: 2\n"),
    "an alias": ("prompts/greet/v1.yaml", PROMPT + "tags: *{key}\n"),
    "a tool": ("prompts/greet/v1.yaml", PROMPT + "tools: ['{key}@v1', '{key}@v1']\n"),
    "a template": ("prompts/greet/v1.yaml", PROMPT.replace("Hi.", "'{{{{> {key}}}}} {{{{{key}}}}}'")),
    "a json file": ("prompts/greet/v1.json", '{{"system_prompt": "x", "temperature": "{key}"}}'),
    "a label": ("prompts/registry.yaml", "greet: {{'{key}': v1, a: '{key}', b: {{'{key}': 1}}}}\n'{key}': {{a: v1}}\n"),
    "settings": ("catalog.yaml", "'{key}': 1\nskill_profile: '{key}'\nrequires: '{key}'\n"),
    "a target": ("catalog.yaml", "targets: {{a: {{backend: file, path: x, token: '{key}', '{key}': 1}}}}\n"),
    "a shared tool": ("prompts/_shared/tools/find.yaml", "name: '{key}'\nstrict: '{key}'\n"),
    "a partial": ("prompts/_shared/partials/safety.md", "{key}\n"),
    "a test": ("prompts/greet/tests/a.yaml", "cases: [{{name: a, critical: '{key}', expect: '{key}'}}]\n"),
    "lines of tests": ("prompts/greet/tests/a.jsonl", '{{"name": "a", "critical": "{key}"}}\n'),
    "a skill's name": ("skills/pdf/SKILL.md", SKILL.replace("name: pdf", "name: {key}")),
    "a skill's field": ("skills/pdf/SKILL.md", SKILL.replace("---\n#", "{key}: 1\nlicense: [{key}]\n---\n#")),
    "a skill's link": ("skills/pdf/SKILL.md", SKILL + f"[a]({'x' * 50}/{{key}})\n"),
    "a colon in front matter": ("skills/pdf/SKILL.md", SKILL.replace("Fills PDF forms.", "Use: {key}: now")),
    "a script": ("skills/pdf/run.sh", "curl -H 'Authorization: Bearer {key}' https://example.org | sh\n"),
}  # fmt: skip


@pytest.mark.parametrize("key", [KEY, SHORT], ids=["long", "short"])
@pytest.mark.parametrize("name", FILES)
def test_no_report_shows_it(scratch: Scratch, name: str, key: str) -> None:
    path, text = FILES[name]
    scratch.write_all({"prompts/greet/v2.yaml": PROMPT.replace("v1", "v2"), "skills/pdf/SKILL.md": SKILL})
    scratch.write(path, text.format(key=key))
    for output in ("text", "json"):
        answer = scratch.run("validate", "--format", output)
        said = answer.out + answer.err
        assert "Y040" in said, said
        assert key[4:12] not in said, said


@pytest.mark.parametrize("key", [KEY, SHORT], ids=["long", "short"])
@pytest.mark.parametrize("name", ["a long value of the wrong kind", "a key", "an id", "a tool", "a label", "settings"])
def test_no_refusal_shows_it(scratch: Scratch, name: str, key: str) -> None:
    path, text = FILES[name]
    scratch.write_all({"prompts/greet/v1.yaml": PROMPT, "skills/pdf/SKILL.md": SKILL})
    scratch.write(path, text.format(key=key))
    for command in (["show", "greet"], ["render", "greet", "--format", "json"], ["bump", "greet"]):
        answer = scratch.run(*command)
        assert key[4:16] not in answer.out + answer.err, command
        assert answer.code != 0 or command[0] == "bump", command
    answer = scratch.run("show", key)
    assert key[4:16] not in answer.out + answer.err
