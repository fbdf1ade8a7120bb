FROM python:3.13-slim AS build
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never
WORKDIR /opt/kubesum
COPY pyproject.toml uv.lock README.md LICENSE ./
COPY app app
# The lock names the version of uv that made it.
RUN pip install --no-cache-dir "uv==$(sed -n '/^name = "uv"$/{n;s/version = "\(.*\)"/\1/p;}' uv.lock)" \
    && uv sync --locked --no-dev --no-editable

FROM python:3.13-slim
COPY --from=build /opt/kubesum/.venv /opt/kubesum/.venv
ENV PATH=/opt/kubesum/.venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
ENTRYPOINT ["kubesum"]
CMD ["serve"]
