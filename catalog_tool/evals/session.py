"""From the options of a run to those who are asked: endpoints, keys, caches, budgets, prices."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import httpx

from catalog_tool.errors import UsageError
from catalog_tool.evals.budget import Budget, Limits
from catalog_tool.evals.cache import ResponseCache
from catalog_tool.evals.courier import Courier, Pause
from catalog_tool.evals.endpoint import KEY_VARIABLE, SHORT_NAMES, Endpoint, endpoint_at, key_lacking
from catalog_tool.evals.golden import GoldenSet
from catalog_tool.evals.judge import ModelJudge
from catalog_tool.evals.model_client import EmbeddingClient, Line, ModelClient, Tally
from catalog_tool.evals.prices import PriceList, known_prices, prices_from
from catalog_tool.evals.protocols import PROTOCOLS, protocol_for
from catalog_tool.evals.runner import Asking, needed
from catalog_tool.evals.scorers import EMBEDDING, JUDGE
from catalog_tool.evals.workers import Progress
from catalog_tool.model.prompt import PromptVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a run is to be made. Addresses are as typed; ``key_variable`` names the variable with the key.

    ``policy`` is the digest of the labels' policies, for the record.
    """

    endpoint: str | None = None
    protocol: str | None = None
    model: str | None = None
    key_variable: str | None = None
    judge_endpoint: str | None = None
    judge_model: str | None = None
    judge_form: str = "json"
    judge_key_variable: str | None = None
    votes: int = 1
    embedding_endpoint: str | None = None
    embedding_model: str | None = None
    cache: Path | None = None
    repetitions: int = 1
    stream: bool = False
    threads: int = 4
    deadline_seconds: float = 120.0
    limits: Limits = field(default_factory=Limits)
    prices: Path | None = None
    policy: str | None = None


class Session(AbstractContextManager["Session"]):
    """Everything that the runs of one command share; closes its connections at the end.

    Nothing is sent before a run begins. Raises ``UsageError`` for options that cannot be used.
    """

    def __init__(self, options: Options, environment: Mapping[str, str], pause: Pause | None = None) -> None:
        self._options = options
        self._environment = environment
        self._pause = pause or (lambda seconds: threading.Event().wait(seconds))
        self._prices = prices_from(options.prices) if options.prices else known_prices()
        self._cache = ResponseCache(options.cache) if options.cache else None
        self.budget = Budget(options.limits)
        self._http = httpx.Client(follow_redirects=False, limits=httpx.Limits(max_connections=options.threads + 1))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    @property
    def prices(self) -> PriceList:
        """The prices that hold for this run."""
        return self._prices

    def asking(self, version: PromptVersion, golden: GoldenSet, progress: Progress | None = None) -> Asking:
        """Whom to ask about a version. Raises ``UsageError`` where a name, a key or a price is missing."""
        options = self._options
        if options.endpoint is None and options.cache is None:
            hint = "name a server with --endpoint, or a folder of answers with --cache; --level0 needs neither"
            raise UsageError("there is nobody to ask", hint=hint)
        model = version.decoded().get("model", {})
        name = options.model or model.get("name")
        if not name:
            raise UsageError(f"{version.id}@{version.version} names no model", hint="name one with --model")
        self._check_price(name)
        tally, judges = Tally(), Tally()
        word = self._protocol(options.endpoint, options.protocol, model.get("provider"))
        line = self._line(options.endpoint, options.key_variable, name, tally)
        return Asking(
            client=ModelClient(line, PROTOCOLS[word], stream=options.stream),
            model=name,
            budget=self.budget,
            tally=tally,
            judges=judges,
            price=self._prices.of(name),
            judge=self.judge(golden, judges),
            embedding=self.embedding(golden, judges),
            repetitions=options.repetitions,
            threads=options.threads,
            progress=progress,
            policy=options.policy,
        )

    def judge(self, golden: GoldenSet, tally: Tally | None = None) -> ModelJudge | None:
        """Who judges, None where nobody is named and nothing needs one. Raises ``UsageError``."""
        options = self._options
        name = options.judge_model
        if name is None:
            _refuse_missing(golden, JUDGE, "a judge", "--judge-model")
            return None
        self._check_price(name)
        address = options.judge_endpoint or options.endpoint
        written = None if options.judge_endpoint else options.protocol
        word = self._protocol(address, written, None)
        variable = options.judge_key_variable or (None if options.judge_endpoint else options.key_variable)
        line = self._line(address, variable, name, tally or Tally())
        client = ModelClient(line, PROTOCOLS[word])
        return ModelJudge(client=client, model=name, form=options.judge_form, usual_votes=options.votes)

    def embedding(self, golden: GoldenSet, tally: Tally | None = None) -> EmbeddingClient | None:
        """Who measures similarity, None as for ``judge``. Raises ``UsageError``."""
        options = self._options
        name = options.embedding_model
        if name is None:
            _refuse_missing(golden, EMBEDDING, "an embedding model", "--embedding-model")
            return None
        self._check_price(name)
        variable = None if options.embedding_endpoint else options.key_variable
        line = self._line(options.embedding_endpoint or options.endpoint, variable, name, tally or Tally())
        return EmbeddingClient(line=line, model=name)

    def _line(self, address: str | None, variable: str | None, model: str, tally: Tally) -> Line:
        """Raises ``UsageError`` where nobody would answer without a key, and no cache may."""
        endpoint = endpoint_at(address, self._environment, variable) if address is not None else None
        lacking = key_lacking(endpoint) if endpoint is not None else "no endpoint is given"
        if lacking is not None and self._cache is None:
            raise UsageError(lacking, hint=f"set it, or {KEY_VARIABLE}, or name another one with --api-key-env")
        courier = self._courier(endpoint) if endpoint is not None and lacking is None else None
        price = self._prices.of(model)
        return Line(courier=courier, cache=self._cache, tally=tally, price=price, nobody=lacking or "")

    def _courier(self, endpoint: Endpoint) -> Courier:
        return Courier(
            http=self._http,
            endpoint=endpoint,
            budget=self.budget,
            pause=self._pause,
            deadline_seconds=self._options.deadline_seconds,
        )

    @staticmethod
    def _protocol(address: str | None, written: str | None, provider: str | None) -> str:
        """As written, else by the address, else by the prompt's provider."""
        if written is not None:
            return written
        if address in ("anthropic", SHORT_NAMES["anthropic"]):
            return "anthropic"
        return "chat" if address in ("openai", SHORT_NAMES["openai"]) else protocol_for(provider)

    def _check_price(self, model: str) -> None:
        if self._options.limits.cost_usd is not None and self._prices.of(model) is None:
            hint = "give it with --prices FILE, or limit --max-requests and --max-tokens instead"
            raise UsageError(f"the price of {model} is unknown, so --max-cost cannot be kept", hint=hint)


def _refuse_missing(golden: GoldenSet, kind: str, what: str, option: str) -> None:
    asked = needed(golden, kind)
    if asked:
        types = ", ".join(sorted({item["type"] for item in asked}))
        raise UsageError(f"{len(asked)} expectations ({types}) need {what}", hint=f"name it with {option}")
