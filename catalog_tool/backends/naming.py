"""A prefix before every name on a target, so that several environments share one store."""

from __future__ import annotations


class Prefix:
    """Puts ``text`` before the names of prompts and skills, and takes it off again."""

    def __init__(self, text: str = "") -> None:
        self.text = text

    def on(self, address: str) -> str:
        """The address on the target."""
        if not self.text:
            return address
        kind, _, rest = address.partition("/")
        return f"{kind}/{self.text}{rest}"

    def off(self, address: str) -> str | None:
        """The catalog's address, or None for an object outside the prefix."""
        if not self.text:
            return address
        kind, _, rest = address.partition("/")
        return f"{kind}/{rest[len(self.text) :]}" if self._has(rest) else None

    def name_on(self, name: str) -> str:
        """A name on the target."""
        return self.text + name

    def name_off(self, name: str) -> str | None:
        """The catalog's name, or None for one outside the prefix."""
        return name[len(self.text) :] if self._has(name) else None

    def _has(self, name: str) -> bool:
        return len(name) > len(self.text) and name.startswith(self.text)
