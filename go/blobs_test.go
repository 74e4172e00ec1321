package ocilayout_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	ocilayout "github.com/ocilayout/ocilayout/go"
)

// Each way to put content, whose digest is known.
func TestPut(t *testing.T) {
	path, layout := newLayout(t)
	cancellable, cancel := context.WithCancel(background)
	defer cancel()
	folder := t.TempDir()
	for seed, size := range []int{0, 1, 4096, 256 << 10, 3<<20 + 7} {
		content := noise(uint64(seed), size)
		file := filepath.Join(folder, "file")
		check(t, os.WriteFile(file, content, 0o644))
		for name, put := range map[string]func(context.Context) (ocilayout.Descriptor, error){
			"bytes": func(ctx context.Context) (ocilayout.Descriptor, error) {
				return layout.PutBytes(ctx, content, nil)
			},
			"reader": func(ctx context.Context) (ocilayout.Descriptor, error) {
				return layout.Put(ctx, only(bytes.NewReader(content)), nil)
			},
			"bytes.Reader": func(ctx context.Context) (ocilayout.Descriptor, error) {
				return layout.Put(ctx, bytes.NewReader(content), nil)
			},
			"halves": func(ctx context.Context) (ocilayout.Descriptor, error) {
				return layout.Put(ctx, iotest.HalfReader(bytes.NewReader(content)), nil)
			},
			"with EOF": func(ctx context.Context) (ocilayout.Descriptor, error) {
				return layout.Put(ctx, iotest.DataErrReader(bytes.NewReader(content)), nil)
			},
			"os.File": func(ctx context.Context) (ocilayout.Descriptor, error) {
				file := must[*os.File](t)(os.Open(file))
				defer file.Close()
				return layout.Put(ctx, file, nil)
			},
			"pipe": func(ctx context.Context) (ocilayout.Descriptor, error) {
				read, write, err := os.Pipe()
				check(t, err)
				defer read.Close()
				go func() {
					write.Write(content)
					write.Close()
				}()
				return layout.Put(ctx, read, nil)
			},
			"file": func(ctx context.Context) (ocilayout.Descriptor, error) {
				return layout.PutFile(ctx, file, nil)
			},
			"writer": func(ctx context.Context) (ocilayout.Descriptor, error) {
				writer := must[*ocilayout.Writer](t)(layout.NewWriter(ctx, nil))
				defer writer.Close()
				equal(t, must[int64](t)(io.Copy(writer, only(bytes.NewReader(content)))), int64(size))
				return writer.Commit()
			},
			"source": func(ctx context.Context) (ocilayout.Descriptor, error) {
				put, err := layout.PutAll(ctx, []ocilayout.Source{ocilayout.FromReader(only(bytes.NewReader(content)), nil)}, nil)
				if err != nil {
					return ocilayout.Descriptor{}, err
				}
				return put[0], nil
			},
		} {
			for _, ctx := range []context.Context{background, cancellable} {
				descriptor, err := put(ctx)
				if err != nil {
					t.Fatalf("%s of %d: %v", name, size, err)
				}
				if descriptor.Digest != digestOf(content) || descriptor.Size != int64(size) || descriptor.MediaType != octets {
					t.Errorf("%s of %d: found %+v", name, size, descriptor)
				}
				stored := must[[]byte](t)(os.ReadFile(blobPath(path, descriptor.Digest)))
				if !bytes.Equal(stored, content) {
					t.Errorf("%s of %d: another content", name, size)
				}
				check(t, layout.RemoveBlob(descriptor.Digest))
			}
		}
	}
}

func TestPutFileNamesIt(t *testing.T) {
	_, layout := newLayout(t)
	file := filepath.Join(t.TempDir(), "weights.bin")
	check(t, os.WriteFile(file, []byte("abc"), 0o644))
	descriptor := must[ocilayout.Descriptor](t)(layout.PutFile(background, file, nil))
	equal(t, descriptor.Annotations["org.opencontainers.image.title"], "weights.bin")
	_, err := layout.PutFile(background, file+"x", nil)
	asks(t, err, ocilayout.ErrNotFound, os.ErrNotExist)
	_, err = layout.PutFile(background, "a\x00b", nil)
	asks(t, err, ocilayout.ErrInvalidArgument)
}

