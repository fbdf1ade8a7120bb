"""Authorization: the spec of the review, what needs no review, and the message of a denial."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from kubesum.api.representations.status import status_body
from kubesum.api.requests.requestinfo import RequestInfo, request_info
from kubesum.edge.authn.users import ANONYMOUS, User
from kubesum.edge.authz.authorization import DelegatingAuthorizer
from kubesum.edge.authz.reviewcache import ReviewCache
from kubesum.kube.reviews import AccessStatus
from kubesum.vocabulary.errors import ApiError, Forbidden, ServiceUnavailable, UpstreamError

V = "/apis/summary.kubesum.dev/v1alpha1"
JANE = User("jane", ("dev", "system:authenticated"))
YES = AccessStatus(allowed=True)
NO = AccessStatus()


@dataclass
class Reviewer:
    """Gives all reviews the same status, and records their specs."""

    answer: AccessStatus | UpstreamError = YES
    specs: list[Any] = field(default_factory=list)

    async def __call__(self, spec: bytes) -> AccessStatus:
        self.specs.append(json.loads(spec))
        if isinstance(self.answer, UpstreamError):
            raise self.answer
        return self.answer


def request(target: str, method: str = "GET") -> RequestInfo:
    path, _, query = target.partition("?")
    return request_info(method, path.encode(), query.encode())


def authorizer(
    reviewer: Reviewer,
    always_allow_paths: tuple[str, ...] = ("/healthz", "/livez", "/readyz"),
    *,
    has_answered: bool = True,
) -> DelegatingAuthorizer:
    return DelegatingAuthorizer(reviewer, ReviewCache(), always_allow_paths, lambda: has_answered)


async def reviewed_spec(target: str, method: str = "GET", user: User = JANE) -> Any:
    """The spec of the review of a request."""
    reviewer = Reviewer()
    await authorizer(reviewer).authorize(user, request(target, method))
    (spec,) = reviewer.specs
    return spec


async def denial(target: str, method: str = "GET", user: User = JANE, reason: str = "") -> ApiError:
    """The error of a denied request."""
    with pytest.raises(ApiError) as caught:
        await authorizer(Reviewer(AccessStatus(reason=reason))).authorize(user, request(target, method))
    return caught.value


GROUP_VERSION = {"group": "summary.kubesum.dev", "version": "v1alpha1"}
ATTRIBUTES = {
    ("GET", "nodesummaries"): {"verb": "list", "resource": "nodesummaries"},
    ("GET", "nodesummaries/"): {"verb": "list", "resource": "nodesummaries"},
    ("HEAD", "nodesummaries"): {"verb": "list", "resource": "nodesummaries"},
    ("GET", "nodesummaries?watch=true"): {"verb": "watch", "resource": "nodesummaries"},
    ("GET", "nodesummaries?watch"): {"verb": "watch", "resource": "nodesummaries"},
    ("GET", "nodesummaries?watch=False"): {"verb": "list", "resource": "nodesummaries"},
    ("GET", "watch/nodesummaries"): {"verb": "watch", "resource": "nodesummaries"},
    ("GET", "nodesummaries/node-1"): {"verb": "get", "resource": "nodesummaries", "name": "node-1"},
    ("HEAD", "nodesummaries/node-1"): {"verb": "get", "resource": "nodesummaries", "name": "node-1"},
    ("GET", "nodesummaries/node-1?watch=1"): {"verb": "get", "resource": "nodesummaries", "name": "node-1"},
    ("GET", "namespaces/shop/podsummaries"): {"verb": "list", "namespace": "shop", "resource": "podsummaries"},
    ("GET", "namespaces/shop/podsummaries/a"): {
        "verb": "get",
        "namespace": "shop",
        "resource": "podsummaries",
        "name": "a",
    },
    ("GET", "namespaces/shop/podsummaries/a/status"): {
        "verb": "get",
        "namespace": "shop",
        "resource": "podsummaries",
        "name": "a",
        "subresource": "status",
    },
    ("GET", "namespaces/shop"): {"verb": "get", "namespace": "shop", "resource": "namespaces", "name": "shop"},
    ("GET", "nodesummaries/caf%C3%A9"): {"verb": "get", "resource": "nodesummaries", "name": "café"},
    ("POST", "nodesummaries"): {"verb": "create", "resource": "nodesummaries"},
    ("PUT", "nodesummaries/a"): {"verb": "update", "resource": "nodesummaries", "name": "a"},
    ("PATCH", "nodesummaries/a"): {"verb": "patch", "resource": "nodesummaries", "name": "a"},
    ("DELETE", "nodesummaries/a"): {"verb": "delete", "resource": "nodesummaries", "name": "a"},
    ("DELETE", "nodesummaries"): {"verb": "deletecollection", "resource": "nodesummaries"},
    ("OPTIONS", "nodesummaries"): {"verb": "", "resource": "nodesummaries"},
    ("GET", "nothing/of/ours"): {"verb": "get", "resource": "nothing", "name": "of", "subresource": "ours"},
}


@pytest.mark.parametrize(("request_", "attributes"), ATTRIBUTES.items(), ids=map(" ".join, ATTRIBUTES))
async def test_the_review_has_the_attributes_of_the_request(
    request_: tuple[str, str], attributes: dict[str, str]
) -> None:
    method, path = request_

    assert await reviewed_spec(f"{V}/{path}", method) == {
        "user": "jane",
        "groups": ["dev", "system:authenticated"],
        "resourceAttributes": GROUP_VERSION | attributes,
    }


async def test_the_review_has_all_attributes_of_the_user() -> None:
    user = User("zoë", ("a", "b"), "7", {"scopes": ("x", "y"), "example.org/team": ("z",)})

    assert await reviewed_spec(f"{V}/nodesummaries", user=user) == {
        "user": "zoë",
        "groups": ["a", "b"],
        "uid": "7",
        "extra": {"scopes": ["x", "y"], "example.org/team": ["z"]},
        "resourceAttributes": GROUP_VERSION | {"verb": "list", "resource": "nodesummaries"},
    }


@pytest.mark.parametrize(
    ("target", "method", "attributes"),
    [
        ("/metrics", "GET", {"path": "/metrics", "verb": "get"}),
        ("/metrics/", "GET", {"path": "/metrics/", "verb": "get"}),
        ("/version", "HEAD", {"path": "/version", "verb": "head"}),
        ("/livez/ping?verbose", "GET", {"path": "/livez/ping", "verb": "get"}),
        ("/", "GET", {"path": "/", "verb": "get"}),
        (V, "GET", {"path": "/apis/summary.kubesum.dev/v1alpha1", "verb": "get"}),
        ("/apis/a/b/", "POST", {"path": "/apis/a/b/", "verb": "post"}),
        ("/%63", "GET", {"path": "/c", "verb": "get"}),
    ],
)
async def test_other_paths_are_non_resource_attributes(target: str, method: str, attributes: dict[str, str]) -> None:
    spec = await reviewed_spec(target, method, ANONYMOUS)

    assert spec == {
        "user": "system:anonymous",
        "groups": ["system:unauthenticated"],
        "nonResourceAttributes": attributes,
    }


SELECTORS: dict[str, dict[str, Any]] = {
    "fieldSelector=metadata.name=a": {
        "name": "a",
        "fieldSelector": {"requirements": [{"key": "metadata.name", "operator": "In", "values": ["a"]}]},
    },
    "fieldSelector=metadata.name%3D%3Da,status.health!%3DHealthy": {
        "name": "a",
        "fieldSelector": {
            "requirements": [
                {"key": "metadata.name", "operator": "In", "values": ["a"]},
                {"key": "status.health", "operator": "NotIn", "values": ["Healthy"]},
            ]
        },
    },
    "fieldSelector=metadata.name!=a": {
        "fieldSelector": {"requirements": [{"key": "metadata.name", "operator": "NotIn", "values": ["a"]}]}
    },
    "fieldSelector=metadata.name=a%2Fb": {
        "fieldSelector": {"requirements": [{"key": "metadata.name", "operator": "In", "values": ["a/b"]}]}
    },
    "fieldSelector=metadata.name=..": {
        "fieldSelector": {"requirements": [{"key": "metadata.name", "operator": "In", "values": [".."]}]}
    },
    "fieldSelector=metadata.name": {},
    "fieldSelector=": {},
    "labelSelector=app=x": {"labelSelector": {"requirements": [{"key": "app", "operator": "In", "values": ["x"]}]}},
    "labelSelector=app+in+(y,x),!gone,there,tier!%3Dweb": {
        "labelSelector": {
            "requirements": [
                {"key": "app", "operator": "In", "values": ["x", "y"]},
                {"key": "gone", "operator": "DoesNotExist"},
                {"key": "there", "operator": "Exists"},
                {"key": "tier", "operator": "NotIn", "values": ["web"]},
            ]
        }
    },
    "labelSelector=size>3": {},
    "labelSelector=size>3,app=x": {
        "labelSelector": {"requirements": [{"key": "app", "operator": "In", "values": ["x"]}]}
    },
    "labelSelector=a,": {},
    "limit=5&watch=false&resourceVersion=0": {},
}


@pytest.mark.parametrize(("query", "attributes"), SELECTORS.items(), ids=SELECTORS)
async def test_selectors_are_part_of_the_review(query: str, attributes: dict[str, Any]) -> None:
    """[Z2]"""
    spec = await reviewed_spec(f"{V}/nodesummaries?{query}")

    assert spec["resourceAttributes"] == GROUP_VERSION | {"verb": "list", "resource": "nodesummaries"} | attributes


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
async def test_selectors_are_not_part_of_the_review_of_one_object(method: str) -> None:
    spec = await reviewed_spec(f"{V}/nodesummaries/b?labelSelector=app=x&fieldSelector=metadata.name=a", method)

    assert {"labelSelector", "fieldSelector"}.isdisjoint(spec["resourceAttributes"])
    assert spec["resourceAttributes"]["name"] == "b"


async def test_a_very_long_selector_is_left_out_of_the_review() -> None:
    """Without it the review is for more objects, never for fewer."""
    label = "a=" + ",a=" * 2000
    field_ = "metadata.name=a" + ",a=b" * 2000

    spec = await reviewed_spec(f"{V}/nodesummaries?labelSelector={label}&fieldSelector={field_}")

    assert spec["resourceAttributes"] == GROUP_VERSION | {"verb": "list", "resource": "nodesummaries"}


RESOURCE = f"{V}/namespaces/team-a/workloadsummaries"
IN_GROUP = 'in API group "summary.kubesum.dev"'


@pytest.mark.parametrize(
    ("target", "method", "message"),
    [
        (
            f"{V}/nodesummaries",
            "GET",
            'nodesummaries.summary.kubesum.dev is forbidden: User "jane" cannot list resource "nodesummaries" '
            f"{IN_GROUP} at the cluster scope",
        ),
        (
            f"{RESOURCE}?watch=1",
            "GET",
            'workloadsummaries.summary.kubesum.dev is forbidden: User "jane" cannot watch resource '
            f'"workloadsummaries" {IN_GROUP} in the namespace "team-a"',
        ),
        (
            f"{RESOURCE}/web",
            "DELETE",
            'workloadsummaries.summary.kubesum.dev "web" is forbidden: User "jane" cannot delete resource '
            f'"workloadsummaries" {IN_GROUP} in the namespace "team-a"',
        ),
        (
            f"{V}/nodesummaries/a/status",
            "GET",
            'nodesummaries.summary.kubesum.dev "a" is forbidden: User "jane" cannot get resource '
            f'"nodesummaries/status" {IN_GROUP} at the cluster scope',
        ),
        (
            f"{V}/nodesummaries?fieldSelector=metadata.name=a",
            "GET",
            'nodesummaries.summary.kubesum.dev "a" is forbidden: User "jane" cannot list resource "nodesummaries" '
            f"{IN_GROUP} at the cluster scope",
        ),
        (
            f"{V}/nodesummaries?fieldSelector=metadata.name=a%22b%5C%5C%0A",
            "GET",
            'nodesummaries.summary.kubesum.dev "a\\"b\\\\\\n" is forbidden: User "jane" cannot list resource '
            f'"nodesummaries" {IN_GROUP} at the cluster scope',
        ),
        (
            "/api/v1/namespaces/shop",
            "GET",
            'namespaces "shop" is forbidden: User "jane" cannot get resource "namespaces" in API group "" '
            'in the namespace "shop"',
        ),
        (
            f"{V}/<b>&/x",
            "GET",
            '<b>&.summary.kubesum.dev "x" is forbidden: User "jane" cannot get resource "&lt;b&gt;&amp;" '
            f"{IN_GROUP} at the cluster scope",
        ),
        ("/metrics", "GET", 'forbidden: User "jane" cannot get path "/metrics"'),
        ("/a<b>&", "HEAD", 'forbidden: User "jane" cannot head path "/a&lt;b&gt;&amp;"'),
    ],
)
async def test_a_denial_has_the_message_of_kube_apiserver(target: str, method: str, message: str) -> None:
    error = await denial(target, method)

    assert isinstance(error, Forbidden)
    assert error.message == message


async def test_a_denial_has_the_details_of_a_status() -> None:
    of_object = json.loads(status_body(await denial(f"{RESOURCE}/web", "PATCH", reason="no <reason>")))
    of_path = json.loads(status_body(await denial("/metrics")))

    assert of_object == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'workloadsummaries.summary.kubesum.dev "web" is forbidden: User "jane" cannot patch resource '
        f'"workloadsummaries" {IN_GROUP} in the namespace "team-a": no <reason>',
        "reason": "Forbidden",
        "details": {"name": "web", "group": "summary.kubesum.dev", "kind": "workloadsummaries"},
        "code": 403,
    }
    assert (of_path["details"], of_path["code"]) == ({}, 403)


async def test_markup_and_quotes_in_a_name_are_escaped() -> None:
    error = await denial("/metrics", user=User('<script>"\x1b[0m'))

    assert error.message == 'forbidden: User "&lt;script&gt;\\"\\x1b[0m" cannot get path "/metrics"'


@pytest.mark.parametrize(
    ("answer", "allowed"),
    [
        (AccessStatus(allowed=True), True),
        (AccessStatus(), False),
        (AccessStatus(denied=True), False),
        (AccessStatus(allowed=True, denied=True), False),
    ],
)
async def test_only_allowed_and_not_denied_is_allowed(answer: AccessStatus, allowed: bool) -> None:
    under_test = authorizer(Reviewer(answer))

    if allowed:
        await under_test.authorize(JANE, request("/metrics"))
    else:
        with pytest.raises(Forbidden):
            await under_test.authorize(JANE, request("/metrics"))


async def test_a_failing_review_is_503() -> None:
    reviewer = Reviewer(UpstreamError("cannot reach https://10.0.0.1: connection refused"))
    under_test = authorizer(reviewer)

    with pytest.raises(ServiceUnavailable) as caught:
        await under_test.authorize(JANE, request(f"{V}/nodesummaries"))
    assert json.loads(status_body(caught.value)) == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "the SubjectAccessReview failed",
        "reason": "ServiceUnavailable",
        "details": {"retryAfterSeconds": 1},
        "code": 503,
    }

    reviewer.answer = YES
    await under_test.authorize(JANE, request(f"{V}/nodesummaries"))
    assert len(reviewer.specs) == 2


async def test_masters_are_never_reviewed() -> None:
    reviewer = Reviewer(UpstreamError("down"))

    await authorizer(reviewer).authorize(User("root", ("system:masters",)), request(f"{V}/nodesummaries", "DELETE"))

    assert reviewer.specs == []


OPEN = {
    "/healthz": True,
    "/livez": True,
    "/livez/": False,
    "/livez/ping": False,
    "/livezz": False,
    "/debug": True,
    "/debug/pprof": True,
    "/debu": False,
    "/metrics": False,
    f"{V}/healthz": False,
}


@pytest.mark.parametrize(("path", "always_allowed"), OPEN.items(), ids=OPEN)
async def test_some_paths_are_always_allowed(path: str, always_allowed: bool) -> None:
    """Section 8.2: exactly these paths, or all with a prefix that ends with a star; never a resource."""
    reviewer = Reviewer(NO)
    under_test = authorizer(reviewer, ("/healthz", "/livez", "/debug*", V + "/*"))

    if always_allowed:
        await under_test.authorize(ANONYMOUS, request(path))
    else:
        with pytest.raises(Forbidden):
            await under_test.authorize(ANONYMOUS, request(path))


DISCOVERY = ["/api", "/apis", "/apis/", "/apis/summary.kubesum.dev", V, f"{V}/", "/openapi/v2", "/openapi/v3/x"]
NO_DISCOVERY = ["/", "/openapi", "/metrics", "/version", "/apisx", "/healthz", f"{V}/nodesummaries", "/api/v1/pods"]


@pytest.mark.parametrize("path", DISCOVERY)
async def test_discovery_is_always_allowed_through_the_front_proxy(path: str) -> None:
    """[D3] Requests that kube-aggregator makes for itself name no groups that could have the rights."""
    aggregator = User("system:kube-aggregator", ("system:authenticated",), from_front_proxy=True)

    await authorizer(Reviewer(UpstreamError("down"))).authorize(aggregator, request(path))


@pytest.mark.parametrize("path", NO_DISCOVERY)
async def test_other_paths_are_reviewed_through_the_front_proxy(path: str) -> None:
    with pytest.raises(Forbidden):
        await authorizer(Reviewer(NO), ()).authorize(User("a", from_front_proxy=True), request(path))


@pytest.mark.parametrize("path", DISCOVERY)
async def test_discovery_is_reviewed_for_direct_clients(path: str) -> None:
    with pytest.raises(Forbidden):
        await authorizer(Reviewer(NO)).authorize(User("a"), request(path))


@pytest.mark.parametrize("path", DISCOVERY)
async def test_discovery_is_allowed_until_the_api_server_has_answered(path: str) -> None:
    """Nobody can be identified then, and the documents hold nothing of the cluster."""
    reviewer = Reviewer(UpstreamError("down"))

    await authorizer(reviewer, has_answered=False).authorize(ANONYMOUS, request(path))

    assert reviewer.specs == []


@pytest.mark.parametrize("path", NO_DISCOVERY)
async def test_nothing_else_is_allowed_until_the_api_server_has_answered(path: str) -> None:
    with pytest.raises(ServiceUnavailable):
        await authorizer(Reviewer(UpstreamError("down")), (), has_answered=False).authorize(ANONYMOUS, request(path))


async def test_the_same_request_is_reviewed_once() -> None:
    """Whatever the order of the identity headers."""
    reviewer = Reviewer()
    under_test = authorizer(reviewer)
    extra = {"a": ("1",), "b": ("2",)}

    await under_test.authorize(User("jane", extra=extra), request(f"{V}/nodesummaries"))
    await under_test.authorize(
        User("jane", extra=dict(reversed(extra.items()))), request(f"{V}/nodesummaries?limit=5")
    )

    assert len(reviewer.specs) == 1


@pytest.mark.parametrize(
    ("other", "target"),
    [
        (User("jane", ("dev",)), f"{V}/nodesummaries"),
        (User("jane", uid="1"), f"{V}/nodesummaries"),
        (User("jane", extra={"a": ("1",)}), f"{V}/nodesummaries"),
        (User("jan"), f"{V}/nodesummaries"),
        (User("jane"), f"{V}/nodesummaries/a"),
        (User("jane"), f"{V}/namespaces/a/nodesummaries"),
        (User("jane"), f"{V}/nodesummaries?watch=1"),
        (User("jane"), f"{V}/nodesummaries?labelSelector=a"),
        (User("jane"), "/apis/summary.kubesum.dev/v1/nodesummaries"),
        (User("jane"), "/apis/other/v1alpha1/nodesummaries"),
    ],
)
async def test_another_request_is_reviewed_again(other: User, target: str) -> None:
    reviewer = Reviewer()
    under_test = authorizer(reviewer)

    await under_test.authorize(User("jane"), request(f"{V}/nodesummaries"))
    await under_test.authorize(other, request(target))

    assert len(reviewer.specs) == 2


async def test_the_review_of_a_user_of_many_groups_is_cached() -> None:
    reviewer = Reviewer(NO)
    under_test = authorizer(reviewer)
    user = User("jane", tuple(f"cn=team-{number},ou=groups,dc=example,dc=org" for number in range(3000)))

    for _ in range(2):
        with pytest.raises(Forbidden):
            await under_test.authorize(user, request(f"{V}/nodesummaries"))

    assert len(reviewer.specs) == 1
