/** Files that use all of the language, to start from. */
export const corpus: readonly string[] = [
  `# syntax=docker/dockerfile:1
# check=skip=JSONArgsRecommended;error=false
ARG GO_VERSION=1.23
ARG BASE=golang:\${GO_VERSION}-alpine

# build compiles the program
FROM --platform=$BUILDPLATFORM \${BASE} AS build
WORKDIR /src
RUN --mount=type=cache,target=/go/pkg/mod,id=mod-\${TARGETARCH} \\
    --mount=type=bind,source=go.sum,target=go.sum \\
    # a comment in between
    go mod download -x

COPY --link --chown=1000:1000 --chmod=0755 . .
ARG TARGETOS TARGETARCH
RUN --network=none <<EOF
set -e
GOOS=$TARGETOS GOARCH=$TARGETARCH go build -o /out/app .
EOF

FROM scratch
COPY --from=build /out/app /app
ENTRYPOINT ["/app"]
CMD ["--help"]
`,
  `# escape=\`
FROM windows.example/base:ltsc
SHELL ["powershell", "-Command"]
RUN Get-ChildItem C:\\ \`
    | Out-Host
COPY a.txt C:\\app\\
WORKDIR C:\\app
`,
  `FROM a
ENV A=1 B="x y" C='$z' D=\${A:-\${B:+\${C#*/}}} \\

    E=\${F/\\/a/b}
ENV LEGACY the rest "of it"
LABEL "com.example.vendor"="ACME" version=\${V%%.*}
EXPOSE 80 443/tcp 8000-8010/udp $PORTS
VOLUME ["/data", "/b c"]
USER app:\${GROUP:-staff}
STOPSIGNAL SIGRTMIN+3
HEALTHCHECK --interval=1m30s --retries=3 CMD curl -f http://localhost/ || exit 1
HEALTHCHECK NONE
MAINTAINER Some One <one@example.org>
ONBUILD COPY --from=x <<-"A" <<B /d/
	1
	A
2
B
ONBUILD RUN ["a", "\\u0041"]
ADD --checksum=sha256:00 --keep-git-dir=true https://example.org/a.git#main:sub /x
RUN --mount=type=secret,id=s,env=T,required --mount=type=ssh --mount=type=tmpfs,target=/t,size=1g true
RUN 3<<A cat <<'B' $((1 << 2)) <<<x
a
A
b
B
CMD echo "\${X:?needed}" '
`,
  '\u{feff}#!/usr/bin/env tsbuild\r\nfrom a as b\r\nrun x \\\r\n  y\r\n',
];
