"""Evidence as an in-toto statement with the ``test-result`` predicate, for signing by the usual tools.

The forms are in-toto's Statement v1 and Test Result v0.1. The subject is the prompt version by its digest,
so whoever verifies the signature knows which content was tested.
"""

from __future__ import annotations

from typing import Any

from catalog_tool.gate.evidence import FAIL, PASS, Evidence
from catalog_tool.gate.records import sealed

STATEMENT = "https://in-toto.io/Statement/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
PASSED, WARNED, FAILED = "PASSED", "WARNED", "FAILED"


def statement(evidence: Evidence) -> dict[str, Any]:
    """The unsigned statement.

    A failed case that counts makes it ``FAILED``; else a flaky one that failed, or one that was not decided,
    makes it ``WARNED``. An empty record passes nothing: ``WARNED``.
    """
    failed = [case.name for case in evidence.cases if case.outcome == FAIL and (case.critical or not case.flaky)]
    passed = [case.name for case in evidence.cases if case.outcome == PASS]
    told = {*failed, *passed}
    warned = [case.name for case in evidence.cases if case.name not in told]
    subject = evidence.prompt
    return {
        "_type": STATEMENT,
        "subject": [{"name": f"prompts/{subject.id}@{subject.version}", "digest": _sha256(subject.digest)}],
        "predicateType": TEST_RESULT,
        "predicate": {
            "result": FAILED if failed else WARNED if warned or not passed else PASSED,
            "configuration": _configuration(evidence),
            "passedTests": passed,
            "warnedTests": warned,
            "failedTests": failed,
        },
    }


def _configuration(evidence: Evidence) -> list[dict[str, Any]]:
    """What the tests were: the record itself, the dataset, the judge and the policy, each by its digest."""
    named = {
        "evidence": evidence.digest or sealed(evidence).digest,
        "dataset": evidence.dataset.digest,
        "judge": evidence.judge.digest,
        "policy": evidence.policy,
    }
    return [{"name": name, "digest": _sha256(digest)} for name, digest in named.items() if digest is not None]


def _sha256(digest: str) -> dict[str, str]:
    return {"sha256": digest.removeprefix("sha256:")}
