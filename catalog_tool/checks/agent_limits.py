"""What agents show of skills in every request. One dated table: these move between agent releases."""

from __future__ import annotations

AS_OF = "2026-11-01"
"""When these figures were last compared with the agents' documentation."""
LISTING_ENTRY_CHARS = 1536
"""Code points of description plus ``when_to_use`` that one skill may show."""
LISTING_BUDGET_FRACTION = 0.01
"""Share of the context window that the whole list may take."""
CONTEXT_TOKENS = 200_000
"""Context window that the budget is counted for, in tokens."""
CHARACTERS_A_TOKEN = 4
"""How the budget in tokens becomes characters."""
SETTINGS_FILE = ".claude/settings.json"
BUDGET_SETTING = "skillListingBudgetFraction"
ENTRY_SETTINGS = ("maxSkillDescriptionChars", "skillListingMaxDescChars")
"""Names under which releases read the limit of one entry."""