func TestFileIsReadFromWhereItStands(t *testing.T) {
	_, layout := newLayout(t)
	name := filepath.Join(t.TempDir(), "file")
	check(t, os.WriteFile(name, []byte("xxxabc"), 0o644))
	file := must[*os.File](t)(os.Open(name))
	must[int64](t)(file.Seek(3, io.SeekStart))
	descriptor := must[ocilayout.Descriptor](t)(layout.Put(background, file, nil))
	equal(t, descriptor.Digest, digestOf([]byte("abc")))
	check(t, file.Close())
	_, err := layout.Put(background, file, nil)
	asks(t, err, os.ErrClosed)
}

func TestCompressedLayer(t *testing.T) {
	path, layout := newLayout(t)
	archive := tarOf(t, "file", strings.Repeat("some text ", 300_000))
	for _, options := range []ocilayout.BlobOptions{
		{Compression: ocilayout.Gzip},
		{Compression: ocilayout.Gzip, Level: 6},
		{Compression: ocilayout.Gzip, Level: ocilayout.LevelNone},
	} {
		layer := must[ocilayout.Descriptor](t)(layout.Put(background, only(bytes.NewReader(archive)), &options))
		equal(t, layer.MediaType, plainTar+"+gzip")
		equal(t, layer.DiffID, digestOf(archive))
		stored := must[[]byte](t)(os.ReadFile(blobPath(path, layer.Digest)))
		equal(t, layer.Digest, digestOf(stored))
		equal(t, len(stored) < len(archive), options.Level != ocilayout.LevelNone)
		decoder := must[*gzip.Reader](t)(gzip.NewReader(bytes.NewReader(stored)))
		if !bytes.Equal(must[[]byte](t)(io.ReadAll(decoder)), archive) {
			t.Errorf("%+v: another content", options)
		}
		// And back.
		plain := must[ocilayout.Descriptor](t)(layout.PutFile(background, blobPath(path, layer.Digest), &ocilayout.BlobOptions{
			Source: ocilayout.Detect, Compression: ocilayout.Plain, MediaType: plainTar,
		}))
		equal(t, plain.Digest, digestOf(archive))
	}
	_, err := layout.PutBytes(background, nil, &ocilayout.BlobOptions{Compression: ocilayout.Zstd, Level: 99})
	asks(t, err, ocilayout.ErrInvalidArgument)
}

func TestExpected(t *testing.T) {
	path, layout := newLayout(t)
	content := []byte("abc")
	expected := &ocilayout.Expected{Digest: digestOf(content), Size: 3}
	options := &ocilayout.BlobOptions{Expected: expected}
	for wrong, options := range map[string]*ocilayout.BlobOptions{
		"digest": {Expected: &ocilayout.Expected{Digest: digestOf(nil), Size: -1}},
		"size":   {Expected: &ocilayout.Expected{Size: 2}},
		"empty":  {Expected: &ocilayout.Expected{Size: 0}},
	} {
		if _, err := layout.PutBytes(background, content, options); !errors.Is(err, ocilayout.ErrDigest) {
			t.Errorf("%s: %v", wrong, err)
		}
	}
	_, err := layout.PutBytes(background, content, &ocilayout.BlobOptions{Limit: 2})
	asks(t, err, ocilayout.ErrLimit)
	_, err = os.Stat(blobPath(path, expected.Digest))
	asks(t, err, os.ErrNotExist)

	must[ocilayout.Descriptor](t)(layout.PutBytes(background, content, options))
	unread := readerFunc(func([]byte) (int, error) { panic("it is read") })
	descriptor := must[ocilayout.Descriptor](t)(layout.Put(background, unread, options))
	equal(t, descriptor.Digest, expected.Digest)
}

