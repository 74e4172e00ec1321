package ocilayout_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	ocilayout "github.com/ocilayout/ocilayout/go"
)

const digest = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

func parsed(t testing.TB, text string) (descriptor ocilayout.Descriptor) {
	t.Helper()
	check(t, json.Unmarshal([]byte(text), &descriptor))
	return descriptor
}

func TestDescriptorKeepsItsText(t *testing.T) {
	text := ` { "size" : 3, "mediaType":"a/b", "x":{"b":1,"a":1e400}, "digest":"` + digest + `","Digest":"mine","y":[] } `
	descriptor := parsed(t, text)
	equal(t, descriptor.MediaType, "a/b")
	equal(t, descriptor.Digest, digest)
	equal(t, descriptor.Size, 3)
	equal(t, string(must[[]byte](t)(descriptor.MarshalJSON())), strings.TrimSpace(text))

	descriptor.ArtifactType = "c/d"
	descriptor.Annotations = map[string]string{"<&>": "é"}
	changed := string(must[[]byte](t)(descriptor.MarshalJSON()))
	equal(t, changed, `{"mediaType":"a/b","digest":"`+digest+`","size":3,"annotations":{"<&>":"é"},"artifactType":"c/d","x":{"b":1,"a":1e400},"Digest":"mine","y":[]}`)
	again := parsed(t, changed)
	equal(t, again.Annotations["<&>"], "é")

	// Changing what a copy shares is seen as well.
	again.Annotations["k"] = "v"
	equal(t, parsed(t, string(must[[]byte](t)(again.MarshalJSON()))).Annotations["k"], "v")
	apart := again.Clone()
	apart.Annotations["k"] = "w"
	equal(t, again.Annotations["k"], "v")

	for _, malformed := range []string{`[]`, `3`, `{"size":"3"}`, `{"platform":[]}`, `{`, `{"digest":"x" "size":3}`} {
		var descriptor ocilayout.Descriptor
		if err := json.Unmarshal([]byte(malformed), &descriptor); err == nil {
			t.Errorf("%s is taken for a descriptor", malformed)
		}
	}
}

func TestDescriptorHasAllMembers(t *testing.T) {
	text := `{"mediaType":"a/b","digest":"` + digest + `","size":3,"urls":["https://example.org/x"],"annotations":{"k":"v"},"data":"YWJj","platform":{"architecture":"arm","os":"linux","os.version":"1","os.features":["f"],"variant":"v7"},"artifactType":"c/d"}`
	descriptor := parsed(t, text)
	equal(t, descriptor.URLs[0], "https://example.org/x")
	equal(t, string(descriptor.Data), "abc")
	equal(t, descriptor.Platform.String(), "linux/arm/v7:1")
	equal(t, descriptor.Platform.OSFeatures[0], "f")
	fresh := descriptor.Clone()
	fresh.Size++
	fresh.Size--
	equal(t, string(must[[]byte](t)(fresh.MarshalJSON())), text)

	// And through a layout.
	_, layout := newLayout(t)
	check(t, layout.Append(background, descriptor, "x", &ocilayout.AppendOptions{MissingAllowed: true}))
	entry := must[[]ocilayout.Descriptor](t)(layout.List(nil))[0]
	equal(t, entry.Reference(), "x")
	delete(entry.Annotations, ocilayout.RefName)
	equal(t, string(must[[]byte](t)(entry.MarshalJSON())), text)
	equal(t, descriptor.Digest.Algorithm(), "sha256")
	equal(t, descriptor.Digest.Encoded(), digest[7:])
}

func TestPlatforms(t *testing.T) {
	for _, text := range []string{"linux/amd64", "linux/arm/v7", "windows/amd64:10.0.1"} {
		equal(t, must[*ocilayout.Platform](t)(ocilayout.ParsePlatform(text)).String(), text)
	}
	for _, text := range []string{"", "linux", "a/b/c/d", "/amd64", "linux/"} {
		_, err := ocilayout.ParsePlatform(text)
		asks(t, err, ocilayout.ErrInvalidArgument)
	}
}

func TestErrors(t *testing.T) {
	path, layout := newLayout(t)
	_, err := ocilayout.Open(path+"-not", nil)
	asks(t, err, ocilayout.ErrNotFound, fs.ErrNotExist)
	var told *ocilayout.Error
	if !errors.As(err, &told) || !strings.Contains(told.Message, path+"-not") {
		t.Errorf("found %#v", err)
	}
	var status ocilayout.Status
	equal(t, errors.As(err, &status), true)
	equal(t, status.Error(), "ocilayout: not found")
	_, err = ocilayout.Open(path, &ocilayout.OpenOptions{Exclusive: true})
	asks(t, err, ocilayout.ErrExists, fs.ErrExist)
	_, err = ocilayout.Open(t.TempDir(), nil)
	asks(t, err, ocilayout.ErrFormat)
	_, err = ocilayout.Open("a\x00b", nil)
	asks(t, err, ocilayout.ErrInvalidArgument, fs.ErrInvalid)
	asks(t, ocilayout.CheckReference("no reference"), ocilayout.ErrInvalidArgument)
	check(t, ocilayout.CheckReference("v1.2"))
	_, err = layout.ReadBlob(ocilayout.Descriptor{MediaType: octets, Digest: ocilayout.Digest("md5:" + strings.Repeat("0", 32))}, 1)
	asks(t, err, ocilayout.ErrUnsupported, errors.ErrUnsupported)
	if os.Getuid() != 0 {
		check(t, os.Chmod(path, 0))
		_, err = ocilayout.Open(path, nil)
		asks(t, err, ocilayout.ErrIO, fs.ErrPermission)
		check(t, os.Chmod(path, 0o755))
	}
	file := path + "/oci-layout/below"
	_, err = ocilayout.Open(file, nil)
	equal(t, err != nil, true)
	readOnly := must[*ocilayout.Layout](t)(ocilayout.Open(path, &ocilayout.OpenOptions{ReadOnly: true}))
	_, err = readOnly.PutBytes(background, nil, nil)
	asks(t, err, ocilayout.ErrState)
	check(t, readOnly.Close())
}
