"""The serving certificate against the caBundle: would an API server believe it, and for how long.

Verified is what Go verifies: the time, the name of the Service, what the certificate may be used for, and a chain
to one of the authorities. Whatever else certificates may say is not looked at. Odd ones, which cryptography cannot
read as a whole, end no examination.
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

from kubesum.doctor.checks.registration import Registered
from kubesum.doctor.checks.replicas import Chain, Replica
from kubesum.doctor.report import Report
from kubesum.doctor.views import PodSpec

SOON: Final = timedelta(days=7)
"""Whoever renews certificates has done so long before this."""

_DEEPEST_CHAIN: Final = 5
_ANY: Final = ExtensionPolicy.permit_all()
_AUTHORITY: Final = _ANY.require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
_FOR_SERVERS: Final = frozenset({ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})
# Raised when a part of a certificate is looked at, long after it was loaded.
_ODD: Final = (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)

Authorities = list[x509.Certificate]


class Certificates:
    """Judges an APIService's caBundle, and what the pods behind it show.

    `spec` is that of the pods, None if it is not known.
    """

    def __init__(self, report: Report, registered: Registered, spec: PodSpec | None, now: datetime) -> None:
        self._report: Final = report
        self._registered: Final = registered
        self._now: Final = now
        self._host: Final = f"{registered.service.name}.{registered.service.namespace}.svc"
        self._is_self_managed: Final = None if spec is None else is_self_managed(spec)

    def judge(self, found: Iterable[Replica]) -> None:
        """Judges both."""
        authorities = self._authorities()
        if authorities is None:
            return
        shown: dict[Chain, list[str]] = {}
        for replica in found:
            if replica.chain:
                shown.setdefault(replica.chain, []).append(replica.pod.metadata.name)
        if not shown:
            self._report.skip("certificate: no pod tells what it shows; whether it is believed, the lists below tell")
        for chain, pods in shown.items():
            self._judge_chain(f"certificate of {', '.join(pods)}", chain, authorities)

    def _authorities(self) -> Authorities | None:
        """The authorities of the caBundle, None where there is nothing to compare with."""
        what = f"caBundle of APIService {self._registered.name}"
        bundle = self._registered.ca_bundle
        if bundle is None:
            self._report.skip(f"{what}: nobody asks it, since insecureSkipTLSVerify is set")
            return None
        try:
            authorities = x509.load_pem_x509_certificates(bundle)
        except (ValueError, x509.InvalidVersion):
            nature = "it holds no PEM certificates" if bundle.strip() else "it is empty"
            self._report.fail(f"{what}: {nature}, so the API server believes no kubesum; {self._set_by}")
            return None
        ended = [one for one in authorities if one.not_valid_after_utc <= self._now]
        if len(ended) == len(authorities):
            self._report.fail(f"{what}: {told(ended)} expired on {day(ended)}; {self._set_by}")
        else:
            valid = [one for one in authorities if one not in ended]
            self._report.ok(f"{what}: {told(valid)}, valid until {day(valid)}")
        return authorities

    def _judge_chain(self, what: str, chain: Chain, authorities: Authorities) -> None:
        leaf, ends = chain[0], chain[0].not_valid_after_utc
        if not _is_readable(leaf):
            self._report.warn(
                f"{what}: it cannot be read, so whether it is believed, the lists below tell; {self._renewed_by}"
            )
        elif defect := self._defect(leaf) or self._distrust(chain, authorities):
            self._report.fail(f"{what}: {defect}")
        elif ends - self._now < SOON:
            self._report.warn(f"{what}: it expires on {ends:%Y-%m-%d}; {self._renewed_by}")
        else:
            issuer = _name(leaf.issuer)
            self._report.ok(f"{what}: for {self._host}, by {issuer} of caBundle, valid until {ends:%Y-%m-%d}")

    def _defect(self, leaf: x509.Certificate) -> str:
        """What is wrong with a certificate, whoever issued it; empty if nothing is."""
        begins, ends = leaf.not_valid_before_utc, leaf.not_valid_after_utc
        if self._now < begins:
            now = _time(self._now)
            return f"it is not valid before {_time(begins)}, and here it is {now}; compare the clocks of the machines"
        if self._now >= ends:
            return f"it is valid from {begins:%Y-%m-%d} to {ends:%Y-%m-%d} only; {self._renewed_by}"
        names = dns_names(leaf)
        if not _is_for(self._host, names):
            return f"it is for {', '.join(names) or 'no DNS name'}, not for {self._host}; {self._named_by}"
        if not _is_for_servers(leaf):
            return f"its extended key usage does not allow servers; {self._renewed_by}"
        return ""

    def _distrust(self, chain: Chain, authorities: Authorities) -> str:
        """Why nobody of the caBundle vouches for a certificate; empty if somebody does."""
        leaf, *intermediates = chain
        if self._is_issued(leaf, intermediates, authorities):
            return ""
        return (
            f"it was issued by {_name(leaf.issuer)}{_key(leaf, x509.AuthorityKeyIdentifier)}, but caBundle holds "
            f"{told(authorities)}, and so the API server does not believe it; {self._set_by}"
        )

    def _is_issued(
        self, leaf: x509.Certificate, intermediates: list[x509.Certificate], authorities: Authorities
    ) -> bool:
        # Of a client, since that leaves names to us, which were looked at already.
        policy = PolicyBuilder().store(Store(authorities)).time(self._now).max_chain_depth(_DEEPEST_CHAIN)
        verifier = policy.extension_policies(ca_policy=_AUTHORITY, ee_policy=_ANY).build_client_verifier()
        try:
            verifier.verify(leaf, intermediates)
        except (VerificationError, *_ODD):
            return False
        return True

    @property
    def _set_by(self) -> str:
        """Who sets the caBundle."""
        themselves = "kubesum sets it within a minute if it may: see its rights below, and its log"
        others = "with cert-manager, see that its ca-injector runs; with a Secret of your own, upgrade the release"
        return self._by(themselves, others)

    @property
    def _renewed_by(self) -> str:
        """Who renews the certificate."""
        themselves = "kubesum renews it in time if it may: see its rights below, and its log"
        others = (
            "with cert-manager, see its Certificate; otherwise put a new pair into the Secret that the pods mount"
        )
        return self._by(themselves, others)

    @property
    def _named_by(self) -> str:
        """Who says for whom the certificate is."""
        themselves = "--service-name must name the Service that the APIService names: apply the chart again"
        others = f"issue one for {self._host}"
        return self._by(themselves, others)

    def _by(self, themselves: str, others: str) -> str:
        match self._is_self_managed:
            case True:
                return themselves
            case False:
                return others
            case None:
                return f"{themselves}; {others}"


def is_self_managed(spec: PodSpec) -> bool:
    """Whether kubesum issues its certificate to itself."""
    return spec.option("--tls-cert-file") is None


def told(authorities: Iterable[x509.Certificate]) -> str:
    """Authorities by name and key."""
    return ", ".join(f"{_subject(one)}{_key(one, x509.SubjectKeyIdentifier)}" for one in authorities)


def day(certificates: Iterable[x509.Certificate]) -> str:
    """The day on which the first of them ends."""
    return f"{min(one.not_valid_after_utc for one in certificates):%Y-%m-%d}"


def dns_names(one: x509.Certificate) -> list[str]:
    """The DNS names that a certificate is for."""
    try:
        names = one.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.DNSName)


def _is_readable(one: x509.Certificate) -> bool:
    """Whether the parts can be read that are judged."""
    try:
        _ = one.issuer, one.extensions
    except _ODD:
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


def _is_for(host: str, names: Iterable[str]) -> bool:
    wildcard = f"*.{host.partition('.')[2]}"
    return any(name.lower() in (host.lower(), wildcard.lower()) for name in names)


def _subject(one: x509.Certificate) -> str:
    try:
        return _name(one.subject)
    except _ODD:
        return "an authority of an odd name"


def _name(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if common else name.rfc4514_string()


def _key(one: x509.Certificate, kind: type[x509.AuthorityKeyIdentifier] | type[x509.SubjectKeyIdentifier]) -> str:
    """The beginning of a key's identifier in parentheses: authorities of one name are told apart by it."""
    try:
        identifier = one.extensions.get_extension_for_class(kind).value.key_identifier
    except (x509.ExtensionNotFound, *_ODD):
        return ""
    return f" (key {identifier.hex()[:8]})" if identifier else ""
