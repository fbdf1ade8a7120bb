"""Who may do what: the very question that is asked, and the very words of a refusal."""

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
    """Answers all questions alike, and remembers them."""

    answer: AccessStatus | UpstreamError = YES
    specs: list[Any] = field(default_factory=list)

    async def __call__(self, spec: bytes) -> AccessStatus:
        self.specs.append(json.loads(spec))
        if isinstance(self.answer, UpstreamError):
            raise self.answer
        return self.answer


def asked(target: str, method: str = "GET") -> RequestInfo:
    path, _, query = target.partition("?")
    return request_info(method, path.encode(), query.encode())


def authorizer(
    reviewer: Reviewer, always_allow_paths: tuple[str, ...] = ("/healthz", "/livez", "/readyz")
) -> DelegatingAuthorizer:
    return DelegatingAuthorizer(reviewer, ReviewCache(), always_allow_paths)


async def question(target: str, method: str = "GET", user: User = JANE) -> Any:
    """The question that a request leads to."""
    reviewer = Reviewer()
    await authorizer(reviewer).authorize(user, asked(target, method))
    (spec,) = reviewer.specs
    return spec


async def refusal(target: str, method: str = "GET", user: User = JANE, reason: str = "") -> ApiError:
    """How a request is refused."""
    with pytest.raises(ApiError) as caught:
        await authorizer(Reviewer(AccessStatus(reason=reason))).authorize(user, asked(target, method))
    return caught.value


OURS = {"group": "summary.kubesum.dev", "version": "v1alpha1"}
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
async def test_the_question_is_about_the_very_request(request_: tuple[str, str], attributes: dict[str, str]) -> None:
    method, path = request_

    assert await question(f"{V}/{path}", method) == {
        "user": "jane",
        "groups": ["dev", "system:authenticated"],
        "resourceAttributes": OURS | attributes,
    }


async def test_the_question_tells_everything_of_the_user() -> None:
    user = User("zoë", ("a", "b"), "7", {"scopes": ("x", "y"), "example.org/team": ("z",)})

    assert await question(f"{V}/nodesummaries", user=user) == {
        "user": "zoë",
        "groups": ["a", "b"],
        "uid": "7",
        "extra": {"scopes": ["x", "y"], "example.org/team": ["z"]},
        "resourceAttributes": OURS | {"verb": "list", "resource": "nodesummaries"},
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
async def test_other_paths_are_asked_about_as_they_are(target: str, method: str, attributes: dict[str, str]) -> None:
    spec = await question(target, method, ANONYMOUS)

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
async def test_selectors_narrow_the_question(query: str, attributes: dict[str, Any]) -> None:
    """[Z2]"""
    spec = await question(f"{V}/nodesummaries?{query}")

    assert spec["resourceAttributes"] == OURS | {"verb": "list", "resource": "nodesummaries"} | attributes


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
async def test_selectors_mean_nothing_where_one_object_is_asked_for(method: str) -> None:
    spec = await question(f"{V}/nodesummaries/b?labelSelector=app=x&fieldSelector=metadata.name=a", method)

    assert {"labelSelector", "fieldSelector"}.isdisjoint(spec["resourceAttributes"])
    assert spec["resourceAttributes"]["name"] == "b"


async def test_a_selector_that_takes_long_to_read_is_left_out_of_the_question() -> None:
    """Anybody can send it. Without it the question asks for more, never for less."""
    label = "a=" + ",a=" * 2000
    field_ = "metadata.name=a" + ",a=b" * 2000

    spec = await question(f"{V}/nodesummaries?labelSelector={label}&fieldSelector={field_}")

    assert spec["resourceAttributes"] == OURS | {"verb": "list", "resource": "nodesummaries"}


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
async def test_a_refusal_is_in_kube_apiservers_words(target: str, method: str, message: str) -> None:
    error = await refusal(target, method)

    assert isinstance(error, Forbidden)
    assert error.message == message


async def test_a_refusal_is_a_whole_status() -> None:
    of_object = json.loads(status_body(await refusal(f"{RESOURCE}/web", "PATCH", reason="no <reason>")))
    of_path = json.loads(status_body(await refusal("/metrics")))

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


async def test_a_name_with_markup_or_quotes_is_told_harmlessly() -> None:
    error = await refusal("/metrics", user=User('<script>"\x1b[0m'))

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
async def test_only_yes_is_yes(answer: AccessStatus, allowed: bool) -> None:
    permitting = authorizer(Reviewer(answer))

    if allowed:
        await permitting.authorize(JANE, asked("/metrics"))
    else:
        with pytest.raises(Forbidden):
            await permitting.authorize(JANE, asked("/metrics"))


async def test_while_nobody_can_tell_nobody_may() -> None:
    reviewer = Reviewer(UpstreamError("cannot reach https://10.0.0.1: connection refused"))
    permitting = authorizer(reviewer)

    with pytest.raises(ServiceUnavailable) as caught:
        await permitting.authorize(JANE, asked(f"{V}/nodesummaries"))
    assert json.loads(status_body(caught.value)) == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "kube-apiserver does not say whether this is allowed",
        "reason": "ServiceUnavailable",
        "details": {"retryAfterSeconds": 1},
        "code": 503,
    }

    reviewer.answer = YES
    await permitting.authorize(JANE, asked(f"{V}/nodesummaries"))
    assert len(reviewer.specs) == 2


