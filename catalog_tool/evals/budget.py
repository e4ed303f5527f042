"""How much an evaluation may take. Asked before every request, so that a limit is kept, not noticed."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

from catalog_tool.evals.answer import Tokens
from catalog_tool.evals.prices import Price


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most requests (retries and judges included), tokens (in and out) and US dollars; None: no limit."""

    requests: int | None = None
    tokens: int | None = None
    cost_usd: float | None = None


class BudgetSpentError(Exception):
    """The next request would go beyond a limit; the text names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a request will take at most, as far as one can say before it is sent."""

    tokens: Tokens
    price: Price | None = None

    @property
    def total(self) -> int:
        """Tokens in and out."""
        return self.tokens.input + self.tokens.output

    @property
    def cost_usd(self) -> float:
        """0 where the price is unknown: a limit on cost is refused beforehand then."""
        return self.price.of(self.tokens) if self.price else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What a request was expected to take, and what was put aside for it."""

    expected: Tokens
    taken: Estimate


class Budget:
    """Counts what is spent and what is on its way; safe to share between threads.

    A request is reserved with an estimate, which the server's own count replaces. Estimates are raised by as
    much as the worst one so far was too low, because scripts and tokenisers differ fourfold. The limit on
    requests is exact; tokens and cost can go over by what the first requests were underestimated by.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._requests = 0
        self._counted = 0
        self._tokens = 0
        self._cost = 0.0
        self._too_low = (1.0, 1.0)
        self.spent: str | None = None

    @property
    def requests(self) -> int:
        """Requests sent."""
        return self._requests

    @property
    def uncounted(self) -> int:
        """Requests sent of which nobody said what they took: no answer in time, or one that cannot be used."""
        return self._requests - self._counted

    def reserve(self, expected: Estimate) -> Reservation:
        """Take what a request may need, and say how much that is, for ``settle`` and ``release``.

        Raises ``BudgetSpentError`` where a limit forbids it, and from then on.
        """
        with self._lock:
            estimate = self._raised(expected)
            self.spent = self.spent or self._exceeded(estimate)
            if self.spent:
                raise BudgetSpentError(self.spent)
            self._requests += 1
            self._tokens += estimate.total
            self._cost += estimate.cost_usd
            return Reservation(expected=expected.tokens, taken=estimate)

    def settle(self, reserved: Reservation, tokens: Tokens | None) -> None:
        """Put what the server counted in the estimate's place; None: it counted nothing, the estimate stays."""
        if tokens is None:
            return
        taken, expected = reserved.taken, reserved.expected
        counted = Estimate(tokens=tokens, price=taken.price)
        with self._lock:
            self._counted += 1
            self._tokens += counted.total - taken.total
            self._cost += counted.cost_usd - taken.cost_usd
            self._too_low = (
                max(self._too_low[0], tokens.input / max(expected.input, 1)),
                max(self._too_low[1], tokens.output / max(expected.output, 1)),
            )

    def release(self, reserved: Reservation) -> None:
        """The request came back without an answer: it counts as a request, and took no tokens."""
        self.settle(reserved, Tokens(input=0, output=0))

    def _raised(self, estimate: Estimate) -> Estimate:
        tokens = Tokens(
            input=math.ceil(estimate.tokens.input * self._too_low[0]),
            output=math.ceil(estimate.tokens.output * self._too_low[1]),
        )
        return Estimate(tokens=tokens, price=estimate.price)

    def _exceeded(self, estimate: Estimate) -> str | None:
        limits = self._limits
        if limits.requests is not None and self._requests + 1 > limits.requests:
            return f"--max-requests {limits.requests} is reached"
        if limits.tokens is not None and self._tokens + estimate.total > limits.tokens:
            return f"--max-tokens {limits.tokens} would be exceeded"
        if limits.cost_usd is not None and self._cost + estimate.cost_usd > limits.cost_usd:
            return f"--max-cost {limits.cost_usd:g} would be exceeded"
        return None
