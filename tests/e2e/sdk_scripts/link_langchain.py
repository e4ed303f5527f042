"""A LangChain call with the prompt's config; read from a tracer inside it."""

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableLambda
from linked import VARIABLES, prompt, say

from catalog_tool.client.trace_links import langchain_config

runs = []


class Seen(BaseCallbackHandler):
    """Notes what every run is told."""

    def on_chain_start(self, serialized, inputs, *, metadata=None, tags=None, **kwargs):  # noqa: ARG002
        """Called by LangChain."""
        runs.append({"metadata": metadata, "tags": tags})


found = prompt()
chain = RunnableLambda(lambda x: x + 1) | RunnableLambda(lambda x: x * 2)
assert chain.invoke(1, config={**langchain_config(found, VARIABLES), "callbacks": [Seen()]}) == 4
say(version_id=found.version_id, runs=runs)
