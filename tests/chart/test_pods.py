"""The pods: how kubesum is started, watched over, confined and kept available."""

import pytest

from kubesum.cli import parsed
from tests.chart.rendering import Values, container, objects, one, pod
from tests.chart.valuesets import CERT_MANAGER, EVERYTHING, HOST_NETWORK, MONITORED, OWN_SECRET, SETS


def test_the_server_is_started_with_these_arguments() -> None:
    assert container()["args"] == [
        "serve",
        "--secure-port=10250",
        "--tls-secret=kubesum-tls",
        "--service-name=kubesum",
        "--authorization-always-allow-paths=/healthz,/livez,/readyz",
        "--max-requests-inflight=400",
        "--user-share-percent=25",
        "--shutdown-delay-duration=10s",
    ]


def test_a_certificate_of_somebody_else_is_read_from_files() -> None:
    for values, secret in ((CERT_MANAGER, "kubesum-serving"), (OWN_SECRET, "own-certificate")):
        assert container(values)["args"] == [
            "serve",
            "--secure-port=10250",
            "--tls-cert-file=/etc/kubesum/tls/tls.crt",
            "--tls-private-key-file=/etc/kubesum/tls/tls.key",
            "--authorization-always-allow-paths=/healthz,/livez,/readyz",
            "--max-requests-inflight=400",
            "--user-share-percent=25",
            "--shutdown-delay-duration=10s",
        ]
        assert {"name": "tls", "mountPath": "/etc/kubesum/tls", "readOnly": True} in container(values)["volumeMounts"]
        assert {"name": "tls", "secret": {"secretName": secret, "defaultMode": 0o440}} in pod(values)["volumes"]


def test_metrics_are_open_to_all_only_where_that_is_asked_for() -> None:
    assert "--authorization-always-allow-paths=/healthz,/livez,/readyz,/metrics" in container(MONITORED)["args"]


def test_arguments_of_the_values_come_last_and_override_others() -> None:
    assert container(EVERYTHING)["args"][-5:] == [
        "--max-connections=2000",
        "--max-requests-inflight=800",
        "--user-share-percent=50",
        "--shutdown-delay-duration=20s",
        "--max-requests-inflight=900",
    ]


@pytest.mark.parametrize("values", SETS.values(), ids=SETS.keys())
def test_the_server_accepts_its_arguments(values: Values) -> None:
    options = parsed(container(values)["args"])

    assert options.command == "serve"
    assert options.secure_port == values.get("containerPort", 10250)


def test_the_arguments_name_the_secret_and_the_service() -> None:
    options = parsed(container()["args"])

    assert (options.tls_secret, options.service_name) == ("kubesum-tls", "kubesum")
    assert options.tls_cert_file is None
    assert options.authorization_always_allow_paths == ("/healthz", "/livez", "/readyz")
    assert options.shutdown_delay_duration == 10.0


def test_the_arguments_of_the_default_values_are_the_defaults_of_the_flags() -> None:
    assert vars(parsed(container()["args"])) == vars(parsed(["serve"]))


def test_kubelets_probe_without_credentials_over_tls() -> None:
    live = {"path": "/livez", "port": "https", "scheme": "HTTPS"}
    ready = {"path": "/readyz", "port": "https", "scheme": "HTTPS"}

    probed = container()

    assert probed["ports"] == [{"name": "https", "containerPort": 10250, "protocol": "TCP"}]
    assert (probed["startupProbe"]["httpGet"], probed["livenessProbe"]["httpGet"]) == (live, live)
    assert probed["readinessProbe"]["httpGet"] == ready
    # A process whose event loop lags for less than 10 s still counts as alive.
    assert probed["livenessProbe"]["timeoutSeconds"] == 10
    # One that is blocked does not handle SIGTERM either: it is killed without the grace period of the pod.
    assert probed["livenessProbe"]["terminationGracePeriodSeconds"] == 5


def test_a_pod_may_do_nothing_but_serve() -> None:
    spec = pod()

    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "fsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container()["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "hostNetwork" not in spec


