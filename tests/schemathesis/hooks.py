"""What schemathesis is told about the contract and about its own findings."""

import os
from collections.abc import Iterator
from typing import Any

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData, Failure


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a JSON value, from the outside in."""
    if isinstance(value, dict):
        yield value
    for below in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(below)


@schemathesis.hook
def before_load_schema(context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    for schema in objects(raw_schema):
        # JSON Schema notes the encoding, and schemathesis makes strings of it only by OpenAPI's older name.
        if schema.get("contentEncoding") == "base64":
            schema["format"] = "byte"
    if "CMAL_FUZZ_KEYED" in os.environ:
        # The contract lets the key be left out, for servers that have none; this one has some.
        for operations in raw_schema["paths"].values():
            for operation in operations.values():
                if "security" in operation:
                    operation["security"] = [way for way in operation["security"] if way]


@schemathesis.hook
def filter_failure(
    context: schemathesis.HookContext, failure: Failure, case: schemathesis.Case, response: schemathesis.Response
) -> bool:
    """Whether a finding is one; three kinds of request are taken for wrong that are none."""
    if not isinstance(failure, AcceptedNegativeData):
        return True
    # HTTP passes over headers that it doesn't know; the check forgets that if a number stands in another header.
    unknown_header = any(name.startswith("x-schemathesis-unknown") for name in case.headers or {})
    # A form has texts only: a number in the place of one is no mistake any more.
    form = case.media_type == "multipart/form-data"
    # A query that can't be answered is told so in the place of its answer.
    told = any("status" in result for result in _results(case, response))
    return not (unknown_header or form or told)


def _results(case: schemathesis.Case, response: schemathesis.Response) -> list[dict[str, Any]]:
    return response.json()["results"] if case.path == "/v1/query" and response.status_code == 200 else []
