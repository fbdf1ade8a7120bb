"""The web page of `kubesum dashboard`: a server on loopback, and the page itself in `static`.

The page lists and watches kubesum's API by itself; the server hands out its files, and forwards these requests with
the credentials of the user's kubeconfig. Nothing is rendered here: what a view shows comes from `clients.model`, by
`viewsdocument`, and the page draws it.
"""