def test_there_is_no_place_to_write_to() -> None:
    assert "volumes" not in pod()
    assert "volumeMounts" not in container()


def test_only_the_pods_get_the_token_of_the_service_account() -> None:
    assert one(objects(), "ServiceAccount")["automountServiceAccountToken"] is False
    assert pod()["automountServiceAccountToken"] is True
    assert pod()["serviceAccountName"] == "kubesum"
    assert pod({"serviceAccount": {"create": False}})["serviceAccountName"] == "default"
    assert pod({"serviceAccount": {"create": False, "name": "reader"}})["serviceAccountName"] == "reader"


def test_platforms_that_assign_user_ids_can() -> None:
    assert pod(EVERYTHING)["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


def test_two_pods_are_kept_apart_and_one_of_them_always_serves() -> None:
    found = objects()
    deployment = one(found, "Deployment")["spec"]

    assert deployment["replicas"] == 2
    assert deployment["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    assert one(found, "PodDisruptionBudget")["spec"] == {
        "maxUnavailable": 1,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": deployment["selector"],
    }
    spread = pod()["topologySpreadConstraints"]
    assert [(one["topologyKey"], one["maxSkew"], one["whenUnsatisfiable"]) for one in spread] == [
        ("kubernetes.io/hostname", 1, "ScheduleAnyway"),
        ("topology.kubernetes.io/zone", 1, "ScheduleAnyway"),
    ]
    assert {str(one["labelSelector"]) for one in spread} == {str(deployment["selector"])}


def test_there_is_time_to_stop_serving_before_the_kill() -> None:
    assert pod()["terminationGracePeriodSeconds"] == 60


def test_on_the_network_of_a_node_a_port_is_freed_before_it_is_taken() -> None:
    spec = pod(HOST_NETWORK)

    assert (spec["hostNetwork"], spec["dnsPolicy"]) == (True, "ClusterFirstWithHostNet")
    assert container(HOST_NETWORK)["ports"][0]["containerPort"] == 4443
    assert one(objects(HOST_NETWORK), "Deployment")["spec"]["strategy"]["rollingUpdate"] == {
        "maxSurge": 0,
        "maxUnavailable": 1,
    }


def test_a_digest_decides_over_a_tag() -> None:
    assert container()["image"] == "kubesum:0.1.0"
    assert container({"image": {"tag": "9"}})["image"] == "kubesum:9"
    assert container(EVERYTHING)["image"] == f"registry.example/kubesum@sha256:{'0' * 64}"


def test_the_service_leads_to_the_pods_by_names_that_stay() -> None:
    found = objects()
    service = one(found, "Service")["spec"]
    template = one(found, "Deployment")["spec"]["template"]

    assert service["ports"] == [
        {"name": "https", "port": 443, "protocol": "TCP", "targetPort": "https", "appProtocol": "https"}
    ]
    assert service["selector"].items() <= template["metadata"]["labels"].items()


def test_a_network_policy_lets_everybody_in_and_the_pods_out_to_dns_and_the_api_server() -> None:
    spec = one(objects({"networkPolicy": {"enabled": True}}), "NetworkPolicy")["spec"]

    assert spec["ingress"] == [{"ports": [{"port": "https", "protocol": "TCP"}]}]
    assert spec["egress"] == [
        {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]},
        {"ports": [{"port": 443, "protocol": "TCP"}, {"port": 6443, "protocol": "TCP"}]},
    ]
    assert spec["policyTypes"] == ["Ingress", "Egress"]


def test_prometheus_verifies_the_certificate_and_sends_no_credentials() -> None:
    monitor = one(objects(MONITORED), "ServiceMonitor")

    assert monitor["metadata"]["labels"]["team"] == "ops"
    assert monitor["spec"]["endpoints"] == [
        {
            "port": "https",
            "scheme": "https",
            "path": "/metrics",
            "honorLabels": True,
            "interval": "1m",
            "scrapeTimeout": "10s",
            "tlsConfig": {
                "serverName": "kubesum.kubesum-system.svc",
                "ca": {"secret": {"name": "kubesum-tls", "key": "ca.crt"}},
            },
        }
    ]
