"""Values as people set them: each set is rendered, linted and checked against the schemas of Kubernetes."""

from base64 import b64encode

from kubesum.edge.tls import certificates

AUTHORITY = certificates.authority("company-ca").certificate.decode()
AUTHORITY_BASE64 = b64encode(AUTHORITY.encode()).decode()

CERT_MANAGER = {"certificates": {"mode": "cert-manager"}}
COMPANY_ISSUER = {
    "certificates": {
        "mode": "cert-manager",
        "certManager": {"issuerRef": {"kind": "ClusterIssuer", "name": "company"}},
    }
}
OWN_SECRET = {
    "certificates": {"mode": "secret", "secret": {"name": "own-certificate"}},
    "apiService": {"caBundle": AUTHORITY},
}
UNVERIFIED = {
    "certificates": {"mode": "secret", "secret": {"name": "own-certificate"}},
    "apiService": {"insecureSkipTLSVerify": True},
}
MONITORED = {"metrics": {"enabled": True}, "serviceMonitor": {"enabled": True, "additionalLabels": {"team": "ops"}}}
HOST_NETWORK = {"hostNetwork": {"enabled": True}, "containerPort": 4443}
EVERYTHING = {
    "image": {"repository": "registry.example/kubesum", "digest": f"sha256:{'0' * 64}", "pullPolicy": "Always"},
    "imagePullSecrets": [{"name": "registry"}],
    "nameOverride": "summaries",
    "fullnameOverride": "summaries",
    "commonLabels": {"team": "ops"},
    "serviceAccount": {"name": "summaries-reader", "annotations": {"example.org/owner": "ops"}},
    "clusterView": {"bindToAuthenticated": True},
    "apiService": {"annotations": {"example.org/owner": "ops"}},
    "replicas": 3,
    "resources": {"limits": {"memory": "1Gi"}},
    "limits": {"maxConnections": 2000, "maxRequestsInflight": 800, "userSharePercent": 50},
    "args": ["--max-requests-inflight=900"],
    "containerPort": 8443,
    "service": {"port": 8443, "annotations": {"example.org/owner": "ops"}, "labels": {"tier": "control"}},
    "networkPolicy": {"enabled": True, "apiServerPorts": [6443]},
    **MONITORED,
    "podDisruptionBudget": {"maxUnavailable": "50%", "unhealthyPodEvictionPolicy": "IfHealthyBudget"},
    "updateStrategy": {"type": "Recreate"},
    "revisionHistoryLimit": 0,
    "shutdownDelaySeconds": 20,
    "terminationGracePeriodSeconds": 90,
    "podSecurityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None},
    "priorityClassName": "system-cluster-critical",
    "nodeSelector": {"pool": "system"},
    "tolerations": [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}],
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": "pool", "operator": "Exists"}]}]
            }
        }
    },
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule"}
    ],
    "deploymentAnnotations": {"example.org/owner": "ops"},
    "podLabels": {"sidecar": "none"},
    "podAnnotations": {"example.org/owner": "ops"},
    "extraVolumes": [{"name": "extra", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "extra", "mountPath": "/extra"}],
}
NOTHING_OPTIONAL = {"serviceAccount": {"create": False}, "podDisruptionBudget": {"enabled": False}, "replicas": 1}

SETS = {
    "defaults": {},
    "cert-manager": CERT_MANAGER,
    "cert-manager with an issuer": COMPANY_ISSUER,
    "a Secret of one's own": OWN_SECRET,
    "a certificate that nobody verifies": UNVERIFIED,
    "monitored": MONITORED,
    "on the network of the nodes": HOST_NETWORK,
    "everything set": EVERYTHING,
    "nothing optional": NOTHING_OPTIONAL,
}
