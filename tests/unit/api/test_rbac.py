"""The ClusterRoles that are generated from the declarations."""

from dataclasses import replace

from kubesum.render.rbac import cluster_roles
from kubesum.resources import RESOURCES, imagesummaries, nodesummaries
from kubesum.semantics.interner import Interner
from kubesum.semantics.watchedresources import watched_resources
from kubesum.vocabulary.resource import ReaderRole
from tests.computation import JsonObject

WATCHED = [(kind.group, kind.resource) for kind in watched_resources(Interner())]


def rules(name: str) -> list[JsonObject]:
    roles = cluster_roles(RESOURCES, WATCHED, [("kubesum.dev", "rollupdefinitions/status")])["items"]
    [role] = [role for role in roles if role["metadata"]["name"] == name]
    assert role["kind"] == "ClusterRole"
    found: list[JsonObject] = role["rules"]
    return found


def summaries(*plurals: str) -> list[JsonObject]:
    return [{"apiGroups": ["summary.kubesum.dev"], "resources": [*plurals], "verbs": ["get", "list", "watch"]}]


def test_the_server_reads_what_it_watches_usage_and_the_version_and_writes_one_status() -> None:
    assert rules("kubesum:server") == [
        {"apiGroups": [""], "resources": ["namespaces", "nodes", "pods"], "verbs": ["list", "watch"]},
        {
            "apiGroups": ["apps"],
            "resources": ["daemonsets", "deployments", "replicasets", "statefulsets"],
            "verbs": ["list", "watch"],
        },
        {"apiGroups": ["batch"], "resources": ["cronjobs", "jobs"], "verbs": ["list", "watch"]},
        {"apiGroups": ["metrics.k8s.io"], "resources": ["nodes", "pods"], "verbs": ["list"]},
        {"apiGroups": ["kubesum.dev"], "resources": ["rollupdefinitions/status"], "verbs": ["patch"]},
        {"nonResourceURLs": ["/version"], "verbs": ["get"]},
    ]


def test_each_role_for_people_reads_its_kinds() -> None:
    assert rules("kubesum:view") == summaries(
        "imagesummaries", "namespacesummaries", "podsummaries", "workloadsummaries"
    )
    assert rules("kubesum:metrics-reader") == summaries("namespacesummaries")
    assert rules("kubesum:cluster-view") == summaries("clustersummaries", "nodesummaries")
    assert rules("kubesum:cluster-images") == summaries("clusterimagesummaries")


def test_only_the_view_of_namespaced_kinds_is_added_to_roles_of_kubernetes() -> None:
    labels = {
        role["metadata"]["name"]: role["metadata"].get("labels") for role in cluster_roles(RESOURCES, [], [])["items"]
    }

    assert labels == {
        "kubesum:server": None,
        "kubesum:view": {
            "rbac.authorization.k8s.io/aggregate-to-view": "true",
            "rbac.authorization.k8s.io/aggregate-to-edit": "true",
            "rbac.authorization.k8s.io/aggregate-to-admin": "true",
        },
        "kubesum:metrics-reader": None,
        "kubesum:cluster-view": None,
        "kubesum:cluster-images": None,
        "kubesum:rollups": None,
    }


def test_a_new_kind_is_for_viewers_of_its_namespace_or_administrators() -> None:
    namespaced = replace(imagesummaries.RESOURCE, plural="licencesummaries", reader_roles=())
    of_cluster = replace(nodesummaries.RESOURCE, plural="racksummaries", reader_roles=())

    assert namespaced.all_reader_roles == {ReaderRole.VIEW}
    assert of_cluster.all_reader_roles == frozenset()
