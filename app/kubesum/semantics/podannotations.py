"""A view of pods that also reads the annotations that the server is set to read.

Pods carry megabytes of annotations. The decoder reads those alone that the view has a field for, so that others cost
nothing, and none costs anything while the server is set to read none.
"""

from collections.abc import Callable, Sequence
from typing import Final, cast

import msgspec

from kubesum.kube.objects.core import Pod
from kubesum.kube.objects.meta import Annotations, Metadata

MAX_CHARACTERS: Final = 1_024
"""Of a value; the rest of a longer one is cut off. A tenant may write 256 KiB."""

Read = Callable[[Pod], dict[str, str]]
"""The annotations that a pod has, by name."""


def pods_with_annotations(names: Sequence[str]) -> tuple[type[Pod], Read]:
    """The view, and what reads the annotations of a pod that was decoded to it."""
    known = Annotations.__struct_encode_fields__
    fields = [
        (f"read_{number}", str | None, msgspec.field(default=None, name=name))
        for number, name in enumerate(name for name in dict.fromkeys(names) if name not in known)
    ]
    annotations = msgspec.defstruct("ReadAnnotations", fields, bases=(Annotations,), frozen=True, gc=False)
    metadata = msgspec.defstruct(
        "MetadataWithAnnotations",
        [("annotations", annotations, annotations())],
        bases=(Metadata,),
        frozen=True,
        gc=False,
        rename="camel",
    )
    view = msgspec.defstruct("PodWithAnnotations", [("metadata", metadata)], bases=(Pod,), frozen=True, gc=False)
    attributes = dict(zip(annotations.__struct_encode_fields__, annotations.__struct_fields__, strict=True))
    wanted = [(name, attributes[name]) for name in dict.fromkeys(names)]

    def read(pod: Pod) -> dict[str, str]:
        found = ((name, getattr(pod.metadata.annotations, attribute)) for name, attribute in wanted)
        return {name: value[:MAX_CHARACTERS] for name, value in found if value is not None}

    # What defstruct makes is a subclass of its bases.
    return cast("type[Pod]", view), read
