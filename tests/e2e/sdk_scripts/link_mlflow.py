"""An MLflow trace, linked; it is read back from MLflow's own store (SQLite)."""

import tempfile

import mlflow
from linked import VARIABLES, prompt, say

from catalog_tool.client.trace_links import link_mlflow

mlflow.set_tracking_uri(f"sqlite:///{tempfile.mkdtemp()}/mlflow.db")
mlflow.set_experiment("offline")
found, other = prompt(), prompt("billing/summary")
link_mlflow(found)  # outside of a trace nothing happens
mlflow.genai.register_prompt("own", "Hi {{name}}")
with mlflow.start_span("answer"):
    link_mlflow(found, VARIABLES)
    mlflow.genai.load_prompt("prompts:/own/1")
    with mlflow.start_span("again"):
        link_mlflow(other)
        link_mlflow(found, VARIABLES)
mlflow.flush_trace_async_logging()
trace = mlflow.get_trace(mlflow.get_last_active_trace_id())
say(
    version_id=found.version_id,
    other_id=other.version_id,
    tags=dict(trace.info.tags),
    attributes=dict(trace.data.spans[0].attributes),
)
