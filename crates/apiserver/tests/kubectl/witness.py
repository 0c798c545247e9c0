"""The Python client as a witness: what it writes it reads, lists, watches, patches and deletes."""

import threading

from kubernetes import client, config, watch
from kubernetes.client.rest import ApiException

config.load_kube_config()
core = client.CoreV1Api()
apps = client.AppsV1Api()

assert client.VersionApi().get_code().minor == "37"

# Events arrive in order, each once, from the revision of the list on.
seen = []
revision = core.list_namespaced_config_map("default").metadata.resource_version


def follow():
    for event in watch.Watch().stream(
        core.list_namespaced_config_map, "default", resource_version=revision, timeout_seconds=20
    ):
        seen.append((event["type"], event["object"].metadata.name, event["object"].data))
        if event["type"] == "DELETED":
            return


thread = threading.Thread(target=follow)
thread.start()
body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="one", labels={"a": "b"}), data={"n": "1"})
created = core.create_namespaced_config_map("default", body)
assert created.metadata.uid and created.metadata.creation_timestamp.tzinfo is not None
created.data["n"] = "2"
replaced = core.replace_namespaced_config_map("one", "default", created)
assert int(replaced.metadata.resource_version) > int(created.metadata.resource_version)
core.patch_namespaced_config_map("one", "default", {"data": {"n": "3"}})
assert core.read_namespaced_config_map("one", "default").data == {"n": "3"}
core.delete_namespaced_config_map("one", "default")
thread.join(30)
assert seen == [
    ("ADDED", "one", {"n": "1"}),
    ("MODIFIED", "one", {"n": "2"}),
    ("MODIFIED", "one", {"n": "3"}),
    ("DELETED", "one", {"n": "3"}),
], seen

# A stale write is a conflict.
core.create_namespaced_config_map("default", body)
stale = core.read_namespaced_config_map("one", "default")
core.patch_namespaced_config_map("one", "default", {"data": {"n": "4"}})
try:
    core.replace_namespaced_config_map("one", "default", stale)
    raise AssertionError("a stale write was taken")
except ApiException as error:
    assert error.status == 409 and error.reason == "Conflict", error

# Pages make up the list.
for number in range(25):
    core.create_namespaced_secret(
        "default", client.V1Secret(metadata=client.V1ObjectMeta(name=f"s{number:02}"), string_data={"k": "v"})
    )
names, token = [], None
while True:
    page = core.list_namespaced_secret("default", limit=10, _continue=token)
    names += [item.metadata.name for item in page.items]
    token = page.metadata._continue
    if not token:
        break
assert names == [f"s{number:02}" for number in range(25)], names
assert core.read_namespaced_secret("s00", "default").data == {"k": "dg=="}

# Selectors select.
assert len(core.list_namespaced_secret("default", field_selector="metadata.name=s03").items) == 1
assert len(core.list_config_map_for_all_namespaces(label_selector="a in (c,d)").items) == 0
core.patch_namespaced_config_map("one", "default", {"metadata": {"labels": {"a": "c"}}})
assert len(core.list_config_map_for_all_namespaces(label_selector="a in (c,d)").items) == 1

# Workloads with a scale.
container = client.V1Container(name="web", image="nginx")
template = client.V1PodTemplateSpec(
    metadata=client.V1ObjectMeta(labels={"app": "web"}), spec=client.V1PodSpec(containers=[container])
)
spec = client.V1DeploymentSpec(
    replicas=2, selector=client.V1LabelSelector(match_labels={"app": "web"}), template=template
)
deployment = client.V1Deployment(metadata=client.V1ObjectMeta(name="web"), spec=spec)
assert apps.create_namespaced_deployment("default", deployment).metadata.generation == 1
scale = apps.read_namespaced_deployment_scale("web", "default")
scale.spec.replicas = 5
assert apps.replace_namespaced_deployment_scale("web", "default", scale).spec.replicas == 5
assert apps.read_namespaced_deployment("web", "default").metadata.generation == 2

# Many are deleted at once.
core.delete_collection_namespaced_secret("default")
assert core.list_namespaced_secret("default").items == []
print("all is well")
