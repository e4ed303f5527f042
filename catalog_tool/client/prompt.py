"""What ``get`` returns: one prompt version, verified, that nobody can change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, NoReturn

from catalog_tool import semconv
from catalog_tool.client import deferred

if TYPE_CHECKING:
    from catalog_tool.client.observe import Call, Recorder
    from catalog_tool.client.samples import Samples
    from catalog_tool.template import CompiledPrompt


class Origin(NamedTuple):
    """Where a prompt comes from: the id it has, and the label, bundle and generation it came with."""

    name: str
    label: str | None = None
    bundle: str | None = None
    generation: int | None = None
    is_fallback: bool = False


class Surroundings(NamedTuple):
    """What a prompt needs of its client to be observed and sampled."""

    recorder: Recorder | Literal["auto"] | None = None
    samples: Samples | None = None


class Prompt:
    """One immutable prompt version.

    ``messages``, ``params``, ``tools``, ``model``, ``variables`` and ``output_schema`` are fresh values
    at each access: change them as you like, the prompt stays what its digest says. Maps called
    ``properties`` come in the order their author wrote, because models write fields in that order.
    """

    __slots__ = ("__weakref__", "_around", "_compiled", "_digest", "_origin", "_parts", "_version")

    _version: str
    _digest: str
    _parts: Mapping[str, bytes]
    _origin: Origin
    _around: Surroundings
    _compiled: CompiledPrompt | None

    def __init__(
        self, version: str, digest: str, parts: Mapping[str, bytes], origin: Origin, around: Surroundings
    ) -> None:
        values = (version, digest, parts, origin, around, None)
        for name, value in zip(
            ("_version", "_digest", "_parts", "_origin", "_around", "_compiled"), values, strict=True
        ):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a prompt is immutable: {name} cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a prompt is immutable: {name} cannot be deleted")

    def __repr__(self) -> str:
        label = f" label={self.label}" if self.label else ""
        return f"<Prompt {self.id}@{self.version_id}{label}>"

    def _part(self, name: str) -> Any:
        from json import loads  # not before a prompt is there: the client's import stays light

        return loads(self._parts[name])

    @property
    def id(self) -> str:
        """The prompt id."""
        return self._origin.name

    @property
    def version(self) -> str:
        """``v2``; ``fallback`` for the caller's own fallback."""
        return self._version

    @property
    def digest(self) -> str:
        """``sha256:`` + 64 hex, recomputed from what was served."""
        return self._digest

    @property
    def version_id(self) -> str:
        """``v2-3f9a1c0b77de``: what traces and metrics carry."""
        return f"{self._version}-{self._digest[7:19]}"

    @property
    def label(self) -> str | None:
        """The label that won; None where a version was asked for."""
        return self._origin.label

    @property
    def bundle(self) -> str | None:
        """The digest of the bundle it was read from, where the source says so."""
        return self._origin.bundle

    @property
    def generation(self) -> int | None:
        """The generation of the prompt's labels when it was read, where the store counts them."""
        return self._origin.generation

    @property
    def is_fallback(self) -> bool:
        """Whether this is the caller's own fallback."""
        return self._origin.is_fallback

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages before rendering."""
        found: list[dict[str, Any]] = self._part("messages")
        return found

    @property
    def model(self) -> dict[str, Any]:
        """``{"provider", "name"}``, as far as written."""
        found: dict[str, Any] = self._part("model")
        return found

    @property
    def params(self) -> dict[str, Any]:
        """Temperature and the like, as far as written."""
        found: dict[str, Any] = self._part("params")
        return found

    @property
    def tools(self) -> list[dict[str, Any]]:
        """The tools; one that has only a name is the application's own."""
        found: list[dict[str, Any]] = self._part("tools")
        return found

    @property
    def output_schema(self) -> dict[str, Any]:
        """The JSON Schema of the output; empty for none."""
        found: dict[str, Any] = self._part("output_schema")
        return found

    @property
    def variables(self) -> dict[str, Any]:
        """The JSON Schema of the variables."""
        found: dict[str, Any] = self._part("variables")
        return found

    @property
    def template(self) -> str:
        """The engine: mustache, none or jinja."""
        found: str = self._part("template")
        return found

    def render(self, /, *, strict: bool = False, **vars: Any) -> list[dict[str, Any]]:  # noqa: A002 - the contract's word
        """The messages that a model gets; variables and placeholders by name.

        ``strict`` refuses variables that the prompt does not declare. Raises a ``RenderError``: all
        missing names at once (``MissingVariableError``), unknown ones, values that are no text.
        """
        return self.render_with(vars, strict=strict)

    def render_with(self, values: Mapping[str, Any], /, *, strict: bool = False) -> list[dict[str, Any]]:
        """``render`` for names that are no Python names, or that are called ``strict``."""
        compiled = self._compiled
        if compiled is None:
            # Two threads may both get here once; they make the same thing.
            compiled = deferred.compiled({name: self._part(name) for name in ("messages", "template", "variables")})
            object.__setattr__(self, "_compiled", compiled)
        return compiled.render(*compiled.split(values), strict=strict)

    def trace_attributes(self) -> dict[str, str]:
        """What a span carries (``semconv``): name, version, version id, digest, label, bundle."""
        found = {
            semconv.PROMPT_NAME: self.id,
            semconv.PROMPT_VERSION: self.version,
            semconv.PROMPT_VERSION_ID: self.version_id,
            semconv.PROMPT_DIGEST: self.digest,
            semconv.PROMPT_LABEL: self.label,
            semconv.BUNDLE_DIGEST: self.bundle,
        }
        return {name: value for name, value in found.items() if value is not None}

    def trace_metadata(self, vars: Mapping[str, Any] | None = None) -> dict[str, Any]:  # noqa: A002 - the contract's word
        """The same as a plain dictionary for any tracer, with the variables if they are given.

        Values are text, numbers and the like as they are, anything else as its type's name: a tracer
        must not keep a user's objects alive, nor fail over them.
        """
        found: dict[str, Any] = dict(self.trace_attributes())
        if vars is not None:
            plain = (str, int, float, bool, type(None))
            found["variables"] = {
                name: value if isinstance(value, plain) else f"<{type(value).__name__}>" for name, value in vars.items()
            }
        return found

    def observe(self, *, model: str = "", exemplar: Mapping[str, str] | None = None) -> Call:
        """``with prompt.observe(model="gpt-4o") as call:`` measures one call of a model (``observe.Call``).

        ``exemplar``: user, session or request, kept beside the numbers and never as a metric's label.
        """
        from catalog_tool.client.observe import Call  # with the first call that is observed, not before

        return Call(self, model or self.model.get("name", ""), self._around, dict(exemplar or {}))
