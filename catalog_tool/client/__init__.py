"""The runtime client: prompts at the moment of use (design §9, ``docs/client.md``).

    from catalog_tool.client import PromptClient

    client = PromptClient("https://catalog.internal")
    messages = client.get("support_agent").render(product_name="Acme")

Importing this loads little more than the standard library's threads; hashing, JSON, templates and the
source's own driver come with the first ``get``.
"""

from __future__ import annotations

from catalog_tool.client.aio import AsyncPromptClient
from catalog_tool.client.client import PromptClient
from catalog_tool.client.errors import (
    AccessRefusedError,
    BadAnswerError,
    ClientError,
    ClosedClientError,
    OlderAnswerError,
    PromptNotFoundError,
    RequestRefusedError,
    SourceUnavailableError,
    StalePromptError,
)
from catalog_tool.client.prompt import Prompt
from catalog_tool.client.status import PromptStatus, Status
from catalog_tool.client.tuning import Tuning

__all__ = [
    "AccessRefusedError",
    "AsyncPromptClient",
    "BadAnswerError",
    "ClientError",
    "ClosedClientError",
    "OlderAnswerError",
    "Prompt",
    "PromptClient",
    "PromptNotFoundError",
    "PromptStatus",
    "RequestRefusedError",
    "SourceUnavailableError",
    "StalePromptError",
    "Status",
    "Tuning",
]
