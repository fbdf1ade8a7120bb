"""The OpenAPI documents of all served resources.

They are a pure function of the declarations, in a fixed order and without times, so that all replicas send the same
bytes and the same ETag; each change makes kube-apiserver merge the specification of the whole cluster again.
Forms: k8s.io/kube-openapi/pkg/handler and handler3.
"""

import gzip
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

import msgspec

from kubesum import __version__
from kubesum.api.openapi import protobuf, v2
from kubesum.api.openapi.paths import path_items
from kubesum.api.openapi.schemas import Schemas
from kubesum.vocabulary.resource import ComputedResource

GroupVersion = tuple[str, str]

_INFO: Final = {"title": "kubesum", "version": f"v{__version__}"}
_PLURAL: Final = attrgetter("plural")


@dataclass(frozen=True, slots=True)
class Document:
    """An encoded document, its SHA-512 in upper-case hexadecimal, and the document compressed."""

    content: bytes
    digest: str
    gzipped: bytes

    @property
    def etag(self) -> str:
        """The ETag of the document."""
        return f'"{self.digest}"'

    def matches(self, if_none_match: str) -> bool:
        """Whether an If-None-Match header names the document; RFC 9110, section 13.1.2."""
        tags = (tag.strip().removeprefix("W/") for tag in if_none_match.split(","))
        return any(tag in (self.etag, "*") for tag in tags)


@dataclass(frozen=True, slots=True)
class Documents:
    """All documents: OpenAPI 2.0, and 3.0 in one document for each group and version, with an index of them.

    All are JSON, and OpenAPI 2.0 is also protobuf.
    """

    v2: Document
    v2_protobuf: Document
    index: Document
    v3: Mapping[GroupVersion, Document]


# Requests are for the current resources only, so that one entry is enough.
@lru_cache(maxsize=1)
def documents(
    resources: tuple[ComputedResource, ...], verbs: tuple[str, ...], group_versions: tuple[GroupVersion, ...] = ()
) -> Documents:
    """The documents of resources that serve these verbs; `group_versions` have one even without a resource."""
    by_version: dict[GroupVersion, list[ComputedResource]] = {one: [] for one in group_versions}
    for resource in resources:
        by_version.setdefault((resource.group, resource.version), []).append(resource)
    documents = {one: v3(one, sorted(by_version[one], key=_PLURAL), verbs) for one in sorted(by_version)}
    in_v2 = swagger(documents.values())
    in_v3 = {group_version: _json(document) for group_version, document in documents.items()}
    return Documents(_json(in_v2), _document(protobuf.encoded(in_v2)), _json(_index(in_v3)), in_v3)


def v3(group_version: GroupVersion, resources: Iterable[ComputedResource], verbs: tuple[str, ...]) -> dict[str, Any]:
    """The OpenAPI 3.0 document of one group and version, with its resources in order of plural."""
    schemas = Schemas(*group_version)
    paths: dict[str, object] = {}
    for resource in resources:
        one, many = schemas.add(resource)
        paths.update(path_items(resource, one, many, verbs))
    return {"openapi": "3.0.0", "info": _INFO, "paths": paths, "components": {"schemas": schemas.by_name}}


def swagger(documents: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The OpenAPI 2.0 document with the content of several OpenAPI 3.0 documents."""
    paths: dict[str, object] = {}
    definitions: dict[str, object] = {}
    for document in documents:
        paths |= {path: v2.path_item(item) for path, item in document["paths"].items()}
        schemas = document["components"]["schemas"]
        definitions |= {name: v2.schema(schema) for name, schema in schemas.items()}
    return {"swagger": "2.0", "info": _INFO, "paths": paths, "definitions": definitions}


def _index(documents: Mapping[GroupVersion, Document]) -> dict[str, object]:
    """The path of each document, and nothing else: another entry would replace the one of the cluster."""
    digests = {f"apis/{group}/{version}": document.digest for (group, version), document in documents.items()}
    return {"paths": {path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={digests[path]}"} for path in digests}}


def _json(document: Mapping[str, object]) -> Document:
    return _document(msgspec.json.encode(document, order="sorted") + b"\n")


def _document(content: bytes) -> Document:
    # Without a time in the gzip header, all replicas send the same bytes.
    return Document(content, hashlib.sha512(content).hexdigest().upper(), gzip.compress(content, mtime=0))
