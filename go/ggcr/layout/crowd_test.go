package layout_test

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/match"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/ocilayout/ocilayout/go/ggcr/layout"
)

const (
	refName = "org.opencontainers.image.ref.name"

	processes, goroutines, rounds = 3, 4, 3
)

func TestMain(m *testing.M) {
	if path := os.Getenv("CROWD_LAYOUT"); path != "" {
		crowd(layout.Path(path), must(strconv.Atoi(os.Getenv("CROWD_MEMBER"))))
		return
	}
	os.Exit(m.Run())
}

// crowd is what one process of several does: each goroutine adds images, and puts one in
// the place of what all of them call latest.
func crowd(p layout.Path, process int) {
	var group sync.WaitGroup
	for goroutine := range goroutines {
		group.Go(func() {
			for round := range rounds {
				number := (process*goroutines+goroutine)*rounds + round
				given := image(int64(number))
				name := map[string]string{refName: fmt.Sprint("image-", number)}
				must(0, p.AppendImage(given, layout.WithAnnotations(name)))
				latest := layout.WithAnnotations(map[string]string{refName: "latest"})
				must(0, p.ReplaceImage(given, match.Name("latest"), latest))
				if round == 0 {
					must(0, p.RemoveDescriptors(match.Name(name[refName])))
				}
			}
		})
	}
	group.Wait()
}

func TestACrowdOfWritersLosesNothing(t *testing.T) {
	t.Parallel()
	p := emptyLayout(t)
	var members []*exec.Cmd
	for process := range processes {
		member := exec.Command(must(os.Executable()))
		member.Env = append(os.Environ(), "CROWD_LAYOUT="+string(p), fmt.Sprint("CROWD_MEMBER=", process))
		member.Stdout, member.Stderr = os.Stderr, os.Stderr
		check(t, member.Start())
		members = append(members, member)
	}
	for _, member := range members {
		check(t, member.Wait())
	}

	found := make(map[string]int)
	for _, entry := range entries(t, p) {
		found[entry.Annotations[refName]]++
	}
	for number := range processes * goroutines * rounds {
		name, expected := fmt.Sprint("image-", number), 1
		if number%rounds == 0 {
			expected = 0
		}
		if found[name] != expected {
			t.Errorf("%s: expected %d entries, found %d", name, expected, found[name])
		}
		delete(found, name)
	}
	if len(found) != 1 || found["latest"] != 1 {
		t.Errorf("expected one entry besides, found %v", found)
	}
	check(t, validate.Index(must(p.ImageIndex())))
	assertSound(t, p)
}

// What another writer has added meanwhile is replaced as well.
func TestReplacingIsOneStep(t *testing.T) {
	p := emptyLayout(t)
	latest := layout.WithAnnotations(map[string]string{refName: "latest"})
	check(t, p.AppendImage(image(1), latest))
	var between sync.Once
	check(t, p.ReplaceImage(image(2), func(entry v1.Descriptor) bool {
		between.Do(func() {
			check(t, p.ReplaceImage(image(3), match.Name("latest"), latest))
			check(t, p.AppendImage(image(4)))
		})
		return match.Name("latest")(entry)
	}, latest))
	var found []v1.Hash
	for _, entry := range entries(t, p) {
		found = append(found, entry.Digest)
	}
	assertSame(t, "entries", []v1.Hash{must(image(4).Digest()), must(image(2).Digest())}, found)
}

func TestNoDescriptorIsLeftOpen(t *testing.T) {
	p := emptyLayout(t)
	open := func() int { return len(must(os.ReadDir("/proc/self/fd"))) }
	use := func() {
		given := image(1)
		check(t, p.AppendImage(given))
		check(t, validate.Image(must(p.Image(must(given.Digest())))))
		check(t, p.ReplaceImage(given, match.Digests(must(given.Digest()))))
		wrong := fake("content")
		wrong.size++
		if p.WriteImage(imageOf{given, []v1.Layer{wrong}}) == nil {
			t.Error("expected a failure, found none")
		}
		if _, err := p.Blob(hashOf(nil)); err == nil {
			t.Error("expected no blob, found one")
		}
		blob := must(p.Blob(must(given.Digest())))
		check(t, blob.Close())
		must(p.GarbageCollect())
		check(t, p.RemoveDescriptors(match.Digests(must(given.Digest()))))
	}
	use()
	before := open()
	for range 5 {
		use()
	}
	if after := open(); after > before {
		t.Errorf("expected at most %d open descriptors, found %d", before, after)
	}
}
