package layout_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

// A program that was written for the reference does the same with the adapter, after no
// more than a change of the import path, and each reads what the other has written.
func TestTheImportPathIsTheWholeMigration(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	source := must(filepath.Abs("testdata/program/main.go"))
	text := string(must(os.ReadFile(source)))
	if found := strings.Count(text, theirs); found != 1 {
		t.Fatalf("expected one import of the reference, found %d", found)
	}
	changed := filepath.Join(folder, "main.go")
	check(t, os.WriteFile(changed, []byte(strings.Replace(text, theirs, ours, 1)), 0o644))

	run := func(command *exec.Cmd) string {
		t.Helper()
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", command, err, out)
		}
		return string(out)
	}
	before, after := filepath.Join(folder, "before"), filepath.Join(folder, "after")
	run(alike("build", "-o", before, source))
	run(alike("build", "-overlay", overlay(t, folder, map[string]string{source: changed}), "-o", after, source))

	there, here := filepath.Join(folder, "there"), filepath.Join(folder, "here")
	assertSame(t, "what writing tells", run(exec.Command(before, "write", there)), run(exec.Command(after, "write", here)))
	assertSame(t, "the blobs", blobsOf(t, there), blobsOf(t, here))
	assertSame(t, "index.json", jsonOf(t, there, "index.json"), jsonOf(t, here, "index.json"))
	assertSame(t, "oci-layout", jsonOf(t, there, "oci-layout"), jsonOf(t, here, "oci-layout"))
	assertSame(t, "a file", must(os.ReadFile(filepath.Join(there, "a-file"))), must(os.ReadFile(filepath.Join(here, "a-file"))))

	// Each reads, and collects, what the other has written.
	assertSame(t, "what reading tells", run(exec.Command(before, "read", here)), run(exec.Command(after, "read", there)))
	assertSame(t, "the blobs that are left", blobsOf(t, there), blobsOf(t, here))
	assertSame(t, "index.json", jsonOf(t, there, "index.json"), jsonOf(t, here, "index.json"))
	if found := len(blobsOf(t, here)); found < 20 {
		t.Errorf("expected the blobs of many images, found %d", found)
	}
}

// alike is a command of go that builds as this program was built.
func alike(command string, arguments ...string) *exec.Cmd {
	given := append([]string{command}, asHere()...)
	return exec.Command("go", append(given, arguments...)...)
}

// asHere are the flags by which this program was built, so that little has to be
// compiled again.
func asHere() []string {
	info, _ := debug.ReadBuildInfo()
	if slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		return []string{"-race"}
	}
	return nil
}

// overlay has the go command take files for others.
func overlay(t *testing.T, folder string, files map[string]string) string {
	t.Helper()
	path := filepath.Join(folder, "overlay.json")
	text := must(json.Marshal(map[string]any{"Replace": files}))
	check(t, os.WriteFile(path, text, 0o644))
	return path
}

func jsonOf(t *testing.T, dir, name string) (value any) {
	t.Helper()
	check(t, json.Unmarshal(must(os.ReadFile(filepath.Join(dir, name))), &value))
	return value
}

func assertSame(t *testing.T, what string, expected, found any) {
	t.Helper()
	if !reflect.DeepEqual(expected, found) {
		t.Errorf("%s: expected\n%v\nfound\n%v", what, expected, found)
	}
}
