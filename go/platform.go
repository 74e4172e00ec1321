package ocilayout

import (
	"encoding/json"
	"slices"
	"strings"
)

// A Platform says what an image runs on. image-spec, image-index.md.
type Platform struct {
	Architecture string   `json:"architecture"`
	OS           string   `json:"os"`
	OSVersion    string   `json:"os.version,omitempty"`
	OSFeatures   []string `json:"os.features,omitempty"`
	Variant      string   `json:"variant,omitempty"`
}

// ParsePlatform reads os/architecture[/variant][:os.version].
func ParsePlatform(text string) (*Platform, error) {
	rest, version, _ := strings.Cut(text, ":")
	parts := strings.Split(rest, "/")
	if len(parts) < 2 || len(parts) > 3 || slices.Contains(parts, "") {
		return nil, invalid("platform", "expected os/architecture[/variant][:os.version], found "+text)
	}
	platform := &Platform{OS: parts[0], Architecture: parts[1], OSVersion: version}
	if len(parts) == 3 {
		platform.Variant = parts[2]
	}
	return platform, nil
}

// String is os/architecture[/variant][:os.version].
func (p Platform) String() string {
	text := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		text += "/" + p.Variant
	}
	if p.OSVersion != "" {
		text += ":" + p.OSVersion
	}
	return text
}

// UnmarshalJSON reads a platform; as of a descriptor, only what is spelled so is meant.
func (p *Platform) UnmarshalJSON(text []byte) error {
	_, values, err := members(text)
	if err != nil {
		return err
	}
	*p = Platform{}
	for name, into := range map[string]any{
		"architecture": &p.Architecture,
		"os":           &p.OS,
		"os.version":   &p.OSVersion,
		"os.features":  &p.OSFeatures,
		"variant":      &p.Variant,
	} {
		if value, ok := values[name]; ok {
			if err := json.Unmarshal(value, into); err != nil {
				return err
			}
		}
	}
	return nil
}
