"""`kubesum doctor`: checks of an installation, made with the user's own kubeconfig.

The checks run in the order in which a request passes through an installation: API server, APIService, Service and
pods, certificates, front proxy, permissions, lists. Each prints one line: what was checked, what was found, and how
to fix it. A check that depends on a failed one is skipped, and so is one that the user has no permission for: that
is not a defect of the installation.

Users seldom reach the pod network or may read Secrets. So pods are asked through the API server (pods/proxy), which
shows whether it reaches them, and what they answer to anonymous requests: /readyz, /version, and the serving
certificate, which is sent as a header. The certificate is compared with the caBundle here. Without permission for
pods/proxy, the message of the APIService's condition Available and the lists remain.
"""
