package layout_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/ocilayout/ocilayout/go/ggcr/layout"
)

// registry starts Debian's, on a port of the loopback that nobody else has.
func registry(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("docker-registry")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	folder := t.TempDir()
	config := filepath.Join(folder, "config.yml")
	check(t, os.WriteFile(config, fmt.Appendf(nil,
		"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: %s\nhttp:\n  addr: 127.0.0.1:0\n", folder), 0o644))
	server := exec.Command(program, "serve", config)
	log := must(server.StderrPipe())
	check(t, server.Start())
	t.Cleanup(func() {
		check(t, server.Process.Kill())
		server.Wait()
	})
	lines := bufio.NewReader(log)
	for {
		line, err := lines.ReadString('\n')
		check(t, err)
		if _, behind, told := strings.Cut(line, "listening on "); told {
			go io.Copy(io.Discard, lines)
			return behind[:strings.IndexAny(behind, " \"")]
		}
	}
}

func TestALayoutIsPushedAndPulledBackDigestForDigest(t *testing.T) {
	t.Parallel()
	address := registry(t)
	pushed, pulled := emptyLayout(t), emptyLayout(t)
	tag := func(what string) name.Reference {
		return must(name.ParseReference(address + "/ours:" + strings.ReplaceAll(what, " ", "-")))
	}
	for what, given := range images(t) {
		check(t, pushed.AppendImage(given))
		digest := must(given.Digest())
		check(t, remote.Write(tag(what), must(pushed.Image(digest))))
		there := must(remote.Image(tag(what)))
		assertSame(t, what, digest, must(there.Digest()))
		check(t, pulled.AppendImage(there))
	}
	for what, given := range indexes() {
		if what == "with a blob" {
			// Registries want the children of an index to be manifests.
			continue
		}
		check(t, pushed.AppendIndex(given))
		digest := must(given.Digest())
		check(t, remote.WriteIndex(tag("index of "+what), must(must(pushed.ImageIndex()).ImageIndex(digest))))
		there := must(remote.Index(tag("index of " + what)))
		assertSame(t, what, digest, must(there.Digest()))
		check(t, pulled.AppendIndex(there))
	}
	assertSame(t, "the blobs", blobsOf(t, string(pushed)), blobsOf(t, string(pulled)))
	digests := func(p layout.Path) (digests []v1.Hash) {
		for _, entry := range entries(t, p) {
			digests = append(digests, entry.Digest)
		}
		return digests
	}
	assertSame(t, "the entries", digests(pushed), digests(pulled))
	assertSound(t, pulled)
}
