"""Random prompts as plain values: what a version's file says, before it is written down."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

CHARACTERS = st.sampled_from("abcXYZ 019.,:;-#'\"\\|>&*!?%@`~[]()<\t\n\n\ré日\u0301\u2028\x85\U0001f600$")
TEXTS = st.text(CHARACTERS, max_size=24)
NAMES = st.sampled_from(["product", "question", "tone", "user_name", "x-y", "B"])
NUMBERS = (
    st.integers(-1000, 1000)
    | st.sampled_from([0.1, 0.25, 0.30000000000000004, -1.5, 1e-7, 123456.789, 2**53 - 1, 1e22])
    | st.floats(-1e6, 1e6, allow_nan=False).filter(lambda number: not number.is_integer())
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
PROPERTIES = st.sampled_from(["answer", "reasoning", "default", "properties", "é", "\U0001f600", "\uff01", "9"])


def filled_in(names: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Texts with tags; no brace stands next to one."""
    tag = names.map(lambda name: "{{" + name + "}}")
    return st.lists(TEXTS | tag, min_size=1, max_size=5).map("".join)


def schemas() -> st.SearchStrategy[Any]:
    """JSON Schemas whose written order may be meaning, with values that are no schemas inside."""
    leaf = st.fixed_dictionaries(
        {"type": st.just("string")}, optional={"description": TEXTS, "x-ui": SCALARS, "const": SCALARS}
    )
    return st.recursive(
        leaf,
        lambda inner: st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.dictionaries(PROPERTIES, inner, max_size=3)},
            optional={
                "description": TEXTS,
                "maxProperties": st.integers(0, 9),
                "examples": st.lists(SCALARS, max_size=2),
            },
        ),
        max_leaves=4,
    )


def as_objects(schemas: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The schema of an object with these."""
    return schemas.map(lambda schema: {"type": "object", "properties": {"b": schema, "a": {"type": "string"}}})


TOOLS = st.lists(
    st.one_of(
        st.sampled_from(["search_kb@v1", "create_ticket"]),
        st.fixed_dictionaries(
            {"name": st.sampled_from(["lookup", "send"]), "parameters": as_objects(schemas())},
            optional={"description": TEXTS, "strict": st.booleans(), "dispatch": st.just("dynamic")},
        ),
    ),
    max_size=3,
    unique_by=lambda tool: tool if isinstance(tool, str) else tool["name"],
)
PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.floats(0, 2) | st.integers(0, 2),
        "top_p": st.floats(0, 1),
        "max_tokens": st.integers(1, 9000),
        "stop": st.lists(TEXTS, max_size=2),
        "seed": st.integers(-(2**53) + 1, 2**53 - 1),
        "vendor": st.dictionaries(st.sampled_from(["a", "b", "é"]), NUMBERS | TEXTS, max_size=2),
    },
)
META = st.fixed_dictionaries(
    {},
    optional={
        "description": TEXTS,
        "owners": st.lists(st.sampled_from(["@a", "b@c"]), max_size=1),
        "tags": st.lists(st.sampled_from(["x", "y"]), unique=True),
        "x-team": TEXTS,
    },
)
MODELS = st.sampled_from(["gpt-4o", "claude"]).flatmap(
    lambda name: st.sampled_from([{"name": name}, {"name": name, "provider": "p"}])
)


def messages() -> st.SearchStrategy[list[dict[str, Any]]]:
    """Messages of every kind, the system's first."""
    texts = filled_in(NAMES)
    message = st.one_of(
        st.fixed_dictionaries({"role": st.sampled_from(["user", "developer"]), "content": texts}),
        st.fixed_dictionaries(
            {"role": st.just("user"), "content": texts.map(lambda text: [{"type": "text", "text": text}])}
        ),
        st.fixed_dictionaries(
            {"examples": st.lists(st.fixed_dictionaries({"user": texts, "assistant": texts}), min_size=1, max_size=2)}
        ),
        st.fixed_dictionaries({"placeholder": st.just("history"), "required": st.booleans()}),
    )
    system = texts.map(lambda text: {"role": "system", "content": text})
    rest = st.lists(message, max_size=3).filter(lambda found: sum("placeholder" in one for one in found) < 2)
    return st.tuples(system, rest).map(lambda found: [found[0], *found[1]])


def prompts() -> st.SearchStrategy[dict[str, Any]]:
    """The full form, with everything written out, of a prompt whose variables are inferred."""
    return st.builds(
        lambda meta, **parts: {**meta, **parts},
        META,
        messages=messages(),
        model=MODELS,
        params=PARAMS,
        template=st.just("mustache"),
        tools=TOOLS,
        output_schema=st.just({}) | as_objects(schemas()),
    )
