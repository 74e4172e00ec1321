package ocilayout

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// A Digest names content by algorithm:encoded. image-spec, descriptor.md.
type Digest string

// Algorithm is the part before the colon, such as sha256.
func (d Digest) Algorithm() string {
	algorithm, _, _ := strings.Cut(string(d), ":")
	return algorithm
}

// Encoded is the part behind the colon.
func (d Digest) Encoded() string {
	_, encoded, _ := strings.Cut(string(d), ":")
	return encoded
}

// A Descriptor points at a blob, and says what else is known of it. image-spec,
// descriptor.md.
//
// It is a plain value with the members of the image-spec, whose names in JSON are
// those of the spec. What a descriptor that the library has read says besides is
// kept when it is written again, also after a change: see Clone for who changes a
// map or a slice of one.
type Descriptor struct {
	MediaType    string            `json:"mediaType"`
	Digest       Digest            `json:"digest"`
	Size         int64             `json:"size"`
	URLs         []string          `json:"urls,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	Data         []byte            `json:"data,omitempty"`
	Platform     *Platform         `json:"platform,omitempty"`
	ArtifactType string            `json:"artifactType,omitempty"`

	// DiffID is the digest of a layer's uncompressed tar, where it is known because
	// the library stored the layer. It is no part of the JSON. image-spec, config.md.
	DiffID Digest `json:"-"`

	// text is the JSON that it was read from.
	text string
}

// RefName is the annotation that names an entry of index.json.
const RefName = "org.opencontainers.image.ref.name"

// Reference is the name of an entry: its annotation RefName.
func (d Descriptor) Reference() string {
	return d.Annotations[RefName]
}

// Clone is a copy that shares nothing with the descriptor.
func (d Descriptor) Clone() Descriptor {
	annotations := make(map[string]string, len(d.Annotations))
	for key, value := range d.Annotations {
		annotations[key] = value
	}
	if d.Annotations != nil {
		d.Annotations = annotations
	}
	d.URLs, d.Data = slices.Clone(d.URLs), slices.Clone(d.Data)
	if d.Platform != nil {
		platform := *d.Platform
		platform.OSFeatures = slices.Clone(platform.OSFeatures)
		d.Platform = &platform
	}
	return d
}

// known is a descriptor without the ways of one.
type known Descriptor

// MarshalJSON gives the text that the descriptor was read from if it was not changed,
// and else its members with those that are not known to this package.
func (d Descriptor) MarshalJSON() ([]byte, error) {
	if d.text == "" {
		return marshal(known(d))
	}
	var before Descriptor
	if err := before.UnmarshalJSON([]byte(d.text)); err != nil {
		return nil, err
	}
	before.DiffID = d.DiffID
	if reflect.DeepEqual(before, d) {
		return []byte(d.text), nil
	}
	text, err := marshal(known(d))
	if err != nil {
		return nil, err
	}
	names, values, err := members([]byte(d.text))
	if err != nil {
		return nil, err
	}
	text = bytes.TrimSuffix(text, []byte("}"))
	for _, name := range names {
		if !slices.Contains(ofSpec, name) {
			quoted, err := marshal(name)
			if err != nil {
				return nil, err
			}
			text = slices.Concat(text, []byte(","), quoted, []byte(":"), values[name])
		}
	}
	return append(text, '}'), nil
}

// ofSpec are the members of the image-spec.
var ofSpec = func() []string {
	var names []string
	for field := range reflect.TypeFor[Descriptor]().NumField() {
		name, _, _ := strings.Cut(reflect.TypeFor[Descriptor]().Field(field).Tag.Get("json"), ",")
		if name != "" && name != "-" {
			names = append(names, name)
		}
	}
	return names
}()

// UnmarshalJSON reads a descriptor, and keeps its text. Unlike encoding/json by itself
// it takes no member for another that is spelled in other letters: to the image-spec
// "Digest" is not "digest".
func (d *Descriptor) UnmarshalJSON(text []byte) error {
	_, values, err := members(text)
	if err != nil {
		return err
	}
	*d = Descriptor{text: string(bytes.TrimSpace(text))}
	for name, into := range map[string]any{
		"mediaType":    &d.MediaType,
		"digest":       &d.Digest,
		"size":         &d.Size,
		"urls":         &d.URLs,
		"annotations":  &d.Annotations,
		"data":         &d.Data,
		"platform":     &d.Platform,
		"artifactType": &d.ArtifactType,
	} {
		if value, ok := values[name]; ok {
			if err := json.Unmarshal(value, into); err != nil {
				return err
			}
		}
	}
	return nil
}

// members are those of a JSON object, with their names in order.
func members(text []byte) (names []string, values map[string]json.RawMessage, err error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, nil, invalid("descriptor", "expected a JSON object, found something else")
	}
	values = make(map[string]json.RawMessage)
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, nil, err
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, nil, err
		}
		names = append(names, name.(string))
		values[name.(string)] = value
	}
	return names, values, nil
}

// marshal is json.Marshal, with <, > and & as they are.
func marshal(value any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), err
}