// What a reader fails with comes out as it is, whether or not it is read ahead.
func TestReaderErrors(t *testing.T) {
	path, layout := newLayout(t)
	cancellable, cancel := context.WithCancel(background)
	defer cancel()
	own := fmt.Errorf("mine: %w", io.ErrClosedPipe)
	for _, ctx := range []context.Context{background, cancellable} {
		for name, failing := range map[string]struct {
			reader io.Reader
			errs   []error
		}{
			"at once": {iotest.ErrReader(own), []error{own, io.ErrClosedPipe, ocilayout.ErrCallback}},
			"later": {
				io.MultiReader(bytes.NewReader(noise(1, 1<<20)), iotest.ErrReader(own)),
				[]error{own, ocilayout.ErrCallback},
			},
			"with bytes": {
				readerFunc(func(buf []byte) (int, error) { return len(buf), own }),
				[]error{own, ocilayout.ErrCallback},
			},
			"nothing":  {readerFunc(func([]byte) (int, error) { return 0, nil }), []error{io.ErrNoProgress}},
			"negative": {readerFunc(func([]byte) (int, error) { return -1, nil }), []error{ocilayout.ErrInvalidArgument}},
			"too much": {readerFunc(func(buf []byte) (int, error) { return len(buf) + 1, nil }), []error{ocilayout.ErrInvalidArgument}},
		} {
			t.Run(name, func(t *testing.T) {
				_, err := layout.Put(ctx, failing.reader, nil)
				asks(t, err, failing.errs...)
				var told *ocilayout.Error
				if !errors.As(err, &told) || !strings.Contains(told.Message, told.Cause.Error()) {
					t.Errorf("found %#v", err)
				}
				_, err = layout.PutAll(ctx, []ocilayout.Source{
					ocilayout.FromBytes([]byte("x"), nil),
					ocilayout.FromReader(failing.reader, nil),
					ocilayout.FromReader(only(strings.NewReader("y")), nil),
				}, nil)
				asks(t, err, failing.errs...)
				if !strings.Contains(err.Error(), "1") {
					t.Errorf("expected which source it was, found %v", err)
				}
			})
		}
	}
	check(t, layout.Close())
	equal(t, len(hidden(t, path)), 0)
}

// A panic of a reader goes on at who called, and so does the end of a goroutine.
func TestReaderPanics(t *testing.T) {
	path, layout := newLayout(t)
	cancellable, cancel := context.WithCancel(background)
	defer cancel()
	for _, ctx := range []context.Context{background, cancellable} {
		for name, call := range map[string]func(io.Reader){
			"put": func(reader io.Reader) { layout.Put(ctx, reader, nil) },
			"put all": func(reader io.Reader) {
				layout.PutAll(ctx, []ocilayout.Source{ocilayout.FromReader(reader, nil), ocilayout.FromReader(reader, nil)}, nil)
			},
		} {
			func() {
				defer func() {
					if found := recover(); found != "mine" {
						t.Errorf("%s: expected the panic, found %v", name, found)
					}
				}()
				call(readerFunc(func([]byte) (int, error) { panic("mine") }))
			}()
		}
	}
	for _, ctx := range []context.Context{background, cancellable} {
		ended := make(chan any)
		go func() {
			defer func() { ended <- recover() }()
			layout.Put(ctx, readerFunc(func([]byte) (int, error) {
				runtime.Goexit()
				return 0, nil
			}), nil)
			t.Error("it returned")
		}()
		equal(t, <-ended, nil)
	}
	must[ocilayout.Descriptor](t)(layout.PutBytes(background, []byte("x"), nil))
	check(t, layout.Close())
	equal(t, len(hidden(t, path)), 0)
}

func TestPutAllKeepsTheOrder(t *testing.T) {
	_, layout := newLayout(t)
	check(t, layout.SetThreads(4))
	var sources []ocilayout.Source
	var digests []ocilayout.Digest
	for i := range 40 {
		content := noise(uint64(i), 100_000*(i%5))
		digests = append(digests, digestOf(content))
		if i%2 == 0 {
			sources = append(sources, ocilayout.FromBytes(content, nil))
		} else {
			sources = append(sources, ocilayout.FromReader(only(bytes.NewReader(content)), nil))
		}
	}
	var last ocilayout.Progress
	put := must[[]ocilayout.Descriptor](t)(layout.PutAll(background, sources, &ocilayout.PutAllOptions{
		Progress: func(told ocilayout.Progress) { last = told },
	}))
	for i, descriptor := range put {
		equal(t, descriptor.Digest, digests[i])
	}
	equal(t, last.ItemsDone, 40)
	equal(t, last.ItemsTotal, 40)
	equal(t, last.BytesTotal, -1)
	_, err := layout.PutAll(background, make([]ocilayout.Source, 1), nil)
	asks(t, err, ocilayout.ErrInvalidArgument)
}

