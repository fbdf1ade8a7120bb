"""`kubesum doctor --bundle`: one archive to attach to a bug report, with what the user may read of an installation.

It holds what the doctor found, versions, kubesum's objects, the logs of its pods, what each pod answers, and how
long requests took. Everything passes the redaction on its way into the archive, and no Secret is read. What cannot
be read is named in the archive's index with the reason, so that a reader sees what is missing and why.
"""
