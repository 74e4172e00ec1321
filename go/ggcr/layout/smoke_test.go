package layout_test

import (
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	ref "github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/ocilayout/ocilayout/go/ggcr/layout"
)

func BenchmarkAppend(b *testing.B) {
	img, _ := random.Image(1000, 1)
	b.Run("ours", func(b *testing.B) {
		for range b.N {
			dir := b.TempDir()
			p, err := layout.Write(dir, empty.Index)
			if err != nil {
				b.Fatal(err)
			}
			for range 20 {
				if err := p.AppendImage(img); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("ref", func(b *testing.B) {
		for range b.N {
			dir := b.TempDir()
			p, _ := ref.Write(dir, empty.Index)
			for range 20 {
				if err := p.AppendImage(img); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	p, _ := layout.Write(b.TempDir(), empty.Index)
	b.Run("open", func(b *testing.B) {
		for range b.N {
			layout.FromPath(string(p))
		}
	})
	h, _ := img.Digest()
	p.AppendImage(img)
	b.Run("bytes", func(b *testing.B) {
		for range b.N {
			if _, err := p.Bytes(h); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bytes ref", func(b *testing.B) {
		for range b.N {
			ref.Path(p).Bytes(h)
		}
	})
	b.Run("new ours", func(b *testing.B) {
		for range b.N {
			img, _ := random.Image(1000, 1)
			if err := p.AppendImage(img); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("new ref", func(b *testing.B) {
		for range b.N {
			img, _ := random.Image(1000, 1)
			ref.Path(p).AppendImage(img)
		}
	})
}

func TestSmoke(t *testing.T) {
	ii, _ := random.Index(1000, 2, 3)
	p, err := layout.Write(t.TempDir(), ii)
	if err != nil {
		t.Fatal(err)
	}
	img, _ := random.Image(1000, 2)
	if err := p.AppendImage(img); err != nil {
		t.Fatal(err)
	}
	got, err := p.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(got); err != nil {
		t.Fatal(err)
	}
}
