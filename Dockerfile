# The connector runs its TypeScript as it is: there is nothing to build, only production dependencies to install.
ARG NODE_IMAGE=node:24-slim

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM ${NODE_IMAGE}
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY package.json LICENSE ./
COPY lib lib
COPY operators operators
COPY streams streams
# The command, for `docker exec`; written so that the base needs no shell.
RUN ["node", "-e", "fs.symlinkSync('/app/lib/bin.ts', '/usr/local/bin/haproxy-nomad-connector')"]
# Compiled code is kept in the image, which takes a third off the start. Node keeps it by user, and does without where it
# is not this one. Nothing is written later.
RUN ["node", "-e", "fs.mkdirSync('/app/.cache'); fs.chownSync('/app/.cache', 1000, 1000)"]
ENV NODE_COMPILE_CACHE=/app/.cache
# A number, so that an orchestrator can see that it is not root.
USER 1000:1000
RUN ["node", "lib/main.ts", "--help"]
EXPOSE 8080
# No shell: both forms are executed as they are.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["node", "lib/healthcheck.ts"]
# Of a container's memory V8 takes what it thinks fit, and dies of it or long before it is used up: it is told how much.
ENTRYPOINT ["node", "--max-old-space-size-percentage=65", "lib/main.ts"]

# Last, since they change with every build; their meaning is in the OCI image specification.
ARG NODE_IMAGE
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="haproxy-nomad-connector" \
  org.opencontainers.image.description="Keeps HAProxy in step with Nomad's own service discovery" \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.created="${CREATED}" \
  org.opencontainers.image.source="${SOURCE}" \
  org.opencontainers.image.base.name="${NODE_IMAGE}"
