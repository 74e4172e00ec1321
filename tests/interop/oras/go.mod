module ocilayout.example/oras

// The newest oras-go that the Go of Debian 12 (1.19) can build.
go 1.19

require oras.land/oras-go/v2 v2.2.1

require (
	github.com/opencontainers/go-digest v1.0.0 // indirect
	github.com/opencontainers/image-spec v1.1.0-rc4 // indirect
	golang.org/x/sync v0.3.0 // indirect
)
