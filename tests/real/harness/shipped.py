"""The files of `otel-collector/`: valid, and fit for each other."""

import re

import kubernetes_validate
import yaml

from .checks import check, confirm
from .otelcol import BINARY, CONSISTENT, SHIPPED
from .processes import HOME, run

CONFIGURATIONS = ("agent.yaml", "agent-to-sentry.yaml", "gateway-balancer.yaml", "gateway-sampler.yaml")
OTHERS = {"builder.yaml", "compose.yaml", "kustomization.yaml"}
SETTINGS = {
    "SENTRY_OTLP_ENDPOINT": "http://127.0.0.1:9/api/1/integration/otlp",
    "SENTRY_PUBLIC_KEY": "key",
    "OTEL_BACKEND_ENDPOINT": "http://127.0.0.1:9",
    "OTEL_GATEWAY_ENDPOINT": "127.0.0.1:9",
    "OTEL_GATEWAY_SAMPLERS": "{dns: {hostname: otel-sampler}}",
    # `validate` makes it.
    "OTEL_COLLECTOR_STORAGE": str(HOME / "collector" / "validated"),
}
# A mistake in each kind of thing that the collector is to judge.
MISTAKES = {
    "agent.yaml": "exporters::otlp_grpc/gateway::sending_queue::storage_of: file_storage",
    "agent-to-sentry.yaml": "processors::memory_limiter::limit_mib: much",
    "gateway-balancer.yaml": "exporters::load_balancing::routing_key: traceId",
    # Policies it looks at only when it starts.
    "gateway-sampler.yaml": "processors::tail_sampling::num_traces: many",
}
# Components that are there under another name.
MODULES = {
    "otlp": "otlpreceiver",
    "otlp_grpc": "otlpexporter",
    "otlp_http": "otlphttpexporter",
    "file_storage": "filestorage",
}


def shipped():
    there = {file.name for file in SHIPPED.glob("*.yaml")}
    check("no file is left out here", there, {*CONFIGURATIONS, *OTHERS})
    for name in CONFIGURATIONS:
        code, _, said = validate(name)
        confirm(f"the collector accepts {name}", code == 0, said)
        code, _, said = validate(name, f"--config=yaml:{MISTAKES[name]}")
        confirm(f"and would find a mistake in {name}", code != 0, "it accepted it")
    images = kubernetes() | compose()
    built = re.findall(r"v(\d+\.\d+\.\d+)", (SHIPPED / "build").read_text())
    check("images and builder are of one release", {one.split(":")[1] for one in images}, set(built))


def validate(name, *words):
    return run(BINARY, "validate", f"--config={SHIPPED / name}", *words, CONSISTENT, **SETTINGS)


def kubernetes():
    """The manifests, and that what they name is there; gives the images."""
    kustomization = yaml.safe_load((SHIPPED / "kustomization.yaml").read_text())
    listed = {f"kubernetes/{file.name}" for file in (SHIPPED / "kubernetes").glob("*.yaml")}
    check("the kustomization lists each manifest", set(kustomization["resources"]), listed)
    generated = {one["name"]: one["files"] for one in kustomization["configMapGenerator"]}
    images, services, used = set(), set(), set()
    for name in sorted(listed):
        for manifest in yaml.safe_load_all((SHIPPED / name).read_text()):
            what = f"{manifest['kind']} {manifest['metadata']['name']}"
            version = kubernetes_validate.latest_version()
            kubernetes_validate.validate(manifest, version, strict=True)
            print(f"  ok  Kubernetes {version} would take {what}")
            if manifest["kind"] == "Service":
                check(f"{what} is headless", manifest["spec"]["clusterIP"], "None")
                services.add(manifest["metadata"]["name"])
                continue
            pod = manifest["spec"]["template"]
            check(
                f"{what} selects its own pods",
                manifest["spec"]["selector"]["matchLabels"],
                pod["metadata"]["labels"],
            )
            volumes = {one["name"] for one in pod["spec"]["volumes"]}
            for container in pod["spec"]["containers"]:
                images.add(container["image"])
                mounts = {one["name"] for one in container["volumeMounts"]}
                check(f"{what} mounts its volumes", mounts, volumes)
                for one in container["env"]:
                    found = re.search(r"(?:///|hostname: )([a-z-]+)", one.get("value", ""))
                    if found:
                        used.add(found[1])
            maps = [one["configMap"]["name"] for one in pod["spec"]["volumes"] if "configMap" in one]
            files = [generated.get(one, ["config.yaml="])[0].partition("=")[2] for one in maps]
            confirm(f"{what} has the configuration {files}", set(files) <= set(CONFIGURATIONS), maps)
    check("the names that they call are services", used, services)
    return images


def compose():
    """The compose file: there is no engine here, so that it is read only; gives the images."""
    services = yaml.safe_load((SHIPPED / "compose.yaml").read_text())["services"]
    mounted, called = set(), set()
    names = set(services)
    for service in services.values():
        names |= set(service.get("networks", {}).get("default", {}).get("aliases", []))
        mounted |= {one.split(":")[0] for one in service["volumes"] if one.startswith("./")}
        for value in service["environment"].values():
            called |= set(re.findall(r"\b(otel-[a-z0-9-]+)", value))
    missing = [one for one in mounted if not (SHIPPED / one).exists()]
    check("what compose.yaml mounts is there", missing, [])
    check("the names that it calls are there", called - names, set())
    return {service["image"] for service in services.values()}
