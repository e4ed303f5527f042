"""What one generated artifact says: the files of a prompt, of a skill and of the shared parts.

Everything here is a pure function of (seed, index), so any artifact can be made alone and the
bytes of a catalog depend on nothing but its seed and its size.
"""

from __future__ import annotations

import json
import random
from typing import NamedTuple

from . import words

GROUPS = 40
TEAMS = 25
_MODELS = (
    "{provider: openai, name: gpt-4o-2024-08-06}",
    "{provider: openai, name: gpt-4.1-mini-2025-04-14}",
    "{provider: anthropic, name: claude-sonnet-4-5-20250929}",
    "claude-opus-4-1-20250805",
)
_PARTIALS = {
    "safety": "Never share credentials, and never invent an order number.\nStop where the law is unclear.\n",
    "tone": "Stay calm and precise; one thought a sentence.\n",
    "citations": "Name the article for every claim, as [1], [2] and so on.\n",
}
_TOOLS = {
    "search_kb": (
        "Search the knowledge base.",
        "{query: {type: string}, limit: {type: integer, default: 5}}",
    ),
    "read_order": (
        "Read one order.",
        "{order_id: {type: string}, fields: {type: array, items: {type: string}}}",
    ),
    "send_mail": ("Send a mail to the customer.", "{to: {type: string}, body: {type: string}}"),
}


class File(NamedTuple):
    """One file: its path in the repository, its bytes, and whether it may be executed."""

    path: str
    data: bytes
    executable: bool = False


def shared_files() -> list[File]:
    """The partials and tools under ``prompts/_shared``, all of them ``v1``."""
    partials = [File(f"prompts/_shared/partials/{name}/v1.md", text.encode()) for name, text in _PARTIALS.items()]
    return partials + [
        File(
            f"prompts/_shared/tools/{name}/v1.yaml",
            f"name: {name}\ndescription: {text}\nparameters:\n  type: object\n  properties: {properties}\n".encode(),
        )
        for name, (text, properties) in _TOOLS.items()
    ]


def prompt_name(index: int) -> tuple[str, str]:
    """The id and the version of the prompt at ``index``; every eighth is ``v2`` of the one before."""
    second = index % 8 == 7
    key = index - second
    return f"{words.invented()[key % GROUPS * 7]}/{words.pair(key, '_')}", "v2" if second else "v1"


def prompt(seed: int, index: int) -> File:
    """One prompt version of 1 to 4 KB; one in five is in the short form."""
    rng = random.Random(f"prompt {seed} {index}")
    name, version = prompt_name(index)
    size = rng.randint(1100, 3900)
    body = _short(rng, seed, size) if index % 5 == 0 else _full(rng, seed, size)
    return File(f"prompts/{name}/{version}.yaml", f"id: {name}\nversion: {version}\n{body}".encode())


def _head(rng: random.Random) -> str:
    return (
        f"description: {json.dumps(words.description(rng, 'Answers about'))}\n"
        f"owners: [team-{rng.randrange(TEAMS):02d}]\n"
        f"tags: [{', '.join(rng.sample(words.invented(), 3))}]\n"
    )


def _short(rng: random.Random, seed: int, size: int) -> str:
    head = _head(rng)
    text = _block(["You answer for {{product_name}}.", *words.prose(rng, seed, size - len(head) - 240)], 2)
    return (
        f"{head}model: gpt-4o-2024-08-06\ntemperature: {rng.choice(['0.3', '0.0', '1', '0.75'])}\n"
        f"system_prompt: |\n{text}tools:\n  - {rng.choice(list(_TOOLS))}@v1\n"
    )


def _block(lines: list[str], indent: int) -> str:
    """``lines`` as a literal block; every fifth is followed by an empty line."""
    pad = " " * indent
    return "".join(f"{pad}{line}\n" + ("\n" if i % 5 == 4 else "") for i, line in enumerate(lines))


def _full(rng: random.Random, seed: int, size: int) -> str:
    tail = _variables(rng) + "messages:\n  - role: system\n    content: |\n"
    rest = _conversation(rng, seed) + _tools(rng) + (_output(rng) if rng.random() < 0.35 else "")
    head = (
        f"{_head(rng)}model: {rng.choice(_MODELS)}\n"
        f"params:\n  temperature: {rng.choice(['0.2', '0.70', '1.0'])}\n"
        f"  max_tokens: {rng.randrange(200, 2000)}\n"
    )
    opening = [
        "You answer for {{product_name}}, in a {{tone}} voice.",
        f"{{{{> {rng.choice(list(_PARTIALS))}@v1}}}}",
    ]
    if rng.random() < 0.2:
        opening.append("{{#vip}}This customer has a contract of their own.{{/vip}}")
    else:
        opening.append("Their contract flag is {{vip}}.")
    left = size - len(head) - len(tail) - len(rest) - 190
    return head + tail + _block([*opening, *words.prose(rng, seed, max(left, 60))], 6) + rest


