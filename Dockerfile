# The gateway alone, as a user without rights. Its configuration is mounted at /data/conf, as the Go gateway's is:
#
#   docker build -t gateway .
#   docker run -p 8080:8080 -v "$PWD/config":/data/conf gateway -conf /data/conf/minimal.toml
#
# Without arguments it serves /data/conf/config.yaml. The admin port is the container's own: `-admin :9901` opens it for probes.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package gateway-bin --bin gateway

FROM debian:bookworm-slim
RUN useradd --uid 10001 --home-dir /data --create-home gateway
# The roots that upstreams' certificates are checked against.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /src/target/release/gateway /usr/local/bin/gateway
USER 10001
WORKDIR /data
VOLUME /data/conf
EXPOSE 8080 9901
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/gateway"]
CMD ["-conf", "/data/conf/config.yaml"]
