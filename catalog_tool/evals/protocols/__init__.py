"""The protocols that models are asked by: a plain table, one module each."""

from __future__ import annotations

from catalog_tool.evals.protocols import anthropic_messages, openai_chat, openai_responses
from catalog_tool.evals.protocols.base import Protocol

PROTOCOLS: dict[str, Protocol] = {
    "chat": openai_chat.PROTOCOL,
    "responses": openai_responses.PROTOCOL,
    "anthropic": anthropic_messages.PROTOCOL,
}
"""By the word that ``--protocol`` takes."""


def protocol_for(provider: str | None) -> str:
    """The protocol that a prompt's ``model.provider`` speaks, where nobody says otherwise."""
    return "anthropic" if provider == "anthropic" else "chat"


__all__ = ["PROTOCOLS", "Protocol", "protocol_for"]
