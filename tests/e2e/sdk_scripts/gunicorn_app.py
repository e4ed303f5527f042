"""A web application that makes its client before gunicorn forks the workers."""

import json
import os
import sys

from catalog_tool.client import PromptClient

client = PromptClient(os.environ["CATALOG_TEST_SOURCE"], cache_dir=False, refresh_seconds=0.2)
client.get("support_agent")


def app(environ, start_response):  # noqa: ARG001
    """Which worker this is, and what its client has done."""
    prompt = client.get("support_agent")
    found = {"pid": os.getpid(), "parent": os.getppid(), "version": prompt.version, **client.counters()}
    body = json.dumps(found).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    sys.stdout.flush()
    return [body]
