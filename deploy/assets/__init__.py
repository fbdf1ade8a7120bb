"""The libraries of the page of `kubesum dashboard`: pinned here, fetched by npm, copied into the package."""
