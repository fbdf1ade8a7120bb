"""Views of Kubernetes objects: typed structs with only the fields that kubesum reads, one module for each API group.

msgspec skips all other fields while it parses, which keeps an initial list of 20,000 pods cheap. Absent fields get
their Kubernetes default here, so that code which reads them need not check. A JSON null where a list or map belongs
does not fit a view; the decoder makes such objects fit (kube/fitting.py).
"""