def _variables(rng: random.Random) -> str:
    return (
        "variables:\n  type: object\n  required: [product_name, question]\n  properties:\n"
        f"    product_name: {{type: string, maxLength: {rng.randrange(40, 120)}}}\n"
        "    question:\n      type: string\n      description: What the customer wrote, word by word.\n"
        "    tone: {enum: [formal, warm], default: warm}\n"
        "    vip: {type: boolean, default: false}\n"
    )


def _conversation(rng: random.Random, seed: int) -> str:
    pool = words.sentences(seed)
    examples = "".join(
        f"      - user: {json.dumps(rng.choice(pool), ensure_ascii=False)}\n"
        f"        assistant: {json.dumps(rng.choice(pool), ensure_ascii=False)}\n"
        for _ in range(rng.randint(1, 2))
    )
    return (
        f"  - examples:\n{examples}  - placeholder: history\n    required: false\n"
        '  - role: user\n    content: "{{question}}"\n'
    )


def _tools(rng: random.Random) -> str:
    name = "_".join(rng.sample(words.invented(), 2))
    return (
        f"tools:\n  - {rng.choice(list(_TOOLS))}@v1\n  - name: {name}\n"
        f"    description: {words.description(rng, 'Looks up')[:90]}\n"
        "    parameters:\n      type: object\n      required: [title]\n      properties:\n"
        "        title: {type: string, maxLength: 120}\n        urgency: {enum: [low, high]}\n"
    )


def _output(rng: random.Random) -> str:
    return (
        "output_schema:\n  type: object\n  required: [reasoning, answer]\n  properties:\n"
        "    reasoning: {type: string}\n    answer: {type: string}\n"
        f"    confidence: {{type: number, minimum: 0, maximum: {rng.choice(['1', '1.0', '100'])}}}\n"
    )


def skill_name(index: int) -> str:
    """The folder and the name of the skill at ``index``."""
    return words.pair(index + 5_000_000, "-")


def skill(seed: int, index: int, *, revision: int = 0, alone: bool = False) -> list[File]:
    """The files of one skill, 2 to 10 KB together; another ``revision`` has another body.

    ``alone``: only the SKILL.md, as one skill in four is anyway.
    """
    rng = random.Random(f"skill {seed} {index}")
    name = skill_name(index)
    size = rng.randint(2000, 9800)
    resources = [] if alone or index % 4 == 3 else _resources(rng, seed, size // 2)
    own = size - sum(len(file.data) for file in resources) - 400
    body = words.prose(rng, seed, own)
    if revision:
        body[0] = f"Revision {revision} says it in other words."
    return [
        File(f"skills/{name}/{file.path}", file.data, file.executable)
        for file in (File("SKILL.md", _skill_text(rng, name, body, resources)), *resources)
    ]


def _skill_text(rng: random.Random, name: str, body: list[str], resources: list[File]) -> bytes:
    links = "".join(f"- [{file.path}]({file.path})\n" for file in resources)
    steps = "\n".join(f"{i + 1}. {line}" for i, line in enumerate(body))
    extra = "allowed-tools: Read Grep\n" if rng.random() < 0.5 else ""
    return (
        f"---\nname: {name}\ndescription: {json.dumps(words.description(rng, 'Handles'))}\n"
        f"license: Apache-2.0\n{extra}metadata:\n  owner: team-{rng.randrange(TEAMS):02d}\n"
        f'  version: "1.{rng.randrange(9)}"\n---\n# {name.replace("-", " ").title()}\n\n{steps}\n\n{links}'
    ).encode()


def _resources(rng: random.Random, seed: int, size: int) -> list[File]:
    guide = "# Guide\n\n" + "\n".join(words.prose(rng, seed, size)) + "\n"
    files = [File("references/guide.md", guide.encode())]
    if rng.random() < 0.6:
        script = '#!/bin/sh\nset -eu\nfor name in "$@"; do\n  printf \'%s\\n\' "$name"\ndone\n'
        files.append(File("scripts/list.sh", script.encode(), executable=True))
    return files


def registry(count: int) -> File:
    """``registry.yaml`` for the first ``count`` prompts: production for all, a canary where there is a v2."""
    labels = {}
    for index in range(count):
        name, version = prompt_name(index)
        labels[name] = "  production: v1\n" + ("  canary: {v1: 95, v2: 5}\n" if version == "v2" else "")
    text = "".join(f"{name}:\n{labels[name]}" for name in sorted(labels))
    return File("prompts/registry.yaml", text.encode())
