"""What keeps an installation of kubesum from working, found out with a person's own kubeconfig.

The checks go in the order in which things break: the API server, the registration, the way to the pods, what the
pods say, whom they and the API server believe, the rights, the answers. A line is what, where, and the remedy. What
depends on something that failed is skipped, and so is what the person may not read: that is a lack of rights of
theirs, not a defect.

Nobody can be expected to reach the pod network, or to read Secrets. So the pods are asked through the API server
(pods/proxy), which tells two things at once: whether it reaches them at all, and what they answer to strangers, who
get no more than /readyz, /version and the certificate that every connection is shown. The certificate is compared
with the caBundle here. Where the person may not do that, the API server's own words about it remain: those of the
condition Available, and of the lists at the end, which it makes as for everybody.
"""
