package layout_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// shim gives the tests of the reference what they know of its inside.
const shim = `package layout

import v1 "github.com/google/go-containerregistry/pkg/v1"

func (l Path) path(names ...string) string { return l.join(names...) }

func (l Path) writeLayer(layer v1.Layer) error {
	return l.storing(func(s store) error { return s.layer(layer) })
}
`

// The tests that the reference has of itself hold for the adapter, but for those of what
// is different on purpose: an index.json without a media type, a broken blob that
// WriteBlob leaves, and a collection that fails on other media types. What is tested of
// functions that nobody can call is left out as well.
func TestTheReferenceHasItsOwnTestsPassed(t *testing.T) {
	t.Parallel()
	const different = "^(TestRoundtrip|TestOverwriteWithWriteLayer|TestGcUnknownMediaType)$"
	folder := t.TempDir()
	there := strings.TrimSpace(string(must(exec.Command("go", "list", "-f", "{{.Dir}}", theirs).Output())))
	check(t, os.CopyFS(filepath.Join(folder, "testdata"), os.DirFS(filepath.Join(there, "testdata"))))
	check(t, os.WriteFile(filepath.Join(folder, "shim.go"), []byte(shim), 0o644))

	here := must(filepath.Abs("."))
	files := map[string]string{filepath.Join(here, "shim_test.go"): filepath.Join(folder, "shim.go")}
	for _, own := range must(filepath.Glob("*_test.go")) {
		files[filepath.Join(here, own)] = ""
	}
	for _, name := range []string{"gc_test.go", "image_test.go", "index_test.go", "read_test.go", "write_test.go"} {
		files[filepath.Join(here, "reference_"+name)] = filepath.Join(there, name)
	}
	tests := filepath.Join(folder, "tests")
	build := alike("test", "-c", "-overlay", overlay(t, folder, files), "-o", tests, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := exec.Command(tests, "-test.v", "-test.skip", different)
	run.Dir = folder
	out, err := run.CombinedOutput()
	if passed := strings.Count(string(out), "\n--- PASS: "); err != nil || passed < 20 {
		t.Errorf("%d tests passed: %v\n%s", passed, err, out)
	}
}
