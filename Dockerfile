# syntax=docker/dockerfile:1
# modelport in one image: the service, its page, and the environment `base`. docs/docker.md has more.
#
#   docker build -t modelport .
#   docker run -p 127.0.0.1:8000:8000 -v modelport:/data modelport
#
# TORCH_INDEX: a package index with CPU builds of PyTorch, asked beside the default one; without
# it, pip takes the default build, which brings several GB of GPU libraries that nothing here uses.
ARG PYTHON=docker.io/library/python:3.11-slim-bookworm

FROM ${PYTHON} AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY supply/build.lock supply/build.lock
RUN python -m venv /build && /build/bin/pip install --quiet --no-cache-dir --require-hashes -r supply/build.lock
COPY frontend frontend
COPY api api
COPY converters converters
COPY docker/notices.py /tmp/notices.py
# The page is built by the wheel's own hook, with the Node that it brings along. Node trusts its
# own list of authorities; the system's is what a company's proxy is known to.
RUN NODE_OPTIONS=--use-system-ca PATH=/build/bin:$PATH \
    /build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /dist . \
 && python /tmp/notices.py page frontend > /dist/page.txt

FROM ${PYTHON} AS service
ARG TORCH_INDEX=""
ENV MODELPORT_ENVS=/opt/modelport/envs \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
COPY --from=build /dist /dist
COPY docker/notices.py /tmp/notices.py
COPY supply/service.lock /tmp/service.lock
# By exact version and digest; the wheel itself was made above, from these sources.
RUN python -m venv /opt/modelport/service \
 && /opt/modelport/service/bin/pip install --quiet --require-hashes -r /tmp/service.lock \
 && /opt/modelport/service/bin/pip install --quiet --no-deps --no-index /dist/*.whl \
 && PIP_EXTRA_INDEX_URL="${TORCH_INDEX}" /opt/modelport/service/bin/modelport env build base
# Nothing is installed into these two again, so pip goes; another environment brings its own.
RUN for python in /opt/modelport/service/bin/python /opt/modelport/envs/base-*/bin/python; \
    do "$python" -m pip uninstall --quiet --yes --root-user-action=ignore pip; done \
 && mkdir /opt/modelport/sbom && for name in service base; \
    do /opt/modelport/service/bin/modelport env sbom "$name" > "/opt/modelport/sbom/$name.cdx.json" || exit 1; done \
 && { printf '%s\n' \
      'What this image holds, with licences. Python itself: LICENSE.txt in its library folder, or' \
      '/usr/share/doc/python3*/copyright; the system packages: /usr/share/doc/*/copyright.' ''; \
      python /tmp/notices.py python /opt/modelport; cat /dist/page.txt; } > /opt/modelport/NOTICES.txt

FROM ${PYTHON}
LABEL org.opencontainers.image.title="modelport" \
      org.opencontainers.image.description="Model conversion between frameworks, with proof" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=service /opt/modelport /opt/modelport
COPY LICENSE /opt/modelport/LICENSE
RUN useradd --uid 10001 --create-home --home-dir /home/modelport modelport \
 && install -d -o modelport -g modelport -m 0711 /data
ENV MODELPORT_HOME=/data \
    MODELPORT_ENVS=/opt/modelport/envs \
    MODELPORT_HOST=0.0.0.0 \
    MODELPORT_PORT=8000 \
    PATH=/opt/modelport/service/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    DO_NOT_TRACK=1 \
    ORT_DISABLE_TELEMETRY=1
USER modelport
WORKDIR /home/modelport
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['MODELPORT_PORT'] + '/healthz', timeout=4)"]
ENTRYPOINT ["modelport"]
CMD ["serve"]
