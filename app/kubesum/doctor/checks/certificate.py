"""Checks the serving certificate against the caBundle: whether the API server accepts it, and until when.

Verifies what Go verifies: validity, DNS name, extended key usage, and a chain to one of the CAs; other extensions
are ignored. A malformed certificate, some part of which cryptography cannot parse, is reported like any other.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from kubesum.doctor.checks.registration import Registration
from kubesum.doctor.checks.replicas import Chain, Replica
from kubesum.doctor.report import Report
from kubesum.doctor.views import PodSpec

EXPIRES_SOON: Final = timedelta(days=7)
"""Automatic renewals happen earlier, so this one has failed."""

_DEEPEST_CHAIN: Final = 5
_ANY: Final = ExtensionPolicy.permit_all()
_AUTHORITY: Final = _ANY.require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
_FOR_SERVERS: Final = frozenset({ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})
# Raised when a part of a certificate is read: loading it parses only the outer structure.
_MALFORMED: Final = (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)

Authorities = list[x509.Certificate]
"""The CA certificates of a caBundle."""


class CertificateCheck:
    """Checks the caBundle of an APIService, and the serving certificates of the pods behind it at the time `now`.

    `spec` is that of the pods, None if it is unknown.
    """

    def __init__(self, report: Report, registration: Registration, spec: PodSpec | None, now: datetime) -> None:
        self._report: Final = report
        self._registration: Final = registration
        self._now: Final = now
        self._host: Final = f"{registration.service.name}.{registration.service.namespace}.svc"
        self._is_self_managed: Final = None if spec is None else is_self_managed(spec)

    def run(self, replicas: Iterable[Replica]) -> None:
        """Reports on the caBundle, and on each certificate that replicas serve with."""
        authorities = self._authorities()
        if authorities is None:
            return
        pods_by_chain: dict[Chain, list[str]] = {}
        for replica in replicas:
            if replica.chain:
                pods_by_chain.setdefault(replica.chain, []).append(replica.pod.metadata.name)
        if not pods_by_chain:
            self._report.skip("certificate: no pod sends it; the lists below show whether the API server accepts it")
        for chain, pods in pods_by_chain.items():
            self._check_chain(f"certificate of {', '.join(pods)}", chain, authorities)

    def _authorities(self) -> Authorities | None:
        """The CAs of the caBundle, expired ones included; None if no certificate can be verified with it."""
        subject = f"caBundle of APIService {self._registration.name}"
        bundle = self._registration.ca_bundle
        if bundle is None:
            self._report.skip(f"{subject}: not used, because insecureSkipTLSVerify is set")
            return None
        try:
            authorities = x509.load_pem_x509_certificates(bundle)
        except (ValueError, x509.InvalidVersion):
            nature = "it holds no PEM certificates" if bundle.strip() else "it is empty"
            self._report.fail(f"{subject}: {nature}, so the API server accepts no certificate; {self._set_by}")
            return None
        expired = [one for one in authorities if one.not_valid_after_utc <= self._now]
        if len(expired) == len(authorities):
            names = authorities_text(expired)
            self._report.fail(f"{subject}: {names} expired on {first_expiry(expired)}; {self._set_by}")
        else:
            valid = [one for one in authorities if one not in expired]
            self._report.ok(f"{subject}: {authorities_text(valid)}, valid until {first_expiry(valid)}")
        return authorities

    def _check_chain(self, subject: str, chain: Chain, authorities: Authorities) -> None:
        leaf, expiry = chain[0], chain[0].not_valid_after_utc
        if not _is_readable(leaf):
            self._report.warn(
                f"{subject}: malformed; the lists below show whether the API server accepts it; {self._renewed_by}"
            )
        elif defect := self._defect(leaf) or self._issuer_defect(chain, authorities):
            self._report.fail(f"{subject}: {defect}")
        elif expiry - self._now < EXPIRES_SOON:
            self._report.warn(f"{subject}: it expires on {expiry:%Y-%m-%d}; {self._renewed_by}")
        else:
            issuer = _name(leaf.issuer)
            self._report.ok(
                f"{subject}: for {self._host}, issued by {issuer} of caBundle, valid until {expiry:%Y-%m-%d}"
            )

    def _defect(self, leaf: x509.Certificate) -> str:
        """What is wrong with a certificate itself; empty if nothing is."""
        begin, expiry = leaf.not_valid_before_utc, leaf.not_valid_after_utc
        if self._now < begin:
            now = _time(self._now)
            return f"it is not valid before {_time(begin)}, and here it is {now}; compare the clocks of the machines"
        if self._now >= expiry:
            return f"it was valid from {begin:%Y-%m-%d} to {expiry:%Y-%m-%d} only; {self._renewed_by}"
        names = dns_names(leaf)
        if not _matches(self._host, names):
            return f"it is for {', '.join(names) or 'no DNS name'}, not for {self._host}; {self._named_by}"
        if not _is_for_servers(leaf):
            return f"its extended key usage does not include serverAuth; {self._renewed_by}"
        return ""

    def _issuer_defect(self, chain: Chain, authorities: Authorities) -> str:
        """That no CA of the caBundle issued the certificate; empty if one did."""
        leaf, *intermediates = chain
        if self._is_issued(leaf, intermediates, authorities):
            return ""
        return (
            f"it was issued by {_name(leaf.issuer)}{_key(leaf, x509.AuthorityKeyIdentifier)}, but caBundle holds "
            f"{authorities_text(authorities)}, so the API server rejects it; {self._set_by}"
        )

    def _is_issued(
        self, leaf: x509.Certificate, intermediates: list[x509.Certificate], authorities: Authorities
    ) -> bool:
        # A client verifier checks no DNS name: `_defect` did, as Go does.
        policy = PolicyBuilder().store(Store(authorities)).time(self._now).max_chain_depth(_DEEPEST_CHAIN)
        verifier = policy.extension_policies(ca_policy=_AUTHORITY, ee_policy=_ANY).build_client_verifier()
        try:
            verifier.verify(leaf, intermediates)
        except (VerificationError, *_MALFORMED):
            return False
        return True

    @property
    def _set_by(self) -> str:
        """What to do about the caBundle, by who sets it."""
        kubesum = "kubesum sets it within a minute: see its permissions below, and its log"
        others = "with cert-manager, check that its ca-injector runs; with a Secret of your own, upgrade the release"
        return self._by(kubesum, others)

    @property
    def _renewed_by(self) -> str:
        """What to do about a certificate to be renewed, by who renews it."""
        kubesum = "kubesum renews it in time: see its permissions below, and its log"
        others = "with cert-manager, see its Certificate; otherwise update the Secret that the pods mount"
        return self._by(kubesum, others)

    @property
    def _named_by(self) -> str:
        """What to do about a wrong DNS name, by who issues the certificate."""
        kubesum = "--service-name must name the Service that the APIService names: apply the chart again"
        others = f"issue one for {self._host}"
        return self._by(kubesum, others)

    def _by(self, kubesum: str, others: str) -> str:
        match self._is_self_managed:
            case True:
                return kubesum
            case False:
                return others
            case None:
                return f"{kubesum}; {others}"


def is_self_managed(spec: PodSpec) -> bool:
    """Whether kubesum issues its own certificate, which it does without --tls-cert-file."""
    return spec.option("--tls-cert-file") is None


def authorities_text(authorities: Iterable[x509.Certificate]) -> str:
    """CAs by name and key: `kubesum-ca (key 1c0be9f3), other-ca (key 364ef485)`."""
    return ", ".join(f"{_subject(one)}{_key(one, x509.SubjectKeyIdentifier)}" for one in authorities)


def first_expiry(certificates: Iterable[x509.Certificate]) -> str:
    """The day on which the first of them expires: `2027-05-04`."""
    return f"{min(one.not_valid_after_utc for one in certificates):%Y-%m-%d}"


def dns_names(one: x509.Certificate) -> list[str]:
    """The DNS names among the subject alternative names, in order."""
    try:
        names = one.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.DNSName)


def _is_readable(one: x509.Certificate) -> bool:
    """Whether the parts that are checked can be parsed."""
    try:
        _ = one.issuer, one.extensions
    except _MALFORMED:
        return False
    return True


def _is_for_servers(one: x509.Certificate) -> bool:
    try:
        usage = one.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return not _FOR_SERVERS.isdisjoint(usage)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _matches(host: str, names: Iterable[str]) -> bool:
    wildcard = f"*.{host.partition('.')[2]}"
    return any(name.lower() in (host.lower(), wildcard.lower()) for name in names)


def _subject(one: x509.Certificate) -> str:
    try:
        return _name(one.subject)
    except _MALFORMED:
        return "a CA with a malformed name"


def _name(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if common else name.rfc4514_string()


def _key(one: x509.Certificate, kind: type[x509.AuthorityKeyIdentifier] | type[x509.SubjectKeyIdentifier]) -> str:
    """The start of a key identifier in parentheses, which distinguishes CAs of the same name."""
    try:
        identifier = one.extensions.get_extension_for_class(kind).value.key_identifier
    except (x509.ExtensionNotFound, *_MALFORMED):
        return ""
    return f" (key {identifier.hex()[:8]})" if identifier else ""
