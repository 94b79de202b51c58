"""``docker/kubernetes/``: manifests that fit together, and pods that drain."""

from pathlib import Path

import pytest
import yaml

from engine import configfile

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docker/kubernetes"


def documents():
    return {(each["kind"], each["metadata"]["name"]): each
            for path in FOLDER.glob("*.yaml") if path.name != "kustomization.yaml"
            for each in yaml.safe_load_all(path.read_text())}


@pytest.fixture(scope="module")
def everything():
    return documents()


@pytest.fixture(scope="module")
def pod(everything):
    return everything["StatefulSet", "trunkline"]["spec"]["template"]


@pytest.fixture(scope="module")
def containers(pod):
    return {container["name"]: container for container in pod["spec"]["containers"]}


def test_the_kustomization_lists_every_manifest_but_the_secret():
    """An example of a secret that is applied overwrites the real one with empty passwords."""
    listed = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    files = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml", "secret.example.yaml"}
    assert set(listed["resources"]) == files
    assert {image["name"] for image in listed["images"]} == {"trunkline", "trunkline-freeswitch"}


def test_selectors_find_the_pods(everything, pod):
    labels = pod["metadata"]["labels"].items()
    stateful = everything["StatefulSet", "trunkline"]["spec"]
    assert stateful["selector"]["matchLabels"].items() <= labels
    assert everything["Service", "trunkline"]["spec"]["selector"].items() <= labels
    assert everything["PodDisruptionBudget", "trunkline"]["spec"]["selector"]["matchLabels"].items() <= labels
    assert ("Service", stateful["serviceName"]) in everything


def test_a_pod_has_longer_than_its_calls(everything, pod, tmp_path):
    """Kubernetes kills at the end of the grace period, whoever still talks."""
    path = tmp_path / "trunkline.yaml"
    path.write_text(everything["ConfigMap", "trunkline"]["data"]["trunkline.yaml"])
    drain_s = configfile.load(path, {}).drain_s
    grace_s = pod["spec"]["terminationGracePeriodSeconds"]
    assert grace_s > drain_s + 60
    assert grace_s > int(everything["ConfigMap", "trunkline-freeswitch"]["data"]["FREESWITCH_DRAIN_S"]) + 60


def test_the_engine_closes_after_freeswitch_has(containers):
    """Both hear the end at once; an engine that closes first sends new callers to the fail-over."""
    assert containers["engine"]["lifecycle"]["preStop"]["exec"]["command"][0] == "sleep"
    assert "lifecycle" not in containers["freeswitch"]


def test_probes_ask_what_they_are_for(containers):
    """Ready decides about traffic, live about a restart; an engine that drains is alive, and must not be restarted."""
    engine = containers["engine"]
    assert engine["livenessProbe"]["httpGet"]["path"] == engine["startupProbe"]["httpGet"]["path"] == "/health/live"
    assert engine["readinessProbe"]["httpGet"]["path"] == "/health/ready"
    for container in containers.values():
        start = container["startupProbe"]
        assert start["periodSeconds"] * start["failureThreshold"] >= 120, "model data is fetched at a first start"


def test_one_pod_a_machine_on_its_own_network(pod):
    spec = pod["spec"]
    assert spec["hostNetwork"] and spec["dnsPolicy"] == "ClusterFirstWithHostNet"
    (rule,) = spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert rule["topologyKey"] == "kubernetes.io/hostname"


def test_containers_are_locked_down_and_never_throttled(pod, containers):
    """A limit of CPU stops a process for up to 100 ms: five frames of every call."""
    assert pod["spec"]["securityContext"]["runAsNonRoot"] and pod["spec"]["automountServiceAccountToken"] is False
    for container in containers.values():
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] and context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert "cpu" not in container["resources"]["limits"] and "memory" in container["resources"]["limits"]


def test_names_that_are_referred_to_are_there(everything, pod, containers):
    volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
    claims = everything["StatefulSet", "trunkline"]["spec"]["volumeClaimTemplates"]
    volumes |= {claim["metadata"]["name"] for claim in claims}
    for container in containers.values():
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
        for source in container["envFrom"]:
            kind, name = ("Secret", source["secretRef"]["name"]) if "secretRef" in source else \
                ("ConfigMap", source["configMapRef"]["name"])
            assert (kind, name) in everything
    known = (ROOT / "freeswitch-conf/vars.xml").read_text() + (ROOT / "docker/freeswitch/switch.sh").read_text()
    assert all(name in known for name in everything["ConfigMap", "trunkline-freeswitch"]["data"])
    assert not any(everything["Secret", "trunkline"]["stringData"].values()), "an example has no passwords"
