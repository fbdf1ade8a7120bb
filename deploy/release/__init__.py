"""Makes and checks what a release publishes; RELEASE.md tells the steps."""