async def test_masters_are_never_asked_about() -> None:
    reviewer = Reviewer(UpstreamError("down"))

    await authorizer(reviewer).authorize(User("root", ("system:masters",)), asked(f"{V}/nodesummaries", "DELETE"))

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
async def test_some_paths_are_open_to_everybody(path: str, always_allowed: bool) -> None:
    """[8.2] Exactly these, or with a star all that begin so; never a resource."""
    reviewer = Reviewer(NO)
    opening = authorizer(reviewer, ("/healthz", "/livez", "/debug*", V + "/*"))

    if always_allowed:
        await opening.authorize(ANONYMOUS, asked(path))
    else:
        with pytest.raises(Forbidden):
            await opening.authorize(ANONYMOUS, asked(path))


DISCOVERY = ["/api", "/apis", "/apis/", "/apis/summary.kubesum.dev", V, f"{V}/", "/openapi/v2", "/openapi/v3/x"]
NO_DISCOVERY = ["/", "/openapi", "/metrics", "/version", "/apisx", "/healthz", f"{V}/nodesummaries", "/api/v1/pods"]


@pytest.mark.parametrize("path", DISCOVERY)
async def test_whoever_comes_through_kube_apiserver_may_see_what_is_served(path: str) -> None:
    """[D3] Its own requests name no groups, to which rights could be granted."""
    aggregator = User("system:kube-aggregator", ("system:authenticated",), from_front_proxy=True)

    await authorizer(Reviewer(UpstreamError("down"))).authorize(aggregator, asked(path))


@pytest.mark.parametrize("path", NO_DISCOVERY)
async def test_and_nothing_else(path: str) -> None:
    with pytest.raises(Forbidden):
        await authorizer(Reviewer(NO), ()).authorize(User("a", from_front_proxy=True), asked(path))


@pytest.mark.parametrize("path", DISCOVERY)
async def test_others_need_rights_to_see_what_is_served(path: str) -> None:
    with pytest.raises(Forbidden):
        await authorizer(Reviewer(NO)).authorize(User("a"), asked(path))


async def test_the_same_question_is_asked_once() -> None:
    """Whatever the order of the headers that told who asks."""
    reviewer = Reviewer()
    permitting = authorizer(reviewer)
    extra = {"a": ("1",), "b": ("2",)}

    await permitting.authorize(User("jane", extra=extra), asked(f"{V}/nodesummaries"))
    await permitting.authorize(User("jane", extra=dict(reversed(extra.items()))), asked(f"{V}/nodesummaries?limit=5"))

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
async def test_another_question_is_asked_too(other: User, target: str) -> None:
    reviewer = Reviewer()
    permitting = authorizer(reviewer)

    await permitting.authorize(User("jane"), asked(f"{V}/nodesummaries"))
    await permitting.authorize(other, asked(target))

    assert len(reviewer.specs) == 2


async def test_the_answer_for_a_user_of_many_groups_is_kept_too() -> None:
    reviewer = Reviewer(NO)
    permitting = authorizer(reviewer)
    user = User("jane", tuple(f"cn=team-{number},ou=groups,dc=example,dc=org" for number in range(3000)))

    for _ in range(2):
        with pytest.raises(Forbidden):
            await permitting.authorize(user, asked(f"{V}/nodesummaries"))

    assert len(reviewer.specs) == 1
