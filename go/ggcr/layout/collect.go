package layout

import (
	"context"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	ocilayout "github.com/ocilayout/ocilayout/go"
)

// GarbageCollect lists the blobs that nothing points at from index.json on, sorted.
// Nothing is removed: that is for RemoveBlob.
func (l Path) GarbageCollect() ([]v1.Hash, error) {
	garbage := []v1.Hash{}
	err := l.reading(func(layout *ocilayout.Layout) error {
		blobs, err := layout.Collect(context.Background(), &ocilayout.CollectOptions{DryRun: true, Grace: -1})
		if err != nil {
			return err
		}
		for _, blob := range blobs {
			if blob.Fate == ocilayout.Removed {
				garbage = append(garbage, v1.Hash{Algorithm: blob.Digest.Algorithm(), Hex: blob.Digest.Encoded()})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return garbage, nil
}
