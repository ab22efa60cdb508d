"""Whether a manifest is one of its kind, by what the projects behind the kinds publish as packages."""

import importlib
import importlib.util
import sys
import types
from typing import Any

import kubernetes_validate
from cloudcoil.models.prometheus_operator import v1 as operator
from kubernetes.client import ApiClient, models

Manifest = dict[str, Any]

# From the first version that has what the manifests use, `preStop.sleep`, to the newest that the package knows.
VERSIONS = tuple(f"1.{minor}" for minor in range(30, 38))


def complaints(manifest: Manifest) -> list[str]:
    """What is wrong with a manifest, by the schema of its kind."""
    kind = manifest["kind"]
    if manifest["apiVersion"].startswith("serving.kserve.io/"):
        return _kserve(manifest)
    if manifest["apiVersion"].startswith("monitoring.coreos.com/"):
        model = getattr(operator, kind)
        try:
            understood = model.model_validate(manifest)
        except ValueError as error:
            return [str(error)]
        return _lost(manifest, understood.model_dump(mode="json", by_alias=True, exclude_unset=True))
    return [said for version in VERSIONS for said in _kubernetes(manifest, version)]


def _kubernetes(manifest: Manifest, version: str) -> list[str]:
    try:
        kubernetes_validate.validate(manifest, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        place = ".".join(str(step) for step in error.path)
        return [f"Kubernetes {version}: {place}: {error.message}"]
    return []


def _kserve(manifest: Manifest) -> list[str]:
    version = manifest["apiVersion"].rpartition("/")[2].capitalize()
    _load_kserve_models()
    client = ApiClient()
    try:
        understood = client._ApiClient__deserialize(manifest, f"{version}{manifest['kind']}")
    except (ValueError, AttributeError) as error:
        return [str(error)]
    return _lost(manifest, client.sanitize_for_serialization(understood))


def _load_kserve_models() -> None:
    """Makes KServe's models known to the client that reads them, without what the package itself would import."""
    if "kserve" in sys.modules:
        return
    spec = importlib.util.find_spec("kserve")
    if spec is None or spec.submodule_search_locations is None:
        raise SystemExit("the package kserve is missing: use run.sh")
    package = types.ModuleType("kserve")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["kserve"] = package
    for name, model in vars(importlib.import_module("kserve.models")).items():
        if isinstance(model, type) and not hasattr(models, name):
            setattr(models, name, model)


def _lost(given: Any, understood: Any, place: str = "") -> list[str]:
    """What a model did not take over: models leave unknown fields out without a word."""
    if isinstance(given, dict) and isinstance(understood, dict):
        return [
            said
            for key, value in given.items()
            for said in (
                _lost(value, understood[key], f"{place}.{key}") if key in understood else [f"{place}.{key} is unknown"]
            )
        ]
    if isinstance(given, list) and isinstance(understood, list) and len(given) == len(understood):
        pairs = enumerate(zip(given, understood, strict=True))
        return [said for index, (one, other) in pairs for said in _lost(one, other, f"{place}[{index}]")]
    return [] if given == understood else [f"{place} is {given!r} and was understood as {understood!r}"]
