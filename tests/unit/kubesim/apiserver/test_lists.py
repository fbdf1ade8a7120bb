"""Lists and gets over HTTP: pages of one state, representations, and invalid options."""

import pytest

from tests.unit.kubesim.runningcluster import TABLE, Cluster, node, pod

PODS = "/api/v1/pods"


async def test_items_of_a_list_carry_no_kind_and_single_objects_do(cluster: Cluster) -> None:
    cluster.store.put("pods", pod("a"))

    listed = (await cluster.get(PODS)).json
    single = (await cluster.get("/api/v1/namespaces/default/pods/a")).json

    assert (listed["kind"], listed["apiVersion"]) == ("PodList", "v1")
    assert listed["metadata"] == {"resourceVersion": str(cluster.store.version)}
    assert "kind" not in listed["items"][0]
    assert (single["kind"], single["apiVersion"]) == ("Pod", "v1")
    assert single["metadata"] == listed["items"][0]["metadata"]


async def test_pages_are_of_one_state_while_objects_change(cluster: Cluster) -> None:
    for name in "abcde":
        cluster.store.put("pods", pod(name))

    first = (await cluster.get(f"{PODS}?limit=2")).json
    cluster.store.delete("pods", "default", "d")
    cluster.store.put("pods", pod("aa"))
    second = (await cluster.get(f"{PODS}?limit=2&continue={first['metadata']['continue']}")).json
    third = (await cluster.get(f"{PODS}?limit=2&continue={second['metadata']['continue']}")).json

    pages = [[item["metadata"]["name"] for item in page["items"]] for page in (first, second, third)]
    assert pages == [["a", "b"], ["c", "d"], ["e"]]
    assert [page["metadata"].get("remainingItemCount") for page in (first, second, third)] == [3, 1, None]
    assert {page["metadata"]["resourceVersion"] for page in (first, second, third)} == {
        first["metadata"]["resourceVersion"]
    }
    assert "continue" not in third["metadata"]


async def test_a_page_with_a_selector_is_full_and_has_no_remaining_count(cluster: Cluster) -> None:
    for index in range(6):
        cluster.store.put("pods", pod(f"p{index}", node="n1" if index % 2 else "n2"))

    page = (await cluster.get(f"{PODS}?limit=2&fieldSelector=spec.nodeName%3Dn1")).json

    assert [item["metadata"]["name"] for item in page["items"]] == ["p1", "p3"]
    assert "remainingItemCount" not in page["metadata"]
    assert page["metadata"]["continue"]


async def test_a_continue_token_of_a_dropped_state_is_expired(cluster: Cluster) -> None:
    token = "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJhL2IifQ"  # rv 1, start a/b

    gone = await cluster.get(f"{PODS}?limit=1&continue={token}")
    nonsense = await cluster.get(f"{PODS}?limit=1&continue=nonsense")

    assert (gone.code, gone.json["reason"]) == (410, "Expired")
    assert (nonsense.code, nonsense.json["reason"]) == (400, "BadRequest")


async def test_labels_and_fields_select(cluster: Cluster) -> None:
    cluster.store.put("pods", pod("a", labels={"app": "web"}))
    cluster.store.put("pods", pod("b", labels={"app": "web"}, phase="Failed"))
    cluster.store.put("pods", pod("c", "other", labels={"app": "web"}))
    query = "labelSelector=app%3Dweb&fieldSelector=status.phase!%3DFailed,metadata.namespace%3Ddefault"

    page = (await cluster.get(f"{PODS}?{query}")).json

    assert [item["metadata"]["name"] for item in page["items"]] == ["a"]


async def test_partial_object_metadata_is_served(cluster: Cluster) -> None:
    cluster.store.put("pods", pod("a"))
    accept = (
        "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,"
        "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
    )

    listed = (await cluster.get(PODS, accept=accept)).json

    assert (listed["kind"], listed["apiVersion"]) == ("PartialObjectMetadataList", "meta.k8s.io/v1")
    assert listed["items"][0].keys() == {"kind", "apiVersion", "metadata"}
    assert listed["items"][0]["kind"] == "PartialObjectMetadata"


async def test_an_empty_table_has_its_columns(cluster: Cluster) -> None:
    table = (await cluster.get("/api/v1/nodes", accept=TABLE)).json

    names = [column["name"] for column in table["columnDefinitions"]]
    assert names == ["Name", "Status", "Roles", "Age", "Version", "OS-Image"]
    assert table["rows"] == []


@pytest.mark.parametrize(
    ("policy", "keys"),
    [("", {"kind", "apiVersion", "metadata"}), ("Object", {"kind", "apiVersion", "metadata", "spec", "status"})],
)
async def test_rows_have_the_requested_part_of_the_object(cluster: Cluster, policy: str, keys: set[str]) -> None:
    cluster.store.put("nodes", node("a"))

    table = (await cluster.get(f"/api/v1/nodes?includeObject={policy}", accept=TABLE)).json

    assert table["rows"][0]["cells"][:2] == ["a", "Ready"]
    assert table["rows"][0]["object"].keys() == keys


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ("labelSelector=a+b", 400, "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("fieldSelector=spec.color%3Dred", 400, "field label not supported: spec.color"),
        ("limit=x", 400, 'strconv.ParseInt: parsing "x": invalid syntax'),
        (
            "resourceVersion=x",
            400,
            'resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax',
        ),
        (
            "resourceVersionMatch=Exact",
            422,
            'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is '
            "forbidden unless resourceVersion is provided",
        ),
        (
            "sendInitialEvents=true",
            422,
            'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden '
            "for list",
        ),
        ("resourceVersion=1&resourceVersionMatch=Exact", 410, None),
    ],
)
async def test_invalid_options_are_rejected(cluster: Cluster, query: str, code: int, message: str | None) -> None:
    answer = await cluster.get(f"{PODS}?{query}")

    assert answer.code == code
    assert message in (None, answer.json["message"])


@pytest.mark.parametrize(
    ("method", "path", "code", "message"),
    [
        ("GET", "/api/v1/namespaces/default/pods/x", 404, 'pods "x" not found'),
        ("GET", "/apis/apps/v1/namespaces/default/deployments/x", 404, 'deployments.apps "x" not found'),
        ("GET", "/api/v1/gadgets", 404, "the server could not find the requested resource"),
        ("GET", "/api/v1/namespaces/default/nodes", 404, "the server could not find the requested resource"),
        ("GET", "/nowhere", 404, "the server could not find the requested resource"),
        ("DELETE", "/api/v1/pods", 405, "the server does not allow this method on the requested resource"),
    ],
)
async def test_unknown_paths_and_objects_are_a_status(
    cluster: Cluster, method: str, path: str, code: int, message: str
) -> None:
    answer = await cluster.request(method, path)

    assert (answer.code, answer.json["kind"], answer.json["message"]) == (code, "Status", message)


async def test_an_unsupported_media_type_is_not_acceptable(cluster: Cluster) -> None:
    answer = await cluster.get(PODS, accept="application/vnd.kubernetes.protobuf")

    assert (answer.code, answer.json["reason"]) == (406, "NotAcceptable")


async def test_a_large_list_arrives_whole(cluster: Cluster) -> None:
    cluster.store.seed("pods", (pod(f"p{index:04}", labels={"filler": "x" * 1000}) for index in range(1000)))

    items = (await cluster.get(PODS)).json["items"]

    assert [item["metadata"]["name"] for item in items] == [f"p{index:04}" for index in range(1000)]
