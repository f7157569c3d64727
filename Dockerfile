# Builds the programs and puts them, and nothing else, into an image.
#
# The build stage can be replaced: Dockerfile.prebuilt makes the same image from
# programs in bin/ (`make prebuilt`) and pulls nothing.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -tags hashicorpmetrics -ldflags '-s -w' -o /out/bin/ \
      ./cmd/registryd ./cmd/registryctl ./examples/greeter ./examples/proxy \
 && mkdir /out/data

FROM scratch
COPY --from=build /out/bin/ /bin/
# A volume takes over the owner of the folder that it is mounted on.
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
ENV PATH=/bin
# HTTP, DNS, servers, join
EXPOSE 8500 8600 8600/udp 8300 8301
ENTRYPOINT ["/bin/registryd"]
CMD ["-dev", "-client=0.0.0.0"]
