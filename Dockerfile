# Nothing here depends on the machine: `docker buildx build --platform linux/amd64,linux/arm64 .` builds for both.
# A digest after the tag pins the base for good: --build-arg PYTHON=python:TAG@sha256:DIGEST.
ARG PYTHON=python:3.13.15-slim-trixie

FROM ${PYTHON} AS build
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never
WORKDIR /opt/kubesum
COPY pyproject.toml uv.lock README.md LICENSE ./
# All that is installed is checked against the hashes in uv.lock: uv here, and by uv the dependencies and what builds
# the package.
RUN sed -n '/^name = "uv"$/,/^$/{s/^version = "\(.*\)"/uv==\1/p;s/.*hash = "\(sha256:[0-9a-f]*\)".*/--hash=\1/p;}' \
        uv.lock | tr '\n' ' ' > uv.txt \
    && pip install --no-cache-dir --only-binary :all: --require-hashes --requirement uv.txt
# A layer that lasts as long as the lock does.
RUN uv sync --locked --no-default-groups --extra cel --group build --no-install-project
COPY app/kubesum app/kubesum
RUN uv sync --locked --no-default-groups --extra cel --no-editable --no-build-isolation

FROM ${PYTHON}
ARG PYTHON
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="kubesum" \
      org.opencontainers.image.description="Summaries of nodes, namespaces, workloads, pods and images, served as Kubernetes objects." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="docker.io/library/${PYTHON}"
COPY --from=build /opt/kubesum/.venv /opt/kubesum/.venv
ENV PATH=/opt/kubesum/.venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONFAULTHANDLER=1
USER 65532:65532
ENTRYPOINT ["kubesum"]
CMD ["serve"]