func TestDirectories(t *testing.T) {
	path, layout := newLayout(t)
	lower, upper := t.TempDir(), t.TempDir()
	check(t, os.WriteFile(filepath.Join(lower, "gone"), []byte("gone"), 0o644))
	check(t, os.WriteFile(filepath.Join(upper, "new"), []byte("new"), 0o644))
	check(t, os.WriteFile(filepath.Join(upper, "left-out"), []byte("x"), 0o644))
	how := &ocilayout.DirectoryOptions{
		Owners:   ocilayout.OwnersRoot,
		Patterns: []ocilayout.Pattern{{Glob: "left-*"}},
	}
	whole := must[ocilayout.Descriptor](t)(layout.PutDirectory(background, upper, how, nil))
	equal(t, entries(t, blobPath(path, whole.Digest)), "./ new")
	equal(t, whole.MediaType, plainTar)
	equal(t, whole.DiffID, whole.Digest)
	difference := must[ocilayout.Descriptor](t)(layout.PutDifference(background, lower, upper, how, nil))
	equal(t, entries(t, blobPath(path, difference.Digest)), "./ .wh.gone new")
	_, err := layout.PutDirectory(background, upper, &ocilayout.DirectoryOptions{Users: []ocilayout.IDRange{{0, 0, 0}}}, nil)
	asks(t, err, ocilayout.ErrInvalidArgument)
}

func TestWriter(t *testing.T) {
	path, layout := newLayout(t)
	writer := must[*ocilayout.Writer](t)(layout.NewWriter(background, &ocilayout.BlobOptions{Limit: 10}))
	must[int](t)(writer.Write([]byte("12345")))
	must[int](t)(writer.Write(nil))
	_, err := io.Copy(writer, iotest.ErrReader(io.ErrClosedPipe))
	asks(t, err, io.ErrClosedPipe)
	descriptor := must[ocilayout.Descriptor](t)(writer.Commit())
	equal(t, descriptor.Digest, digestOf([]byte("12345")))
	_, err = writer.Write([]byte("x"))
	asks(t, err, os.ErrClosed, ocilayout.ErrState)
	_, err = writer.Commit()
	asks(t, err, os.ErrClosed)
	check(t, writer.Close())
	check(t, writer.Close())

	abandoned := must[*ocilayout.Writer](t)(layout.NewWriter(background, &ocilayout.BlobOptions{Limit: 10}))
	_, err = io.Copy(abandoned, endless)
	asks(t, err, ocilayout.ErrLimit)
	_, err = abandoned.Commit()
	asks(t, err, ocilayout.ErrState)
	equal(t, len(must[[]os.DirEntry](t)(os.ReadDir(filepath.Join(path, "blobs/sha256")))), 1)
}

func TestReadBlob(t *testing.T) {
	path, layout := newLayout(t)
	content := noise(1, 1<<16)
	descriptor := must[ocilayout.Descriptor](t)(layout.PutBytes(background, content, nil))
	if found := must[[]byte](t)(layout.ReadBlob(descriptor, 1<<16)); !bytes.Equal(found, content) {
		t.Error("another content")
	}
	_, err := layout.ReadBlob(descriptor, 1<<16-1)
	asks(t, err, ocilayout.ErrLimit)
	equal(t, must[int64](t)(layout.BlobSize(descriptor.Digest)), 1<<16)

	reader := must[*ocilayout.BlobReader](t)(layout.OpenBlob(descriptor))
	// It stands without the layout.
	check(t, layout.Close())
	if err := iotest.TestReader(reader, content); err != nil {
		t.Error(err)
	}
	check(t, reader.Close())
	check(t, reader.Close())
	_, err = reader.Read(make([]byte, 1))
	asks(t, err, os.ErrClosed)

	check(t, os.WriteFile(blobPath(path, descriptor.Digest), noise(2, 1<<16), 0o644))
	layout = must[*ocilayout.Layout](t)(ocilayout.Open(path, nil))
	damaged := must[*ocilayout.BlobReader](t)(layout.OpenBlob(descriptor))
	n, err := io.Copy(io.Discard, damaged)
	asks(t, err, ocilayout.ErrDigest)
	equal(t, n, 1<<16)
	descriptor.Size++
	_, err = layout.OpenBlob(descriptor)
	asks(t, err, ocilayout.ErrDigest)
	check(t, layout.RemoveBlob(descriptor.Digest))
	asks(t, layout.RemoveBlob(descriptor.Digest), ocilayout.ErrNotFound, os.ErrNotExist)
	check(t, layout.Close())
}
