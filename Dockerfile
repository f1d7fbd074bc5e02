# syntax=docker/dockerfile:1
# The gateway as an image. deploy/README.md says what of it was proved, and how.
ARG NODE_IMAGE=node:24-trixie-slim
ARG BASE_IMAGE=debian:13-slim

FROM ${NODE_IMAGE} AS build
# For the Kafka client, where its makers have no binary for this Node.js.
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates g++ libcurl4-openssl-dev liblz4-dev \
    libsasl2-dev libssl-dev libzstd-dev make pkg-config python3 zlib1g-dev \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /sluice
COPY . .
RUN node scripts/setup.mjs && sh deploy/image/assemble.sh /image

FROM ${BASE_IMAGE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="sluice" \
  org.opencontainers.image.description="The edge where event streams enter" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.licenses="Apache-2.0"
# What Node.js and the two native addons load.
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates libatomic1 libcurl4t64 liblz4-1 \
    libsasl2-2 libssl3t64 libstdc++6 libzstd1 zlib1g \
  && rm -rf /var/lib/apt/lists/* \
  && useradd --system --uid 10001 --user-group --home-dir /nonexistent --shell /usr/sbin/nologin sluice \
  && install -d -o sluice -g sluice /var/lib/sluice
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=build /image /sluice
# Read once, when Node.js and uWebSockets.js are loaded; as in ./sluice.
ENV NODE_ENV=production UV_THREADPOOL_SIZE=16 UWS_HTTP_MAX_HEADERS_SIZE=16384 \
  SLUICE_HOST=0.0.0.0 SLUICE_ADMIN_HOST=0.0.0.0 SLUICE_DATA_DIR=/var/lib/sluice SLUICE_LOG_FORMAT=json SLUICE_WORKERS=1
WORKDIR /sluice
USER 10001:10001
# The one folder that is written: the schema snapshot. Everything else may be read-only.
VOLUME /var/lib/sluice
EXPOSE 8080 9464
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9464/livez').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# The process itself, so that SIGTERM reaches it and it drains.
ENTRYPOINT ["node", "--max-semi-space-size=32", "--no-allocation-site-pretenuring", "src/main.ts"]
CMD ["start"]
