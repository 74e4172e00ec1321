package layout

import (
	"context"
	"errors"
	"io"
	"io/fs"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	ocilayout "github.com/ocilayout/ocilayout/go"
)

// Blob opens the blob with this digest. Its content is checked at its end: the Read
// that would say io.EOF fails instead when the content is another.
func (l Path) Blob(h v1.Hash) (io.ReadCloser, error) {
	return l.open(h, func(layout *ocilayout.Layout) (int64, error) { return layout.BlobSize(digestOf(h)) })
}

// Bytes is the content of the blob with this digest, checked.
func (l Path) Bytes(h v1.Hash) ([]byte, error) {
	var content []byte
	err := l.reading(func(layout *ocilayout.Layout) error {
		size, err := layout.BlobSize(digestOf(h))
		if err != nil {
			return err
		}
		content, err = layout.ReadBlob(pointer(h, size), size)
		return err
	})
	return content, l.asBlob(err, h)
}

// open opens a blob of the size that is told, or found.
func (l Path) open(h v1.Hash, size func(*ocilayout.Layout) (int64, error)) (io.ReadCloser, error) {
	var blob io.ReadCloser
	err := l.reading(func(layout *ocilayout.Layout) error {
		size, err := size(layout)
		if err != nil {
			return err
		}
		blob, err = layout.OpenBlob(pointer(h, size))
		return err
	})
	if err != nil {
		return nil, l.asBlob(err, h)
	}
	return blob, nil
}

// WriteBlob stores what r gives under this digest, if it is the content of that, and
// closes r in any case.
func (l Path) WriteBlob(hash v1.Hash, r io.ReadCloser) error {
	source := &source{reader: r}
	defer source.Close()
	return l.storing(func(s store) error {
		return s.blob(source, ocilayout.Expected{Digest: digestOf(hash), Size: -1})
	})
}

// RemoveBlob takes away the blob with this digest, whatever points at it. That it is
// not there is no error.
func (l Path) RemoveBlob(hash v1.Hash) error {
	err := l.editing(func(s store) error { return s.RemoveBlob(digestOf(hash)) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func digestOf(h v1.Hash) ocilayout.Digest {
	return ocilayout.Digest(h.String())
}

// pointer points at a blob of which no more is known.
func pointer(h v1.Hash, size int64) ocilayout.Descriptor {
	return ocilayout.Descriptor{MediaType: "application/octet-stream", Digest: digestOf(h), Size: size}
}

func (l Path) asBlob(err error, h v1.Hash) error {
	return l.asFile(err, "blobs", h.Algorithm, h.Hex)
}

// store is a layout that is open to be written.
type store struct {
	*ocilayout.Layout
}

// blob stores what source gives, as what is expected of it.
func (s store) blob(source io.Reader, expected ocilayout.Expected) error {
	_, err := s.Put(context.Background(), source, &ocilayout.BlobOptions{Expected: &expected})
	return err
}

// document stores a manifest, an index or a config.
func (s store) document(h v1.Hash, content []byte) error {
	expected := ocilayout.Expected{Digest: digestOf(h), Size: int64(len(content))}
	_, err := s.PutBytes(context.Background(), content, &ocilayout.BlobOptions{Expected: &expected})
	return err
}
