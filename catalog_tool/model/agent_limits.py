"""What agents show of skills in every request. One dated table: these move between agent releases."""

from __future__ import annotations

from collections.abc import Mapping

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


class ListingLimits:
    """The listing limits that hold here: the agent's own, or what ``.claude/settings.json`` sets."""

    def __init__(self, settings: Mapping[str, object]) -> None:
        fraction = settings.get(BUDGET_SETTING)
        number = isinstance(fraction, int | float) and not isinstance(fraction, bool)
        self.fraction = LISTING_BUDGET_FRACTION
        self.fraction_set = False
        if number and isinstance(fraction, int | float) and 0 < fraction <= 1:
            self.fraction, self.fraction_set = float(fraction), True
        self.entry_setting, self.entry_chars = "", LISTING_ENTRY_CHARS
        for name in ENTRY_SETTINGS:
            value = settings.get(name)
            if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                self.entry_setting, self.entry_chars = name, value
        self.budget_chars = round(self.fraction * CONTEXT_TOKENS * CHARACTERS_A_TOKEN)

        self.refused = self._refused(settings)

    def _refused(self, settings: Mapping[str, object]) -> list[str]:
        """What is set and says no limit, as a clause on each."""
        refused = []
        if BUDGET_SETTING in settings and not self.fraction_set:
            refused.append(f"`{BUDGET_SETTING}` is no number above 0 and at most 1")
        entry = [name for name in ENTRY_SETTINGS if name in settings]
        if entry and not self.entry_setting:
            refused.append(f"`{entry[0]}` is no whole number above 0")
        return refused

    def source(self) -> str:
        """Where the budget comes from, for a message."""
        if self.fraction_set:
            return f"{BUDGET_SETTING} in {SETTINGS_FILE}"
        return f"{LISTING_BUDGET_FRACTION:.0%} of {CONTEXT_TOKENS:,} tokens, as of {AS_OF}"
