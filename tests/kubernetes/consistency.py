"""What schemas can't see: whether manifests agree with each other and with the code."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Manifest = dict[str, Any]


def by_kind(manifests: list[Manifest]) -> dict[str, Manifest]:
    return {manifest["kind"]: manifest for manifest in manifests}


def pod_of(manifest: Manifest) -> Manifest:
    """The pod's specification in a kind that has containers."""
    spec: Manifest = manifest["spec"]
    return spec["template"]["spec"] if manifest["kind"] == "Deployment" else spec


def disagreements(manifests: list[Manifest], root: Path) -> Iterator[str]:
    """Of the rendered manifests of an overlay."""
    kinds = by_kind(manifests)
    for manifest in manifests:
        if manifest["kind"] in ("Deployment", "ServingRuntime"):
            yield from _container(manifest, root)
    if deployment := kinds.get("Deployment"):
        yield from _selectors(kinds, deployment)
        yield from _ending(deployment, root)


def _container(manifest: Manifest, root: Path) -> Iterator[str]:
    pod = pod_of(manifest)
    (container,) = pod["containers"]
    security = pod.get("securityContext", {}) | container["securityContext"]
    wanted = {
        "runAsNonRoot": True,
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    for name, value in wanted.items():
        if security.get(name) != value:
            yield f"{manifest['kind']}: {name} is {security.get(name)}"
    version = re.search(r'^version = "(.+)"$', (root / "Cargo.toml").read_text(), re.MULTILINE)
    tag = container["image"].rpartition(":")[2]
    if version is None or tag.partition("-")[0] != version[1]:
        yield f"{manifest['kind']}: the image has the tag {tag}"
    known = variables(root)
    yield from (
        f"{manifest['kind']}: the server knows no {variable['name']}"
        for variable in container.get("env", [])
        if variable["name"] not in known
    )
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        port = container[probe]["httpGet"]["port"]
        # KServe's kind names a port of its own for requests alone.
        if port not in ports and port not in (8080, 8081):
            yield f"{manifest['kind']}: {probe} asks at a port {port}"


def _selectors(kinds: dict[str, Manifest], deployment: Manifest) -> Iterator[str]:
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    service = kinds["Service"]
    selectors = {
        "Deployment": deployment["spec"]["selector"]["matchLabels"],
        "Service": service["spec"]["selector"],
        "PodDisruptionBudget": kinds["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        "NetworkPolicy": kinds["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    }
    for kind, selector in selectors.items():
        if not selector.items() <= labels.items():
            yield f"{kind} selects {selector} and not the pods with {labels}"
    monitor = kinds["ServiceMonitor"]["spec"]
    if not monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items():
        yield "the ServiceMonitor does not select the Service"
    served = {port["name"] for port in service["spec"]["ports"]}
    if not {endpoint["port"] for endpoint in monitor["endpoints"]} <= served:
        yield f"the ServiceMonitor asks at a port that the Service has not: {served}"
    target = kinds["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    if (target["kind"], target["name"]) != ("Deployment", deployment["metadata"]["name"]):
        yield f"the autoscaler scales {target}"
    containers = {port["name"] for port in deployment["spec"]["template"]["spec"]["containers"][0]["ports"]}
    policy = kinds["NetworkPolicy"]["spec"]["ingress"]
    if not {port["port"] for rule in policy for port in rule["ports"]} <= containers:
        yield "the NetworkPolicy names a port that the pods have not"


def _ending(deployment: Manifest, root: Path) -> Iterator[str]:
    pod = deployment["spec"]["template"]["spec"]
    needed = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    needed += (default(root, "CMAL_GRACE_MS") + default(root, "CMAL_DRAIN_MS")) / 1000
    if needed >= pod["terminationGracePeriodSeconds"]:
        yield f"a pod may need {needed} s to end and has {pod['terminationGracePeriodSeconds']} s"


def variables(root: Path) -> set[str]:
    """Every variable of the environment that the command line reads."""
    sources = (root / "src/cli").rglob("*.rs")
    return {name for source in sources for name in re.findall(r'env = "(CMAL_\w+)"', source.read_text())}


def default(root: Path, variable: str) -> int:
    """The default of an option, as its help tells it."""
    text = (root / "src/cli/serve/args.rs").read_text()
    found = re.search(rf'\[default: (\d+)\]\n\s*#\[arg\(long, env = "{variable}"', text)
    if found is None:
        raise SystemExit(f"no default of {variable} in src/cli/serve/args.rs")
    return int(found[1])
