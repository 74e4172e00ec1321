package layout_test

import (
	"go/types"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

const (
	theirs = "github.com/google/go-containerregistry/pkg/v1/layout"
	ours   = "github.com/ocilayout/ocilayout/go/ggcr/layout"
)

// What is exported there is exported here, with the same names and signatures, and
// nothing else.
func TestWhatIsExportedIsThatOfTheReference(t *testing.T) {
	t.Parallel()
	loaded := must(packages.Load(&packages.Config{
		Mode:       packages.NeedName | packages.NeedTypes,
		BuildFlags: asHere(),
	}, theirs, ours))
	exported := make(map[string]map[string]string)
	for _, each := range loaded {
		for _, err := range each.Errors {
			t.Fatal(err)
		}
		exported[each.PkgPath] = exportedBy(each.Types)
	}
	if found := exported[theirs]["Path.AppendImage"]; !strings.HasPrefix(found, "func(img ") {
		t.Fatalf("expected to find what the reference exports, found %v", exported[theirs])
	}
	for name, signature := range exported[theirs] {
		if found := exported[ours][name]; found != signature {
			t.Errorf("%s: expected %s, found %q", name, signature, found)
		}
	}
	for name := range exported[ours] {
		if _, there := exported[theirs][name]; !there {
			t.Errorf("%s: expected nothing that is not there, found it", name)
		}
	}
}

func exportedBy(pkg *types.Package) map[string]string {
	short := func(other *types.Package) string {
		if other == pkg {
			return ""
		}
		return other.Path()
	}
	exported := make(map[string]string)
	for _, name := range pkg.Scope().Names() {
		object := pkg.Scope().Lookup(name)
		if !object.Exported() {
			continue
		}
		exported[name] = types.ObjectString(object, short)
		named, ok := object.Type().(*types.Named)
		if _, isType := object.(*types.TypeName); !isType || !ok {
			continue
		}
		methods := types.NewMethodSet(named)
		for i := range methods.Len() {
			if method := methods.At(i).Obj(); method.Exported() {
				exported[name+"."+method.Name()] = types.TypeString(method.Type(), short)
			}
		}
	}
	return exported
}
