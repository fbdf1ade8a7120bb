"""The data of a ConfigMap extension-apiserver-authentication, and the authorities in it."""

from tests.unit.edge.clientcertificates import root

CLIENTS, PROXIES = root("clients"), root("proxies")
CONFIG: dict[str, str] = {
    "client-ca-file": CLIENTS.pem.decode(),
    "requestheader-client-ca-file": PROXIES.pem.decode(),
    "requestheader-allowed-names": '["front-proxy-client","aggregator"]',
    "requestheader-username-headers": '["X-Remote-User","X-User"]',
    "requestheader-uid-headers": '["X-Remote-Uid"]',
    "requestheader-group-headers": '["X-Remote-Group"]',
    "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
}
