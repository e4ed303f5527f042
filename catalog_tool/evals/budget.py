"""How much an evaluation may take. Asked before every request, so that a limit is kept, not noticed."""

from __future__ import annotations

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


class Budget:
    """Counts what is spent and what is on its way; safe to share between threads.

    A request is reserved with an estimate, which the server's own count replaces. The limit on requests is
    exact; tokens and cost can go over by what the requests on their way were underestimated by.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._requests = 0
        self._tokens = 0
        self._cost = 0.0
        self.spent: str | None = None

    @property
    def requests(self) -> int:
        """Requests sent."""
        return self._requests

    def reserve(self, estimate: Estimate) -> None:
        """Take what a request may need. Raises ``BudgetSpentError`` where a limit forbids it; stays so then."""
        with self._lock:
            self.spent = self.spent or self._exceeded(estimate)
            if self.spent:
                raise BudgetSpentError(self.spent)
            self._requests += 1
            self._tokens += estimate.total
            self._cost += estimate.cost_usd

    def settle(self, estimate: Estimate, tokens: Tokens | None) -> None:
        """Put what the server counted in the estimate's place; None: it counted nothing, the estimate stays."""
        if tokens is None:
            return
        counted = Estimate(tokens=tokens, price=estimate.price)
        with self._lock:
            self._tokens += counted.total - estimate.total
            self._cost += counted.cost_usd - estimate.cost_usd

    def release(self, estimate: Estimate) -> None:
        """The request came back without an answer: it counts as a request, and took no tokens."""
        self.settle(estimate, Tokens(input=0, output=0))

    def _exceeded(self, estimate: Estimate) -> str | None:
        limits = self._limits
        if limits.requests is not None and self._requests + 1 > limits.requests:
            return f"--max-requests {limits.requests} is reached"
        if limits.tokens is not None and self._tokens + estimate.total > limits.tokens:
            return f"--max-tokens {limits.tokens} would be exceeded"
        if limits.cost_usd is not None and self._cost + estimate.cost_usd > limits.cost_usd:
            return f"--max-cost {limits.cost_usd:g} would be exceeded"
        return None
